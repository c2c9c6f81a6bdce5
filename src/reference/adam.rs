//! Adam, the optimizer (Kingma and Ba, 2015), with PyTorch's placement of epsilon and AdamW's decay.

use super::{Real, clip_norm};
use crate::ops::adam::Adam;

/// One update of the parameters `w` and of Adam's means `m` and `v`; steps count from 1.
///
/// ```text
/// dw = dw * scale, if the gradient's norm is limited
/// m = beta1 * m + (1 - beta1) * dw
/// v = beta2 * v + (1 - beta2) * dw * dw
/// w = w - decay * w - step_size * m / (sqrt(v) / root_correction + epsilon)
/// ```
///
/// `step_size`, `root_correction` and `decay` are computed in f64, whatever `T` is;
/// [`clip_norm`] specifies `scale`. Where the kernel finds a part of
/// `dw` in slots of the batch it adds them up first: [`batch_sum`](super::batch_sum) specifies that.
pub fn step<T: Real>(
    adam: &Adam,
    learning_rate: f64,
    step: u32,
    dw: &[T],
    w: &mut [T],
    m: &mut [T],
    v: &mut [T],
) {
    assert_eq!(dw.len(), w.len(), "adam: length of dw");
    assert_eq!(m.len(), w.len(), "adam: length of m");
    assert_eq!(v.len(), w.len(), "adam: length of v");
    let (beta1, rest1) = (T::of(adam.beta1), T::of(1.0 - adam.beta1));
    let (beta2, rest2) = (T::of(adam.beta2), T::of(1.0 - adam.beta2));
    let step_size = T::of(adam.step_size(learning_rate, step));
    let root_correction = T::of(adam.root_correction(step));
    let (epsilon, decay) = (T::of(adam.epsilon), T::of(adam.decay(learning_rate)));
    let scale = adam.clip_norm.map_or(T::one(), |max| clip_norm::scale(max, dw));
    for (((w, m), v), &dw) in w.iter_mut().zip(m).zip(v).zip(dw) {
        let dw = scale * dw;
        *m = beta1 * *m + rest1 * dw;
        *v = beta2 * *v + rest2 * dw * dw;
        *w += -decay * *w;
        *w += -step_size * *m / (v.sqrt() / root_correction + epsilon);
    }
}

/// Takes the parameters `w` after a step, which count from 1, into their `average`, if one is kept.
///
/// ```text
/// average = average + blend * (w - average)
/// ```
///
/// `blend` is computed in f64, whatever `T` is.
pub fn average<T: Real>(adam: &Adam, step: u32, w: &[T], average: &mut [T]) {
    assert_eq!(average.len(), w.len(), "adam: length of average");
    let blend = T::of(adam.blend(step));
    for (average, &w) in average.iter_mut().zip(w) {
        *average += blend * (w - *average);
    }
}
