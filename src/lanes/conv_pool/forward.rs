//! Convolution, bias, ReLU and pooling.

use pulp::{Simd, WithSimd};

use super::{NONE, windows};
use crate::network::Conv2d;

/// `y` and `winner`, from `x`, `w` and `b`.
pub struct Forward<'a> {
    /// Shapes.
    pub s: &'a Conv2d,
    /// `x`.
    pub x: &'a [f32],
    /// `w`.
    pub w: &'a [f32],
    /// `b`.
    pub b: &'a [f32],
    /// `y`.
    pub y: &'a mut [f32],
    /// `winner`.
    pub winner: &'a mut [f32],
}

impl WithSimd for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let channels = self.s.out_channels;
        let mut first = 0;
        // The sums of a window for so many channels stay in registers.
        if S::REGISTER_COUNT >= 32 {
            while first + 6 <= channels {
                self.channels::<S, 6>(simd, first);
                first += 6;
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

impl Forward<'_> {
    /// `C` output channels from the `first` on.
    #[inline(always)]
    fn channels<S: Simd, const C: usize>(&mut self, simd: S, first: usize) {
        let Self { s, w, b, .. } = *self;
        let (x, _) = S::as_simd_f32s(self.x);
        let (y, _) = S::as_mut_simd_f32s(self.y);
        let (winner, _) = S::as_mut_simd_f32s(self.winner);
        let taps = s.in_channels * s.kernel * s.kernel;
        // The weights of these channels side by side.
        let mut side_by_side = vec![[0.0; C]; taps];
        for (tap, weights) in side_by_side.iter_mut().enumerate() {
            for (c, weight) in weights.iter_mut().enumerate() {
                *weight = w[(first + c) * taps + tap];
            }
        }
        let [rows, columns] = windows(s);
        for row in 0..rows {
            for column in 0..columns {
                let mut sums = [[simd.splat_f32s(0.0); 4]; C];
                for c in 0..C {
                    sums[c] = [simd.splat_f32s(b[first + c]); 4];
                }
                for channel in 0..s.in_channels {
                    let start = (channel * s.height + 2 * row) * s.width + 2 * column;
                    for ky in 0..s.kernel {
                        let w = &side_by_side[(channel * s.kernel + ky) * s.kernel..][..s.kernel];
                        let top = &x[start + ky * s.width..][..s.kernel + 1];
                        let bottom = &x[start + (ky + 1) * s.width..][..s.kernel + 1];
                        for kx in 0..s.kernel {
                            let x = [top[kx], top[kx + 1], bottom[kx], bottom[kx + 1]];
                            for c in 0..C {
                                let w = simd.splat_f32s(w[kx][c]);
                                for place in 0..4 {
                                    sums[c][place] = simd.mul_add_e_f32s(w, x[place], sums[c][place]);
                                }
                            }
                        }
                    }
                }
                for c in 0..C {
                    let at = ((first + c) * rows + row) * columns + column;
                    [y[at], winner[at]] = pool(simd, sums[c]);
                }
            }
        }
    }
}

/// The maximum of a window after the ReLU, and its place.
#[inline(always)]
fn pool<S: Simd>(simd: S, sums: [S::f32s; 4]) -> [S::f32s; 2] {
    let zero = simd.splat_f32s(0.0);
    let (mut best, mut winner) = (sums[0], zero);
    for place in 1..4 {
        let beats = simd.greater_than_f32s(sums[place], best);
        best = simd.select_f32s(beats, sums[place], best);
        winner = simd.select_f32s(beats, simd.splat_f32s(place as f32), winner);
    }
    let lets = simd.greater_than_f32s(best, zero);
    [simd.select_f32s(lets, best, zero), simd.select_f32s(lets, winner, simd.splat_f32s(NONE))]
}
