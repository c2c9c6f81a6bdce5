//! The gradient of a convolution's input.

use pulp::{Simd, WithSimd};

use super::windows;
use crate::network::Conv2d;

/// `dx`, from `w`, `dy` and `winner`.
pub struct BackwardInput<'a> {
    /// Shapes.
    pub s: &'a Conv2d,
    /// `w`.
    pub w: &'a [f32],
    /// `dy`.
    pub dy: &'a [f32],
    /// `winner`.
    pub winner: &'a [f32],
    /// Room for `spread`, [`spread_len`] numbers for each image.
    pub spread: &'a mut [f32],
    /// As `x`.
    pub dx: &'a mut [f32],
}

/// Numbers of `spread` for one image.
pub fn spread_len(s: &Conv2d) -> usize {
    let [rows, columns] = windows(s);
    s.out_channels * 4 * rows * columns
}

impl WithSimd for BackwardInput<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        self.spread(simd);
        self.dx.fill(0.0);
        for channel in 0..self.s.in_channels {
            self.channel(simd, channel);
        }
    }
}

impl BackwardInput<'_> {
    #[inline(always)]
    fn spread<S: Simd>(&mut self, simd: S) {
        let (dy, _) = S::as_simd_f32s(self.dy);
        let (winner, _) = S::as_simd_f32s(self.winner);
        let (spread, _) = S::as_mut_simd_f32s(self.spread);
        let [_, columns] = windows(self.s);
        for window in 0..dy.len() {
            let (row, column) = (window / columns, window % columns);
            let of_window = unpool(simd, dy[window], winner[window]);
            for place in 0..4 {
                let at = (2 * row + place / 2) * 2 * columns + 2 * column + place % 2;
                spread[at] = of_window[place];
            }
        }
    }

    /// One input channel. Where the sizes allow it, 8 columns of the gradient are loaded for all columns of a
    /// kernel, and the sums that they reach stay in registers.
    #[inline(always)]
    fn channel<S: Simd>(&mut self, simd: S, channel: usize) {
        let [_, columns] = windows(self.s);
        match (self.s.kernel, columns % 4) {
            (5, 0) => self.columns::<S, 5, 8, 12>(simd, channel, 0),
            (3, 0) => self.columns::<S, 3, 8, 10>(simd, channel, 0),
            (kernel, _) => {
                for column in 0..kernel {
                    self.columns::<S, 1, 1, 1>(simd, channel, column);
                }
            }
        }
    }

    /// What `K` columns of the kernels from `column` on add. `D` columns of the gradient reach `N = D + K - 1`
    /// columns of `dx`.
    #[inline(always)]
    fn columns<S: Simd, const K: usize, const D: usize, const N: usize>(
        &mut self,
        simd: S,
        channel: usize,
        column: usize,
    ) {
        let Self { s, w, .. } = *self;
        let (spread, _) = S::as_simd_f32s(self.spread);
        let (dx, _) = S::as_mut_simd_f32s(self.dx);
        let [rows, columns] = windows(s).map(|windows| 2 * windows);
        for row in 0..s.height {
            for from in (0..columns).step_by(D) {
                let dx = &mut dx[(channel * s.height + row) * s.width + from + column..][..N];
                let mut sums = [simd.splat_f32s(0.0); N];
                for n in 0..N {
                    sums[n] = dx[n];
                }
                for out in 0..s.out_channels {
                    for ky in (row + 1).saturating_sub(rows)..s.kernel.min(row + 1) {
                        let dy = &spread[(out * rows + row - ky) * columns + from..][..D];
                        let kernel_row = ((out * s.in_channels + channel) * s.kernel + ky) * s.kernel;
                        let w = &w[kernel_row + column..][..K];
                        for k in 0..K {
                            let w = simd.splat_f32s(w[k]);
                            for d in 0..D {
                                sums[d + k] = simd.mul_add_e_f32s(w, dy[d], sums[d + k]);
                            }
                        }
                    }
                }
                for n in 0..N {
                    dx[n] = sums[n];
                }
            }
        }
    }
}

/// The gradients of the four numbers of a window.
#[inline(always)]
pub(super) fn unpool<S: Simd>(simd: S, dy: S::f32s, winner: S::f32s) -> [S::f32s; 4] {
    let zero = simd.splat_f32s(0.0);
    let mut all = [zero; 4];
    for place in 0..4 {
        let won = simd.equal_f32s(winner, simd.splat_f32s(place as f32));
        all[place] = simd.select_f32s(won, dy, zero);
    }
    all
}
