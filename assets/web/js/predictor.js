// Predicts on the GPU, one image at a time, with the layered schedule: every layer's output is a tensor of its own.

import { Replay } from "./gpu/replay.js";

/** @typedef {import("./gpu/device.js").Gpu} Gpu */
/** @typedef {import("./gpu/schedule.js").Schedule} Schedule */
/** @typedef {import("./site.js").Site} Site */

/** @typedef {{ layer: string, shape: number[], values: Float32Array }} FeatureMap `shape` is [channels, height, width]. */
/** @typedef {{ heads: { name: string, probabilities: Float32Array }[], maps: FeatureMap[] }} Prediction */

/** The layers whose outputs are shown. */
export const MAPS = ["conv1.relu", "conv2.relu"];

export class GpuPredictor {
    /**
     * @param {Gpu} gpu
     * @param {Schedule} schedule
     * @param {Site} site
     * @param {Float32Array<ArrayBuffer>} parameters
     */
    static async create(gpu, schedule, site, parameters) {
        const predictor = new GpuPredictor(await Replay.create(gpu, schedule, { images: 1 }), site);
        predictor.replay.write("labels", Uint32Array.of(0));
        predictor.replay.write("order", Uint32Array.of(0));
        predictor.setParameters(parameters);
        return predictor;
    }

    /** @param {Replay} replay @param {Site} site */
    constructor(replay, site) {
        this.replay = replay;
        this.site = site;
    }

    /** @param {Float32Array<ArrayBuffer>} parameters */
    setParameters(parameters) {
        // The flat buffer's padding at its end is for the optimizer alone.
        const { size } = this.replay.find("parameters");
        this.replay.write("parameters", parameters.subarray(0, size / 4));
    }

    /**
     * @param {Uint8Array<ArrayBuffer>} image 784 grey values, 0 background and 255 ink.
     * @param {number} number 0-9.
     * @returns {Promise<Prediction>}
     */
    async predict(image, number) {
        const { replay } = this;
        replay.write("images", image);
        replay.write("addends", Uint32Array.of(number));
        replay.run([{ first: 0, end: 1 }]);
        const { answers } = replay.schedule;
        const maps = this.site.network.layers.filter(({ name }) => MAPS.includes(name));
        const parts = [
            ...answers.map(({ buffer, offset, classes }) => ({
                buffer: replay.places[buffer],
                offset,
                bytes: 4 * classes,
            })),
            ...maps.map(({ name, output }) => ({ buffer: replay.find(name), offset: 0, bytes: 4 * size(output) })),
        ];
        const read = (await replay.readAll(parts)).map((bytes) => new Float32Array(bytes));
        return {
            heads: answers.map(({ head }, index) => ({ name: head, probabilities: softmax(read[index]) })),
            maps: maps.map(({ name, output }, index) => ({
                layer: name,
                shape: output,
                values: read[answers.length + index],
            })),
        };
    }

    destroy() {
        this.replay.destroy();
    }
}

/** @param {number[]} shape */
function size(shape) {
    return shape.reduce((product, length) => product * length, 1);
}

/** The probabilities of logits. @param {Float32Array} logits */
export function softmax(logits) {
    const largest = Math.max(...logits);
    const powers = Array.from(logits, (logit) => Math.exp(logit - largest));
    const sum = powers.reduce((total, power) => total + power, 0);
    return Float32Array.from(powers, (power) => power / sum);
}
