// From colours to one grey value a pixel, the clear part included. As src/data/picture/grey.rs.

import { Grid, quantile } from "./grid.js";

const { fround, floor, max } = Math;

/** A pixel is clear below the one opacity, solid above the other. */
const CLEAR = 32;
const SOLID = 128;
/** The darkest, the middle and the brightest, but for a few outliers. */
const EXTREMES = [0.002, 0.5, 0.998];
/** Grey values within which ink counts as one colour. */
const ONE_COLOUR = 64;
/** One colour alone must show this many times the contrast to be preferred to their mix. */
const MUCH_STRONGER = 1.8;

/** @typedef {{ name: string, note: string }} Step */

/**
 * Grey values, 0-255. On a clear canvas the ink is what is solid, whatever its colour.
 * @param {Uint8Array | Uint8ClampedArray} rgba
 * @param {number} width
 * @param {number} height
 * @param {Step[]} steps
 * @returns {import("./grid.js").Greys | undefined} nothing where no pixel is solid
 */
export function fromColours(rgba, width, height, steps) {
    const grid = (/** @type {(at: number) => number} */ value) => {
        const cells = new Float32Array(width * height);
        for (let i = 0; i < cells.length; i++) cells[i] = value(4 * i);
        return new Grid(width, height, cells);
    };
    const mixed = (/** @type {number} */ at) => mix(rgba[at], rgba[at + 1], rgba[at + 2]);
    let solid = 0;
    let hasClearPart = false;
    for (let at = 3; at < rgba.length; at += 4) {
        solid += Number(rgba[at] >= SOLID);
        hasClearPart ||= rgba[at] < CLEAR;
    }
    if (!hasClearPart) return strongest(rgba, grid, mixed, steps);
    if (solid === 0) return undefined;

    const values = new Float32Array(solid);
    for (let at = 0, next = 0; at < rgba.length; at += 4) {
        if (rgba[at + 3] >= SOLID) values[next++] = mixed(at);
    }
    const [low, middle, high] = EXTREMES.map((share) => quantile(values, share));
    if (2 * solid < width * height || high - low < ONE_COLOUR) {
        steps.push({ name: "transparency", note: "the ink is what is not transparent" });
        return grid((at) => rgba[at + 3]);
    }
    // Paper and ink both are solid, such as a window with round corners.
    steps.push({ name: "transparency", note: "laid over the middle grey of what is not transparent" });
    return grid((at) => middle + fround(fround((mixed(at) - middle) * rgba[at + 3]) / 255));
}

/**
 * The usual mix of the colours, unless one of them shows far more (yellow ink is seen in blue).
 * @param {Uint8Array | Uint8ClampedArray} rgba
 * @param {(value: (at: number) => number) => import("./grid.js").Greys} grid
 * @param {(at: number) => number} mixed
 * @param {Step[]} steps
 */
function strongest(rgba, grid, mixed, steps) {
    const mix = grid(mixed);
    let most = MUCH_STRONGER * max(contrast(mix), 1);
    let best = mix;
    let colour = "";
    ["red", "green", "blue"].forEach((name, i) => {
        const grey = grid((at) => rgba[at + i]);
        const found = contrast(grey);
        if (found > most || (colour && found === most)) [most, best, colour] = [found, grey, name];
    });
    if (colour) steps.push({ name: "colour", note: `the ink shows best in ${colour}` });
    return best;
}

/**
 * How far the farthest values lie from the middle one.
 * @param {import("./grid.js").Greys} grey
 */
function contrast(grey) {
    const values = grey.cells.slice();
    const [low, middle, high] = EXTREMES.map((share) => quantile(values, share));
    return max(high - middle, middle - low);
}

/**
 * The weights of Rec. 601, exact for greys.
 * @param {number} red
 * @param {number} green
 * @param {number} blue
 */
function mix(red, green, blue) {
    return floor((299 * red + 587 * green + 114 * blue + 500) / 1000);
}
