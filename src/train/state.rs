//! Everything that training changes.

use crate::{Error, Result};

/// Everything that training changes: an engine given another's state continues as that one would have.
#[derive(Clone, Debug, PartialEq)]
pub struct State {
    /// The flat parameters.
    pub parameters: Vec<f32>,
    /// Adam's first moments, in the same places.
    pub first_moments: Vec<f32>,
    /// Adam's second moments, in the same places.
    pub second_moments: Vec<f32>,
    /// Steps taken so far.
    pub step: u32,
}

impl State {
    /// These parameters, with the optimizer at rest.
    pub fn new(parameters: Vec<f32>) -> Self {
        let zeros = vec![0.0; parameters.len()];
        Self { parameters, first_moments: zeros.clone(), second_moments: zeros, step: 0 }
    }

    /// Fails unless this is the state of a network with this many flat parameters.
    ///
    /// # Errors
    /// [`Error::Data`].
    pub fn check(&self, flat_len: usize) -> Result<()> {
        for (what, flat) in [
            ("parameters", &self.parameters),
            ("first moments", &self.first_moments),
            ("second moments", &self.second_moments),
        ] {
            if flat.len() != flat_len {
                let given = flat.len();
                return Err(Error::Data(format!(
                    "the network has {flat_len} {what}, but {given} were given"
                )));
            }
        }
        Ok(())
    }
}
