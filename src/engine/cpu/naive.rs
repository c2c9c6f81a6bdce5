//! Networks that only the reference knows, and the reference itself: its plain loops, on all cores.

use rayon::prelude::*;

use super::inputs::Inputs;
use crate::network::{Head, Network};
use crate::ops::adam::Adam;
use crate::reference::gather::{self, Batch};
use crate::reference::network::{Losses, Pass, backward, forward, losses};
use crate::reference::{self, add, metrics};
use crate::train::{Epoch, Recipe, State, Tally};

/// Images that one task takes. The chunks of a batch are added up in their order, so that the result
/// is the same for any number of threads.
pub(super) const CHUNK: usize = 8;

/// One training step on a batch that `inputs` gathers in chunks: the mean gradient, then Adam.
pub(super) fn train<'a>(
    network: &Network,
    recipe: &Recipe,
    state: &mut State,
    (order, epoch): (&'a [u32], &Epoch),
    inputs: impl Fn(&'a [u32]) -> Inputs<'a> + Sync,
) -> Tally {
    let flat = &state.parameters;
    let mut weight = vec![0.0; order.len()];
    gather::weights(order.len(), network.heads().len(), &mut weight);
    let chunks: Vec<(Vec<f32>, Tally)> = order
        .par_chunks(CHUNK)
        .map(|chunk| {
            let inputs = inputs(chunk).batch(network);
            let pass = forward(network, flat, &inputs.image, &inputs.number);
            let losses = losses(network, recipe.loss(), &pass, &inputs.targets, &weight[..chunk.len()]);
            let x = [&inputs.image[..], &inputs.number];
            let gradients = backward(network, flat, x, &pass, &losses.d_logits);
            (gradients.flat, judge(network, &pass, &inputs, &losses))
        })
        .collect();
    let (dw, tally) = chunks
        .into_iter()
        .reduce(|(left, mut total), (right, tally)| {
            let mut sum = vec![0.0; left.len()];
            add::forward(&left, &right, &mut sum);
            total.add(tally);
            (sum, total)
        })
        .unwrap_or_default();
    update(&recipe.adam(), epoch, &dw, state);
    tally
}

/// Adam, and the average.
fn update(adam: &Adam, epoch: &Epoch, dw: &[f32], state: &mut State) {
    let State { parameters: w, first_moments: m, second_moments: v, average, step } = state;
    *step += 1;
    let rate = f64::from(epoch.learning_rate().at(*step));
    reference::adam::step(adam, rate, *step, dw, w, m, v);
    if let Some(average) = average {
        reference::adam::average(adam, *step, w, average);
    }
}

/// The results for some images.
pub(super) fn evaluate(network: &Network, recipe: &Recipe, flat: &[f32], inputs: &Inputs) -> Tally {
    let inputs = inputs.batch(network);
    let pass = forward(network, flat, &inputs.image, &inputs.number);
    let losses = losses(network, recipe.loss(), &pass, &inputs.targets, &vec![0.0; pass.batch]);
    judge(network, &pass, &inputs, &losses)
}

/// The logits of each head for some images.
pub(super) fn logits(network: &Network, flat: &[f32], inputs: &Inputs) -> Vec<Vec<f32>> {
    let inputs = inputs.batch(network);
    let pass = forward(network, flat, &inputs.image, &inputs.number);
    network.heads().iter().map(|head| pass.values[head.logits].clone()).collect()
}

/// The results for the images of a pass.
fn judge(network: &Network, pass: &Pass<f32>, inputs: &Batch<f32>, losses: &Losses<f32>) -> Tally {
    let heads = network.heads().iter().zip(&losses.of_heads).zip(&inputs.targets);
    let judge = |((head, loss), target): ((&Head, &Vec<f32>), &Vec<u32>)| {
        (metrics::total_loss(loss), metrics::correct(&pass.values[head.logits], target))
    };
    Tally { images: pass.batch, heads: heads.map(judge).collect() }
}
