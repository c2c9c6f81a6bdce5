// Trains on the GPU with the fused schedule, whole stretches of steps without a round trip, and evaluates.

import { rates } from "./adam.js";
import { Replay } from "./gpu/replay.js";
import { Random } from "./random.js";

/** @typedef {import("./gpu/device.js").Gpu} Gpu */
/** @typedef {import("./gpu/cursor.js").Cursor} Cursor */
/** @typedef {import("./gpu/schedule.js").Schedule} Schedule */
/** @typedef {import("./site.js").Site} Site */
/** @typedef {import("./site.js").Split} Split */
/** @typedef {import("./site.js").Digits} Digits */

/** @typedef {{ heads: { name: string, accuracy: number }[], loss: number, images: number }} Result */

/**
 * How far a training is, and the results of the images since the last time.
 * @typedef {object} Info
 * @property {number} epoch From 1 on.
 * @property {number} step Of the whole training, from 1 on.
 * @property {number} images Of the whole training.
 * @property {number} loss The mean over heads and images.
 * @property {{ name: string, accuracy: number }[]} heads
 * @property {number} imagesPerSecond
 */

/**
 * Steps on their way.
 * @typedef {object} Flight
 * @property {Promise<ArrayBuffer>} records
 * @property {number} steps
 * @property {number} step The last one.
 * @property {number} images
 * @property {number} end Its place in the order.
 */

/** @typedef {{ epochs?: number, onProgress?: (info: Info) => void, signal?: AbortSignal }} Wishes */

/** What a stream of random numbers is for. */
const PURPOSE = { weights: 0, order: 1, addends: 2, testAddends: 3 };

/** How long a submission should keep the device busy: short enough for watchdogs, a live chart and a stop button. */
const SUBMISSION_MS = 100;
const MAX_STEPS = 256;
/** Submissions in flight at once: the device need not wait for the page. */
const IN_FLIGHT = 2;
/** Bytes of a head's record of an image: its loss, and whether it is right. */
const RECORD = 8;

/** The optimizer's state, in the places of the parameters. */
const MOMENTS = ["first-moments", "second-moments"];

export class Trainer {
    /**
     * @param {Gpu} gpu
     * @param {{ train: Schedule, evaluate: Schedule }} schedules
     * @param {Site} site
     * @param {Digits} digits
     * @param {{ seed: number }} options The seed of weights, orders and addends.
     */
    static async create(gpu, schedules, site, digits, { seed }) {
        const train = await Replay.create(gpu, schedules.train, { images: digits.train.labels.length });
        const parameters = /** @type {GPUBuffer} */ (train.buffers.get("parameters"));
        const evaluate = await Replay.create(gpu, schedules.evaluate, {
            images: digits.test.labels.length,
            buffers: new Map([["parameters", parameters]]),
        });
        return new Trainer(train, evaluate, site, digits, seed);
    }

    /** @param {Replay} replay @param {Replay} evaluation @param {Site} site @param {Digits} digits @param {number} seed */
    constructor(replay, evaluation, site, digits, seed) {
        this.replay = replay;
        this.evaluation = evaluation;
        this.site = site;
        this.digits = digits;
        this.seed = seed;
        this.step = 0;
        /** The one that has begun, and how many have ended. */
        this.epoch = 0;
        this.finished = 0;
        this.images = 0;
        this.stepsAtOnce = 1;
        upload(replay, digits.train);
        upload(evaluation, digits.test);
        const addends = new Random(seed, PURPOSE.testAddends);
        const { length } = digits.test.labels;
        evaluation.write("order", Uint32Array.from({ length }, (_, index) => index));
        evaluation.write("addends", Uint32Array.from({ length }, () => addends.below(10)));
        this.setParameters(initial(site, seed));
    }

    /** Begins again from these. @param {Float32Array<ArrayBuffer>} parameters */
    setParameters(parameters) {
        this.replay.write("parameters", parameters);
        for (const name of MOMENTS) this.replay.write(name, new Float32Array(parameters.length));
        [this.step, this.epoch, this.finished, this.images] = [0, 0, 0, 0];
    }

    /** @returns {Promise<Float32Array<ArrayBuffer>>} */
    async parameters() {
        return new Float32Array(await this.replay.read("parameters", { bytes: 4 * this.site.network.flat }));
    }

    /**
     * Trains on, epoch after epoch. Where an epoch is stopped, the next one begins the next time.
     * @param {Wishes} [wishes] Without `epochs`, until it is stopped.
     */
    async train({ epochs = Infinity, onProgress, signal } = {}) {
        const { length } = this.digits.train.labels;
        for (let done = 0; done < epochs && !signal?.aborted; done++) {
            this.epoch += 1;
            const order = new Random(this.seed, PURPOSE.order, this.epoch).permutation(length);
            const random = new Random(this.seed, PURPOSE.addends, this.epoch);
            const addends = Uint32Array.from({ length }, () => random.below(10));
            if (await this.pass(order, addends, { onProgress, signal })) this.finished += 1;
        }
    }

    /**
     * One pass over the training images in an order, with an addend for each image.
     * @param {Uint32Array<ArrayBuffer>} order
     * @param {Uint32Array<ArrayBuffer>} addends
     * @param {Wishes} [wishes]
     * @returns {Promise<boolean>} Whether it went to its end.
     */
    async pass(order, addends, { onProgress, signal } = {}) {
        this.replay.write("order", order);
        this.replay.write("addends", addends);
        /** @type {Flight[]} */
        const flights = [];
        let [first, since] = [0, performance.now()];
        const more = () => first < order.length && !signal?.aborted;
        try {
            while (more() || flights.length) {
                if (more() && flights.length < IN_FLIGHT) {
                    const flight = this.submit(first, order.length);
                    flights.push(flight);
                    first = flight.end;
                    continue;
                }
                const records = await flights[0].records;
                const now = performance.now();
                this.landed(/** @type {Flight} */ (flights.shift()), records, Math.max(now - since, 1e-3), onProgress);
                since = now;
            }
        } finally {
            // Nobody waits for what is on its way after an error.
            await Promise.allSettled(flights.map(({ records }) => records));
        }
        return first >= order.length;
    }

    /**
     * Submits the next steps of a pass from a place in the order on.
     * @param {number} first
     * @param {number} length Of the order.
     * @returns {Flight}
     */
    submit(first, length) {
        const { batch } = this.replay.schedule;
        const steps = Math.min(this.stepsAtOnce, Math.ceil((length - first) / batch));
        const end = Math.min(length, first + steps * batch);
        this.replay.run(this.cursors(first, length, steps));
        return { records: readRecords(this.replay, first, end - first), steps, step: this.step, images: end - first, end };
    }

    /**
     * Reports a submission that took so many ms.
     * @param {Flight} flight
     * @param {ArrayBuffer} records
     * @param {number} took
     * @param {((info: Info) => void) | undefined} onProgress
     */
    landed({ steps, step, images }, records, took, onProgress) {
        this.stepsAtOnce = adapted(steps, took);
        this.images += images;
        const { loss, heads } = summary(records, this.replay);
        if (!Number.isFinite(loss)) throw new Error(`the training diverged: the loss at step ${step} is ${loss}`);
        const imagesPerSecond = (1000 * images) / took;
        onProgress?.({ epoch: this.epoch, step, images: this.images, loss, heads, imagesPerSecond });
    }

    /**
     * Where the next steps of a pass stand.
     * @param {number} first
     * @param {number} end
     * @param {number} steps
     * @returns {Cursor[]}
     */
    cursors(first, end, steps) {
        const { recipe, adam } = this.site;
        return Array.from({ length: steps }, (_, index) => {
            this.step += 1;
            const place = first + index * this.replay.schedule.batch;
            return { first: place, end, ...rates(adam, recipe.learning_rate, this.step) };
        });
    }

    /** Tests the parameters as they are on the held-out images. @returns {Promise<Result>} */
    async evaluate() {
        const { evaluation } = this;
        const { batch } = evaluation.schedule;
        const images = this.digits.test.labels.length;
        for (let first = 0; first < images; first += batch) {
            evaluation.run([{ first, end: images }]);
        }
        return { ...summary(await readRecords(evaluation, 0, images), evaluation), images };
    }

    destroy() {
        this.evaluation.destroy();
        this.replay.destroy();
    }
}

/** Steps of the next submission, after one of `steps` that took so many ms. @param {number} steps @param {number} took */
function adapted(steps, took) {
    const scale = Math.min(4, Math.max(0.25, SUBMISSION_MS / took));
    return Math.min(MAX_STEPS, Math.max(1, Math.round(steps * scale)));
}

/** @param {Replay} replay @param {Split} split */
function upload(replay, { images, labels }) {
    replay.write("images", images);
    replay.write("labels", Uint32Array.from(labels));
}

/** The records of images of a pass, by their places in the order. @param {Replay} replay @param {number} first @param {number} images */
function readRecords(replay, first, images) {
    const bytes = RECORD * replay.schedule.answers.length;
    return replay.read("records", { offset: bytes * first, bytes: bytes * images });
}

/** @param {ArrayBuffer} records @param {Replay} replay @returns {{ loss: number, heads: Result["heads"] }} */
function summary(records, replay) {
    const names = replay.schedule.answers.map(({ head }) => head);
    const view = new DataView(records);
    const images = records.byteLength / RECORD / names.length;
    const right = names.map(() => 0);
    let loss = 0;
    for (let at = 0; at < records.byteLength; at += RECORD) {
        loss += view.getFloat32(at, true);
        right[(at / RECORD) % names.length] += view.getUint32(at + 4, true);
    }
    return {
        loss: loss / images / names.length,
        heads: names.map((name, head) => ({ name, accuracy: right[head] / images })),
    };
}

/** Fresh parameters as PyTorch draws them: uniform in ±1/sqrt(fan_in). @param {Site} site @param {number} seed */
export function initial({ network }, seed) {
    const random = new Random(seed, PURPOSE.weights);
    const flat = new Float32Array(network.flat);
    for (const { shape, fan_in, offset } of network.parameters) {
        const bound = 1 / Math.sqrt(fan_in);
        const count = shape.reduce((product, size) => product * size, 1);
        for (let index = 0; index < count; index++) flat[offset + index] = bound * (2 * random.unit() - 1);
    }
    return flat;
}
