//! The gradients of a convolution's weights and biases.

use pulp::{Simd, WithSimd};

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
            for (&dy, &winner) in dy.iter().zip(winner) {
                sum = simd.add_f32s(sum, simd.select_f32s(simd.equal_f32s(winner, none), zero, dy));
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
                    for (below, dy) in spread.chunks_exact(2 * columns).enumerate() {
                        let start = (channel * s.height + 2 * row + below + ky) * s.width + column;
                        let x = x[start..][..2 * columns + K - 1].windows(K);
                        for (x, dy) in x.zip(dy) {
                            for k in 0..K {
                                for c in 0..C {
                                    sums[k][c] = simd.mul_add_e_f32s(x[k], dy[c], sums[k][c]);
                                }
                            }
                        }
                    }
                    *kept = sums;
                }
            }
        }
        for (line, sums) in sums.iter().enumerate() {
            for (k, sums) in sums.iter().enumerate() {
                for (c, &sum) in sums.iter().enumerate() {
                    let at = ((first + c) * s.in_channels * s.kernel + line) * s.kernel + column + k;
                    self.dw[at] += simd.reduce_sum_f32s(sum);
                }
            }
        }
    }

    /// Two rows of the gradient of the convolution's output, those of a row of windows.
    #[inline(always)]
    fn spread<S: Simd, const C: usize>(&self, simd: S, first: usize, row: usize, spread: &mut [[S::f32s; C]]) {
        let (dy, _) = S::as_simd_f32s(self.dy);
        let (winner, _) = S::as_simd_f32s(self.winner);
        let [rows, columns] = windows(self.s);
        let (top, bottom) = spread.split_at_mut(2 * columns);
        for c in 0..C {
            let start = ((first + c) * rows + row) * columns;
            let (dy, winner) = (&dy[start..][..columns], &winner[start..][..columns]);
            let both = top.chunks_exact_mut(2).zip(bottom.chunks_exact_mut(2));
            for ((top, bottom), (&dy, &winner)) in both.zip(dy.iter().zip(winner)) {
                let [first, second, third, fourth] = super::input::unpool(simd, dy, winner);
                (top[0][c], top[1][c], bottom[0][c], bottom[1][c]) = (first, second, third, fourth);
            }
        }
    }
}
