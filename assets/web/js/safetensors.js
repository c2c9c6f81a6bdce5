// Trained weights as a safetensors file: names and shapes are PyTorch's, as the program's own.

/** @typedef {import("./site.js").Site} Site */
/** @typedef {{ dtype: string, shape: number[], data_offsets: [number, number] }} Tensor */

/** The largest header that is read, as in the program. */
const MAX_HEADER = 1_000_000;
/** The program's own entry of the metadata: one JSON text. */
const ABOUT = "digit-adder";

/**
 * The flat parameters of a file that has exactly the network's tensors.
 * @param {ArrayBuffer} file
 * @param {Site} site
 * @returns {Float32Array<ArrayBuffer>}
 * @throws {Error} Naming the tensor that is wrong: missing or unknown, not f32, of a different shape, not finite.
 */
export function read(file, { network }) {
    const { tensors, data } = open(file);
    const wanted = new Set(network.parameters.map(({ name }) => name));
    const unknown = Object.keys(tensors).find((name) => !wanted.has(name));
    if (unknown !== undefined) throw new Error(`tensor \`${unknown}\` is not one of this network's`);
    const flat = new Float32Array(network.flat);
    for (const { name, shape, offset } of network.parameters) {
        flat.set(values(name, tensors[name], shape, data), offset);
    }
    return flat;
}

/** @param {ArrayBuffer} file */
function open(file) {
    const whole = "not a whole safetensors file: copy or download it again";
    if (file.byteLength < 8) throw new Error(whole);
    const length = Number(new DataView(file).getBigUint64(0, true));
    if (length > MAX_HEADER || length > file.byteLength - 8) throw new Error(whole);
    let header;
    try {
        header = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(new Uint8Array(file, 8, length)));
    } catch {
        throw new Error(whole);
    }
    if (typeof header !== "object" || header === null) throw new Error(whole);
    const { __metadata__: _, ...tensors } = header;
    return { tensors: /** @type {Record<string, Tensor>} */ (tensors), data: file.slice(8 + length) };
}

/**
 * @param {string} name
 * @param {Tensor | undefined} tensor
 * @param {number[]} shape
 * @param {ArrayBuffer} data
 */
function values(name, tensor, shape, data) {
    if (!tensor) throw new Error(`tensor \`${name}\` is missing`);
    if (tensor.dtype !== "F32") throw new Error(`tensor \`${name}\` is ${tensor.dtype}, not F32`);
    if (`${tensor.shape}` !== `${shape}`) {
        throw new Error(`tensor \`${name}\` has shape [${tensor.shape}], not [${shape}]`);
    }
    const [start, end] = Array.isArray(tensor.data_offsets) ? tensor.data_offsets : [0, -1];
    const count = shape.reduce((product, size) => product * size, 1);
    if (!(start >= 0 && end - start === 4 * count && end <= data.byteLength)) {
        throw new Error(`tensor \`${name}\` is not whole`);
    }
    const view = new DataView(data, start, 4 * count);
    const numbers = Float32Array.from({ length: count }, (_, index) => view.getFloat32(4 * index, true));
    const wrong = numbers.find((value) => !Number.isFinite(value));
    if (wrong !== undefined) throw new Error(`tensor \`${name}\` holds ${wrong}`);
    return numbers;
}

/**
 * The flat parameters as a file that the program and PyTorch read.
 * @param {Float32Array} flat
 * @param {Site} site
 * @param {object} [about] How they were made, as `aboutTraining` says it.
 * @returns {Blob}
 */
export function write(flat, { network }, about) {
    /** @type {Record<string, Tensor | Record<string, string>>} */
    const header = about ? { __metadata__: { [ABOUT]: JSON.stringify(about) } } : {};
    const parts = [];
    let at = 0;
    for (const { name, shape, offset } of network.parameters) {
        const count = shape.reduce((product, size) => product * size, 1);
        header[name] = { dtype: "F32", shape, data_offsets: [at, at + 4 * count] };
        parts.push(littleEndian(flat.subarray(offset, offset + count)));
        at += 4 * count;
    }
    const text = new TextEncoder().encode(JSON.stringify(header));
    const padded = new Uint8Array(Math.ceil(text.length / 8) * 8).fill(0x20);
    padded.set(text);
    const length = new DataView(new ArrayBuffer(8));
    length.setBigUint64(0, BigInt(padded.length), true);
    return new Blob([length, padded, ...parts], { type: "application/octet-stream" });
}

/** @param {Float32Array} values */
function littleEndian(values) {
    const view = new DataView(new ArrayBuffer(4 * values.length));
    values.forEach((value, index) => view.setFloat32(4 * index, value, true));
    return view;
}

/**
 * What the program's own metadata say of weights, for those that this page has trained.
 * @param {Site} site
 * @param {{ epochs: number, seed: number }} training
 */
export function aboutTraining({ version, recipe, digits }, { epochs, seed }) {
    return {
        version,
        ...recipe,
        seed,
        epochs: Math.max(1, epochs),
        trained_epochs: epochs,
        dataset: `${digits.train} ${digits.origin}, in a browser`,
    };
}
