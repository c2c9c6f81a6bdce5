// MNIST's form: the digit 20 pixels long and centred by its ink in 28 x 28, bright on black.
// As src/data/picture/form.rs.

import { Bounds } from "./bounds.js";
import { centreOfMass, mask, quantileOf } from "./grid.js";

/** Width and height of the network's image. */
export const SIDE = 28;

/** The centre of mass of MNIST's images is between 13.5 and 14.5, counting pixels from 0. */
const CENTRE = 14;
const OFF_CENTRE = Math.fround(0.6);
/** The longer side of the ink. */
const SHORTEST = 18;
const LONGEST = 21;
/** Background and ink, of 255. */
const BLACK = 8;
const INK = 32;
const BRIGHT = 160;

/**
 * Whether bright ink is in MNIST's form already, so that nothing is left to do.
 * @param {import("./grid.js").Greys} ink
 */
export function isMnist(ink) {
    if (ink.width !== SIDE || ink.height !== SIDE) return false;
    if (quantileOf(ink, 0.5) > BLACK || quantileOf(ink, 1) < BRIGHT) return false;
    const length = Bounds.of(mask(ink, (value) => value >= INK))?.longerSide ?? 0;
    const isCentred = centreOfMass(ink).every((at) => Math.abs(at - CENTRE) <= OFF_CENTRE);
    return SHORTEST <= length && length <= LONGEST && isCentred;
}
