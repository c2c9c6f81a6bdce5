// Brings a picture of a digit to MNIST's form, as `digit-adder predict` does: the files beside, in js/picture/,
// are those of src/data/picture/ one by one, and give the same image within one grey value.

import * as digits from "./picture/digit.js";
import { toMnist } from "./picture/fit.js";
import { isMnist } from "./picture/form.js";
import { fromColours } from "./picture/grey.js";
import { mask, quantileOf } from "./picture/grid.js";
import * as light from "./picture/light.js";
import { withBrightInk } from "./picture/polarity.js";
import * as search from "./picture/search.js";

/** Ink must stand out from its surroundings by this much, of 255. */
const FAINTEST = 20;

/**
 * A picture as the network takes it: 784 grey values, 0 is background, 255 ink; what was done, in this order;
 * why the answer may be wrong.
 * @typedef {{ image: Uint8Array<ArrayBuffer>, steps: import("./picture/grey.js").Step[], doubts: string[] }} Prepared
 */

/**
 * @param {Uint8Array | Uint8ClampedArray} rgba red, green, blue and opacity of each pixel, row by row
 * @param {number} width
 * @param {number} height
 * @returns {Prepared | undefined} nothing where the picture shows no ink
 */
export function prepare(rgba, width, height) {
    if (width < 1 || height < 1 || rgba.length !== 4 * width * height) {
        throw new Error(`${rgba.length} bytes are not ${width} x ${height} pixels of 4`);
    }
    /** @type {Prepared["steps"]} */
    const steps = [];
    const grey = fromColours(rgba, width, height, steps);
    if (!grey || quantileOf(grey, 1) - quantileOf(grey, 0) < FAINTEST) return undefined;
    const ink = withBrightInk(grey, steps);
    if (isMnist(ink)) {
        steps.push({ name: "form", note: "MNIST's already: left as it is" });
        const doubts = digits.find(mask(ink, (value) => value > 64))?.doubts ?? [];
        return { image: Uint8Array.from(ink.cells), steps, doubts };
    }
    const found = search.find(light.removed(ink), steps);
    return found && { image: toMnist(found, steps), steps, doubts: found.digit.doubts };
}
