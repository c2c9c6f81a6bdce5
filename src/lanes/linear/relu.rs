//! The gradient of a ReLU.

use pulp::{Simd, WithSimd};

/// `dy = dy where y > 0, else 0`, in place.
pub struct BackwardRelu<'a> {
    /// What the ReLU gave, `[len, lanes]`.
    pub y: &'a [f32],
    /// The gradient, `[len, lanes]`.
    pub dy: &'a mut [f32],
}

impl WithSimd for BackwardRelu<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let zero = simd.splat_f32s(0.0);
        let (y, _) = S::as_simd_f32s(self.y);
        let (dy, _) = S::as_mut_simd_f32s(self.dy);
        for i in 0..dy.len() {
            dy[i] = simd.select_f32s(simd.greater_than_f32s(y[i], zero), dy[i], zero);
        }
    }
}
