//! The specification: every op as plain loops on the CPU.
//!
//! Each file states its formula and then computes it in the most direct way. In f64 the ops are what
//! the kernels are tested against, and are themselves tested against finite differences and PyTorch's
//! numbers; in f32, on all cores, they train networks that nothing faster knows. [`network`] folds them over a network's
//! list of layers.
//!
//! Slices in, slices out: an output is overwritten, never added to. Lengths must be those of the
//! shape; anything else is a mistake of the caller and panics.
//!
//! In the formulas here `n` counts images and `b` is the bias; the shaders call them `b` and `bias`.

use std::fmt::{Debug, Display};
use std::iter::Sum;
use std::ops::{AddAssign, DivAssign, MulAssign};

pub mod adam;
pub mod add;
pub mod augment;
pub mod batch_sum;
pub mod clip_norm;
pub mod concat;
pub mod conv2d;
pub mod cross_entropy;
pub mod fused;
pub mod gather;
pub mod heads;
pub mod linear;
pub mod max_pool;
pub mod metrics;
pub mod network;
pub mod relu;
pub mod softmax;

/// f32 or f64.
pub trait Real:
    num_traits::Float
    + AddAssign
    + MulAssign
    + DivAssign
    + Sum
    + Debug
    + Display
    + Default
    + Send
    + Sync
    + 'static
{
    /// The nearest number to a constant.
    fn of(value: f64) -> Self;
    /// The same number in f64.
    fn wide(self) -> f64;
}

impl Real for f32 {
    fn of(value: f64) -> Self {
        value as f32
    }
    fn wide(self) -> f64 {
        f64::from(self)
    }
}

impl Real for f64 {
    fn of(value: f64) -> Self {
        value
    }
    fn wide(self) -> f64 {
        self
    }
}

/// `y += a * x`, the inner loop of most ops.
fn add_scaled<T: Real>(a: T, x: &[T], y: &mut [T]) {
    for (y, &x) in y.iter_mut().zip(x) {
        *y += a * x;
    }
}

/// The sum of `x * y`, in order.
fn dot<T: Real>(x: &[T], y: &[T]) -> T {
    x.iter().zip(y).map(|(&x, &y)| x * y).sum()
}
