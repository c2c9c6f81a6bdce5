// A text to read and to change, with line numbers, colours, and errors at their lines. A plain text field lies
// over a copy of its text that has all of these: so selecting, undoing and reading aloud are the browser's own.

import { make } from "./elements.js";
import { highlighted } from "./highlight.js";

/** @typedef {{ line: number, column: number, type: string, message: string }} Diagnostic */

/** Tells of every change by the user by an event "change". */
export class Editor extends EventTarget {
    /** @param {HTMLElement} parent */
    constructor(parent) {
        super();
        this.area = make("textarea", {
            spellcheck: "false",
            autocapitalize: "off",
            autocomplete: "off",
            wrap: "off",
            "aria-label": "WGSL",
        });
        this.copy = make("pre", { "aria-hidden": "true" });
        /** @type {string[]} */
        this.lines = [];
        parent.append(this.copy, this.area);
        this.area.addEventListener("input", () => {
            this.#render();
            this.dispatchEvent(new Event("change"));
        });
    }

    get text() {
        return this.area.value;
    }

    /** @param {string} text */
    set text(text) {
        this.area.value = text;
        this.mark([]);
        this.#render();
    }

    /** @param {boolean} isReadOnly */
    set readOnly(isReadOnly) {
        this.area.readOnly = isReadOnly;
    }

    /** @param {Diagnostic[]} diagnostics of the text as it is */
    mark(diagnostics) {
        for (const line of this.copy.children) {
            line.classList.remove("error", "warning");
            line.removeAttribute("data-message");
        }
        for (const { line, type, message } of diagnostics) {
            const found = this.copy.children[line - 1];
            if (!found || found.classList.contains("error")) continue;
            found.classList.add(type === "error" ? "error" : "warning");
            found.setAttribute("data-message", message.split("\n")[0]);
        }
        this.area.setAttribute("aria-invalid", String(diagnostics.some(({ type }) => type === "error")));
    }

    /**
     * Puts the caret at a place, both counted from 1.
     * @param {number} line
     * @param {number} column
     */
    goTo(line, column) {
        const before = this.text.split("\n").slice(0, line - 1);
        const at = before.reduce((sum, text) => sum + text.length + 1, 0) + Math.max(column - 1, 0);
        this.area.focus({ preventScroll: true });
        this.area.setSelectionRange(at, at);
        this.copy.children[line - 1]?.scrollIntoView({ block: "nearest" });
    }

    /** Only lines that have changed are made anew: a key press must not wait for a whole file. */
    #render() {
        const lines = this.text.split("\n");
        const { children } = this.copy;
        while (children.length > lines.length) children[children.length - 1].remove();
        lines.forEach((line, i) => {
            if (children[i] && this.lines[i] === line) return;
            const made = make("div", { class: "line" }, ...highlighted(line));
            if (children[i]) children[i].replaceWith(made);
            else this.copy.append(made);
        });
        this.lines = lines;
    }
}
