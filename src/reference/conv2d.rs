//! 2-d convolution (cross-correlation, as PyTorch has it), valid padding, stride 1.

use super::{Real, add_scaled, dot};
use crate::ops::conv2d::Conv2d;

/// `y[n,o,r,c] = b[o] + sum over i,p,q of x[n,i,r+p,c+q] * w[o,i,p,q]`
pub fn forward<T: Real>(shape: &Conv2d, x: &[T], w: &[T], b: &[T], y: &mut [T]) {
    check(shape, x.len(), w.len(), y.len());
    assert_eq!(b.len(), shape.out_channels, "conv2d: length of b");
    for (plane, y) in y.chunks_exact_mut(shape.out_height() * shape.out_width()).enumerate() {
        y.fill(b[plane % shape.out_channels]);
    }
    let (kernel, width) = (shape.kernel, shape.out_width());
    for_each_row(shape, |x_row, w_row, y_row| {
        let y = &mut y[y_row..][..width];
        for q in 0..kernel {
            add_scaled(w[w_row + q], &x[x_row + q..][..width], y);
        }
    });
}

/// `dx[n,i,r+p,c+q] = sum over o,p,q of dy[n,o,r,c] * w[o,i,p,q]`
pub fn backward_input<T: Real>(shape: &Conv2d, dy: &[T], w: &[T], dx: &mut [T]) {
    check(shape, dx.len(), w.len(), dy.len());
    dx.fill(T::zero());
    let (kernel, width) = (shape.kernel, shape.out_width());
    for_each_row(shape, |x_row, w_row, y_row| {
        let dy = &dy[y_row..][..width];
        for q in 0..kernel {
            add_scaled(w[w_row + q], dy, &mut dx[x_row + q..][..width]);
        }
    });
}

/// `dw[o,i,p,q] = sum over n,r,c of dy[n,o,r,c] * x[n,i,r+p,c+q]`
pub fn backward_weights<T: Real>(shape: &Conv2d, dy: &[T], x: &[T], dw: &mut [T]) {
    check(shape, x.len(), dw.len(), dy.len());
    dw.fill(T::zero());
    let (kernel, width) = (shape.kernel, shape.out_width());
    for_each_row(shape, |x_row, w_row, y_row| {
        let dy = &dy[y_row..][..width];
        for q in 0..kernel {
            dw[w_row + q] += dot(dy, &x[x_row + q..][..width]);
        }
    });
}

/// `db[o] = sum over n,r,c of dy[n,o,r,c]`
pub fn backward_bias<T: Real>(shape: &Conv2d, dy: &[T], db: &mut [T]) {
    assert_eq!(dy.len(), shape.y_len(), "conv2d: length of dy");
    assert_eq!(db.len(), shape.out_channels, "conv2d: length of db");
    db.fill(T::zero());
    for (plane, dy) in dy.chunks_exact(shape.out_height() * shape.out_width()).enumerate() {
        db[plane % shape.out_channels] += dy.iter().copied().sum();
    }
}

/// Calls `visit` for every `(n, o, r, i, p)` with the places in `x`, `w` and `y` where the rows
/// `x[n,i,r+p,..]`, `w[o,i,p,..]` and `y[n,o,r,..]` start.
fn for_each_row(shape: &Conv2d, mut visit: impl FnMut(usize, usize, usize)) {
    let Conv2d { batch, in_channels, height, width, out_channels, kernel } = *shape;
    let (out_height, out_width) = (shape.out_height(), shape.out_width());
    for n in 0..batch {
        for o in 0..out_channels {
            for r in 0..out_height {
                for i in 0..in_channels {
                    for p in 0..kernel {
                        let x_row = ((n * in_channels + i) * height + r + p) * width;
                        let w_row = ((o * in_channels + i) * kernel + p) * kernel;
                        let y_row = ((n * out_channels + o) * out_height + r) * out_width;
                        visit(x_row, w_row, y_row);
                    }
                }
            }
        }
    }
}

fn check(shape: &Conv2d, x: usize, w: usize, y: usize) {
    assert_eq!(x, shape.x_len(), "conv2d: length of x");
    assert_eq!(w, shape.w_len(), "conv2d: length of w");
    assert_eq!(y, shape.y_len(), "conv2d: length of y");
}
