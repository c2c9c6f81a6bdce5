//! The network: what is computed where, and what one can ask of it.

use std::ops::Range;

use super::heads::{self, Judged};
use super::{Instructions, Workspace, pass};
use crate::network::{Conv2d, Loss, Network};
use crate::ops::fused::linear_layers::{Placed, Stack};
use crate::plans::fit::Fit;
use crate::{Error, Result};

/// An image, and what is to be said about it.
#[derive(Clone, Copy, Debug)]
pub struct Example<'a> {
    /// Its grey values, 0-255.
    pub image: &'a [u8],
    /// The addend, 0-9.
    pub addend: u8,
    /// The right class of each head.
    pub targets: [u32; 2],
}

/// A convolution, and where its parameters lie in the flat ones.
#[derive(Clone, Debug)]
pub(super) struct Convolution {
    pub s: Conv2d,
    pub weight: Range<usize>,
    pub bias: Range<usize>,
}

impl Convolution {
    pub(super) fn places(&self) -> [Range<usize>; 2] {
        [self.weight.clone(), self.bias.clone()]
    }
}

/// A network whose images are computed in lanes.
#[derive(Clone, Debug)]
pub struct Net {
    pub(super) instructions: Instructions,
    pub(super) convolutions: [Convolution; 2],
    pub(super) linear: Stack,
}

/// Where weights and biases of a linear layer lie in the flat parameters.
pub(super) fn places(layer: &Placed) -> [Range<usize>; 2] {
    let s = &layer.shape;
    [layer.weight..layer.weight + s.w_len(), layer.bias..layer.bias + s.outputs]
}

impl Net {
    /// A network for an instruction set.
    ///
    /// # Errors
    /// [`Error::Usage`] naming the first layer or head that the kernels do not know; they know what the fused
    /// plan knows.
    pub fn new(network: &Network, instructions: Instructions) -> Result<Self> {
        let Fit { convolutions: [first, second], linear, .. } = Fit::new(network)?;
        let place = |(name, s): (String, Conv2d)| {
            let range = |kind: &str| Ok::<_, Error>(network.parameter(&format!("{name}.{kind}"))?.range());
            Ok::<_, Error>(Convolution { s, weight: range("weight")?, bias: range("bias")? })
        };
        Ok(Self { instructions, convolutions: [place(first)?, place(second)?], linear })
    }

    /// The instruction set.
    pub fn instructions(&self) -> Instructions {
        self.instructions
    }

    /// Adds to `gradients`, flat as the parameters are, those of the sum over images and heads of `weight`
    /// times the loss. Returns each head's summed cross-entropy, and how often it was right.
    pub fn train(
        &self,
        flat: &[f32],
        examples: &[Example],
        (loss, weight): (Loss, f32),
        workspace: &mut Workspace,
        gradients: &mut [f32],
    ) -> Judged {
        let mut judged = Judged::default();
        for examples in examples.chunks(self.instructions.lanes()) {
            pass::forward(self, flat, examples, workspace);
            heads::judge(loss, weight, examples, &mut workspace.heads, &mut judged);
            pass::backward(self, flat, workspace, gradients);
        }
        judged
    }

    /// Each head's summed cross-entropy, and how often it was right.
    pub fn evaluate(
        &self,
        flat: &[f32],
        examples: &[Example],
        loss: Loss,
        workspace: &mut Workspace,
    ) -> Judged {
        let mut judged = Judged::default();
        for examples in examples.chunks(self.instructions.lanes()) {
            pass::forward(self, flat, examples, workspace);
            heads::judge(loss, 0.0, examples, &mut workspace.heads, &mut judged);
        }
        judged
    }

    /// The logits of each head, `[examples, classes]`.
    pub fn logits(&self, flat: &[f32], examples: &[Example], workspace: &mut Workspace) -> [Vec<f32>; 2] {
        let mut logits = [Vec::new(), Vec::new()];
        for examples in examples.chunks(self.instructions.lanes()) {
            pass::forward(self, flat, examples, workspace);
            for (logits, head) in logits.iter_mut().zip(&workspace.heads) {
                logits.extend_from_slice(&head.logits[..examples.len() * head.classes]);
            }
        }
        logits
    }
}
