// Takes the light off the paper: what is left is how much of it the ink swallows.
// As src/data/picture/light.rs.

import { Grid, greys, opened, quantile, transposed } from "./grid.js";

const { abs, ceil, floor, fround, max, min } = Math;

/** Tiles along the longer side in which the paper's brightness is measured. */
const TILES = 24;
/** Ink may cover so many tiles on either side of a tile and still not be taken for paper. */
const REACH = 4;
/** The share of a tile's values that lie below its paper. */
const PAPER = 0.25;
/** Paper is never taken to be brighter than this: where there is no room above it, grain is all there is. */
const BRIGHTEST_PAPER = 175;

/** @typedef {import("./grid.js").Greys} Greys */

/**
 * From bright ink, 0-255, to the share of the range between paper and full ink: 0 is paper, 1 ink.
 * The paper's brightness may change softly from place to place.
 * @param {Greys} ink
 * @returns {Greys}
 */
export function removed(ink) {
    const paper = paperOf(ink).cells;
    const cells = ink.cells.map((value, i) =>
        min(fround(fround(value - paper[i]) / fround(255 - min(paper[i], BRIGHTEST_PAPER))), 1),
    );
    return new Grid(ink.width, ink.height, cells);
}

/**
 * The paper's brightness at each pixel.
 * @param {Greys} ink
 */
function paperOf(ink) {
    const tile = max(ceil(ink.longerSide / TILES), 1);
    const tiles = greys(ceil(ink.width / tile), ceil(ink.height / tile), (column, row) => {
        const right = min((column + 1) * tile, ink.width);
        const bottom = min((row + 1) * tile, ink.height);
        const values = [];
        for (let y = row * tile; y < bottom; y++) {
            for (let x = column * tile; x < right; x++) values.push(ink.at(x, y));
        }
        return quantile(Float32Array.from(values), PAPER);
    });
    // Bright spots that are narrower than twice the reach are strokes: filled with what is around.
    const wide = opened(continued(tiles, REACH), REACH);
    const within = greys(tiles.width, tiles.height, (x, y) => wide.at(x + REACH, y + REACH));
    return smoothlyEnlarged(within, tile, ink.width, ink.height);
}

/**
 * `margin` more tiles on each side, in which the light goes on rising or falling as it does within.
 * @param {Greys} tiles
 * @param {number} margin
 */
function continued(tiles, margin) {
    const alongRows = (/** @type {Greys} */ tiles) => {
        const last = tiles.width - 1;
        const more = greys(tiles.width + 2 * margin, tiles.height, (x, y) => {
            const inside = min(max(x - margin, 0), last);
            const beyond = abs(x - inside - margin);
            const mirrored = x < margin ? min(beyond, last) : max(inside - beyond, 0);
            return 2 * tiles.at(inside, y) - tiles.at(mirrored, y);
        });
        return transposed(more);
    };
    return alongRows(alongRows(tiles));
}

/**
 * Each tile's value at its middle, straight lines between.
 * @param {Greys} tiles
 * @param {number} tile
 * @param {number} width
 * @param {number} height
 */
function smoothlyEnlarged(tiles, tile, width, height) {
    const places = (/** @type {number} */ length, /** @type {number} */ count) =>
        Array.from({ length }, (_, at) => {
            const exact = min(max(fround(fround((at + 0.5) / tile) - 0.5), 0), count - 1);
            const first = floor(exact);
            return { first, next: min(first + 1, count - 1), share: fround(exact - first) };
        });
    const columns = places(width, tiles.width);
    const rows = places(height, tiles.height);
    const between = (/** @type {number} */ a, /** @type {number} */ b, /** @type {number} */ share) =>
        fround(fround(a * fround(1 - share)) + fround(b * share));
    return greys(width, height, (x, y) => {
        const across = columns[x];
        const down = rows[y];
        const along = (/** @type {number} */ row) =>
            between(tiles.at(across.first, row), tiles.at(across.next, row), across.share);
        return between(along(down.first), along(down.next), down.share);
    });
}
