// WGSL in colours: just enough of the language to tell its words apart.

import { make } from "./elements.js";

const KEYWORDS =
    "alias break case const const_assert continue continuing default diagnostic discard else enable fn for if let " +
    "loop override requires return struct switch true false var while";
const TYPES =
    "array atomic bool f16 f32 i32 mat2x2 mat3x3 mat4x4 ptr u32 vec2 vec3 vec4 vec2f vec3f vec4f vec2u vec3u vec4u";
const WORDS = new Map([
    ...KEYWORDS.split(" ").map((word) => /** @type {[string, string]} */ ([word, "keyword"])),
    ...TYPES.split(" ").map((word) => /** @type {[string, string]} */ ([word, "type"])),
]);
const TOKEN = /(\/\/.*)|(@\w+)|([A-Za-z_]\w*)|(\d[\w.]*)/g;

/**
 * A line of WGSL, each of its tokens in an element of its kind.
 * @param {string} line
 * @returns {(Node | string)[]}
 */
export function highlighted(line) {
    /** @type {(Node | string)[]} */
    const parts = [];
    let end = 0;
    for (const match of line.matchAll(TOKEN)) {
        const [token, comment, attribute, word, number] = match;
        const kind = (comment && "comment") || (attribute && "attribute") || (number && "number") || WORDS.get(word);
        if (!kind) continue;
        parts.push(line.slice(end, match.index), make("span", { class: kind }, token));
        end = match.index + token.length;
    }
    return [...parts, line.slice(end)];
}
