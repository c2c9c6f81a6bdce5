// Whether the ink is darker or lighter than what it lies on. As src/data/picture/polarity.rs.

import { blurred, mapped } from "./grid.js";

const { abs, floor, max, sqrt, fround } = Math;

/** Neighbourhoods that a pixel is compared with, as shares of the longer side; 0 is the whole picture. */
const NEIGHBOURHOODS = [0, 2, 4, 8];
/** A look at neighbourhoods counts if it is at least so clear; at thick strokes it misleads. */
const CLEAR = 0.75;
/** Neighbourhoods of a smaller picture than this, in pixels, hold too little. */
const SMALL = 100;

/**
 * Makes the ink bright. Ink is less than paper and lies far from it, so the deviations from the background
 * are skewed to its side. Light that changes over the picture hides that from a look at the whole, thick
 * strokes from a look at small neighbourhoods: the clearest of several looks counts.
 * @param {import("./grid.js").Greys} grey
 * @param {import("./grey.js").Step[]} steps
 */
export function withBrightInk(grey, steps) {
    let clearest = 0;
    for (const share of NEIGHBOURHOODS) {
        const radius = share ? max(floor(grey.longerSide / (2 * share)), 1) : grey.longerSide;
        const skew = skewness(grey, radius);
        const counts = !share || (abs(skew) >= CLEAR && grey.longerSide >= SMALL);
        if (counts && abs(skew) >= abs(clearest)) clearest = skew;
    }
    if (clearest > 0) return grey;
    steps.push({ name: "polarity", note: "dark ink on lighter paper: inverted" });
    return mapped(grey, (value) => 255 - value);
}

/**
 * Third moment of the deviations from the mean around, over the spread cubed.
 * @param {import("./grid.js").Greys} grey
 * @param {number} radius
 */
function skewness(grey, radius) {
    const around = blurred(grey, radius).cells;
    let squares = 0;
    let cubes = 0;
    grey.cells.forEach((value, i) => {
        const deviation = fround(value - around[i]);
        squares += deviation * deviation;
        cubes += deviation * deviation * deviation;
    });
    const spread = sqrt(squares / grey.cells.length);
    return spread > 0.5 ? cubes / grey.cells.length / spread ** 3 : 0;
}
