// The line below the page's head: what computes, which weights predict, which shaders are edited.

import { SHIPPED } from "../app.js";
import { element, make } from "./elements.js";

export class StateView {
    /**
     * @param {import("../app.js").App} app
     * @param {import("../shaders.js").Shaders} shaders
     */
    constructor(app, shaders) {
        this.app = app;
        this.shaders = shaders;
        this.select = element("weights", HTMLSelectElement);
        this.select.addEventListener("change", () => app.use(this.select.value));
        app.addEventListener("weights", () => this.#showWeights());
        app.addEventListener("failure", (event) => {
            if (event instanceof CustomEvent) this.notice(event.detail);
        });
        shaders.addEventListener("edited", () => this.#showEdited());
        app.addEventListener("lost", () => this.#showEdited());
        element("revert-all", HTMLButtonElement).addEventListener("click", () => {
            shaders.revertAll().catch((error) => app.fail(error));
        });
        this.#showWeights();
        element("weights-in-use", HTMLElement).hidden = false;
    }

    /** @param {string} text what computes */
    device(text) {
        element("device", HTMLElement).textContent = text;
    }

    /** @param {string} text that the user must know */
    notice(text) {
        const notice = element("notice", HTMLElement);
        notice.textContent = text;
        notice.hidden = text === "";
    }

    #showWeights() {
        const { app, select } = this;
        const options = [...app.weights].map(([kind, { name, note }]) => ({
            kind,
            text: note ? `${name}, ${note}` : name,
        }));
        // An open list is left as it is: only texts change while the training goes on.
        if (select.options.length !== options.length) {
            select.replaceChildren(...options.map(({ kind, text }) => make("option", { value: kind }, text)));
        }
        options.forEach(({ text }, i) => {
            if (select.options[i].text !== text) select.options[i].text = text;
        });
        select.value = app.inUse;
        element("weights-in-use", HTMLElement).classList.toggle("changed", app.inUse !== SHIPPED);
    }

    #showEdited() {
        // Plain JavaScript runs no shaders.
        const names = this.app.isLost ? [] : this.shaders.names;
        const edited = element("edited", HTMLElement);
        edited.hidden = names.length === 0;
        edited.classList.toggle("changed", names.length > 0);
        element("edited-names", HTMLElement).textContent = `Edited shaders run: ${names.join(", ")}`;
    }
}
