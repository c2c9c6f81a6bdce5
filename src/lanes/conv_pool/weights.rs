//! The gradients of a convolution's weights and biases.

use pulp::{Simd, WithSimd};

use super::input::unpool;
use super::{NONE, windows};
use crate::network::Conv2d;

/// Adds the gradients of `w` and `b` to `dw` and `db`, from `x`, `dy` and `winner`.
pub struct BackwardWeights<'a> {
    /// Shapes.
    pub s: &'a Conv2d,
    /// `x`.
    pub x: &'a [f32],
    /// `dy`.
    pub dy: &'a [f32],
    /// `winner`.
    pub winner: &'a [f32],
    /// As `w`.
    pub dw: &'a mut [f32],
    /// As `b`.
    pub db: &'a mut [f32],
}

impl WithSimd for BackwardWeights<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let channels = self.s.out_channels;
        let mut first = 0;
        if S::REGISTER_COUNT >= 32 {
            while first + 3 <= channels {
                self.channels::<S, 3>(simd, first);
                first += 3;
            }
        }
        while first + 2 <= channels {
            self.channels::<S, 2>(simd, first);
            first += 2;
        }
        if first < channels {
            self.channels::<S, 1>(simd, first);
        }
    }
}

impl BackwardWeights<'_> {
    /// `C` output channels from the `first` on.
    #[inline(always)]
    fn channels<S: Simd, const C: usize>(&mut self, simd: S, first: usize) {
        self.biases::<S, C>(simd, first);
        match self.s.kernel {
            5 => self.columns::<S, C, 5>(simd, first, 0),
            3 => self.columns::<S, C, 3>(simd, first, 0),
            kernel => {
                for column in 0..kernel {
                    self.columns::<S, C, 1>(simd, first, column);
                }
            }
        }
    }

    #[inline(always)]
    fn biases<S: Simd, const C: usize>(&mut self, simd: S, first: usize) {
        let (dy, _) = S::as_simd_f32s(self.dy);
        let (winner, _) = S::as_simd_f32s(self.winner);
        let [rows, columns] = windows(self.s);
        let plane = rows * columns;
        let (zero, none) = (simd.splat_f32s(0.0), simd.splat_f32s(NONE));
        for channel in first..first + C {
            let mut sum = zero;
            let (dy, winner) = (&dy[channel * plane..][..plane], &winner[channel * plane..][..plane]);
            for at in 0..plane {
                let lets = simd.select_f32s(simd.equal_f32s(winner[at], none), zero, dy[at]);
                sum = simd.add_f32s(sum, lets);
            }
            self.db[channel] += simd.reduce_sum_f32s(sum);
        }
    }

    /// `K` columns of their kernels from `column` on.
    #[inline(always)]
    fn columns<S: Simd, const C: usize, const K: usize>(&mut self, simd: S, first: usize, column: usize) {
        let s = self.s;
        let (x, _) = S::as_simd_f32s(self.x);
        let [rows, columns] = windows(s);
        let zero = simd.splat_f32s(0.0);
        // Of all lanes, added up at the end.
        let mut sums = vec![[[zero; C]; K]; s.in_channels * s.kernel];
        let mut spread = vec![[zero; C]; 2 * 2 * columns];
        for row in 0..rows {
            self.spread::<S, C>(simd, first, row, &mut spread);
            for channel in 0..s.in_channels {
                for ky in 0..s.kernel {
                    let kept = &mut sums[channel * s.kernel + ky];
                    let mut sums = *kept;
                    for below in 0..2 {
                        let start = (channel * s.height + 2 * row + below + ky) * s.width + column;
                        let x = &x[start..][..2 * columns + K - 1];
                        let dy = &spread[below * 2 * columns..][..2 * columns];
                        for at in 0..2 * columns {
                            let x = &x[at..][..K];
                            for k in 0..K {
                                for c in 0..C {
                                    sums[k][c] = simd.mul_add_e_f32s(x[k], dy[at][c], sums[k][c]);
                                }
                            }
                        }
                    }
                    *kept = sums;
                }
            }
        }
        for line in 0..sums.len() {
            for k in 0..K {
                for c in 0..C {
                    let at = ((first + c) * s.in_channels * s.kernel + line) * s.kernel + column + k;
                    self.dw[at] += simd.reduce_sum_f32s(sums[line][k][c]);
                }
            }
        }
    }

    /// Two rows of the gradient of the convolution's output, those of a row of windows.
    #[inline(always)]
    fn spread<S: Simd, const C: usize>(
        &self,
        simd: S,
        first: usize,
        row: usize,
        spread: &mut [[S::f32s; C]],
    ) {
        let (dy, _) = S::as_simd_f32s(self.dy);
        let (winner, _) = S::as_simd_f32s(self.winner);
        let [rows, columns] = windows(self.s);
        let (top, bottom) = spread.split_at_mut(2 * columns);
        for c in 0..C {
            let start = ((first + c) * rows + row) * columns;
            let (dy, winner) = (&dy[start..][..columns], &winner[start..][..columns]);
            for at in 0..columns {
                let of_window = unpool(simd, dy[at], winner[at]);
                (top[2 * at][c], top[2 * at + 1][c]) = (of_window[0], of_window[1]);
                (bottom[2 * at][c], bottom[2 * at + 1][c]) = (of_window[2], of_window[3]);
            }
        }
    }
}
