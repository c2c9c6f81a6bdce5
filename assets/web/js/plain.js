// The network in plain JavaScript, layer by layer: what predicts where there is no WebGPU.

/** @typedef {import("./site.js").Site} Site */
/** @typedef {import("./predictor.js").Prediction} Prediction */
/** @typedef {{ weight: Float32Array, bias: Float32Array }} Weights */
/**
 * What a layer computes, with its sizes for one image.
 * @typedef {"relu"
 *     | { conv2d: { in_channels: number, out_channels: number, height: number, width: number, kernel: number } }
 *     | { max_pool: { channels: number, height: number, width: number, window: number } }
 *     | { linear: { inputs: number, outputs: number } }
 *     | { concat: { left: number, right: number } }} Op
 */

/** Predicts as `GpuPredictor` does, by loops over all channels, rows and columns. */
export class PlainPredictor {
    /**
     * @param {Site} site
     * @param {Float32Array} parameters of all layers, flat
     */
    constructor(site, parameters) {
        this.network = site.network;
        this.parameters = parameters;
    }

    /** @param {Float32Array} parameters */
    setParameters(parameters) {
        this.parameters = parameters;
    }

    /**
     * @param {Uint8Array} image 28 x 28 grey values, 255 is ink
     * @param {number} number 0-9
     * @returns {Promise<Prediction>}
     */
    async predict(image, number) {
        const inputs = /** @type {Record<string, Float32Array>} */ ({
            image: Float32Array.from(image, (value) => value / 255),
            number: Float32Array.from({ length: 10 }, (_, i) => Number(i === number)),
        });
        /** @type {Float32Array[]} */
        const outputs = [];
        const { layers, heads } = this.network;
        for (const layer of layers) {
            const from = layer.inputs.map((input) =>
                typeof input === "string" ? inputs[input] : outputs[input.layer],
            );
            outputs.push(this.#output(layer, from));
        }
        // The values of a convolution are shown after the ReLU that follows it.
        const maps = layers.flatMap((layer, i) => {
            const isMap = layer.op === "relu" && layer.output.length === 3;
            return isMap ? [{ layer: layer.name, shape: layer.output, values: outputs[i] }] : [];
        });
        return {
            heads: heads.map(({ name, logits }) => ({ name, probabilities: softmax(outputs[logits]) })),
            maps,
        };
    }

    /**
     * @param {import("./site.js").Layer} layer
     * @param {Float32Array[]} inputs
     * @returns {Float32Array}
     */
    #output(layer, [x, more]) {
        const op = /** @type {Op} */ (layer.op);
        if (op === "relu") return x.map((value) => Math.max(value, 0));
        if ("conv2d" in op) return conv2d(x, this.#weights(layer.name), op.conv2d);
        if ("max_pool" in op) return maxPool(x, op.max_pool);
        if ("linear" in op) return linear(x, this.#weights(layer.name));
        if ("concat" in op) return Float32Array.of(...x, ...more);
        throw new Error(`${layer.name}: plain JavaScript knows no op ${JSON.stringify(op)}`);
    }

    /**
     * @param {string} layer
     * @returns {Weights}
     */
    #weights(layer) {
        const part = (/** @type {string} */ name) => {
            const found = this.network.parameters.find((parameter) => parameter.name === `${layer}.${name}`);
            if (!found) throw new Error(`the network has no parameter ${layer}.${name}`);
            return this.parameters.subarray(found.offset, found.offset + found.shape.reduce((a, b) => a * b, 1));
        };
        return { weight: part("weight"), bias: part("bias") };
    }
}

/**
 * y[o,r,c] = bias[o] + sum over i,p,q of weight[o,i,p,q] x[i,r+p,c+q]
 * @param {Float32Array} x [in, height, width]
 * @param {Weights} weights
 * @param {{ in_channels: number, out_channels: number, height: number, width: number, kernel: number }} sizes
 */
function conv2d(x, { weight, bias }, { in_channels, out_channels, height, width, kernel }) {
    const rows = height - kernel + 1;
    const columns = width - kernel + 1;
    const y = new Float32Array(out_channels * rows * columns);
    for (let at = 0; at < y.length; at++) {
        const c = at % columns;
        const r = Math.floor(at / columns) % rows;
        const o = Math.floor(at / (columns * rows));
        let sum = bias[o];
        for (let i = 0; i < in_channels; i++) {
            for (let p = 0; p < kernel; p++) {
                const w = ((o * in_channels + i) * kernel + p) * kernel;
                const from = (i * height + r + p) * width + c;
                for (let q = 0; q < kernel; q++) sum += weight[w + q] * x[from + q];
            }
        }
        y[at] = sum;
    }
    return y;
}

/**
 * y[i,r,c] = the most of x[i] in the window at (r, c)
 * @param {Float32Array} x [channels, height, width]
 * @param {{ channels: number, height: number, width: number, window: number }} sizes
 */
function maxPool(x, { channels, height, width, window }) {
    const rows = Math.floor(height / window);
    const columns = Math.floor(width / window);
    const y = new Float32Array(channels * rows * columns).fill(-Infinity);
    for (let i = 0; i < channels; i++) {
        for (let r = 0; r < rows * window; r++) {
            for (let c = 0; c < columns * window; c++) {
                const at = (i * rows + Math.floor(r / window)) * columns + Math.floor(c / window);
                y[at] = Math.max(y[at], x[(i * height + r) * width + c]);
            }
        }
    }
    return y;
}

/**
 * y[o] = bias[o] + sum over i of weight[o,i] x[i]
 * @param {Float32Array} x
 * @param {Weights} weights
 */
function linear(x, { weight, bias }) {
    return bias.map((start, o) => {
        let sum = start;
        for (let i = 0; i < x.length; i++) sum += weight[o * x.length + i] * x[i];
        return sum;
    });
}

/** @param {Float32Array} logits */
function softmax(logits) {
    const most = Math.max(...logits);
    const powers = Array.from(logits, (logit) => Math.exp(logit - most));
    const sum = powers.reduce((a, b) => a + b);
    return Float32Array.from(powers, (power) => power / sum);
}
