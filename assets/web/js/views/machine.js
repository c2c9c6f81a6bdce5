// Machine: the schedule as a list of dispatches, and the shader of the one that is chosen, to read and to change.

import { choices, element, make } from "./elements.js";
import { Editor } from "./editor.js";

/** Milliseconds without a key press after which a text is compiled. */
const PAUSE = 1200;
const READ_ONLY = "Without WebGPU the shaders can be read here, but not run.";

/** @typedef {import("../gpu/replay.js").Diagnostic} Diagnostic */

export class MachineView {
    /**
     * @param {import("../app.js").App} app
     * @param {import("../shaders.js").Shaders} shaders
     * @param {boolean} canEdit
     */
    constructor(app, shaders, canEdit) {
        this.app = app;
        this.shaders = shaders;
        this.canEdit = canEdit;
        this.editor = new Editor(element("editor", HTMLElement));
        this.compileButton = element("compile", HTMLButtonElement);
        this.revertButton = element("revert", HTMLButtonElement);
        const all = [...shaders.entries].map(([value, { title }]) => ({ value, label: title }));
        this.name = all[0].value;
        this.step = 0;
        this.pause = 0;
        /** Texts that do not run yet, by schedule and step.
         * @type {Map<string, string>} */
        this.drafts = new Map();
        choices(element("schedules", HTMLFieldSetElement), "schedule", all, (name) => this.#list(name));
        this.#listen();
        this.#list(this.name);
    }

    #listen() {
        this.editor.readOnly = !this.canEdit;
        this.editor.addEventListener("change", () => {
            this.drafts.set(this.#key(), this.editor.text);
            this.#showButtons();
            clearTimeout(this.pause);
            this.pause = setTimeout(() => this.#compile(this.editor.text), PAUSE);
        });
        this.compileButton.addEventListener("click", () => this.#compile(this.editor.text));
        this.revertButton.addEventListener("click", () => {
            this.editor.text = this.#kernel.text;
            this.drafts.set(this.#key(), this.editor.text);
            this.#compile(this.editor.text);
        });
        this.shaders.addEventListener("edited", () => {
            this.#markEdited();
            if (!this.drafts.has(this.#key()) && this.editor.text !== this.#running) {
                this.editor.text = this.#running;
                this.#showErrors([]);
                this.#say(this.#state());
            }
            this.#showButtons();
        });
        this.app.addEventListener("lost", () => {
            clearTimeout(this.pause);
            this.canEdit = false;
            this.editor.readOnly = true;
            this.#showButtons();
            this.#say(READ_ONLY);
        });
    }

    /** @param {string} name of a schedule */
    #list(name) {
        this.name = name;
        const { schedule } = this.shaders.entry(name);
        const items = schedule.steps.map((step, i) => {
            const kernel = schedule.kernels[step.kernel];
            const tensors = step.bindings.map(({ variable, tensor }) => `${variable} = ${tensor}`).join(", ");
            const button = make(
                "button",
                { type: "button", "data-shader": kernel.shader },
                make("span", { class: "kernel" }, `${kernel.shader}.${kernel.entry}`),
                make(
                    "span",
                    { class: "grid" },
                    `${step.workgroups.join(" × ")}`,
                    make("span", { class: "unseen" }, " workgroups"),
                ),
                make("span", { class: "layer" }, step.layer),
                make("span", { class: "tensors" }, tensors),
            );
            button.addEventListener("click", () => this.#choose(i));
            return make("li", {}, button);
        });
        element("dispatches", HTMLElement).replaceChildren(...items);
        this.#markEdited();
        this.#choose(0);
    }

    /** @param {number} index of a dispatch */
    #choose(index) {
        clearTimeout(this.pause);
        this.step = index;
        const step = this.shaders.entry(this.name).schedule.steps[index];
        const kernel = this.#kernel;
        this.#buttons().forEach((button, i) => {
            if (i === index) button.setAttribute("aria-current", "true");
            else button.removeAttribute("aria-current");
        });
        element("kernel-title", HTMLElement).textContent = `${kernel.shader}.wgsl, entry ${kernel.entry}`;
        const sizes = `${step.workgroups.join(" × ")} workgroups of ${kernel.workgroup.join(" × ")} invocations`;
        const constants = kernel.constants.map(([name, value]) => `${name} = ${value}`).join(", ");
        element("kernel-about", HTMLElement).textContent =
            `${sizes}.${constants ? ` Set by the host: ${constants}.` : ""}`;
        this.#showTensors(step, kernel);
        this.editor.text = this.drafts.get(this.#key()) ?? this.#running;
        element("editor", HTMLElement).scrollTo(0, 0);
        this.#showErrors([]);
        this.#say(this.canEdit ? "" : READ_ONLY);
        this.#showButtons();
    }

    /**
     * @param {import("../gpu/schedule.js").Step} step
     * @param {import("../gpu/schedule.js").Kernel} kernel
     */
    #showTensors(step, kernel) {
        const rows = step.bindings.map(({ variable, tensor, shape }) => {
            const access = kernel.slots.find(({ name }) => name === variable)?.access ?? "";
            const cells = [tensor, `[${shape.join(", ")}]`, access];
            return make("tr", {}, make("th", { scope: "row" }, variable), ...cells.map((text) => make("td", {}, text)));
        });
        element("tensors", HTMLElement).replaceChildren(...rows);
    }

    /** @param {string} text */
    async #compile(text) {
        clearTimeout(this.pause);
        if (!this.canEdit) return;
        const key = this.#key();
        this.#say("Compiling …");
        try {
            const diagnostics = await this.shaders.edit(this.name, this.step, text);
            const failed = diagnostics.some(({ type }) => type === "error");
            if (!failed && this.drafts.get(key) === text) this.drafts.delete(key);
            // Meanwhile another shader may have been chosen, or the text changed further.
            if (!this.canEdit || key !== this.#key() || text !== this.editor.text) return;
            this.#showErrors(diagnostics);
            const count = diagnostics.filter(({ type }) => type === "error").length;
            const errors = count === 1 ? "an error" : `${count} errors`;
            this.#say(failed ? `Not compiled, ${errors}: the text before goes on running.` : this.#state());
            // The host's constants keep their values, whatever was written.
            if (!failed && text !== this.#running) this.editor.text = this.#running;
        } catch (error) {
            if (!this.canEdit || key !== this.#key()) return;
            this.#say(error instanceof Error ? error.message : String(error));
        }
        this.#showButtons();
    }

    /** What runs, in words. */
    #state() {
        const { title, edits } = this.shaders.entry(this.name);
        return edits.has(this.#kernel.shader)
            ? `Compiled: ${title.toLowerCase()} runs your text.`
            : `${title} runs the text as shipped.`;
    }

    /** @param {Diagnostic[]} diagnostics */
    #showErrors(diagnostics) {
        this.editor.mark(diagnostics);
        const items = diagnostics.map(({ line, column, type, message }) => {
            const place = line > 0 ? `line ${line}: ` : "";
            const button = make(
                "button",
                { type: "button" },
                `${type === "error" ? "" : `${type}, `}${place}${message}`,
            );
            button.addEventListener("click", () => this.editor.goTo(Math.max(line, 1), column));
            return make("li", {}, button);
        });
        const list = element("errors", HTMLElement);
        list.replaceChildren(...items);
        list.hidden = items.length === 0;
    }

    #markEdited() {
        const { edits } = this.shaders.entry(this.name);
        for (const button of this.#buttons()) button.classList.toggle("edited", edits.has(button.dataset.shader ?? ""));
        element("kernel-title", HTMLElement).classList.toggle("edited", edits.has(this.#kernel.shader));
    }

    #showButtons() {
        const text = this.editor.text;
        this.compileButton.disabled = !this.canEdit || text === this.#running;
        this.revertButton.disabled = !this.canEdit || text === this.#kernel.text;
        this.#markEdited();
    }

    get #kernel() {
        return this.shaders.kernel(this.name, this.step);
    }

    /** The text that runs. */
    get #running() {
        return this.shaders.text(this.name, this.step);
    }

    #buttons() {
        return element("dispatches", HTMLElement).querySelectorAll("button");
    }

    #key() {
        return `${this.name} ${this.step}`;
    }

    /** @param {string} text */
    #say(text) {
        element("compiled", HTMLElement).textContent = text;
    }
}
