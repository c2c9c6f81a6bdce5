// Draw: a digit and a number go in, and all that comes out is shown at once.

import { doubtsOf, likeliest } from "../doubts.js";
import { prepare } from "../picture.js";
import { Bars } from "./bars.js";
import { choices, download, element, listed, percent } from "./elements.js";
import { inked } from "./ink.js";
import { Maps } from "./maps.js";
import { Pad } from "./pad.js";

/** Milliseconds without a change after which the answer is said aloud. */
const QUIET = 600;

export class DrawView {
    /** @param {import("../app.js").App} app */
    constructor(app) {
        this.app = app;
        this.number = 0;
        const padSaid = element("pad-said", HTMLElement);
        this.pad = new Pad(element("pad", HTMLCanvasElement), element("pen", HTMLElement), (text) => {
            padSaid.textContent = text;
        });
        this.maps = new Maps(element("maps", HTMLElement));
        this.bars = app.site.network.heads.map(({ name, classes }) => new Bars(title(name), classes));
        element("distributions", HTMLElement).append(...this.bars.map(({ table }) => table));
        this.isStale = true;
        /** @type {import("../picture.js").Prepared | undefined} */
        this.latest = undefined;
        this.busy = false;
        this.asked = false;
        this.quiet = 0;
        /** How often the user has changed something, and the last change that is answered. */
        this.changes = 0;
        this.answered = 0;
        this.sentence = "";
        /** The answer to the last change is to be said as soon as it is there. */
        this.isDue = false;
        this.#listen();
        this.#ask();
    }

    #listen() {
        const { app, pad } = this;
        const numbers = element("numbers", HTMLFieldSetElement);
        const options = Array.from({ length: 10 }, (_, i) => ({ value: String(i), label: String(i) }));
        choices(numbers, "number", options, (value) => this.#add(Number(value)));
        pad.canvas.addEventListener("keydown", (event) => {
            const isDigit = /^[0-9]$/.test(event.key) && !event.ctrlKey && !event.metaKey && !event.altKey;
            if (isDigit) this.#add(Number(event.key));
        });
        pad.addEventListener("change", () => {
            this.isStale = true;
            this.#changed();
        });
        app.addEventListener("predictor", () => this.#ask());
        element("undo", HTMLButtonElement).addEventListener("click", () => pad.undo());
        element("clear", HTMLButtonElement).addEventListener("click", () => pad.clear());
        element("save-drawing", HTMLButtonElement).addEventListener("click", async () => {
            const png = await pad.png();
            if (png) download(png, "drawing.png");
        });
    }

    /** @param {number} number */
    #add(number) {
        this.number = number;
        for (const input of element("numbers", HTMLFieldSetElement).querySelectorAll("input")) {
            input.checked = input.value === String(number);
        }
        this.#changed();
    }

    /** What comes out is said once the user pauses; answers that change by themselves, as in a training, never are. */
    #changed() {
        this.changes += 1;
        this.isDue = false;
        clearTimeout(this.quiet);
        this.quiet = setTimeout(() => {
            this.isDue = true;
            this.#say();
        }, QUIET);
        this.#ask();
    }

    #say() {
        if (!this.isDue || this.answered !== this.changes) return;
        this.isDue = false;
        element("answer", HTMLElement).textContent = this.sentence;
    }

    /** Answers anew; while it does so, all that is asked meanwhile becomes one question. */
    async #ask() {
        this.asked = true;
        if (this.busy) return;
        this.busy = true;
        const shown = element("distributions", HTMLElement);
        shown.ariaBusy = "true";
        while (this.asked) {
            this.asked = false;
            const start = performance.now();
            await this.#answer().catch((error) => this.app.fail(error));
            // The hand that draws gets at least as much of the time.
            const taken = performance.now() - start;
            await new Promise((done) => setTimeout(done, taken));
        }
        this.busy = false;
        shown.ariaBusy = "false";
    }

    async #answer() {
        const { pad, app, number, changes } = this;
        for (const id of ["undo", "clear", "save-drawing"]) element(id, HTMLButtonElement).disabled = pad.isEmpty;
        element("pad-hint", HTMLElement).hidden = !pad.isEmpty;
        element("number-answer", HTMLElement).textContent = String(number);
        const prepared = this.#prepared();
        if (prepared) {
            const prediction = await app.predict(prepared.image, number);
            this.#showSeen(prepared);
            this.sentence = this.#showAnswer(prediction, prepared.doubts, number);
            this.maps.show(prediction.maps);
        } else {
            this.#empty();
            this.sentence = "";
        }
        this.answered = changes;
        this.#say();
    }

    /** The drawing in MNIST's form, made once for each drawing; nothing where there is no ink. */
    #prepared() {
        if (this.isStale) {
            const { rgba, width, height } = this.pad.pixels();
            this.latest = this.pad.isEmpty ? undefined : prepare(rgba, width, height);
            this.isStale = false;
        }
        return this.latest;
    }

    #empty() {
        for (const bars of this.bars) bars.show(undefined);
        for (const name of ["digit", "sum"]) {
            element(`${name}-answer`, HTMLElement).textContent = "–";
            element(`${name}-sure`, HTMLElement).textContent = name;
        }
        listed(element("doubts", HTMLElement), []);
        listed(element("steps", HTMLElement), []);
        const seen = element("seen", HTMLCanvasElement);
        inked(seen, new Uint8Array(seen.width * seen.height), 255);
        seen.setAttribute("aria-label", "Nothing yet");
        this.maps.clear();
    }

    /** @param {import("../picture.js").Prepared} prepared */
    #showSeen({ image, steps }) {
        const seen = element("seen", HTMLCanvasElement);
        inked(seen, image, 255);
        const inky = image.filter((value) => value > 127).length;
        seen.setAttribute("aria-label", `28 x 28 pixels, ${inky} of them inked`);
        listed(
            element("steps", HTMLElement),
            steps.map(({ name, note }) => `${title(name)}: ${note}.`),
        );
    }

    /**
     * @param {import("../predictor.js").Prediction} prediction
     * @param {string[]} doubts
     * @param {number} number
     * @returns {string} The same in words.
     */
    #showAnswer(prediction, doubts, number) {
        const texts = prediction.heads.map(({ name, probabilities }, i) => {
            this.bars[i].show(probabilities);
            const best = likeliest(probabilities);
            const said = Number.isFinite(probabilities[best]) ? String(best) : "–";
            const sure = percent(probabilities[best]);
            element(`${name}-answer`, HTMLElement).textContent = said;
            element(`${name}-sure`, HTMLElement).textContent = `${name}, ${sure}`;
            return `${title(name)} ${said}, ${sure}.`;
        });
        const all = [...doubts, ...doubtsOf(this.app.site.network.heads, prediction, number)];
        const sentences = all.map((doubt) => `${title(doubt)}.`);
        listed(element("doubts", HTMLElement), sentences);
        return [...texts, ...sentences].join(" ");
    }
}

/** @param {string} text */
function title(text) {
    return text.charAt(0).toUpperCase() + text.slice(1);
}
