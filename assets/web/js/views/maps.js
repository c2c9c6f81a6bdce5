// What the convolutions find: a picture for each channel, after its ReLU.

import { make } from "./elements.js";
import { inked } from "./ink.js";

export class Maps {
    /** @param {HTMLElement} parent */
    constructor(parent) {
        this.parent = parent;
        /** @type {Map<string, HTMLCanvasElement[]>} */
        this.layers = new Map();
    }

    /** @param {import("../predictor.js").FeatureMap[]} maps */
    show(maps) {
        for (const { layer, shape, values } of maps) {
            const canvases = this.layers.get(layer) ?? this.#added(layer, shape);
            const size = shape[1] * shape[2];
            const most = values.reduce((a, b) => Math.max(a, b), 0);
            canvases.forEach((canvas, channel) => {
                const channelValues = values.subarray(channel * size, (channel + 1) * size);
                inked(canvas, channelValues, most);
                const peak = channelValues.reduce((a, b) => Math.max(a, b), 0);
                const text = peak > 0 ? `up to ${peak.toFixed(2)}` : "nothing";
                canvas.setAttribute("aria-label", `channel ${channel + 1}: ${text}`);
                canvas.title = `channel ${channel + 1}: ${text}`;
            });
        }
    }

    clear() {
        for (const canvas of [...this.layers.values()].flat()) {
            inked(canvas, new Float32Array(canvas.width * canvas.height), 1);
            canvas.setAttribute("aria-label", "nothing yet");
            canvas.title = "";
        }
    }

    /**
     * @param {string} layer
     * @param {number[]} shape
     */
    #added(layer, [channels, height, width]) {
        const canvases = Array.from({ length: channels }, () =>
            make("canvas", { width: String(width), height: String(height), role: "img" }),
        );
        const title = layer.replace(/\..*/, "");
        const caption = `${title}, after its ReLU: ${channels} channels of ${height} × ${width}`;
        const grid = make("div", { class: "map-grid" }, ...canvases);
        this.parent.append(make("figure", {}, make("figcaption", {}, caption), grid));
        this.layers.set(layer, canvases);
        return canvases;
    }
}
