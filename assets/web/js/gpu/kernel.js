// A kernel of a schedule as the browser compiles it, and what an edited text of it may not change.

import { portable, specialise, workgroup } from "./text.js";

/** @typedef {import("./device.js").Gpu} Gpu */
/** @typedef {import("./schedule.js").Kernel} Kernel */
/** @typedef {import("./schedule.js").Slot} Slot */

/**
 * What a compiler says of a text. `line` and `column` count from 1; 0 where there is none.
 * @typedef {{ line: number, column: number, type: "error" | "warning" | "info", message: string }} Diagnostic
 */

/**
 * The slots that only ruled-out branches name: a compiler that does not drop those counts them.
 * @param {Kernel} kernel
 */
export function idleSlots(kernel) {
    return (kernel.ruled_out ?? []).filter((slot) => slot.access !== "immediate");
}

/**
 * A pipeline of a kernel's final text, or none and why.
 * @param {Gpu} gpu
 * @param {Kernel} kernel
 * @param {string} text
 * @param {GPUPipelineLayout} layout
 * @returns {Promise<{ pipeline: GPUComputePipeline | null, diagnostics: Diagnostic[] }>}
 */
export async function pipelineOf({ device, immediates }, kernel, text, layout) {
    const label = `${kernel.shader}.${kernel.entry}`;
    // Both are told to whoever asked, not to the console.
    device.pushErrorScope("validation");
    const module = device.createShaderModule({ label, code: portable(text, immediates) });
    const refused = device.popErrorScope();
    const { messages } = await module.getCompilationInfo();
    await refused;
    const diagnostics = messages.map(diagnostic);
    if (diagnostics.some(({ type }) => type === "error")) return { pipeline: null, diagnostics };
    try {
        const compute = { module, entryPoint: kernel.entry };
        const pipeline = await device.createComputePipelineAsync({ label, layout, compute });
        return { pipeline, diagnostics };
    } catch (error) {
        // What follows says where in the browser it was found.
        const [message] = (error instanceof Error ? error.message : String(error)).split("\n");
        const { line } = workgroup(text, kernel.entry);
        return { pipeline: null, diagnostics: [...diagnostics, { line, column: 0, type: "error", message }] };
    }
}

/** @param {Slot} slot @returns {GPUBindGroupLayoutEntry} */
export function layoutEntry({ slot, access }) {
    const types = /** @type {const} */ ({ uniform: "uniform", read: "read-only-storage", "read-write": "storage" });
    const type = types[/** @type {keyof typeof types} */ (access)];
    return { binding: slot, visibility: GPUShaderStage.COMPUTE, buffer: { type } };
}

/**
 * A kernel's final text from an edited one, and what must not change in it.
 * @param {Kernel} kernel
 * @param {string} text
 */
export function edited(kernel, text) {
    const { text: final, missing } = specialise(text, kernel);
    /** @type {Diagnostic[]} */
    const refusals = missing.map((head) => ({
        line: 0,
        column: 0,
        type: "error",
        message: `the host sets \`${head}\`: it must be declared exactly once, at the start of a line`,
    }));
    const [was, is] = [workgroup(kernel.text, kernel.entry), workgroup(final, kernel.entry)];
    if (was.line && !is.line) {
        const message = `\`@workgroup_size(…) fn ${kernel.entry}(\` must stand in one piece: the grid was made for ${was.size}`;
        refusals.push({ line: 0, column: 0, type: "error", message });
    } else if (is.size !== was.size) {
        const message = `the grid of \`${kernel.entry}\` was made for workgroups of ${was.size}: they must stay so`;
        refusals.push({ line: is.line, column: 0, type: "error", message });
    }
    return { final, refusals };
}

/** @param {GPUCompilationMessage} message @returns {Diagnostic} */
function diagnostic({ lineNum, linePos, type, message }) {
    return { line: lineNum, column: linePos, type, message };
}
