// Scales, thickens and centres a digit as MNIST's were. As src/data/picture/fit.rs.

import { SIDE } from "./form.js";
import { Grid, blurred, centreOfMass, greys } from "./grid.js";
import * as pen from "./pen.js";
import { resized } from "./resize.js";

const { ceil, floor, fround, max, min, round } = Math;

/** Cells of the fine grid along a side of one pixel. */
const FINE = 8;
/** The longer side of the digit, in pixels. */
const BOX = 20;
/** Where the ink's centre of mass goes, in pixels from the edge. */
const CENTRE = 14.5;
/** The edge of a stroke fades to nothing this far below the threshold, as a share of full ink. */
const FOOT = 0.25;
/** Ink of the edge of a stroke reaches so far beyond the threshold, as a share of the digit's size. */
const EDGE = fround(0.03);

/** @typedef {import("./grid.js").Greys} Greys */

/**
 * The values of the digit in MNIST's form.
 * @param {import("./search.js").Found} found
 * @param {import("./grey.js").Step[]} steps
 * @returns {Uint8Array<ArrayBuffer>}
 */
export function toMnist(found, steps) {
    const ink = softInk(found);
    const { bounds } = found.digit;
    const length = BOX * FINE;
    let fine = fineInk(ink, bounds, length);
    const width = pen.width(fine);
    const widening = fround(pen.widening(fround(width / FINE)) * FINE);
    let note = `${bounds.width} x ${bounds.height} pixels of ink scaled to ${BOX}`;
    if (widening >= 1) {
        const radius = round(widening / 2);
        fine = pen.widened(fineInk(ink, bounds, length - 2 * radius), radius);
        note += `, strokes of ${(width / FINE).toFixed(1)} pixels widened by ${(widening / FINE).toFixed(1)}`;
    }
    steps.push({ name: "size", note });
    return centred(fine);
}

/**
 * 0-1: the digit's ink with its soft edges, nothing else.
 * @param {import("./search.js").Found} found
 * @returns {Greys}
 */
function softInk({ shares, threshold, digit }) {
    const reach = max(floor(fround(EDGE * digit.bounds.longerSide)), 1);
    const near = blurred(new Grid(shares.width, shares.height, Float32Array.from(digit.mask.cells)), reach).cells;
    const foot = max(fround(threshold.ink - FOOT * threshold.full), 0);
    const range = fround(threshold.full - foot);
    const cells = shares.cells.map((share, i) => (near[i] > 0 ? min(max(fround(share - foot) / range, 0), 1) : 0));
    return new Grid(shares.width, shares.height, cells);
}

/**
 * The digit on a grid of `FINE` cells a pixel, its longer side `length` cells, in the middle.
 * @param {Greys} ink
 * @param {import("./bounds.js").Bounds} bounds
 * @param {number} length
 */
function fineInk(ink, bounds, length) {
    const side = SIDE * FINE;
    const scale = fround(length / bounds.longerSide);
    // A square around the digit's bounds that becomes the whole grid.
    const square = fround(side / scale);
    const left = fround((bounds.left + bounds.right + 1) / 2 - fround(square / 2));
    const top = fround((bounds.top + bounds.bottom + 1) / 2 - fround(square / 2));
    return sampled(ink, left, top, square, side);
}

/**
 * A square of `ink` as a grid of `side` cells a side, the mean of what each cell covers.
 * @param {Greys} ink
 * @param {number} left
 * @param {number} top
 * @param {number} square
 * @param {number} side
 */
function sampled(ink, left, top, square, side) {
    // Whole cells around the square, outside the picture nothing.
    const margin = 2;
    const fromX = floor(fround(left - margin));
    const fromY = floor(fround(top - margin));
    const count = ceil(fround(square + 2 * margin)) + 1;
    const padded = greys(count, count, (x, y) => {
        const column = fromX + x;
        const row = fromY + y;
        const isInside = column >= 0 && row >= 0 && column < ink.width && row < ink.height;
        return isInside ? ink.at(column, row) : 0;
    });
    const enlarged = resized(padded, round(fround(fround(count / square) * side)));
    const offset = (/** @type {number} */ from, /** @type {number} */ start) =>
        round(fround(fround(fround(start - from) / square) * side));
    const x0 = offset(fromX, left);
    const y0 = offset(fromY, top);
    return greys(side, side, (x, y) =>
        x + x0 < enlarged.width && y + y0 < enlarged.height ? enlarged.at(x + x0, y + y0) : 0,
    );
}

/**
 * Brings the centre of mass to MNIST's place and means over the fine cells of each pixel.
 * @param {Greys} fine
 */
function centred(fine) {
    const [x, y] = centreOfMass(fine);
    const right = roundedAway(CENTRE * FINE - fround(x + 0.5));
    const down = roundedAway(CENTRE * FINE - fround(y + 0.5));
    const pixels = new Float32Array(SIDE * SIDE);
    for (let row = 0; row < fine.height; row++) {
        for (let column = 0; column < fine.width; column++) {
            const fromX = column - right;
            const fromY = row - down;
            if (fromX < 0 || fromY < 0 || fromX >= fine.width || fromY >= fine.width) continue;
            pixels[floor(row / FINE) * SIDE + floor(column / FINE)] += fine.at(fromX, fromY);
        }
    }
    const most = pixels.reduce((a, b) => max(a, b), 0) || 1;
    return Uint8Array.from(pixels, (value) => round(fround(value / most) * 255));
}

/**
 * Halves away from zero, as Rust rounds; Math.round goes up.
 * @param {number} value
 */
function roundedAway(value) {
    return value < 0 ? -round(-value) : round(value);
}
