// Which pieces of ink are the digit, and whether there is more than one. As src/data/picture/digit.rs.

import * as pieces from "./pieces.js";

const { fround, max } = Math;

/** Sizes and gaps are shares of the longer side of the largest piece.
 * Anything shorter is a speck, unless it all but touches the digit. */
const SPECK = fround(0.12);
const TOUCHING = fround(0.05);
/** A stroke this near belongs to the digit. */
const NEAR = fround(0.3);
/** What is at least so high stands for a digit of its own. */
const DIGIT = fround(0.55);
/** How much less a piece counts that the picture's edge cuts: a table beside the paper, the next digit. */
const CUT = fround(0.1);
/** No digit of MNIST's is wider than this, over its height. */
const WIDEST = 2;

/** @typedef {import("./grid.js").Mask} Mask */
/** @typedef {import("./bounds.js").Bounds} Bounds */
/** @typedef {import("./pieces.js").Piece} Piece */

/**
 * The ink of the digit, specks left out: how many pieces were, the ink in them over the digit's, and why the
 * answer may be none.
 * @typedef {{ mask: Mask, bounds: Bounds, dropped: number, droppedInk: number, doubts: string[] }} Digit
 */

/**
 * Finds the digit; nothing without ink.
 * @param {Mask} mask
 * @returns {Digit | undefined}
 */
export function find(mask) {
    const rest = pieces.all(mask);
    if (rest.length === 0) return undefined;
    // Of equals the last, and what is taken out makes room for the last: the order in which pieces join.
    const take = (/** @type {number} */ at) => {
        const [piece] = rest.splice(at, 1, rest[rest.length - 1]);
        rest.pop();
        return piece;
    };
    const weights = rest.map((piece) => weight(piece, mask));
    const strokes = [take(weights.lastIndexOf(weights.reduce((a, b) => max(a, b))))];
    const side = strokes[0].bounds.longerSide;
    let bounds = strokes[0].bounds;
    for (;;) {
        const next = rest.findIndex((piece) => belongs(piece, bounds, side));
        if (next < 0) break;
        const piece = take(next);
        bounds = bounds.with(piece.bounds);
        strokes.push(piece);
    }
    const ink = (/** @type {Piece[]} */ of) => of.reduce((sum, piece) => sum + piece.cells.length, 0);
    return {
        mask: pieces.maskOf(strokes, mask.width, mask.height),
        bounds,
        dropped: rest.length,
        droppedInk: fround(ink(rest) / ink(strokes)),
        doubts: doubts(strokes, rest, bounds, side),
    };
}

/**
 * How much a piece counts as the digit: its ink, less if the edge cuts it.
 * @param {Piece} piece
 * @param {Mask} mask
 */
function weight(piece, mask) {
    return piece.bounds.touchesEdge(mask) ? fround(CUT * piece.cells.length) : piece.cells.length;
}

/**
 * @param {Piece} piece
 * @param {Bounds} digit
 * @param {number} side
 */
function belongs(piece, digit, side) {
    const gap = digit.gapTo(piece.bounds);
    const isLong = piece.bounds.longerSide >= fround(SPECK * side);
    return gap <= fround(TOUCHING * side) || (isLong && gap <= fround(NEAR * side));
}

/**
 * @param {Piece[]} strokes
 * @param {Piece[]} rest
 * @param {Bounds} bounds
 * @param {number} side
 */
function doubts(strokes, rest, bounds, side) {
    const tallest = strokes.reduce((most, stroke) => max(most, stroke.bounds.height), 0);
    const columns = strokes
        .map((stroke) => stroke.bounds)
        .filter((column) => column.height >= fround(DIGIT * tallest))
        .sort((a, b) => a.left - b.left);
    // Strokes that stand side by side, none above another.
    let standing = 0;
    let right = -1;
    for (const column of columns) {
        standing += column.left > right ? 1 : 0;
        right = max(right, column.right);
    }
    const isDigit = (/** @type {number} */ height) => height >= fround(DIGIT * side) && fround(height * DIGIT) <= side;
    const all = standing + rest.filter((piece) => isDigit(piece.bounds.height)).length;
    if (all > 1) return [`the picture seems to show ${all} digits: cut out the one to read`];
    if (bounds.width > WIDEST * bounds.height) {
        return ["the ink is wider than a digit: if it is more than one, cut out the one to read"];
    }
    return [];
}
