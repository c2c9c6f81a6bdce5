//! Adam, the optimizer.

/// Adam's constants, PyTorch's by default.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Adam {
    /// Decay of the mean gradient `m`.
    pub beta1: f64,
    /// Decay of the mean squared gradient `v`.
    pub beta2: f64,
    /// Keeps the denominator from 0.
    pub epsilon: f64,
}

impl Default for Adam {
    fn default() -> Self {
        Self { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 }
    }
}

impl Adam {
    /// `learning_rate / (1 - beta1^step)`: the size of a step, the zero that `m` started from made
    /// good. Steps count from 1.
    pub fn step_size(&self, learning_rate: f64, step: u32) -> f64 {
        learning_rate / (1.0 - self.beta1.powi(step as i32))
    }

    /// `sqrt(1 - beta2^step)`: what `sqrt(v)` is divided by for the same reason.
    pub fn root_correction(&self, step: u32) -> f64 {
        (1.0 - self.beta2.powi(step as i32)).sqrt()
    }
}
