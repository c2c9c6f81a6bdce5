// A schedule on a device: its buffers, and a flat list of pipelines, bind groups and grids that is run again and again.
// The counterpart of src/gpu/replay.rs; tests/golden/replay.json holds the two to the same results.

import { Cursors } from "./cursor.js";
import { edited, idleSlots, layoutEntry, pipelineOf } from "./kernel.js";
import { checkAlone } from "./text.js";

/** @typedef {import("./device.js").Gpu} Gpu */
/** @typedef {import("./cursor.js").Cursor} Cursor */
/** @typedef {import("./schedule.js").Schedule} Schedule */
/** @typedef {import("./schedule.js").Kernel} Kernel */
/** @typedef {Map<string, GPUBuffer>} Buffers */

/** @typedef {import("./kernel.js").Diagnostic} Diagnostic */

/**
 * A kernel on the device.
 * @typedef {object} Compiled
 * @property {GPUBindGroupLayout} own
 * @property {GPUPipelineLayout} layout
 * @property {GPUBuffer[]} idle What is bound to slots that nothing reads.
 * @property {GPUComputePipeline} pipeline
 * @property {string} text With the kernel's constants, as the host or an editor wrote it.
 */

/** Sizes of buffers are multiples of so many bytes. */
const ROUNDING = 256;
/** Bytes after a tensor that no kernel may touch. */
const GUARD = 256;

export class Replay {
    /**
     * Allocates a schedule's buffers, compiles its kernels and binds everything.
     * @param {Gpu} gpu
     * @param {Schedule} schedule
     * @param {{ images?: number, buffers?: Buffers }} [options] `images` of the data set, those of a step if not given;
     *     `buffers` that are there already, by the names of shared ones.
     * @returns {Promise<Replay>}
     */
    static async create(gpu, schedule, { images = schedule.batch, buffers = new Map() } = {}) {
        schedule.kernels.forEach(checkAlone);
        const replay = new Replay(gpu, schedule);
        try {
            replay.allocate(images, buffers);
            replay.kernels = await Promise.all(schedule.kernels.map((kernel) => replay.compile(kernel)));
            replay.bind();
        } catch (error) {
            replay.destroy();
            throw error;
        }
        return replay;
    }

    /** @param {Gpu} gpu @param {Schedule} schedule */
    constructor(gpu, schedule) {
        this.gpu = gpu;
        this.schedule = schedule;
        this.cursors = new Cursors(gpu, schedule.cursor);
        /** Of each of the schedule's buffers. @type {GPUBuffer[]} */
        this.places = [];
        /** The shared buffers, for other replays. @type {Buffers} */
        this.buffers = new Map();
        /** @type {GPUBuffer[]} */
        this.own = [];
        /** @type {Compiled[]} */
        this.kernels = [];
        /** @type {GPUBindGroup[]} */
        this.groups = [];
    }

    /** @param {number} images @param {Buffers} given */
    allocate(images, given) {
        for (const { name, shared, size, words } of this.schedule.buffers) {
            const there = shared && given.get(shared);
            const bytes = "bytes" in size ? size.bytes : size["bytes-per-image"] * images + GUARD;
            const buffer = there || this.buffer(name, bytes);
            if (words) this.gpu.device.queue.writeBuffer(buffer, 0, new Uint32Array(words));
            if (shared) this.buffers.set(shared, buffer);
            this.places.push(buffer);
        }
    }

    /** @param {string} label @param {number} bytes */
    buffer(label, bytes) {
        const { STORAGE, UNIFORM, COPY_SRC, COPY_DST } = GPUBufferUsage;
        const size = Math.ceil(bytes / ROUNDING) * ROUNDING;
        const buffer = this.gpu.device.createBuffer({ label, size, usage: STORAGE | UNIFORM | COPY_SRC | COPY_DST });
        this.own.push(buffer);
        return buffer;
    }

    /** @param {Kernel} kernel @returns {Promise<Compiled>} */
    async compile(kernel) {
        const { device } = this.gpu;
        const idle = idleSlots(kernel);
        const label = `${kernel.shader}.${kernel.entry}`;
        const own = device.createBindGroupLayout({ label, entries: [...kernel.slots, ...idle].map(layoutEntry) });
        const layout = this.cursors.pipelineLayout(own);
        const { pipeline, diagnostics } = await pipelineOf(this.gpu, kernel, kernel.text, layout);
        if (!pipeline) {
            const { line, message } = diagnostics[0];
            throw new Error(`${label}, line ${line}: ${message}`);
        }
        const buffers = idle.map((slot) => this.buffer(`${label} ${slot.name}`, slot.min_bytes));
        return { own, layout, idle: buffers, pipeline, text: kernel.text };
    }

    bind() {
        const { schedule, gpu } = this;
        this.groups = schedule.steps.map((step) => {
            const kernel = schedule.kernels[step.kernel];
            const { own, idle } = this.kernels[step.kernel];
            const used = step.bindings.map(({ buffer, offset, bytes }, index) => ({
                binding: kernel.slots[index].slot,
                resource: { buffer: this.places[buffer], offset, size: bytes },
            }));
            const unused = idleSlots(kernel).map(({ slot }, index) => ({
                binding: slot,
                resource: { buffer: idle[index] },
            }));
            return gpu.device.createBindGroup({ label: step.layer, layout: own, entries: [...used, ...unused] });
        });
    }

    /**
     * Runs all steps once for each cursor, in one submission.
     * @param {Cursor[]} cursors
     */
    run(cursors) {
        const { device } = this.gpu;
        this.cursors.write(cursors);
        const encoder = device.createCommandEncoder();
        const pass = encoder.beginComputePass();
        cursors.forEach((_, index) => {
            this.cursors.set(pass, index);
            this.schedule.steps.forEach(({ kernel, workgroups }, step) => {
                pass.setPipeline(this.kernels[kernel].pipeline);
                pass.setBindGroup(0, this.groups[step]);
                pass.dispatchWorkgroups(...workgroups);
            });
        });
        pass.end();
        device.queue.submit([encoder.finish()]);
    }

    /** The buffer of that name, a tensor's or a shared one's. @param {string} name */
    find(name) {
        const index = this.schedule.buffers.findIndex((buffer) => buffer.name === name || buffer.shared === name);
        if (index < 0) throw new Error(`the schedule has no buffer ${name}`);
        return this.places[index];
    }

    /**
     * Writes to a buffer from its beginning.
     * @param {string} name
     * @param {Uint8Array<ArrayBuffer> | Uint32Array<ArrayBuffer> | Float32Array<ArrayBuffer>} data
     */
    write(name, data) {
        this.gpu.device.queue.writeBuffer(this.find(name), 0, data);
    }

    /**
     * Reads a part of a buffer as it is after all that was run so far.
     * @param {string} name
     * @param {{ offset?: number, bytes: number }} part
     * @returns {Promise<ArrayBuffer>}
     */
    async read(name, { offset = 0, bytes }) {
        return (await this.readAll([{ buffer: this.find(name), offset, bytes }]))[0];
    }

    /**
     * Reads several parts at once.
     * @param {{ buffer: GPUBuffer, offset: number, bytes: number }[]} parts
     * @returns {Promise<ArrayBuffer[]>}
     */
    async readAll(parts) {
        const { device } = this.gpu;
        const size = parts.reduce((sum, { bytes }) => sum + bytes, 0);
        const { MAP_READ, COPY_DST } = GPUBufferUsage;
        const staging = device.createBuffer({ label: "read back", size, usage: MAP_READ | COPY_DST });
        const encoder = device.createCommandEncoder();
        let at = 0;
        for (const { buffer, offset, bytes } of parts) {
            encoder.copyBufferToBuffer(buffer, offset, staging, at, bytes);
            at += bytes;
        }
        device.queue.submit([encoder.finish()]);
        try {
            await staging.mapAsync(GPUMapMode.READ);
            const all = staging.getMappedRange();
            let from = 0;
            return parts.map(({ bytes }) => all.slice(from, (from += bytes)));
        } finally {
            staging.destroy();
        }
    }

    /** The shaders that run, each once, in the order of their first kernel. */
    shaders() {
        return [...new Set(this.schedule.kernels.map(({ shader }) => shader))];
    }

    /**
     * The text that runs, with the constants of the shader's first kernel or of that of a step.
     * @param {string} shader
     * @param {number} [step] By its place in the schedule.
     */
    text(shader, step) {
        const first = this.schedule.kernels.findIndex((kernel) => kernel.shader === shader);
        const kernel = step === undefined ? first : this.schedule.steps[step].kernel;
        if (first < 0) throw new Error(`the schedule has no shader ${shader}`);
        return this.kernels[kernel].text;
    }

    /**
     * Compiles another text of a shader for all kernels that use it and, if all take it, runs it from now on. With an
     * error nothing changes. The host's constants keep the host's values, whatever the text gives them.
     * @param {string} shader
     * @param {string} text
     * @returns {Promise<Diagnostic[]>}
     */
    async replace(shader, text) {
        const { diagnostics, commit } = await this.prepare(shader, text);
        commit?.();
        return diagnostics;
    }

    /**
     * The first half of `replace`, for those who replace a shader in several replays or in none.
     * @param {string} shader
     * @param {string} text
     * @returns {Promise<{ diagnostics: Diagnostic[], commit: (() => void) | null }>} No `commit` after an error.
     */
    async prepare(shader, text) {
        const users = this.schedule.kernels.map((kernel, index) => ({ kernel, index }));
        const tried = users.filter(({ kernel }) => kernel.shader === shader).map(async ({ kernel, index }) => {
            const { final, refusals } = edited(kernel, text);
            if (refusals.length) return { index, final, pipeline: null, diagnostics: refusals };
            return { index, final, ...(await pipelineOf(this.gpu, kernel, final, this.kernels[index].layout)) };
        });
        const made = await Promise.all(tried);
        const said = new Map(made.flatMap((one) => one.diagnostics).map((one) => [JSON.stringify(one), one]));
        const diagnostics = [...said.values()].sort((a, b) => a.line - b.line);
        const commit = () => {
            for (const { index, final, pipeline } of made) {
                if (pipeline) this.kernels[index] = { ...this.kernels[index], pipeline, text: final };
            }
        };
        return { diagnostics, commit: made.every(({ pipeline }) => pipeline) ? commit : null };
    }

    /** Frees what is this replay's own: not the buffers that it was given. */
    destroy() {
        this.own.forEach((buffer) => buffer.destroy());
        this.cursors.destroy();
    }
}
