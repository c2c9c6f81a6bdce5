//! Max pooling. Of equal maxima the first in row-major order wins, as in PyTorch.

use super::Real;
use crate::ops::max_pool::MaxPool;

/// `y[n,k,r,c] = max over p,q of x[n,k,r*window+p,c*window+q]`; `winner` is the `p*window+q` of the
/// first such maximum.
pub fn forward<T: Real>(shape: &MaxPool, x: &[T], y: &mut [T], winner: &mut [u32]) {
    check(shape, x.len(), y.len(), winner.len());
    for_each_window(shape, |start, window| {
        let (mut best, mut place) = (x[start], 0);
        for p in 0..shape.window {
            for q in 0..shape.window {
                let value = x[start + p * shape.width + q];
                if value > best {
                    (best, place) = (value, p * shape.window + q);
                }
            }
        }
        y[window] = best;
        winner[window] = place as u32;
    });
}

/// `dx` is `dy` at the winner of each window and 0 elsewhere.
pub fn backward<T: Real>(shape: &MaxPool, dy: &[T], winner: &[u32], dx: &mut [T]) {
    check(shape, dx.len(), dy.len(), winner.len());
    dx.fill(T::zero());
    for_each_window(shape, |start, window| {
        let place = winner[window] as usize;
        dx[start + place / shape.window * shape.width + place % shape.window] = dy[window];
    });
}

/// Calls `visit` with the place in `x` of each window's first number, and the window's place in `y`.
fn for_each_window(shape: &MaxPool, mut visit: impl FnMut(usize, usize)) {
    let mut place = 0;
    for plane in 0..shape.batch * shape.channels {
        for r in 0..shape.out_height() {
            for c in 0..shape.out_width() {
                visit((plane * shape.height + r * shape.window) * shape.width + c * shape.window, place);
                place += 1;
            }
        }
    }
}

fn check(shape: &MaxPool, x: usize, y: usize, winner: usize) {
    assert_eq!(x, shape.x_len(), "max_pool: length of x");
    assert_eq!(y, shape.y_len(), "max_pool: length of y");
    assert_eq!(winner, shape.y_len(), "max_pool: length of winner");
}
