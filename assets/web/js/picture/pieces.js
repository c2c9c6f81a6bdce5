// Pieces of ink that hang together. As src/data/picture/pieces.rs.

import { Bounds } from "./bounds.js";
import { Grid } from "./grid.js";

/**
 * Cells of ink, as indices into the grid, that touch by a side or a corner.
 * @typedef {{ cells: number[], bounds: Bounds }} Piece
 */

/** @typedef {import("./grid.js").Mask} Mask */

/**
 * All pieces, from the top left.
 * @param {Mask} mask
 * @returns {Piece[]}
 */
export function all(mask) {
    const pieces = [];
    const left = mask.cells.slice();
    for (let start = 0; start < left.length; start++) {
        if (left[start]) pieces.push(takenFrom(left, mask, start));
    }
    return pieces;
}

/**
 * Takes out of `left` all that hangs together with the cell `start`.
 * @param {Uint8Array} left
 * @param {{ width: number, height: number }} size
 * @param {number} start
 * @returns {Piece}
 */
function takenFrom(left, { width, height }, start) {
    const bounds = Bounds.ofCell(start, width);
    const cells = [start];
    left[start] = 0;
    for (let done = 0; done < cells.length; done++) {
        const cell = cells[done];
        bounds.include(cell, width);
        const x = cell % width;
        const y = (cell - x) / width;
        for (let row = Math.max(y - 1, 0); row < Math.min(y + 2, height); row++) {
            for (let column = Math.max(x - 1, 0); column < Math.min(x + 2, width); column++) {
                const next = row * width + column;
                if (left[next]) {
                    left[next] = 0;
                    cells.push(next);
                }
            }
        }
    }
    return { cells, bounds };
}

/**
 * The mask of some pieces.
 * @param {Piece[]} pieces
 * @param {number} width
 * @param {number} height
 * @returns {Mask}
 */
export function maskOf(pieces, width, height) {
    const cells = new Uint8Array(width * height);
    for (const piece of pieces) {
        for (const cell of piece.cells) cells[cell] = 1;
    }
    return new Grid(width, height, cells);
}
