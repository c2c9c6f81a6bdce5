//! The gradient of a fully connected layer's input.

use pulp::{Simd, WithSimd};

use crate::network::Linear;

/// Adds the gradient of `x` to `dx`, from `w` and `dy`.
pub struct BackwardInput<'a> {
    /// Shapes.
    pub s: &'a Linear,
    /// `w`.
    pub w: &'a [f32],
    /// As `y`.
    pub dy: &'a [f32],
    /// As `x`.
    pub dx: &'a mut [f32],
}

impl WithSimd for BackwardInput<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let mut first = 0;
        // 16 weights are a line of the cache.
        if S::REGISTER_COUNT >= 32 {
            while first + 16 <= self.s.inputs {
                self.inputs::<S, 16>(simd, first);
                first += 16;
            }
        }
        while first + 8 <= self.s.inputs {
            self.inputs::<S, 8>(simd, first);
            first += 8;
        }
        while first < self.s.inputs {
            self.inputs::<S, 1>(simd, first);
            first += 1;
        }
    }
}

impl BackwardInput<'_> {
    /// `I` inputs from the `first` on.
    #[inline(always)]
    fn inputs<S: Simd, const I: usize>(&mut self, simd: S, first: usize) {
        let (dy, _) = S::as_simd_f32s(self.dy);
        let (dx, _) = S::as_mut_simd_f32s(self.dx);
        let dx = &mut dx[first..][..I];
        let mut sums = [simd.splat_f32s(0.0); I];
        for i in 0..I {
            sums[i] = dx[i];
        }
        for o in 0..self.s.outputs {
            let w = &self.w[o * self.s.inputs + first..][..I];
            for i in 0..I {
                sums[i] = simd.mul_add_e_f32s(simd.splat_f32s(w[i]), dy[o], sums[i]);
            }
        }
        for i in 0..I {
            dx[i] = sums[i];
        }
    }
}
