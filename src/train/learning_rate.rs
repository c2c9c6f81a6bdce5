//! The learning rate of every step.

/// The learning rate of every step of a training, a function of the step alone: a training that is continued
/// takes its next step with the rate that it would have had.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LearningRate {
    base: f32,
}

impl LearningRate {
    /// The same for every step.
    pub fn constant(rate: f32) -> Self {
        Self { base: rate }
    }

    /// That of a step; steps count from 1.
    pub fn at(&self, _step: u32) -> f32 {
        self.base
    }
}

impl From<f32> for LearningRate {
    fn from(rate: f32) -> Self {
        Self::constant(rate)
    }
}
