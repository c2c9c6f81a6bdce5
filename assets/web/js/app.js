// What the views share: what computes, which weights predict, and which shaders are edited.

import { PlainPredictor } from "./plain.js";

/** @typedef {import("./site.js").Site} Site */
/** @typedef {import("./predictor.js").Prediction} Prediction */
/** @typedef {Float32Array<ArrayBuffer>} Parameters */
/**
 * A set of weights to choose from. `note` says more than its name, such as how far it is trained; `about` is what a
 * file of it says.
 * @typedef {{ name: string, note: string, parameters: Parameters, about?: object }} Weights
 */
/**
 * What predicts.
 * @typedef {{ predict(image: Uint8Array<ArrayBuffer>, number: number): Promise<Prediction>,
 *   setParameters(parameters: Parameters): void }} Predictor
 */

/** Milliseconds within which a device's loss is told after what failed by it. */
const LOSS = 200;

/** The sets of weights, by what they are. */
export const SHIPPED = "shipped";
export const TRAINED = "trained";
export const FILE = "file";

/**
 * Tells of what changes by events: "predictor" when answers may be others, "weights" when the sets of weights or
 * the one in use are, "lost" when the device is, "failure" with its text as detail.
 */
export class App extends EventTarget {
    /**
     * @param {Site} site
     * @param {Parameters} shipped
     */
    constructor(site, shipped) {
        super();
        this.site = site;
        const about = site.weights.about ?? undefined;
        /** @type {Map<string, Weights>} */
        this.weights = new Map([[SHIPPED, { name: "as shipped", note: "", parameters: shipped, about }]]);
        this.inUse = SHIPPED;
        this.plain = new PlainPredictor(site, shipped);
        /** @type {Predictor} */
        this.predictor = this.plain;
        /** The device that computed is lost, for as long as this page is open. */
        this.isLost = false;
    }

    /** Only plain JavaScript computes from now on. */
    lose() {
        this.isLost = true;
        this.predictOn(this.plain);
        this.#tell("lost");
    }

    /**
     * Predicts on something else from now on.
     * @param {Predictor} predictor
     */
    predictOn(predictor) {
        predictor.setParameters(this.used.parameters);
        this.predictor = predictor;
        this.#tell("predictor");
    }

    /** The weights in use. */
    get used() {
        const used = this.weights.get(this.inUse);
        if (!used) throw new Error(`there are no weights ${this.inUse}`);
        return used;
    }

    /**
     * @param {Uint8Array<ArrayBuffer>} image
     * @param {number} number
     * @returns {Promise<Prediction>}
     */
    predict(image, number) {
        return this.predictor.predict(image, number);
    }

    /**
     * Adds a set of weights or takes the place of the one of its kind; predicts with it if that one is in use.
     * @param {string} kind
     * @param {Weights} weights
     */
    offer(kind, weights) {
        this.weights.set(kind, weights);
        if (this.inUse === kind) this.#take();
        this.#tell("weights");
    }

    /**
     * Predicts with a set of weights from now on.
     * @param {string} kind
     */
    use(kind) {
        this.inUse = kind;
        this.#take();
        this.#tell("weights");
    }

    /** @param {unknown} error */
    fail(error) {
        const text = error instanceof Error ? error.message : String(error);
        // What fails with the device is no news, and comes a little before the news of the loss.
        setTimeout(() => {
            if (this.isLost) return;
            console.warn(text);
            this.dispatchEvent(new CustomEvent("failure", { detail: text }));
        }, LOSS);
    }

    #take() {
        this.predictor.setParameters(this.used.parameters);
        this.#tell("predictor");
    }

    /** @param {string} what */
    #tell(what) {
        this.dispatchEvent(new Event(what));
    }
}
