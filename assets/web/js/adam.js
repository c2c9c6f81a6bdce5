// The rates of Adam's steps, in f64 as src/ops/adam.rs computes them; the cursor rounds them to f32.

/** @typedef {{ beta1: number, beta2: number, weight_decay: number }} Adam */

/**
 * What the kernels need for a step, which count from 1.
 * @param {Adam} adam
 * @param {number} learningRate
 * @param {number} step
 */
export function rates({ beta1, beta2, weight_decay }, learningRate, step) {
    // The recipe keeps the rate as f32.
    const rate = Math.fround(learningRate);
    return {
        step_size: rate / (1 - power(beta1, step)),
        step_root: 1 / Math.sqrt(1 - power(beta2, step)),
        decay: rate * weight_decay,
        blend: 0,
    };
}

/**
 * By squares, as the host does: the last bits are the same.
 * @param {number} base
 * @param {number} exponent A whole number from 1 on.
 */
function power(base, exponent) {
    let result = 1;
    for (let square = base, left = exponent; ; square *= square) {
        if (left % 2 === 1) result *= square;
        left = Math.floor(left / 2);
        if (left === 0) return result;
    }
}
