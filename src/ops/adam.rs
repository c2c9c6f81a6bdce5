//! The optimizer.

use crate::program::{Constant, Shared, Tape, Tensor};
use crate::{Error, Result};

/// Adam's hyperparameters (Kingma and Ba, 2015) except the learning rate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Adam {
    /// Decay of the first moment.
    pub beta1: f64,
    /// Decay of the second moment.
    pub beta2: f64,
    /// Added to the denominator.
    pub epsilon: f64,
}

impl Default for Adam {
    fn default() -> Self {
        Self { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 }
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

    /// What the kernels need for a step: its size, and 1 over its root correction.
    pub fn rates(&self, learning_rate: f64, step: u32) -> [f64; 2] {
        [self.step_size(learning_rate, step), 1.0 / self.root_correction(step)]
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
/// still be `partial [slots, words]`, words a multiple of 4, to be added up.
///
/// # Errors
/// A `partial` of a different shape.
pub fn adam(tape: &mut Tape, size: usize, adam: Adam, partial: Option<Tensor>) -> Result<()> {
    let dw = tape.shared(&[size], Shared::Gradients);
    let m = tape.shared(&[size], Shared::FirstMoments);
    let v = tape.shared(&[size], Shared::SecondMoments);
    let w = tape.shared(&[size], Shared::Parameters);
    let mut constants = adam.constants().to_vec();
    constants.push(("QUADS", (size / 4).into()));
    let mut bindings = vec![("dw", dw), ("m", m), ("v", v), ("w", w)];
    let mut additions = 0;
    if let Some(partial) = partial {
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
        constants.extend([("SLOTS", slots.into()), ("SUMMED", (words / 4).into())]);
        bindings.push(("partial", partial));
        additions = slots * words;
    }
    tape.dispatch("adam", ["adam", "update"], &constants, &bindings, [size / 4, 1, 1]);
    // Three for m, four for v, six for w.
    tape.flops(13 * size + additions);
    Ok(())
}
