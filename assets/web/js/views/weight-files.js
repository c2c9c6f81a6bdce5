// Weights to keep as a file, and from one.

import { FILE } from "../app.js";
import * as safetensors from "../safetensors.js";
import { download, element } from "./elements.js";

/** The largest file that is read, as in the program. */
const MAX_FILE = 64_000_000;

export class WeightFiles {
    /**
     * @param {import("../app.js").App} app
     * @param {(text: string) => void} say
     */
    constructor(app, say) {
        const input = element("weights-file", HTMLInputElement);
        element("save-weights", HTMLButtonElement).addEventListener("click", () => {
            const { name, note, parameters, about } = app.used;
            download(safetensors.write(parameters, app.site, about), "digit-adder.safetensors");
            say(`Saved: the weights in use, ${note ? `${name}, ${note}` : name}.`);
        });
        element("load-weights", HTMLButtonElement).addEventListener("click", () => input.click());
        input.addEventListener("change", async () => {
            const file = input.files?.[0];
            input.value = "";
            if (!file) return;
            try {
                if (file.size > MAX_FILE) throw new Error("more than 64 MB, the most that is read");
                const parameters = safetensors.read(await file.arrayBuffer(), app.site);
                app.offer(FILE, { name: "from file", note: file.name, parameters });
                app.use(FILE);
                say(`Loaded ${file.name}: the view Draw uses it.`);
            } catch (error) {
                say(`${file.name}: ${error instanceof Error ? error.message : error}`);
            }
        });
    }
}
