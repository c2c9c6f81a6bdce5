// Curves over the steps of a training, drawn as SVG.

const HEIGHT = 230;
/** Room for the numbers at the axes. */
const MARGIN = { left: 44, right: 12, top: 10, bottom: 26 };

/** @typedef {{ name: string, style: string, hasDots?: boolean }} Series */
/**
 * `ticks` are the places on the y axis, least first, from which its range is taken as far as the values reach.
 * @typedef {{ name: string, isLog: boolean, ticks: number[], series: Series[],
 *   text: (value: number) => string }} Form
 */

export class Chart {
    /**
     * @param {HTMLElement} parent
     * @param {Form} form
     */
    constructor(parent, form) {
        this.form = form;
        this.svg = shape("svg", { role: "img", class: "chart", height: HEIGHT });
        /** @type {[number, number][][]} */
        this.points = form.series.map(() => []);
        parent.append(this.svg, legend(form.series));
        this.width = 0;
        this.frame = 0;
        new ResizeObserver(() => {
            this.width = parent.clientWidth;
            this.#later();
        }).observe(parent);
        this.#later();
    }

    clear() {
        this.points = this.form.series.map(() => []);
        this.#later();
    }

    /**
     * @param {number} series
     * @param {number} x
     * @param {number} y
     */
    add(series, x, y) {
        this.points[series].push([x, y]);
        this.#later();
    }

    /** Draws once a frame, however many points have come. */
    #later() {
        this.frame ||= requestAnimationFrame(() => {
            this.frame = 0;
            if (this.width > 0) this.#draw();
        });
    }

    #draw() {
        const { svg, width, points, form } = this;
        svg.setAttribute("viewBox", `0 0 ${width} ${HEIGHT}`);
        svg.setAttribute("width", String(width));
        svg.setAttribute("aria-label", this.#inWords());
        const all = points.flat();
        const steps = axis(Math.max(...all.map(([x]) => x), 100));
        const ticks = reached(
            form.ticks,
            all.map(([, y]) => y),
        );
        const [low, high] = [ticks[0], ticks[ticks.length - 1]];
        const scale = (/** @type {number} */ y) => (form.isLog ? Math.log(Math.max(y, low)) : y);
        const [bottom, top] = [HEIGHT - MARGIN.bottom, MARGIN.top];
        const right = width - MARGIN.right;
        const atX = (/** @type {number} */ x) => MARGIN.left + (x / steps[steps.length - 1]) * (right - MARGIN.left);
        const atY = (/** @type {number} */ y) =>
            bottom - ((Math.min(scale(y), scale(high)) - scale(low)) / (scale(high) - scale(low))) * (bottom - top);

        const grid = ticks.flatMap((tick) => [
            shape("line", { class: "grid", x1: MARGIN.left, x2: right, y1: atY(tick), y2: atY(tick) }),
            text(form.text(tick), { x: MARGIN.left - 6, y: atY(tick) + 4, "text-anchor": "end" }),
        ]);
        const below = steps.map((step, i) => {
            const isLast = i === steps.length - 1;
            const label = isLast ? `${step} steps` : String(step);
            return text(label, { x: atX(step), y: HEIGHT - 8, "text-anchor": isLast ? "end" : i ? "middle" : "start" });
        });
        const curves = form.series.flatMap(({ style, hasDots }, i) => {
            const places = points[i].map(([x, y]) => [atX(x).toFixed(1), atY(y).toFixed(1)]);
            const line = shape("polyline", {
                class: `curve ${style}`,
                points: places.map((at) => at.join(",")).join(" "),
            });
            const dots = hasDots
                ? places.map(([cx, cy]) => shape("circle", { class: `dot ${style}`, cx, cy, r: 3 }))
                : [];
            return [line, ...dots];
        });
        svg.replaceChildren(...grid, ...below, ...curves);
    }

    /** What the curves come to, for those who do not see them. */
    #inWords() {
        const { name, series, text } = this.form;
        const curves = this.points.flatMap((points, i) => {
            if (points.length === 0) return [];
            const [[, first], [step, last]] = [points[0], points[points.length - 1]];
            return [`${series[i].name} from ${text(first)} to ${text(last)} at step ${step}`];
        });
        return `${name}: ${curves.join("; ") || "nothing yet"}`;
    }
}

/**
 * Round places from 0 to `most` or beyond.
 * @param {number} most
 */
function axis(most) {
    const rough = most / 4;
    const unit = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 2.5, 5, 10].map((times) => times * unit).find((step) => step >= rough) ?? rough;
    return Array.from({ length: Math.ceil(most / step - 1e-9) + 1 }, (_, i) => i * step);
}

/**
 * The ticks between which the values lie.
 * @param {number[]} ticks
 * @param {number[]} values
 */
function reached(ticks, values) {
    if (values.length === 0) return ticks;
    const least = Math.min(...values);
    const most = Math.max(...values);
    // Two at least: an axis has a length, wherever the values lie.
    const below = ticks.findLastIndex((tick) => tick <= least);
    const from = Math.min(Math.max(below, 0), ticks.length - 2);
    const to = ticks.findIndex((tick) => tick >= most);
    return ticks.slice(from, to < 0 ? ticks.length : Math.max(to, from + 1) + 1);
}

/** @param {Series[]} series */
function legend(series) {
    const list = document.createElement("ul");
    list.className = "legend";
    list.setAttribute("aria-hidden", "true");
    for (const { name, style } of series) {
        const item = document.createElement("li");
        item.className = style;
        item.textContent = name;
        list.append(item);
    }
    return list;
}

/**
 * @param {string} content
 * @param {Record<string, string | number>} attributes
 */
function text(content, attributes) {
    const label = shape("text", attributes);
    label.textContent = content;
    return label;
}

/**
 * @template {keyof SVGElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Record<string, string | number>} attributes
 */
function shape(tag, attributes) {
    const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, String(value));
    return made;
}
