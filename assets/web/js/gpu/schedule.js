// A schedule as `digit-adder schedule --json` prints it: types only.

/**
 * @typedef {object} Schedule
 * @property {number} batch Images of a step.
 * @property {Buffer[]} buffers
 * @property {number[]} tensors The buffer of each of the program's tensors.
 * @property {Kernel[]} kernels
 * @property {Step[]} steps What runs, in order, once for each step of the network.
 * @property {[string, string][]} cursor Name and WGSL type of each 4-byte field.
 * @property {Answer[]} answers
 */

/**
 * @typedef {object} Buffer
 * @property {string} name
 * @property {string} [shared] Which of the shared buffers it is, if it is one.
 * @property {{ bytes: number } | { "bytes-per-image": number }} size
 * @property {"scratch" | "constant" | "state" | "data" | "pass" | "result"} use
 * @property {number[]} [words] What it holds throughout.
 */

/**
 * @typedef {object} Kernel
 * @property {string} shader
 * @property {string} entry
 * @property {[number, number, number]} workgroup
 * @property {Slot[]} slots
 * @property {Slot[]} [ruled_out] What only branches name that the constants rule out.
 * @property {number} immediate_bytes
 * @property {[string, number | boolean][]} constants
 * @property {string} text
 */

/**
 * @typedef {object} Slot
 * @property {string} name
 * @property {number} slot
 * @property {"uniform" | "read" | "read-write" | "immediate"} access
 * @property {number} min_bytes
 */

/**
 * @typedef {object} Step
 * @property {string} layer
 * @property {number} kernel
 * @property {Bound[]} bindings One for each of the kernel's slots, in their order.
 * @property {[number, number, number]} workgroups
 */

/**
 * @typedef {object} Bound
 * @property {string} variable
 * @property {string} tensor
 * @property {number[]} shape
 * @property {number} buffer
 * @property {number} offset
 * @property {number} [bytes] Without it, all of the buffer.
 */

/**
 * @typedef {object} Answer
 * @property {string} head
 * @property {number} buffer
 * @property {number} offset
 * @property {number} classes
 */

export {};
