//! Convolution, bias, ReLU and max pooling in one: `y = max_pool(relu(conv2d(x, w, b)))`.
//!
//! Forward leaves a mask that backward needs instead of the large tensors between: for each window
//! the winner's place, or `window * window` where the maximum is not above 0 and nothing passes.

use crate::network::Conv2d;
use crate::reference::{Real, conv2d, max_pool, relu};

/// `y` and `mask` are `[batch, out, out_height / window, out_width / window]`.
pub fn forward<T: Real>(
    conv: &Conv2d,
    window: usize,
    x: &[T],
    w: &[T],
    b: &[T],
    y: &mut [T],
    mask: &mut [u32],
) {
    let mut before = vec![T::zero(); conv.y_len()];
    let mut after = before.clone();
    conv2d::forward(conv, x, w, b, &mut before);
    relu::forward(&before, &mut after);
    max_pool::forward(&conv.pooled(window), &after, y, mask);
    for (mask, &y) in mask.iter_mut().zip(&*y) {
        if y <= T::zero() {
            *mask = (window * window) as u32;
        }
    }
}

/// The gradient of the convolution's output, before ReLU: `dy` at each window's winner, if it has one.
pub fn backward_pool<T: Real>(conv: &Conv2d, window: usize, dy: &[T], mask: &[u32]) -> Vec<T> {
    let none = (window * window) as u32;
    let passes = |&mask: &u32| mask < none;
    let winner: Vec<u32> = mask.iter().map(|mask| if passes(mask) { *mask } else { 0 }).collect();
    let dy: Vec<T> =
        dy.iter().zip(mask).map(|(&dy, mask)| if passes(mask) { dy } else { T::zero() }).collect();
    let mut dx = vec![T::zero(); conv.y_len()];
    max_pool::backward(&conv.pooled(window), &dy, &winner, &mut dx);
    dx
}

/// `dx [batch, in, height, width]`
pub fn backward_input<T: Real>(conv: &Conv2d, window: usize, dy: &[T], mask: &[u32], w: &[T], dx: &mut [T]) {
    conv2d::backward_input(conv, &backward_pool(conv, window, dy, mask), w, dx);
}

/// `dw [out, in, kernel, kernel]`
pub fn backward_weights<T: Real>(
    conv: &Conv2d,
    window: usize,
    dy: &[T],
    mask: &[u32],
    x: &[T],
    dw: &mut [T],
) {
    conv2d::backward_weights(conv, &backward_pool(conv, window, dy, mask), x, dw);
}

/// `db [out]`
pub fn backward_bias<T: Real>(conv: &Conv2d, window: usize, dy: &[T], mask: &[u32], db: &mut [T]) {
    conv2d::backward_bias(conv, &backward_pool(conv, window, dy, mask), db);
}
