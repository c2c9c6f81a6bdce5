// Starts the page: what it needs is loaded, what computes is found, and the views are shown by the address's hash.

import { App } from "./app.js";
import { openGpu } from "./gpu/device.js";
import { GpuPredictor } from "./predictor.js";
import * as safetensors from "./safetensors.js";
import { Shaders } from "./shaders.js";
import { loadDigits, loadSchedule, loadSite, loadWeights } from "./site.js";
import { Trainer } from "./trainer.js";
import { DrawView } from "./views/draw.js";
import { element } from "./views/elements.js";
import { LearnView } from "./views/learn.js";
import { MachineView } from "./views/machine.js";
import { StateView } from "./views/state.js";

const SLOW =
    "This browser runs WebGPU on the processor (a fallback adapter): all works, but training is slow, some dozens " +
    "of images a second. A browser that uses the graphics card is many times faster.";

/** @typedef {import("./gpu/device.js").Gpu} Gpu */
/** @typedef {import("./gpu/schedule.js").Schedule} Schedule */

async function start() {
    const site = await loadSite();
    const [weights, predict, train, evaluate] = await Promise.all([
        loadWeights(site),
        loadSchedule(site, "predict"),
        loadSchedule(site, "train"),
        loadSchedule(site, "evaluate"),
    ]);
    element("version", HTMLElement).textContent = `Version ${site.version}.`;
    const app = new App(site, safetensors.read(weights, site));
    const shaders = new Shaders();
    shaders.add("predict", "Prediction", predict);
    shaders.add("train", "Training", train);
    shaders.addEventListener("edited", () => app.dispatchEvent(new Event("predictor")));
    const state = new StateView(app, shaders);
    new DrawView(app);

    const gpu = await openGpu().catch((error) => {
        state.device("Computes in plain JavaScript, without WebGPU.");
        state.notice(
            `${error.message} Until then this page predicts in plain JavaScript; training and edited shaders are off.`,
        );
    });
    const canCompute = gpu ? await predictOnGpu(gpu, app, state, shaders, predict) : false;
    const make = gpu && canCompute ? trainers(gpu, site, shaders, { train, evaluate }) : undefined;
    shaders.prepare = async (name) => (name === "train" ? make?.(1) : undefined);
    const makeTrainer = make && ((/** @type {number} */ seed) => shaders.inTurn(() => make(seed)));
    new LearnView(app, makeTrainer, gpu?.fallback ? SLOW : "");
    new MachineView(app, shaders, makeTrainer !== undefined);
}

/**
 * Predicts on the device from now on, until it is lost; whether it does.
 * @param {Gpu} gpu
 * @param {App} app
 * @param {StateView} state
 * @param {Shaders} shaders
 * @param {Schedule} schedule
 */
async function predictOnGpu(gpu, app, state, shaders, schedule) {
    gpu.lost.then((why) => {
        app.lose();
        state.device("Computes in plain JavaScript: the device is lost.");
        state.notice(`The device is lost (${why}): load the page anew.`);
    });
    gpu.device.addEventListener("uncapturederror", ({ error }) => {
        app.fail(`The device refuses what this page has told it, and what is shown may be wrong: ${error.message}`);
    });
    state.device(`Computes by WebGPU on ${gpu.name}; compiling the shaders …`);
    try {
        const predictor = await GpuPredictor.create(gpu, schedule, app.site, app.used.parameters);
        await shaders.inTurn(() => shaders.attach("predict", [predictor.replay]));
        if (app.isLost) return false;
        app.predictOn(predictor);
    } catch (error) {
        if (!app.isLost) state.device("Computes in plain JavaScript.");
        app.fail(error);
        return false;
    }
    const how = gpu.immediates ? "immediates" : "a uniform buffer for the cursor";
    state.device(`Computes by WebGPU on ${gpu.name}${gpu.fallback ? ", which is slow" : ""}, with ${how}.`);
    return true;
}

/**
 * Makes trainers, to be called in turn: the one before gives its memory back.
 * @param {Gpu} gpu
 * @param {import("./site.js").Site} site
 * @param {Shaders} shaders
 * @param {{ train: Schedule, evaluate: Schedule }} schedules
 */
function trainers(gpu, site, shaders, schedules) {
    /** @type {Promise<import("./site.js").Digits> | undefined} */
    let digits;
    /** @type {Trainer | undefined} */
    let trainer;
    return async (/** @type {number} */ seed) => {
        digits ??= loadDigits(site).catch((error) => {
            // The next training asks again.
            digits = undefined;
            throw error;
        });
        const made = await Trainer.create(gpu, schedules, site, await digits, { seed });
        await shaders.attach("train", [made.replay, made.evaluation]);
        trainer?.destroy();
        trainer = made;
        return made;
    };
}

/**
 * Shows the view that the address names, and only that.
 * @returns {HTMLHeadingElement} its title
 */
function route() {
    const views = [...document.querySelectorAll(".view")];
    const isShown = (/** @type {Element} */ view) => !view.hasAttribute("hidden");
    // Another hash, such as that of the link to the content, changes nothing.
    const shown = views.find(({ id }) => `#${id}` === location.hash) ?? views.find(isShown) ?? views[0];
    for (const view of views) view.toggleAttribute("hidden", view !== shown);
    for (const link of document.querySelectorAll("nav a")) {
        if (link.getAttribute("href") === `#${shown.id}`) link.setAttribute("aria-current", "page");
        else link.removeAttribute("aria-current");
    }
    const heading = element(`${shown.id}-title`, HTMLHeadingElement);
    document.title = `${heading.textContent} · digit-adder`;
    return heading;
}

addEventListener("hashchange", () => {
    // Who reads by ear hears where they are.
    route().focus({ preventScroll: true });
    scrollTo(0, 0);
});
route();
start().catch((error) => {
    element("device", HTMLElement).textContent = "Not started.";
    const notice = element("notice", HTMLElement);
    notice.textContent = error instanceof Error ? error.message : String(error);
    notice.hidden = false;
});
