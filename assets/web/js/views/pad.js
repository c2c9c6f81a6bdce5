// What is drawn: strokes of a mouse, a finger, a pen or the keyboard, shown as large as the page has room and
// kept as one picture of fixed size for the network.

import { CellPen } from "./cell-pen.js";

/** Width and height of the picture, in pixels. */
const SIDE = 280;
/** The width of a stroke, over the picture's. */
const STROKE = 0.08;

/** Places over the picture's width, 0-1.
 * @typedef {{ x: number, y: number }} Point */
/** @typedef {Point[]} Stroke */

/** Tells of every change by an event "change". */
export class Pad extends EventTarget {
    /**
     * @param {HTMLCanvasElement} canvas
     * @param {HTMLElement} pen shows where the keyboard's pen is
     * @param {(text: string) => void} say to those who do not see the pen
     */
    constructor(canvas, pen, say) {
        super();
        this.canvas = canvas;
        /** @type {Stroke[]} */
        this.strokes = [];
        this.picture = document.createElement("canvas");
        this.picture.width = this.picture.height = SIDE;
        new ResizeObserver(() => this.#fit()).observe(canvas);
        this.#listen();
        this.cellPen = new CellPen(this, pen, say);
    }

    get isEmpty() {
        return this.strokes.length === 0;
    }

    /** The drawing as ink on a clear picture: red, green, blue and opacity. */
    pixels() {
        this.#paint(this.picture);
        const { data, width, height } = pencil(this.picture).getImageData(0, 0, SIDE, SIDE);
        return { rgba: data, width, height };
    }

    /** The drawing as a PNG that `digit-adder predict` reads as this page does. */
    png() {
        this.#paint(this.picture);
        return new Promise((/** @type {(png: Blob | null) => void} */ done) => this.picture.toBlob(done, "image/png"));
    }

    /** @param {Point} point */
    begin(point) {
        this.strokes.push([point]);
        drawn(this.canvas, [point, point]);
        this.#tell();
    }

    /** @param {Point} point */
    extend(point) {
        const stroke = this.strokes.at(-1);
        // It may have been undone meanwhile.
        if (!stroke) return this.begin(point);
        drawn(this.canvas, [stroke[stroke.length - 1], point]);
        stroke.push(point);
        this.#tell();
    }

    undo() {
        this.strokes.pop();
        this.#redraw();
    }

    clear() {
        this.strokes = [];
        this.#redraw();
    }

    #listen() {
        const { canvas } = this;
        const place = (/** @type {PointerEvent} */ event) => {
            const { left, top, width, height } = canvas.getBoundingClientRect();
            return { x: (event.clientX - left) / width, y: (event.clientY - top) / height };
        };
        let pointer = -1;
        canvas.addEventListener("pointerdown", (event) => {
            if (!event.isPrimary || event.button !== 0) return;
            pointer = event.pointerId;
            canvas.setPointerCapture(pointer);
            this.cellPen.lift();
            this.begin(place(event));
        });
        canvas.addEventListener("pointermove", (event) => {
            if (event.pointerId !== pointer) return;
            // A frame holds several places of a fast hand; all of them make the stroke smooth.
            const places = event.getCoalescedEvents?.() ?? [];
            for (const each of places.length ? places : [event]) this.extend(place(each));
        });
        const end = (/** @type {PointerEvent} */ event) => {
            if (event.pointerId === pointer) pointer = -1;
        };
        canvas.addEventListener("pointerup", end);
        canvas.addEventListener("pointercancel", end);
    }

    /** As many pixels as the screen shows. */
    #fit() {
        const side = Math.max(Math.round(this.canvas.clientWidth * devicePixelRatio), 1);
        if (this.canvas.width === side && this.canvas.height === side) return;
        this.canvas.width = this.canvas.height = side;
        this.#paint(this.canvas);
    }

    #redraw() {
        this.#paint(this.canvas);
        this.#tell();
    }

    /**
     * All strokes, each as one line: as parts one after the other their edges would be harder.
     * @param {HTMLCanvasElement} canvas
     */
    #paint(canvas) {
        pencil(canvas).clearRect(0, 0, canvas.width, canvas.height);
        // A dot is a line that goes nowhere, with round ends.
        for (const stroke of this.strokes) drawn(canvas, stroke.length === 1 ? [stroke[0], stroke[0]] : stroke);
    }

    #tell() {
        this.dispatchEvent(new Event("change"));
    }
}

/** @param {HTMLCanvasElement} canvas */
function pencil(canvas) {
    const pencil = canvas.getContext("2d", { willReadFrequently: true });
    if (!pencil) throw new Error("this browser draws on no canvas");
    return pencil;
}

/**
 * @param {HTMLCanvasElement} canvas
 * @param {Stroke} points
 */
function drawn(canvas, points) {
    const lines = pencil(canvas);
    lines.lineWidth = STROKE * canvas.width;
    lines.lineCap = lines.lineJoin = "round";
    lines.beginPath();
    points.forEach(({ x, y }, i) => {
        if (i === 0) lines.moveTo(x * canvas.width, y * canvas.height);
        else lines.lineTo(x * canvas.width, y * canvas.height);
    });
    lines.stroke();
}
