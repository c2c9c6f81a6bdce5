// The device that everything runs on, and what it can do.

/**
 * @typedef {object} Gpu
 * @property {GPUDevice} device
 * @property {boolean} immediates Whether the cursor goes into immediate data; else into a uniform buffer.
 * @property {boolean} fallback Whether the browser computes on the CPU.
 * @property {string} name What the browser says of the adapter.
 * @property {Promise<string>} lost Why the device was lost, once it is.
 */

/** Bytes of a step's cursor. */
const CURSOR = 24;

const INSTEAD =
    "Use Chrome or Edge 113, Safari 26, Firefox 141 or newer, over https or from this machine, or run the program itself: digit-adder train.";

/**
 * Opens the best adapter that the browser offers.
 * @param {{ immediates?: boolean }} [options] `immediates: false` keeps the cursor in a uniform buffer even where
 *     immediate data would do.
 * @returns {Promise<Gpu>}
 * @throws {Error} Saying what is missing, and what to use.
 */
export async function openGpu({ immediates = true } = {}) {
    const gpu = navigator.gpu;
    if (!gpu) {
        throw new Error(`This browser, or this page's address, has no WebGPU. ${INSTEAD}`);
    }
    const adapter = await gpu.requestAdapter({ powerPreference: "high-performance" });
    if (!adapter) {
        throw new Error(`This browser has WebGPU, but no adapter for it: the driver may be missing or blocked. ${INSTEAD}`);
    }
    const supported = immediates && hasImmediates(gpu, adapter);
    const device = await adapter.requestDevice({ label: "digit-adder" });
    const { vendor, architecture, device: model, description } = infoOf(adapter);
    const name = description || [vendor, architecture, model].filter(Boolean).join(" ") || "unnamed adapter";
    return {
        device,
        immediates: supported,
        fallback: isFallback(adapter),
        name,
        lost: device.lost.then(({ reason, message }) => message || reason),
    };
}

/**
 * @param {GPU} gpu
 * @param {GPUAdapter} adapter
 */
function hasImmediates(gpu, adapter) {
    const limit = /** @type {{ maxImmediateSize?: number }} */ (/** @type {unknown} */ (adapter.limits)).maxImmediateSize;
    return (
        (gpu.wgslLanguageFeatures?.has("immediate_address_space") ?? false) &&
        "setImmediates" in GPUComputePassEncoder.prototype &&
        (limit ?? 0) >= CURSOR
    );
}

/**
 * What the browser says of the adapter; Chrome before 127 says nothing.
 * @param {GPUAdapter} adapter
 * @returns {Partial<GPUAdapterInfo>}
 */
function infoOf(adapter) {
    return adapter.info ?? {};
}

/**
 * The flag has moved from the adapter to its description.
 * @param {GPUAdapter} adapter
 */
function isFallback(adapter) {
    const info = infoOf(adapter);
    const old = /** @type {{ isFallbackAdapter?: boolean }} */ (/** @type {unknown} */ (adapter));
    return info.isFallbackAdapter ?? old.isFallbackAdapter ?? false;
}
