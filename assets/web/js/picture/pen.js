// The width of the pen: MNIST's strokes are 2-3 pixels wide, a ball pen's often less than one.
// As src/data/picture/pen.rs.

import { Grid } from "./grid.js";

const { fround, max, PI } = Math;

/** Strokes thinner than this are widened to it, in pixels. */
const THINNEST = 2;

/** @typedef {import("./grid.js").Greys} Greys */

/**
 * The mean width of the strokes in cells: twice the area over the length of the outline.
 * @param {Greys} ink
 */
export function width(ink) {
    const isSet = (/** @type {number} */ x, /** @type {number} */ y) => ink.at(x, y) > 0.5;
    let area = 0;
    let outline = 0;
    for (let y = 1; y < ink.height; y++) {
        for (let x = 1; x < ink.width; x++) {
            const here = isSet(x, y);
            area += Number(here);
            outline += Number(here !== isSet(x - 1, y)) + Number(here !== isSet(x, y - 1));
        }
    }
    // Steps along rows and columns are longer than the outline, by 4/pi for a circle.
    return fround((2 * area) / fround(max(outline, 1) * fround(PI / 4)));
}

/**
 * How much wider strokes of a width are to be, in pixels.
 * @param {number} width
 */
export function widening(width) {
    return max(fround(THINNEST - width), 0);
}

/**
 * Every cell becomes the brightest within a disc.
 * @param {Greys} ink
 * @param {number} radius
 * @returns {Greys}
 */
export function widened(ink, radius) {
    /** @type {[number, number][]} */
    const disc = [];
    for (let y = -radius; y <= radius; y++) {
        for (let x = -radius; x <= radius; x++) {
            if (x * x + y * y <= radius * radius) disc.push([x, y]);
        }
    }
    // From the ink outwards: most cells have none.
    const wide = new Float32Array(ink.cells.length);
    ink.cells.forEach((value, cell) => {
        if (value === 0) return;
        const x = cell % ink.width;
        const y = (cell - x) / ink.width;
        for (const [across, down] of disc) {
            const column = x + across;
            const row = y + down;
            if (column < 0 || row < 0 || column >= ink.width || row >= ink.height) continue;
            const near = row * ink.width + column;
            if (wide[near] < value) wide[near] = value;
        }
    });
    return new Grid(ink.width, ink.height, wide);
}
