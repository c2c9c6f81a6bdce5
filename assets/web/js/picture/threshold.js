// Where ink begins. As src/data/picture/threshold.rs.

import { quantile, quantileOf } from "./grid.js";

const { floor, fround, max, min } = Math;

/** Shares of ink below this are no ink, however clean the paper. */
const FAINTEST = fround(0.08);
/** Ink is brighter than so many times the paper's grain. */
const TIMES_GRAIN = 5;
/** The grain of a small picture may be squared paper, so it does not count beyond this. */
const COARSEST = 0.25;
/** Full ink that is no clearer than the grain is grain. */
const CLEAR_OF_GRAIN = 6;
/** The thin and soft parts of strokes have at least this share of full ink. */
const SOFTEST = fround(0.45);
const BINS = 256;

/**
 * What counts as ink in a picture of shares of ink: from `ink` on it is; `full` is the usual share in the
 * midst of a stroke.
 * @typedef {{ ink: number, full: number }} Threshold
 */

/**
 * The threshold between paper and ink; nothing where all is paper.
 * @param {import("./grid.js").Greys} shares
 * @returns {Threshold | undefined}
 */
export function find(shares) {
    const paper = quantileOf(shares, 0.5);
    const apart = shares.cells.map((share) => Math.abs(fround(share - paper)));
    const grain = fround(fround(1.4826) * quantile(apart, 0.5));
    const faintest = min(max(fround(TIMES_GRAIN * grain), FAINTEST), COARSEST);
    const found = split(shares, faintest);
    if (!found) return undefined;
    const ink = max(min(found.ink, fround(SOFTEST * found.full)), faintest);
    return found.full > min(fround(CLEAR_OF_GRAIN * grain), 2 * COARSEST) ? { ink, full: found.full } : undefined;
}

/**
 * Otsu's threshold between faint and full ink, of what has more than `above`: the paper, of which there is so
 * much more, or lines that are fainter than the ink are left out. Nothing where nothing has more.
 * @param {import("./grid.js").Greys} shares
 * @param {number} above
 * @returns {Threshold | undefined}
 */
export function split(shares, above) {
    const bins = new Uint32Array(BINS);
    for (const share of shares.cells) {
        if (share > above) bins[min(floor(share * BINS), BINS - 1)]++;
    }
    const at = otsu(bins);
    if (at === undefined) return undefined;
    let sum = 0;
    let count = 0;
    for (let bin = at; bin < BINS; bin++) {
        sum = fround(sum + fround(fround((bin + 0.5) / BINS) * bins[bin]));
        count += bins[bin];
    }
    return { ink: at / BINS, full: fround(sum / count) };
}

/**
 * The first bin of the upper class when the variance between the two classes is greatest; with one bin filled,
 * that bin.
 * @param {Uint32Array} bins
 * @returns {number | undefined}
 */
function otsu(bins) {
    let total = 0;
    let moment = 0;
    bins.forEach((members, bin) => {
        total += members;
        moment += bin * members;
    });
    let below = 0;
    let belowMoment = 0;
    let best = 0;
    /** @type {number | undefined} */
    let at;
    bins.forEach((members, bin) => {
        const above = total - below;
        if (below > 0 && above > 0) {
            const apart = (moment - belowMoment) / above - belowMoment / below;
            const variance = below * above * apart * apart;
            if (variance > best) [best, at] = [variance, bin];
        }
        below += members;
        belowMoment += bin * members;
    });
    const filled = bins.findIndex((members) => members > 0);
    return at ?? (filled < 0 ? undefined : filled);
}
