// What the page is given beside its code: the files of data/.

/** @typedef {import("./gpu/schedule.js").Schedule} Schedule */
/** @typedef {import("./adam.js").Adam} Adam */

/** @typedef {{ name: string, shape: number[], fan_in: number, offset: number }} Parameter */
/** @typedef {{ name: string, logits: number, classes: number, targets: number[] }} Head */
/** @typedef {{ name: string, op: string | object, inputs: (string | { layer: number })[], output: number[] }} Layer */

/**
 * @typedef {object} Site
 * @property {string} version
 * @property {{ image: number[], layers: Layer[], heads: Head[], parameters: Parameter[], flat: number }} network
 * @property {{ file: string, compression: "gzip", train: number, test: number, side: number, origin: string }} digits
 * @property {{ epochs: number, batch_size: number, learning_rate: number }} recipe
 * @property {Adam} adam
 * @property {{ file: string, about: object | null }} weights
 * @property {{ predict: string, train: string, evaluate: string }} schedules
 */

/** @typedef {{ images: Uint8Array<ArrayBuffer>, labels: Uint8Array<ArrayBuffer> }} Split 784 bytes an image. */
/** @typedef {{ train: Split, test: Split }} Digits */

/** Where the files lie, whatever folder the page is in. */
const DATA = new URL("../data/", import.meta.url);

/** @param {string} file */
async function get(file) {
    const answer = await fetch(new URL(file, DATA));
    if (!answer.ok) throw new Error(`data/${file} cannot be loaded: ${answer.status} ${answer.statusText}`);
    return answer;
}

/** @returns {Promise<Site>} */
export async function loadSite() {
    return (await get("site.json")).json();
}

/** @param {Site} site @param {"predict" | "train" | "evaluate"} name @returns {Promise<Schedule>} */
export async function loadSchedule(site, name) {
    return (await get(site.schedules[name])).json();
}

/** The bytes of the weights that the page begins with. @param {Site} site */
export async function loadWeights(site) {
    return (await get(site.weights.file)).arrayBuffer();
}

/** The images to train on, and those that are held out. @param {Site} site @returns {Promise<Digits>} */
export async function loadDigits({ digits }) {
    const packed = (await get(digits.file)).body;
    if (!packed) throw new Error(`data/${digits.file} is empty`);
    const stream = packed.pipeThrough(new DecompressionStream(digits.compression));
    const bytes = new Uint8Array(await new Response(stream).arrayBuffer());
    const pixels = digits.side * digits.side;
    const count = digits.train + digits.test;
    if (bytes.length !== count * (pixels + 1)) throw new Error(`data/${digits.file} does not hold ${count} images`);
    const labels = bytes.subarray(count * pixels);
    return {
        train: { images: bytes.subarray(0, digits.train * pixels), labels: labels.subarray(0, digits.train) },
        test: { images: bytes.subarray(digits.train * pixels, count * pixels), labels: labels.subarray(digits.train) },
    };
}
