// Learn: trains from random weights on drawn digits, and shows how it goes.

import { TRAINED } from "../app.js";
import { aboutTraining } from "../safetensors.js";
import { Chart } from "./chart.js";
import { element, make, percent } from "./elements.js";
import { WeightFiles } from "./weight-files.js";

/** Milliseconds between two looks at the weights while they are trained. */
const LOOK = 500;
/** Right answers are counted over so many images, so that they can be read off. */
const RECENT = 1024;

/** @typedef {import("../trainer.js").Trainer} Trainer */
/** @typedef {import("../trainer.js").Info} Info */

export class LearnView {
    /**
     * @param {import("../app.js").App} app
     * @param {((seed: number) => Promise<Trainer>) | undefined} makeTrainer nothing where training is not possible
     * @param {string} slow why it is slow, if it is
     */
    constructor(app, makeTrainer, slow) {
        this.app = app;
        this.makeTrainer = makeTrainer;
        /** @type {AbortController | undefined} */
        this.running = undefined;
        this.looked = 0;
        this.heads = app.site.network.heads.map(({ name }) => name);
        this.loss = lossChart();
        this.accuracy = accuracyChart(this.heads);
        this.values = figures(this.heads);
        new WeightFiles(app, (text) => this.#say(text));
        this.#introduce(slow);
        this.#listen();
    }

    /** @param {string} slow */
    #introduce(slow) {
        const { digits, recipe } = this.app.site;
        element("learn-lead", HTMLElement).textContent =
            `From random weights, on ${digits.train} digits that the program has drawn; ${digits.test} others are held ` +
            `out to test on. Steps of ${recipe.batch_size} images, Adam at a rate of ${recipe.learning_rate}. The view ` +
            "Draw uses the weights while they are trained.";
        element("epochs", HTMLInputElement).value = String(recipe.epochs);
        const head = ["Epoch", "Loss", ...this.heads.map(right)];
        const cells = head.map((text) => make("th", { scope: "col" }, text));
        element("epochs-head", HTMLElement).replaceChildren(...cells);
        this.#allow(this.makeTrainer ? slow : "Training needs WebGPU, which this browser does not offer here.");
    }

    /** @param {string} note on what is possible here */
    #allow(note) {
        const slow = element("learn-slow", HTMLElement);
        slow.textContent = note;
        slow.hidden = note === "";
        for (const id of ["epochs", "seed"]) element(id, HTMLInputElement).disabled = !this.makeTrainer;
        this.#showButtons();
    }

    #listen() {
        element("learn-form", HTMLFormElement).addEventListener("submit", (event) => {
            event.preventDefault();
            this.#start();
        });
        element("stop", HTMLButtonElement).addEventListener("click", () => this.running?.abort());
        this.app.addEventListener("lost", () => {
            this.running?.abort();
            this.makeTrainer = undefined;
            this.#allow("The device is lost: load the page anew to train.");
            this.#say("The device is lost: training is off.");
        });
    }

    #start() {
        if (this.running) return;
        try {
            // What the fields say later is for a later training.
            const wishes = { epochs: wholeNumber("epochs", "Epochs"), seed: wholeNumber("seed", "Seed") };
            this.#train(wishes).catch((error) => {
                if (!this.app.isLost) this.#say(`Training ended: ${error.message}`);
            });
        } catch (error) {
            this.#say(error instanceof Error ? error.message : String(error));
        }
    }

    /** @param {{ epochs: number, seed: number }} wishes */
    async #train({ epochs, seed }) {
        if (!this.makeTrainer) return;
        const running = new AbortController();
        this.running = running;
        this.#showButtons();
        this.#clear();
        try {
            this.#say("Compiling the shaders …");
            const trainer = await this.makeTrainer(seed);
            if (running.signal.aborted) return this.#say("Stopped before the first step.");
            await this.#look(trainer, this.#note);
            this.app.use(TRAINED);
            this.#say("Training.");
            for (let epoch = 1; epoch <= epochs && !running.signal.aborted; epoch++) {
                await trainer.train({
                    epochs: 1,
                    signal: running.signal,
                    onProgress: (info) => this.#show(trainer, info),
                });
                if (!running.signal.aborted) await this.#evaluate(trainer, epoch);
            }
            const how = running.signal.aborted ? "Stopped" : "Done";
            await this.#look(trainer, this.#note);
            const use = this.app.inUse === TRAINED ? " The view Draw uses these weights." : "";
            this.#say(`${how}: ${this.#note}.${use}`);
        } finally {
            this.running = undefined;
            this.#showButtons();
        }
    }

    /** How far the training is. */
    #note = "";
    #step = 0;
    /** What the last submissions gave: images from one count to another, and the share that each head got right.
     * @type {{ from: number, until: number, right: number[] }[]} */
    #last = [];

    /**
     * @param {Trainer} trainer
     * @param {Info} info
     */
    #show(trainer, info) {
        const { values } = this;
        this.#step = info.step;
        this.#note = `epoch ${info.epoch}, step ${info.step}`;
        values.set("Epoch", String(info.epoch));
        values.set("Step", String(info.step));
        values.set("Images/s", String(Math.round(info.imagesPerSecond)));
        values.set("Loss", info.loss.toPrecision(3));
        this.loss.add(0, info.step, info.loss);
        const recent = this.#recent(info);
        info.heads.forEach(({ name }, i) => {
            values.set(right(name), percent(recent[i]));
            this.accuracy.add(i, info.step, recent[i]);
        });
        const now = performance.now();
        if (now - this.looked < LOOK) return;
        this.looked = now;
        this.#look(trainer, this.#note).catch((error) => this.app.fail(error));
    }

    /**
     * The right answers of each head over the last images.
     * @param {Info} info
     */
    #recent({ images, heads }) {
        const before = this.#last.at(-1)?.until ?? 0;
        this.#last.push({ from: before, until: images, right: heads.map(({ accuracy }) => accuracy) });
        while (this.#last.length > 1 && this.#last[1].from <= images - RECENT) this.#last.shift();
        const all = images - this.#last[0].from;
        return heads.map(
            (_, i) => this.#last.reduce((sum, { from, until, right }) => sum + right[i] * (until - from), 0) / all,
        );
    }

    /**
     * @param {Trainer} trainer
     * @param {string} note
     */
    async #look(trainer, note) {
        const parameters = await trainer.parameters();
        if (!parameters.every(Number.isFinite)) {
            throw new Error("the training diverged: its weights are not numbers any more. The ones before are kept");
        }
        const about = aboutTraining(this.app.site, { epochs: trainer.finished, seed: trainer.seed });
        this.app.offer(TRAINED, { name: "trained here", note, parameters, about });
    }

    /**
     * @param {Trainer} trainer
     * @param {number} epoch
     */
    async #evaluate(trainer, epoch) {
        const { loss, heads } = await trainer.evaluate();
        this.loss.add(1, this.#step, loss);
        heads.forEach(({ accuracy }, i) => this.accuracy.add(heads.length + i, this.#step, accuracy));
        const cells = [loss.toPrecision(3), ...heads.map(({ accuracy }) => percent(accuracy))];
        const row = make(
            "tr",
            {},
            make("th", { scope: "row" }, String(epoch)),
            ...cells.map((text) => make("td", {}, text)),
        );
        element("epochs-rows", HTMLElement).append(row);
        element("epochs-table", HTMLElement).hidden = false;
        const said = heads.map(({ name, accuracy }) => `${name} ${percent(accuracy)}`).join(", ");
        this.#say(`After epoch ${epoch}, right on the held-out digits: ${said}.`);
    }

    #clear() {
        this.#note = "not trained yet";
        this.#step = 0;
        this.#last = [];
        this.loss.clear();
        this.accuracy.clear();
        this.values.clear();
        element("epochs-rows", HTMLElement).replaceChildren();
        element("epochs-table", HTMLElement).hidden = true;
    }

    #showButtons() {
        element("start", HTMLButtonElement).disabled = !this.makeTrainer || this.running !== undefined;
        element("stop", HTMLButtonElement).disabled = this.running === undefined;
    }

    /** @param {string} text */
    #say(text) {
        element("learn-said", HTMLElement).textContent = text;
    }
}

function lossChart() {
    return new Chart(element("loss-chart", HTMLElement), {
        name: "Loss",
        isLog: true,
        ticks: [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 3, 5, 10, 20, 50, 100],
        series: [
            { name: "training", style: "first" },
            { name: "held out", style: "second held", hasDots: true },
        ],
        text: (value) => String(Number(value.toPrecision(2))),
    });
}

/** @param {string[]} heads */
function accuracyChart(heads) {
    const styles = ["first", "second"];
    return new Chart(element("accuracy-chart", HTMLElement), {
        name: "Right answers",
        isLog: false,
        ticks: [0, 0.25, 0.5, 0.75, 1],
        series: [
            ...heads.map((name, i) => ({ name: `${name}, training`, style: styles[i % 2] })),
            ...heads.map((name, i) => ({ name: `${name}, held out`, style: `${styles[i % 2]} held`, hasDots: true })),
        ],
        text: (value) => `${Math.round(100 * value)} %`,
    });
}

/**
 * The list of figures, each named.
 * @param {string[]} heads
 */
function figures(heads) {
    const list = element("figures", HTMLElement);
    const values = new Map(
        ["Epoch", "Step", "Images/s", "Loss", ...heads.map(right)].map((name) => [name, make("dd", {}, "–")]),
    );
    for (const [name, value] of values) list.append(make("div", {}, make("dt", {}, name), value));
    return {
        /** @type {(name: string, text: string) => void} */
        set(name, text) {
            const value = values.get(name);
            if (value) value.textContent = text;
        },
        clear() {
            for (const value of values.values()) value.textContent = "–";
        },
    };
}

/**
 * What a field says.
 * @param {string} id
 * @param {string} name
 */
function wholeNumber(id, name) {
    const field = element(id, HTMLInputElement);
    if (field.checkValidity()) return field.valueAsNumber;
    throw new Error(`${name}: a whole number from ${field.min} to ${field.max} is needed.`);
}

/** @param {string} head */
function right(head) {
    return `${head.charAt(0).toUpperCase()}${head.slice(1)} right`;
}
