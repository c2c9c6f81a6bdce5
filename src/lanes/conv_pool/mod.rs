//! Convolution, bias, ReLU and 2x2 max pooling in one go, and its gradients: see
//! [`reference::fused::conv_pool`](crate::reference::fused::conv_pool).
//!
//! Shapes, for a convolution of one image: `x [in, height, width, lanes]`, `w [out, in, kernel, kernel]`,
//! `b [out]`, and `y`, `winner` and `dy` `[out, out_height / 2, out_width / 2, lanes]`. `winner` is the place of
//! the maximum in its window, 0 to 3 in row-major order, or [`NONE`] where the ReLU lets nothing through.
//! `spread [out, 2 * (out_height / 2), 2 * (out_width / 2), lanes]` is the gradient of the convolution's output:
//! `dy` at the winner of each window, and 0 elsewhere.

mod forward;
mod input;
mod weights;

pub use forward::Forward;
pub use input::{BackwardInput, spread_len};
pub use weights::BackwardWeights;

use crate::network::Conv2d;

/// The `winner` of a window whose maximum is not above 0.
pub const NONE: f32 = 4.0;

/// Rows and columns of windows.
fn windows(s: &Conv2d) -> [usize; 2] {
    [s.out_height() / 2, s.out_width() / 2]
}
