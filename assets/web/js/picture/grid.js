// A rectangle of values, and what the steps of the preparation ask of one. As src/data/picture/grid.rs.

const { fround, min, max, round } = Math;

/**
 * Values row by row.
 * @template {Float32Array | Uint8Array} Cells
 */
export class Grid {
    /**
     * @param {number} width
     * @param {number} height
     * @param {Cells} cells
     */
    constructor(width, height, cells) {
        this.width = width;
        this.height = height;
        this.cells = cells;
    }

    get longerSide() {
        return max(this.width, this.height);
    }

    /**
     * @param {number} x
     * @param {number} y
     */
    at(x, y) {
        return this.cells[y * this.width + x];
    }
}

/** @typedef {Grid<Float32Array>} Greys */
/** Cells are 1 where the mask is set.
 * @typedef {Grid<Uint8Array>} Mask */

/**
 * @param {number} width
 * @param {number} height
 * @param {(x: number, y: number) => number} value
 * @returns {Greys}
 */
export function greys(width, height, value) {
    const cells = new Float32Array(width * height);
    for (let y = 0; y < height; y++) {
        for (let x = 0; x < width; x++) cells[y * width + x] = value(x, y);
    }
    return new Grid(width, height, cells);
}

/**
 * @param {Greys} grid
 * @param {(value: number) => number} value
 * @returns {Greys}
 */
export function mapped(grid, value) {
    return new Grid(grid.width, grid.height, grid.cells.map(value));
}

/**
 * @param {Greys} grid
 * @param {(value: number) => boolean} isSet
 * @returns {Mask}
 */
export function mask(grid, isSet) {
    const cells = new Uint8Array(grid.cells.length);
    for (let i = 0; i < cells.length; i++) cells[i] = isSet(grid.cells[i]) ? 1 : 0;
    return new Grid(grid.width, grid.height, cells);
}

/**
 * Rows become columns.
 * @template {Float32Array | Uint8Array} Cells
 * @param {Grid<Cells>} grid
 * @returns {Grid<Cells>}
 */
export function transposed({ width, height, cells }) {
    const turned = /** @type {Cells} */ (cells.slice());
    for (let y = 0; y < height; y++) {
        for (let x = 0; x < width; x++) turned[x * height + y] = cells[y * width + x];
    }
    return new Grid(height, width, turned);
}

/**
 * The mean over a square of `2 * radius + 1`, as much of it as lies inside.
 * @param {Greys} grid
 * @param {number} radius
 * @returns {Greys}
 */
export function blurred(grid, radius) {
    return transposed(blurredAlongRows(transposed(blurredAlongRows(grid, radius)), radius));
}

/**
 * @param {Greys} grid
 * @param {number} radius
 * @returns {Greys}
 */
function blurredAlongRows({ width, height, cells }, radius) {
    const means = new Float32Array(cells.length);
    const sums = new Float64Array(width + 1);
    for (let row = 0; row < height; row++) {
        const start = row * width;
        for (let x = 0; x < width; x++) sums[x + 1] = sums[x] + cells[start + x];
        for (let x = 0; x < width; x++) {
            const from = max(x - radius, 0);
            const to = min(x + radius + 1, width);
            means[start + x] = (sums[to] - sums[from]) / (to - from);
        }
    }
    return new Grid(width, height, means);
}

/**
 * Without what is bright and narrower than `2 * radius + 1`.
 * @param {Greys} grid
 * @param {number} radius
 * @returns {Greys}
 */
export function opened(grid, radius) {
    return around(around(grid, radius, min), radius, max);
}

/**
 * The least or greatest within a square of `2 * radius + 1`.
 * @param {Greys} grid
 * @param {number} radius
 * @param {(a: number, b: number) => number} choose
 * @returns {Greys}
 */
function around(grid, radius, choose) {
    const alongRows = (/** @type {Greys} */ { width, height, cells }) => {
        const chosen = greys(width, height, (x, y) => {
            const row = y * width;
            const end = min(x + radius + 1, width);
            let value = cells[row + x];
            for (let i = max(x - radius, 0); i < end; i++) value = choose(value, cells[row + i]);
            return value;
        });
        return transposed(chosen);
    };
    return alongRows(alongRows(grid));
}

/**
 * The value that a share of `values`, 0-1, does not exceed; 0 if there are none.
 * @param {Float32Array} values rearranged
 * @param {number} share
 */
export function quantile(values, share) {
    if (values.length === 0) return 0;
    const rank = round((values.length - 1) * share);
    // Halves the range that holds the rank, as quicksort does; sorting all of it takes ten times as long.
    for (let from = 0, to = values.length - 1; from < to;) {
        const pivot = values[(from + to) >> 1];
        let low = from;
        let high = to;
        while (low <= high) {
            while (values[low] < pivot) low++;
            while (values[high] > pivot) high--;
            if (low > high) break;
            const value = values[low];
            values[low++] = values[high];
            values[high--] = value;
        }
        if (rank <= high) to = high;
        else if (rank >= low) from = low;
        else break;
    }
    return values[rank];
}

/**
 * As `quantile`, of a grid that stays as it is.
 * @param {Greys} grid
 * @param {number} share
 */
export function quantileOf(grid, share) {
    return quantile(grid.cells.slice(), share);
}

/**
 * Column and row of the ink's centre, counted from the middle of the first.
 * @param {Greys} ink
 * @returns {[number, number]}
 */
export function centreOfMass({ width, cells }) {
    let x = 0;
    let y = 0;
    let mass = 0;
    cells.forEach((value, i) => {
        const column = i % width;
        x += value * column;
        y += (value * (i - column)) / width;
        mass += value;
    });
    const over = mass || 1;
    return [fround(x / over), fround(y / over)];
}
