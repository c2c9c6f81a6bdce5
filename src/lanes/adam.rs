//! The sum of gradients, and Adam: see [`reference::adam`](mod@crate::reference::adam), whose bits these are.

use pulp::{Simd, WithSimd};

use crate::ops::adam::Adam;

/// `dw` becomes its sum with the gradients in `parts`, in their order.
pub struct Sum<'a> {
    /// The first part.
    pub dw: &'a mut [f32],
    /// The others, each as long as `dw`.
    pub parts: &'a [&'a [f32]],
}

impl WithSimd for Sum<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let (dw, rest) = S::as_mut_simd_f32s(self.dw);
        for part in self.parts {
            let (part, part_rest) = S::as_simd_f32s(part);
            for i in 0..dw.len() {
                dw[i] = simd.add_f32s(dw[i], part[i]);
            }
            for i in 0..rest.len() {
                rest[i] += part_rest[i];
            }
        }
    }
}

/// What is the same for all parameters in a step, in the reference's rounding.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rates {
    beta: [f32; 2],
    rest: [f32; 2],
    step_size: f32,
    root_correction: f32,
    epsilon: f32,
    decay: f32,
    /// What gradients are multiplied by.
    scale: f32,
}

impl Rates {
    /// Those of a step, which count from 1, for gradients that are multiplied by `scale`.
    pub fn new(adam: &Adam, learning_rate: f64, step: u32, scale: f32) -> Self {
        Self {
            beta: [adam.beta1 as f32, adam.beta2 as f32],
            rest: [(1.0 - adam.beta1) as f32, (1.0 - adam.beta2) as f32],
            step_size: adam.step_size(learning_rate, step) as f32,
            root_correction: adam.root_correction(step) as f32,
            epsilon: adam.epsilon as f32,
            decay: adam.decay(learning_rate) as f32,
            scale,
        }
    }
}

/// Updates some of the parameters `w` and of the moments `m` and `v`. All are of the same length.
pub struct Update<'a> {
    /// The step's.
    pub rates: Rates,
    /// The gradients.
    pub dw: &'a [f32],
    /// The parameters.
    pub w: &'a mut [f32],
    /// The first moments.
    pub m: &'a mut [f32],
    /// The second moments.
    pub v: &'a mut [f32],
}

impl WithSimd for Update<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let (dw, dw_rest) = S::as_simd_f32s(self.dw);
        let (w, w_rest) = S::as_mut_simd_f32s(self.w);
        let (m, m_rest) = S::as_mut_simd_f32s(self.m);
        let (v, v_rest) = S::as_mut_simd_f32s(self.v);
        for i in 0..dw.len() {
            [w[i], m[i], v[i]] = update(simd, &self.rates, dw[i], [w[i], m[i], v[i]]);
        }
        if !dw_rest.is_empty() {
            let dw = simd.partial_load_f32s(dw_rest);
            let [w, m] = [simd.partial_load_f32s(w_rest), simd.partial_load_f32s(m_rest)];
            let [w, m, v] = update(simd, &self.rates, dw, [w, m, simd.partial_load_f32s(v_rest)]);
            simd.partial_store_f32s(w_rest, w);
            simd.partial_store_f32s(m_rest, m);
            simd.partial_store_f32s(v_rest, v);
        }
    }
}

/// The formulas of the reference, rounded where it rounds.
#[inline(always)]
fn update<S: Simd>(simd: S, rates: &Rates, dw: S::f32s, [w, m, v]: [S::f32s; 3]) -> [S::f32s; 3] {
    let Rates { beta, rest, .. } = *rates;
    let dw = simd.mul_f32s(simd.splat_f32s(rates.scale), dw);
    let old = simd.mul_f32s(simd.splat_f32s(beta[0]), m);
    let m = simd.add_f32s(old, simd.mul_f32s(simd.splat_f32s(rest[0]), dw));
    let old = simd.mul_f32s(simd.splat_f32s(beta[1]), v);
    let v = simd.add_f32s(old, simd.mul_f32s(simd.mul_f32s(simd.splat_f32s(rest[1]), dw), dw));
    let w = simd.add_f32s(w, simd.mul_f32s(simd.splat_f32s(-rates.decay), w));
    let root = simd.div_f32s(simd.sqrt_f32s(v), simd.splat_f32s(rates.root_correction));
    let step = simd.mul_f32s(simd.splat_f32s(-rates.step_size), m);
    let step = simd.div_f32s(step, simd.add_f32s(root, simd.splat_f32s(rates.epsilon)));
    [simd.add_f32s(w, step), m, v]
}
