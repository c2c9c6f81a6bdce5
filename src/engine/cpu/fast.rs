//! Training in lanes: batches cut over the cores.

use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;

use super::inputs::Inputs;
use crate::Result;
use crate::lanes::adam::{Rates, Sum, Update};
use crate::lanes::{Aligned, Instructions, Net, Workspace};
use crate::network::Network;
use crate::ops::adam::Adam;
use crate::reference::{adam, clip_norm};
use crate::train::{Epoch, Recipe, State, Tally};

/// Images that one task takes at least: all that the widest registers compute at once.
const IMAGES: usize = 16;
/// Parts that a batch is cut into at most. The gradients of each must be added up.
const PARTS: usize = 16;
/// Images that one task evaluates.
pub(super) const CHUNK: usize = 64;
/// Parameters that one task updates.
const PARAMETERS: usize = 8192;

/// A network in lanes, and what its batches need.
pub(super) struct Fast {
    net: Net,
    /// The gradients of each part of a batch.
    gradients: Vec<Aligned>,
    /// Those that no thread uses at the moment.
    workspaces: Mutex<Vec<Workspace>>,
}

impl Fast {
    /// The network on the best instruction set that there is.
    ///
    /// # Errors
    /// As [`Net::new`].
    pub(super) fn new(network: &Network) -> Result<Self> {
        let net = Net::new(network, Instructions::best())?;
        Ok(Self { net, gradients: Vec::new(), workspaces: Mutex::default() })
    }

    /// The instruction set.
    pub(super) fn instructions(&self) -> Instructions {
        self.net.instructions()
    }

    /// One training step on a batch that `inputs` gathers in parts: the mean gradient, then Adam. A batch is cut
    /// by its length alone and its parts are added up in their order, so the result is the same for any number of
    /// threads.
    pub(super) fn train<'a>(
        &mut self,
        network: &Network,
        recipe: &Recipe,
        state: &mut State,
        (order, epoch): (&'a [u32], &Epoch),
        inputs: impl Fn(&'a [u32]) -> Inputs<'a> + Sync,
    ) -> Tally {
        let images = order.len().div_ceil(PARTS).next_multiple_of(IMAGES);
        let parts = order.len().div_ceil(images);
        self.gradients.resize_with(parts.max(self.gradients.len()), || Aligned::zeros(network.flat_len()));
        let mut gradients = std::mem::take(&mut self.gradients);
        let weight = (1.0 / (network.heads().len() * order.len()) as f64) as f32;
        let flat = &state.parameters;
        let tallies: Vec<Tally> = order
            .par_chunks(images)
            .zip(&mut gradients)
            .map(|(order, gradients)| {
                let inputs = inputs(order);
                gradients.fill(0.0);
                let examples = inputs.examples(network);
                let loss = (recipe.loss(), weight);
                let heads =
                    self.with_workspace(|space| self.net.train(flat, &examples, loss, space, gradients));
                Tally { images: order.len(), heads: heads.to_vec() }
            })
            .collect();
        state.step += 1;
        let rate = f64::from(epoch.learning_rate().at(state.step));
        self.update(&recipe.adam(), rate, &mut gradients[..parts], state);
        self.gradients = gradients;
        let mut total = Tally::default();
        tallies.into_iter().for_each(|tally| total.add(tally));
        total
    }

    /// Adds up the gradients of all parts and takes Adam's step.
    fn update(&self, adam: &Adam, rate: f64, gradients: &mut [Aligned], state: &mut State) {
        let State { parameters: w, first_moments: m, second_moments: v, average, step } = state;
        let Some((dw, parts)) = gradients.split_first_mut() else { return };
        let instructions = self.net.instructions();
        dw.par_chunks_mut(PARAMETERS).enumerate().for_each(|(index, dw)| {
            let len = dw.len();
            let parts: Vec<&[f32]> = parts.iter().map(|part| &part[index * PARAMETERS..][..len]).collect();
            instructions.run(Sum { dw, parts: &parts });
        });
        let scale = adam.clip_norm.map_or(1.0, |max| clip_norm::scale(max, dw));
        let rates = Rates::new(adam, rate, *step, scale);
        let moments = m.par_chunks_mut(PARAMETERS).zip(v.par_chunks_mut(PARAMETERS));
        let parameters = w.par_chunks_mut(PARAMETERS).zip(dw.par_chunks(PARAMETERS));
        parameters.zip(moments).for_each(|((w, dw), (m, v))| instructions.run(Update { rates, dw, w, m, v }));
        if let Some(average) = average {
            adam::average(adam, *step, w, average);
        }
    }

    /// The results for some images.
    pub(super) fn evaluate(
        &self,
        network: &Network,
        recipe: &Recipe,
        flat: &[f32],
        inputs: &Inputs,
    ) -> Tally {
        let examples = inputs.examples(network);
        let heads = self.with_workspace(|space| self.net.evaluate(flat, &examples, recipe.loss(), space));
        Tally { images: examples.len(), heads: heads.to_vec() }
    }

    /// The logits of each head for some images.
    pub(super) fn logits(&self, network: &Network, flat: &[f32], inputs: &Inputs) -> Vec<Vec<f32>> {
        let examples = inputs.examples(network);
        self.with_workspace(|space| self.net.logits(flat, &examples, space)).into()
    }

    fn with_workspace<T>(&self, work: impl FnOnce(&mut Workspace) -> T) -> T {
        let spaces = || self.workspaces.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = spaces().pop();
        let mut space = kept.unwrap_or_else(|| Workspace::new(&self.net));
        let result = work(&mut space);
        spaces().push(space);
        result
    }
}
