// Lines that were on the paper before the digit: ruled and squared paper, frames.
// As src/data/picture/lines.rs.

import { Grid, transposed } from "./grid.js";
import * as pieces from "./pieces.js";

const { floor, fround, max, min } = Math;

/** A line is made of runs of at least this share of the picture's width. */
const RUN = 16;
/** A line spans this share of the picture. */
const SPAN = fround(0.94);
/** It is thinner than this share of the picture. */
const THIN = fround(0.06);
/** Ink that is this many times as thick as the line crosses it. */
const CROSSING = 2;
/** What is left must be as long as this share of the picture, else the line was the digit, a 1. */
const REST = fround(0.15);
/** A box drawn around the digit has ink along this share of its circumference. */
const BOXED = fround(0.85);

/** @typedef {import("./grid.js").Mask} Mask */
/** @typedef {import("./pieces.js").Piece} Piece */

/**
 * Removes straight lines that go from one edge of the picture to the other, and boxes around other ink.
 * @param {Mask} mask changed in place
 * @returns {number} how many there were
 */
export function remove(mask) {
    const across = linesAcross(mask);
    const down = linesAcross(transposed(mask));
    const without = new Grid(mask.width, mask.height, mask.cells.slice());
    for (const cell of across.flat()) without.cells[cell] = 0;
    for (const cell of down.flat()) {
        const y = cell % mask.height;
        without.cells[y * mask.width + (cell - y) / mask.height] = 0;
    }
    const count = across.length + down.length + removeBoxes(without);
    if (count === 0) return 0;
    const rest = pieces.all(without).reduce((longest, piece) => max(longest, piece.bounds.longerSide), 0);
    if (rest < fround(REST * min(mask.width, mask.height))) return 0;
    mask.cells.set(without.cells);
    return count;
}

/**
 * In how many places ink meets that edge of the picture which it meets most often.
 * @param {Mask} mask
 */
export function crossings({ width, height, cells }) {
    const runs = (/** @type {number} */ start, /** @type {number} */ step, /** @type {number} */ length) => {
        let count = 0;
        for (let i = 0; i < length; i++) {
            const isStart = cells[start + i * step] && (i === 0 || !cells[start + (i - 1) * step]);
            count += isStart ? 1 : 0;
        }
        return count;
    };
    const last = width * (height - 1);
    return max(runs(0, 1, width), runs(last, 1, width), runs(0, width, height), runs(width - 1, width, height));
}

/**
 * The cells of each line from left to right, but for those where other ink crosses it.
 * @param {Mask} mask
 * @returns {number[][]}
 */
function linesAcross(mask) {
    const thickness = (/** @type {Piece} */ line) => fround(line.cells.length / line.bounds.width);
    return pieces
        .all(longRuns(mask, max(floor(mask.width / RUN), 3)))
        .filter((line) => line.bounds.width >= fround(SPAN * mask.width))
        .filter((line) => thickness(line) <= fround(THIN * mask.height))
        .map((line) => {
            const most = fround(CROSSING * thickness(line) + 1);
            return line.cells.filter((cell) => thicknessAt(mask, cell) <= most);
        });
}

/**
 * Only the cells in unbroken runs of a row of at least `length`.
 * @param {Mask} mask
 * @param {number} length
 * @returns {Mask}
 */
function longRuns({ width, height, cells }, length) {
    const kept = new Uint8Array(cells.length);
    for (let y = 0; y < height; y++) {
        const end = (y + 1) * width;
        let start = y * width;
        for (let i = start; i <= end; i++) {
            if (i < end && cells[i]) continue;
            if (i - start >= length) kept.fill(1, start, i);
            start = i + 1;
        }
    }
    return new Grid(width, height, kept);
}

/**
 * The length of the unbroken run of ink in the cell's column.
 * @param {Mask} mask
 * @param {number} cell
 */
function thicknessAt({ width, cells }, cell) {
    let top = cell;
    while (top >= 0 && cells[top]) top -= width;
    let bottom = cell;
    while (bottom < cells.length && cells[bottom]) bottom += width;
    return (bottom - top) / width - 1;
}

/**
 * Removes boxes that have other ink within.
 * @param {Mask} mask changed in place
 */
function removeBoxes(mask) {
    const all = pieces.all(mask);
    const isFilled = (/** @type {Piece} */ frame) =>
        all.some(
            (other) =>
                other.bounds.isWithin(frame.bounds) &&
                other.bounds.longerSide >= fround(REST * frame.bounds.longerSide),
        );
    const boxes = all.filter((piece) => isBox(piece, mask) && isFilled(piece));
    for (const cell of boxes.flatMap((frame) => frame.cells)) mask.cells[cell] = 0;
    return boxes.length;
}

/**
 * Whether a piece is a thin upright rectangle, as far as it lies near the edges of its bounds.
 * @param {Piece} piece
 * @param {Mask} mask
 */
function isBox({ cells, bounds }, mask) {
    const near = 1 + floor(bounds.longerSide / 40);
    if (min(bounds.width, bounds.height) < 8 * near) return false;
    const columns = [new Uint8Array(bounds.width), new Uint8Array(bounds.width)];
    const rows = [new Uint8Array(bounds.height), new Uint8Array(bounds.height)];
    for (const cell of cells) {
        const x = cell % mask.width;
        const y = (cell - x) / mask.width;
        const across = x - bounds.left;
        const down = y - bounds.top;
        if (down < near) columns[0][across] = 1;
        if (bounds.bottom - y < near) columns[1][across] = 1;
        if (across < near) rows[0][down] = 1;
        if (bounds.right - x < near) rows[1][down] = 1;
    }
    const isFull = (/** @type {Uint8Array} */ side) =>
        side.reduce((count, set) => count + set, 0) >= fround(BOXED * side.length);
    return columns.every(isFull) && rows.every(isFull);
}
