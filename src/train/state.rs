//! Everything that training changes.

use super::Recipe;
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
    /// The parameters' average, in the same places, where the recipe keeps one.
    pub average: Option<Vec<f32>>,
    /// Steps taken so far.
    pub step: u32,
}

impl State {
    /// These parameters, with the optimizer at rest.
    pub fn new(parameters: Vec<f32>) -> Self {
        let zeros = vec![0.0; parameters.len()];
        Self { parameters, first_moments: zeros.clone(), second_moments: zeros, average: None, step: 0 }
    }

    /// The same for a recipe: where it keeps an average, that starts from the parameters.
    pub fn starting(parameters: Vec<f32>, recipe: &Recipe) -> Self {
        let state = Self::new(parameters);
        Self { average: state.average_for(recipe).cloned(), ..state }
    }

    /// The average that a recipe goes on from: where this state has none, the parameters.
    pub fn average_for(&self, recipe: &Recipe) -> Option<&Vec<f32>> {
        recipe.ema.map(|_| self.average.as_ref().unwrap_or(&self.parameters))
    }

    /// What the training has come to: the average, where there is one, and else the parameters.
    pub fn weights(&self) -> &Vec<f32> {
        self.average.as_ref().unwrap_or(&self.parameters)
    }

    /// Fails unless this is the state of a network with this many flat parameters.
    ///
    /// # Errors
    /// [`Error::Data`].
    pub fn check(&self, flat_len: usize) -> Result<()> {
        let flat = [
            ("parameters", &self.parameters),
            ("first moments", &self.first_moments),
            ("second moments", &self.second_moments),
        ];
        let average = self.average.as_ref().map(|average| ("averaged parameters", average));
        for (what, flat) in flat.into_iter().chain(average) {
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
