// What is done to a shader's text before the browser compiles it. The text itself comes from the schedule and is the
// program's own; every line keeps its number.

/** @typedef {import("./schedule.js").Kernel} Kernel */

const IMMEDIATE = "var<immediate> cursor: Cursor;";
const UNIFORM = "@group(1) @binding(0) var<uniform> cursor: Cursor;";

const SHUFFLE = "subgroupShuffle(";

/**
 * The text as this browser takes it: the cursor in a uniform buffer where there is no immediate data, and no subgroup
 * operations, which some browsers refuse even in branches that are ruled out.
 * @param {string} text
 * @param {boolean} immediates
 */
export function portable(text, immediates) {
    return withoutShuffles(immediates ? text : text.replace(IMMEDIATE, UNIFORM));
}

/**
 * Puts each shuffled value in the place of its call. That is right only where an invocation asks no other, which
 * `checkAlone` makes sure of.
 * @param {string} text
 */
function withoutShuffles(text) {
    for (let call = text.indexOf(SHUFFLE); call >= 0; call = text.indexOf(SHUFFLE, call)) {
        const from = call + SHUFFLE.length;
        let [depth, comma, end] = [0, -1, from];
        for (; end < text.length && depth >= 0; end++) {
            if ("([".includes(text[end])) depth++;
            else if (")]".includes(text[end])) depth--;
            else if (text[end] === "," && depth === 0 && comma < 0) comma = end;
        }
        // Half a call is the compiler's to report.
        if (depth >= 0 || comma < 0) call = from;
        else text = `${text.slice(0, call)}(${text.slice(from, comma)})${text.slice(end)}`;
    }
    return text;
}

/**
 * Refuses a kernel whose invocations read each other's values.
 * @param {Kernel} kernel
 */
export function checkAlone(kernel) {
    const lanes = kernel.constants.find(([name]) => name === "LANES")?.[1] ?? 1;
    if (lanes !== 1) {
        throw new Error(`${kernel.shader}.${kernel.entry} is cut for a software driver: export the schedule with thin tiles`);
    }
}

/**
 * The text with the host's values of a kernel's constants, each in its place.
 * @param {string} text
 * @param {Kernel} kernel
 * @returns {{ text: string, missing: string[] }} `missing` names constants that are not declared once at the start
 *     of a line, with their type.
 */
export function specialise(text, kernel) {
    const lines = text.split("\n");
    const missing = [];
    for (const [name] of kernel.constants) {
        const was = declarations(kernel.text.split("\n"), name)[0];
        const type = /^const \w+: (\w+)/.exec(was)?.[1];
        const places = lines.flatMap((line, at) => (line.startsWith(`const ${name}: ${type} `) ? [at] : []));
        if (places.length !== 1 || declarations(lines, name).length !== 1) {
            missing.push(`const ${name}: ${type}`);
            continue;
        }
        const line = lines[places[0]];
        const comment = line.includes(";") ? line.slice(line.indexOf(";") + 1) : "";
        lines[places[0]] = `const ${name}: ${type} = ${literal(was)};${comment}`;
    }
    return { text: lines.join("\n"), missing };
}

/** @param {string[]} lines @param {string} name */
function declarations(lines, name) {
    return lines.filter((line) => line.startsWith(`const ${name}: `));
}

/**
 * The value as the host has written it.
 * @param {string} line
 */
function literal(line) {
    return line.slice(line.indexOf("=") + 1, line.indexOf(";")).trim();
}

/**
 * The text with spaces in the place of its comments.
 * @param {string} text
 */
function blanked(text) {
    return text.replace(/\/\/.*|\/\*[^]*?\*\//g, (comment) => comment.replace(/[^\n]/g, " "));
}

/**
 * What an entry's grid depends on: its workgroup, with the constants in it.
 * @param {string} text
 * @param {string} entry
 * @returns {{ size: string, line: number }} With the entry's line, from 1 on; 0 where there is none.
 */
export function workgroup(text, entry) {
    const found = new RegExp(`@workgroup_size\\(([^)]*)\\)\\s*fn ${entry}\\(`).exec(blanked(text));
    if (!found) return { size: "", line: 0 };
    const known = (/** @type {string} */ name) => declarations(text.split("\n"), name)[0];
    const size = found[1].replace(/[A-Za-z_]\w*/g, (name) => (known(name) ? literal(known(name)) : name));
    return { size, line: text.slice(0, found.index).split("\n").length };
}
