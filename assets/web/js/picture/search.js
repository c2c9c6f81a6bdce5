// Looks for the digit; where the paper's lines hold it, among what is darker or broader than they are.
// As src/data/picture/search.rs.

import * as digits from "./digit.js";
import { mask, opened } from "./grid.js";
import * as lines from "./lines.js";
import * as threshold from "./threshold.js";

const { fround, min } = Math;

/** Where ink meets one edge of the picture in so many places, it is lines of the paper. */
const RULED = 3;
/** Lines of less than twice these many cells, and one more, are left out. */
const BROADER = [0, 1, 2, 3];
/** Fainter lines are left out so many times. */
const DARKER = 3;
/** The digit is free of them when no more than this is left of other ink, over its own, ... */
const OTHER_INK = fround(0.15);
/** ... and it is as long as this share of the picture's shorter side. */
const SMALLEST = fround(0.1);

/** @typedef {import("./grid.js").Greys} Greys */

/**
 * A digit and how it came to light: the share of ink of each pixel without what was left out, and in how many
 * places ink meets that edge of the picture which it meets most often.
 * @typedef {{ shares: Greys, threshold: threshold.Threshold, digit: digits.Digit, lines: number,
 *   crossings: number }} Found
 */

/**
 * Finds the digit; nothing without ink.
 * @param {Greys} shares
 * @param {import("./grey.js").Step[]} steps
 * @returns {Found | undefined}
 */
export function find(shares, steps) {
    const start = threshold.find(shares);
    const first = start && attempt(shares, start);
    if (!first) return undefined;
    const found = (first.crossings >= RULED && freed(shares)) || first;
    const percent = (100 * found.threshold.ink).toFixed(0);
    steps.push({ name: "threshold", note: `ink covers at least ${percent} % of the paper's light` });
    if (found.lines > 0) {
        steps.push({ name: "lines", note: `${found.lines} lines of the paper or frames removed` });
    }
    if (found.digit.dropped > 0) {
        steps.push({ name: "specks", note: `${found.digit.dropped} pieces that are not of the digit removed` });
    }
    return found;
}

/**
 * @param {Greys} shares
 * @param {threshold.Threshold} threshold
 * @returns {Found | undefined}
 */
function attempt(shares, threshold) {
    const ink = mask(shares, (share) => share >= threshold.ink);
    const crossings = lines.crossings(ink);
    const removed = lines.remove(ink);
    const digit = digits.find(ink);
    return digit && { shares, threshold, digit, lines: removed, crossings };
}

/**
 * The first attempt at darker and broader ink whose digit stands free; best where no line is left that had to
 * be removed and may have left crumbs.
 * @param {Greys} shares
 * @returns {Found | undefined}
 */
function freed(shares) {
    /** @type {Found | undefined} */
    let crumbled;
    for (const radius of BROADER) {
        const broad = opened(shares, radius);
        let limit = threshold.find(broad);
        if (!limit) break;
        for (let round = 0; round < DARKER && limit; round++) {
            const found = attempt(broad, limit);
            if (found && isFree(found.digit)) {
                if (found.crossings < RULED) return found;
                crumbled ??= found;
            }
            limit = threshold.split(broad, limit.ink);
        }
    }
    return crumbled;
}

/** @param {digits.Digit} digit */
function isFree({ mask, bounds, droppedInk }) {
    const shorterSide = min(mask.width, mask.height);
    return !bounds.touchesEdge(mask) && droppedInk <= OTHER_INK && bounds.longerSide >= fround(SMALLEST * shorterSide);
}
