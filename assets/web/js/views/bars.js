// A distribution over classes, as a table whose middle column is a bar.

import { likeliest } from "../doubts.js";
import { make, percent } from "./elements.js";

export class Bars {
    /**
     * @param {string} title
     * @param {number} classes
     */
    constructor(title, classes) {
        this.rows = Array.from({ length: classes }, (_, i) => {
            const bar = make("span", { class: "bar" });
            const value = make("td", {}, "–");
            const row = make("tr", {}, make("th", { scope: "row" }, String(i)), make("td", {}, bar), value);
            return { row, bar, value };
        });
        const caption = make("caption", {}, title);
        const head = make(
            "tr",
            {},
            ...["class", "bar", "probability"].map((text) => make("th", { scope: "col" }, text)),
        );
        const body = make("tbody", {}, ...this.rows.map(({ row }) => row));
        this.table = make("table", { class: "bars" }, caption, make("thead", { class: "unseen" }, head), body);
    }

    /** @param {Float32Array | undefined} probabilities of the classes; nothing empties the table */
    show(probabilities) {
        const best = probabilities && likeliest(probabilities);
        this.rows.forEach(({ row, bar, value }, i) => {
            const share = probabilities?.[i] ?? 0;
            const isNumber = Number.isFinite(share);
            bar.style.setProperty("--share", String(isNumber ? share : 0));
            value.textContent = probabilities ? percent(share) : "–";
            row.classList.toggle("best", isNumber && i === best);
            row.classList.toggle("none", !(share >= 0.0005));
        });
    }
}
