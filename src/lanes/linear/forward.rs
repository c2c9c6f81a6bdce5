//! A fully connected layer.

use pulp::{Simd, WithSimd};

use crate::network::Linear;

/// Outputs that are summed up at once: so many sums do not wait for each other.
const OUTPUTS: usize = 8;

/// `y = b + w x`, or the ReLU of that.
pub struct Forward<'a> {
    /// Shapes.
    pub s: &'a Linear,
    /// `x`.
    pub x: &'a [f32],
    /// `w`.
    pub w: &'a [f32],
    /// `b`.
    pub b: &'a [f32],
    /// Whether a ReLU follows.
    pub relu: bool,
    /// `y`.
    pub y: &'a mut [f32],
}

impl WithSimd for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let mut first = 0;
        while first + OUTPUTS <= self.s.outputs {
            self.outputs::<S, OUTPUTS>(simd, first);
            first += OUTPUTS;
        }
        while first < self.s.outputs {
            self.outputs::<S, 1>(simd, first);
            first += 1;
        }
    }
}

impl Forward<'_> {
    /// `O` outputs from the `first` on.
    #[inline(always)]
    fn outputs<S: Simd, const O: usize>(&mut self, simd: S, first: usize) {
        let inputs = self.s.inputs;
        let (x, _) = S::as_simd_f32s(self.x);
        let (y, _) = S::as_mut_simd_f32s(self.y);
        let x = &x[..inputs];
        let mut rows: [&[f32]; O] = [&[]; O];
        let mut sums = [simd.splat_f32s(0.0); O];
        for o in 0..O {
            rows[o] = &self.w[(first + o) * inputs..][..inputs];
            sums[o] = simd.splat_f32s(self.b[first + o]);
        }
        for i in 0..inputs {
            for o in 0..O {
                sums[o] = simd.mul_add_e_f32s(simd.splat_f32s(rows[o][i]), x[i], sums[o]);
            }
        }
        let zero = simd.splat_f32s(0.0);
        for o in 0..O {
            let rectified = simd.select_f32s(simd.greater_than_f32s(sums[o], zero), sums[o], zero);
            y[first + o] = if self.relu { rectified } else { sums[o] };
        }
    }
}
