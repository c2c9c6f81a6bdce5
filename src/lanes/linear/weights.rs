//! The gradients of a fully connected layer's weights and biases.
//!
//! A weight's gradient is one product for each image, and to sum it over the lanes would cost more than the
//! product. So here the lanes are inputs, which takes `x` with the images apart, and the sum goes over images.

use pulp::{Simd, WithSimd};

use crate::network::Linear;

/// Outputs that are computed at once.
const OUTPUTS: usize = 4;

/// Adds the gradients of `w` and `b` to `dw` and `db`.
pub struct BackwardWeights<'a> {
    /// Shapes.
    pub s: &'a Linear,
    /// The input of each image, `[lanes, inputs]`.
    pub x_rows: &'a [f32],
    /// As `y`.
    pub dy: &'a [f32],
    /// As `w`.
    pub dw: &'a mut [f32],
    /// As `b`.
    pub db: &'a mut [f32],
}

impl WithSimd for BackwardWeights<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let (dy, _) = S::as_simd_f32s(self.dy);
        for o in 0..self.s.outputs {
            self.db[o] += simd.reduce_sum_f32s(dy[o]);
        }
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

impl BackwardWeights<'_> {
    /// `O` outputs from the `first` on.
    #[inline(always)]
    fn outputs<S: Simd, const O: usize>(&mut self, simd: S, first: usize) {
        let (mut from, lanes) = (0, S::F32_LANES);
        if S::REGISTER_COUNT >= 32 {
            while from + 4 * lanes <= self.s.inputs {
                self.inputs::<S, O, 4>(simd, first, from, 4 * lanes);
                from += 4 * lanes;
            }
        }
        while from + 2 * lanes <= self.s.inputs {
            self.inputs::<S, O, 2>(simd, first, from, 2 * lanes);
            from += 2 * lanes;
        }
        while from < self.s.inputs {
            let width = lanes.min(self.s.inputs - from);
            self.inputs::<S, O, 1>(simd, first, from, width);
            from += width;
        }
    }

    /// `width` inputs from `from` on, in `I` registers.
    #[inline(always)]
    fn inputs<S: Simd, const O: usize, const I: usize>(
        &mut self,
        simd: S,
        first: usize,
        from: usize,
        width: usize,
    ) {
        let inputs = self.s.inputs;
        let mut sums = [[simd.splat_f32s(0.0); I]; O];
        for o in 0..O {
            sums[o] = load(simd, &self.dw[(first + o) * inputs + from..][..width]);
        }
        let dy = &self.dy[first * S::F32_LANES..][..O * S::F32_LANES];
        for image in 0..S::F32_LANES {
            let x: [S::f32s; I] = load(simd, &self.x_rows[image * inputs + from..][..width]);
            for o in 0..O {
                let dy = simd.splat_f32s(dy[o * S::F32_LANES + image]);
                for i in 0..I {
                    sums[o][i] = simd.mul_add_e_f32s(dy, x[i], sums[o][i]);
                }
            }
        }
        for o in 0..O {
            store(simd, &mut self.dw[(first + o) * inputs + from..][..width], sums[o]);
        }
    }
}

/// Registers of numbers that lie side by side; the last of them may be filled in part.
#[inline(always)]
fn load<S: Simd, const I: usize>(simd: S, numbers: &[f32]) -> [S::f32s; I] {
    let mut registers = [simd.splat_f32s(0.0); I];
    let (whole, rest) = S::as_simd_f32s(numbers);
    if whole.len() < I {
        registers[0] = simd.partial_load_f32s(rest);
        return registers;
    }
    for i in 0..I {
        registers[i] = whole[i];
    }
    registers
}

#[inline(always)]
fn store<S: Simd, const I: usize>(simd: S, numbers: &mut [f32], registers: [S::f32s; I]) {
    let (whole, rest) = S::as_mut_simd_f32s(numbers);
    if whole.len() < I {
        return simd.partial_store_f32s(rest, registers[0]);
    }
    for i in 0..I {
        whole[i] = registers[i];
    }
}
