// The rectangle that some cells of a grid lie in. As `Bounds` in src/data/picture/grid.rs.

const { max, min } = Math;

/** Columns `left..=right` of rows `top..=bottom`. */
export class Bounds {
    /**
     * @param {number} left
     * @param {number} right
     * @param {number} top
     * @param {number} bottom
     */
    constructor(left, right, top, bottom) {
        this.left = left;
        this.right = right;
        this.top = top;
        this.bottom = bottom;
    }

    /**
     * Of the cells that are set.
     * @param {import("./grid.js").Mask} mask
     */
    static of({ width, cells }) {
        /** @type {Bounds | undefined} */
        let bounds;
        cells.forEach((set, i) => {
            if (!set) return;
            bounds ??= Bounds.ofCell(i, width);
            bounds.include(i, width);
        });
        return bounds;
    }

    /**
     * @param {number} cell
     * @param {number} width
     */
    static ofCell(cell, width) {
        const x = cell % width;
        const y = (cell - x) / width;
        return new Bounds(x, x, y, y);
    }

    /**
     * Grows to hold a cell of a grid.
     * @param {number} cell
     * @param {number} width
     */
    include(cell, width) {
        const x = cell % width;
        const y = (cell - x) / width;
        this.left = min(this.left, x);
        this.right = max(this.right, x);
        this.top = min(this.top, y);
        this.bottom = max(this.bottom, y);
    }

    /** @param {Bounds} other */
    with(other) {
        return new Bounds(
            min(this.left, other.left),
            max(this.right, other.right),
            min(this.top, other.top),
            max(this.bottom, other.bottom),
        );
    }

    get width() {
        return this.right - this.left + 1;
    }

    get height() {
        return this.bottom - this.top + 1;
    }

    get longerSide() {
        return max(this.width, this.height);
    }

    /**
     * Wholly inside, touching no side.
     * @param {Bounds} outer
     */
    isWithin(outer) {
        return outer.left < this.left && this.right < outer.right && outer.top < this.top && this.bottom < outer.bottom;
    }

    /**
     * Free columns or rows between the two, whichever are more.
     * @param {Bounds} other
     */
    gapTo(other) {
        const across = max(other.left - this.right, this.left - other.right, 0);
        const down = max(other.top - this.bottom, this.top - other.bottom, 0);
        return max(across, down);
    }

    /**
     * Whether it reaches an edge of a grid.
     * @param {{ width: number, height: number }} grid
     */
    touchesEdge({ width, height }) {
        return this.left === 0 || this.top === 0 || this.right + 1 === width || this.bottom + 1 === height;
    }
}
