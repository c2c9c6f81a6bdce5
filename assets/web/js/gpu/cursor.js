// How the cursor, all that tells one step of the network from another, reaches the shaders: as immediate data, or in a
// uniform buffer with an offset for each step.

/** @typedef {import("./device.js").Gpu} Gpu */
/** @typedef {{ [field: string]: number }} Cursor */

/** Bytes from one cursor to the next in the uniform buffer: every device takes offsets of so many. */
const STRIDE = 256;
/** Bytes that are bound of it: whole vec4. */
const BOUND = 32;

/** The cursors of a replay. */
export class Cursors {
    /**
     * @param {Gpu} gpu
     * @param {[string, string][]} fields Name and WGSL type of each word.
     */
    constructor(gpu, fields) {
        this.gpu = gpu;
        this.fields = fields;
        /** @type {GPUBindGroupLayout | null} */
        this.layout = gpu.immediates
            ? null
            : gpu.device.createBindGroupLayout({
                  label: "cursor",
                  entries: [
                      {
                          binding: 0,
                          visibility: GPUShaderStage.COMPUTE,
                          buffer: { type: "uniform", hasDynamicOffset: true },
                      },
                  ],
              });
        /** @type {GPUBuffer | null} */
        this.buffer = null;
        /** @type {GPUBindGroup | null} */
        this.group = null;
    }

    /** The layout of a pipeline whose own bindings are these. @param {GPUBindGroupLayout} own */
    pipelineLayout(own) {
        const bindGroupLayouts = this.layout ? [own, this.layout] : [own];
        const immediateSize = this.layout ? 0 : 4 * this.fields.length;
        const descriptor = /** @type {GPUPipelineLayoutDescriptor} */ ({ bindGroupLayouts, immediateSize });
        return this.gpu.device.createPipelineLayout(descriptor);
    }

    /** Makes ready to run steps that stand at these cursors, in this order. @param {Cursor[]} cursors */
    write(cursors) {
        const words = this.layout ? STRIDE / 4 : this.fields.length;
        const bytes = new ArrayBuffer(4 * words * cursors.length);
        const view = new DataView(bytes);
        cursors.forEach((cursor, index) => {
            this.fields.forEach(([name, type], field) => {
                const at = 4 * (words * index + field);
                const value = cursor[name] ?? 0;
                if (type === "f32") view.setFloat32(at, value, true);
                else view.setUint32(at, value, true);
            });
        });
        this.bytes = bytes;
        if (!this.layout) return;
        if (!this.buffer || this.buffer.size < bytes.byteLength) this.grow(bytes.byteLength, this.layout);
        this.gpu.device.queue.writeBuffer(/** @type {GPUBuffer} */ (this.buffer), 0, bytes);
    }

    /** @param {number} size @param {GPUBindGroupLayout} layout */
    grow(size, layout) {
        const { device } = this.gpu;
        this.buffer?.destroy();
        this.buffer = device.createBuffer({
            label: "cursors",
            size: 2 * size,
            usage: GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST,
        });
        const resource = { buffer: this.buffer, size: BOUND };
        this.group = device.createBindGroup({ label: "cursor", layout, entries: [{ binding: 0, resource }] });
    }

    /**
     * Lets the dispatches that follow in a pass stand at a cursor, by its place in those of `write`.
     * @param {GPUComputePassEncoder} pass
     * @param {number} index
     */
    set(pass, index) {
        if (this.layout) {
            pass.setBindGroup(1, this.group, [STRIDE * index]);
        } else {
            const size = 4 * this.fields.length;
            const immediate = new Uint8Array(/** @type {ArrayBuffer} */ (this.bytes), size * index, size);
            /** @type {any} */ (pass).setImmediates(0, immediate);
        }
    }

    destroy() {
        this.buffer?.destroy();
    }
}
