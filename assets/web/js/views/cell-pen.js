// A pen that the keyboard moves over the drawing area, from cell to cell.

/** Cells along a side. */
const CELLS = 24;
/** Cells of a step with the shift key. */
const LEAP = 4;
/** Columns and rows that a key moves. */
const STEPS = /** @type {Record<string, [number, number]>} */ ({
    ArrowLeft: [-1, 0],
    ArrowRight: [1, 0],
    ArrowUp: [0, -1],
    ArrowDown: [0, 1],
    Home: [-1, -1],
    PageUp: [1, -1],
    End: [-1, 1],
    PageDown: [1, 1],
});

export class CellPen {
    /**
     * @param {import("./pad.js").Pad} pad
     * @param {HTMLElement} mark shows where the pen is
     * @param {(text: string) => void} say
     */
    constructor(pad, mark, say) {
        this.pad = pad;
        this.mark = mark;
        this.say = say;
        this.column = CELLS / 2;
        this.row = CELLS / 4;
        this.isDown = false;
        const { canvas } = pad;
        canvas.addEventListener("keydown", (event) => this.#press(event));
        canvas.addEventListener("focus", () => this.#show());
        canvas.addEventListener("blur", () => {
            this.lift();
            mark.hidden = true;
        });
    }

    /** Ends the stroke, if there is one. */
    lift() {
        if (!this.isDown) return;
        this.isDown = false;
        this.#show();
    }

    /** @param {KeyboardEvent} event */
    #press(event) {
        if (event.ctrlKey || event.metaKey || event.altKey) return;
        const step = STEPS[event.key];
        if (step) this.#move(step, event.shiftKey ? LEAP : 1);
        else if (event.key === " " || event.key === "Enter") this.#lowerOrLift();
        else if (event.key === "Escape") this.lift();
        else if (event.key === "Backspace") this.#change("undone", () => this.pad.undo());
        else if (event.key === "Delete") this.#change("cleared", () => this.pad.clear());
        else return;
        event.preventDefault();
    }

    /**
     * @param {[number, number]} step
     * @param {number} cells
     */
    #move([across, down], cells) {
        for (let i = 0; i < cells; i++) {
            this.column = Math.min(Math.max(this.column + across, 0), CELLS - 1);
            this.row = Math.min(Math.max(this.row + down, 0), CELLS - 1);
            if (this.isDown) this.pad.extend(this.#place());
        }
        this.#tell();
    }

    #lowerOrLift() {
        if (this.isDown) {
            this.lift();
        } else {
            this.isDown = true;
            this.pad.begin(this.#place());
        }
        this.#tell();
    }

    /**
     * @param {string} what
     * @param {() => void} change
     */
    #change(what, change) {
        this.isDown = false;
        change();
        this.#show();
        this.say(what);
    }

    #tell() {
        this.#show();
        this.say(`column ${this.column + 1}, row ${this.row + 1}, pen ${this.isDown ? "down" : "up"}`);
    }

    /** The middle of the cell. */
    #place() {
        return { x: (this.column + 0.5) / CELLS, y: (this.row + 0.5) / CELLS };
    }

    #show() {
        const { x, y } = this.#place();
        this.mark.hidden = !this.pad.canvas.matches(":focus-visible") && !this.isDown;
        this.mark.style.insetInlineStart = `${100 * x}%`;
        this.mark.style.insetBlockStart = `${100 * y}%`;
        this.mark.classList.toggle("down", this.isDown);
    }
}
