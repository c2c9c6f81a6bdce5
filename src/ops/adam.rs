//! The optimizer.

use super::batch_sum::batch_sum;
use super::clip_norm::clip_norm;
use crate::program::{Constant, Shared, Tape, Tensor};
use crate::{Error, Result};

/// Adam's hyperparameters (Kingma and Ba, 2015) except the learning rate, and what is done to gradients and
/// parameters beside it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Adam {
    /// Decay of the first moment.
    pub beta1: f64,
    /// Decay of the second moment.
    pub beta2: f64,
    /// Added to the denominator.
    pub epsilon: f64,
    /// What all parameters, biases too, lose in a step: this times the learning rate times themselves
    /// (Loshchilov and Hutter, 2019: AdamW). None of it enters the moments.
    pub weight_decay: f64,
    /// The most that the L2 norm of all gradients together may be; a longer gradient is scaled down to it.
    pub clip_norm: Option<f64>,
    /// What an exponential moving average of all parameters keeps of itself in a step, at most; no average is
    /// kept where there is none.
    pub ema: Option<f64>,
}

impl Default for Adam {
    fn default() -> Self {
        Self { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weight_decay: 0.0, clip_norm: None, ema: None }
    }
}

impl Adam {
    /// `learning_rate / (1 - beta1^step)`: the size of a step, corrected for the zero that `m`
    /// started from. Steps count from 1.
    pub fn step_size(&self, learning_rate: f64, step: u32) -> f64 {
        learning_rate / (1.0 - self.beta1.powi(step as i32))
    }

    /// `sqrt(1 - beta2^step)`: what `sqrt(v)` is divided by, for the same reason.
    pub fn root_correction(&self, step: u32) -> f64 {
        (1.0 - self.beta2.powi(step as i32)).sqrt()
    }

    /// The share of every parameter that decays in a step.
    pub fn decay(&self, learning_rate: f64) -> f64 {
        learning_rate * self.weight_decay
    }

    /// The share of the parameters after a step in their average, 0 where there is none. At the start it is
    /// larger, `9 / (10 + step)`, so that a short training is not held to its first parameters.
    pub fn blend(&self, step: u32) -> f64 {
        self.ema.map_or(0.0, |ema| (1.0 - ema).max(9.0 / (10.0 + f64::from(step))))
    }

    /// What the kernels need for a step: its size, 1 over its root correction, its decay, and its share of the
    /// average.
    pub fn rates(&self, learning_rate: f64, step: u32) -> [f64; 4] {
        let (size, root) = (self.step_size(learning_rate, step), 1.0 / self.root_correction(step));
        [size, root, self.decay(learning_rate), self.blend(step)]
    }

    /// The hyperparameters as a shader's constants.
    pub fn constants(&self) -> [(&'static str, Constant); 5] {
        [
            ("BETA1", (self.beta1 as f32).into()),
            ("BETA2", (self.beta2 as f32).into()),
            ("REST1", ((1.0 - self.beta1) as f32).into()),
            ("REST2", ((1.0 - self.beta2) as f32).into()),
            ("EPSILON", (self.epsilon as f32).into()),
        ]
    }
}

/// Adds the update of all `size` flat parameters, a multiple of 4. The gradients of the first of them may
/// still be `partial [slots, words]`, words a multiple of 4, to be added up. Where `adam` limits the norm, they
/// are added up before, as the norm is that of all gradients.
///
/// # Errors
/// A `partial` of a different shape; as [`clip_norm`].
pub fn adam(tape: &mut Tape, size: usize, adam: Adam, mut partial: Option<Tensor>) -> Result<()> {
    let dw = tape.shared(&[size], Shared::Gradients);
    let m = tape.shared(&[size], Shared::FirstMoments);
    let v = tape.shared(&[size], Shared::SecondMoments);
    let w = tape.shared(&[size], Shared::Parameters);
    let mut constants = adam.constants().to_vec();
    constants.push(("QUADS", (size / 4).into()));
    let mut bindings = vec![("dw", dw), ("m", m), ("v", v), ("w", w)];
    // Three for m, four for v, eight for w.
    let mut flops = 15 * size;
    if let Some(max) = adam.clip_norm {
        if let Some(partial) = partial.take() {
            let [_, words] = slots(tape, size, partial)?;
            let summed = tape.flat("summed gradients", Shared::Gradients, 0, words);
            batch_sum(tape, "clip", partial, summed);
        }
        bindings.push(("scale", clip_norm(tape, size, max)?));
        constants.push(("CLIPPED", true.into()));
        flops += size;
    }
    if adam.ema.is_some() {
        bindings.push(("average", tape.shared(&[size], Shared::Average)));
        constants.push(("AVERAGED", true.into()));
        flops += 3 * size;
    }
    if let Some(partial) = partial {
        let [slots, words] = slots(tape, size, partial)?;
        constants.extend([("SLOTS", slots.into()), ("SUMMED", (words / 4).into())]);
        bindings.push(("partial", partial));
        flops += slots * words;
    }
    tape.dispatch("adam", ["adam", "update"], &constants, &bindings, [size / 4, 1, 1]);
    tape.flops(flops);
    Ok(())
}

/// Slots and words of gradients in parts, if they are such.
fn slots(tape: &Tape, size: usize, partial: Tensor) -> Result<[usize; 2]> {
    let (name, shape) = (tape.name(partial), tape.shape(partial));
    let &[slots, words] = shape else {
        return Err(Error::Usage(format!(
            "adam: `{name}` has shape {shape:?}, but [slots, words] is needed"
        )));
    };
    if slots == 0 || !words.is_multiple_of(4) || words > size {
        return Err(Error::Usage(format!(
            "adam: `{name}` has shape {shape:?}, but needs slots of whole vec4, up to {size} words"
        )));
    }
    Ok([slots, words])
}
