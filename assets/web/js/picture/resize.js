// Resizes a square by a triangle filter, as the crate `image` does for the program: each new value is the mean
// of those around its place, weighted by a triangle that is one old or one new cell wide, whichever is more.

import { Grid, transposed } from "./grid.js";

const { abs, ceil, floor, fround, max, min } = Math;

/**
 * @param {import("./grid.js").Greys} square as wide as high
 * @param {number} side of the new square
 * @returns {import("./grid.js").Greys}
 */
export function resized(square, side) {
    if (side === square.width) return square;
    // Columns first, then rows: the order decides how sums are rounded.
    const columns = transposed(alongRows(transposed(square), side));
    return alongRows(columns, side);
}

/**
 * @param {import("./grid.js").Greys} grid
 * @param {number} side
 */
function alongRows({ width, height, cells }, side) {
    const values = new Float32Array(side * height);
    const ratio = fround(width / side);
    const reach = max(ratio, 1);
    for (let x = 0; x < side; x++) {
        const centre = fround((x + 0.5) * ratio);
        const left = min(max(floor(fround(centre - reach)), 0), width - 1);
        const right = min(max(ceil(fround(centre + reach)), left + 1), width);
        const weights = new Float32Array(right - left);
        let sum = 0;
        for (let i = left; i < right; i++) {
            const distance = abs(fround(fround(i - fround(centre - 0.5)) / reach));
            weights[i - left] = max(1 - distance, 0);
            sum = fround(sum + weights[i - left]);
        }
        for (let i = 0; i < weights.length; i++) weights[i] /= sum;
        for (let y = 0; y < height; y++) {
            let value = 0;
            for (let i = 0; i < weights.length; i++) {
                value = fround(value + fround(cells[y * width + left + i] * weights[i]));
            }
            values[y * side + x] = min(max(value, 0), 1);
        }
    }
    return new Grid(side, height, values);
}
