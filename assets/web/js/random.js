// Random numbers of a seed: the same training each time on one device. They are not the program's own, which come from
// ChaCha8, so a seed gives other weights, orders and addends here than there.

/** A stream of random numbers (sfc32, by Chris Doty-Humphrey). */
export class Random {
    /**
     * @param {number} seed
     * @param {number} purpose Streams of one seed for different purposes are independent.
     * @param {number} [index] Of an epoch, say.
     */
    constructor(seed, purpose, index = 0) {
        this.state = Uint32Array.of(seed, purpose, index, 1);
        for (let round = 0; round < 15; round++) this.word();
    }

    /** 32 random bits. */
    word() {
        const [a, b, c, counter] = this.state;
        const sum = (a + b + counter) >>> 0;
        this.state[0] = b ^ (b >>> 9);
        this.state[1] = c + (c << 3);
        this.state[2] = ((c << 21) | (c >>> 11)) + sum;
        this.state[3] = counter + 1;
        return sum;
    }

    /** Uniform in [0, 1), a multiple of 2^-24. */
    unit() {
        return (this.word() >>> 8) / 16_777_216;
    }

    /** Uniform in 0..bound: of fewer than a million numbers none is preferred by more than 1 in 4000. @param {number} bound */
    below(bound) {
        return Math.floor((this.word() / 4_294_967_296) * bound);
    }

    /** A random order of 0..length (Fisher and Yates). @param {number} length */
    permutation(length) {
        const order = Uint32Array.from({ length }, (_, index) => index);
        for (let last = length - 1; last > 0; last--) {
            const other = this.below(last + 1);
            [order[last], order[other]] = [order[other], order[last]];
        }
        return order;
    }
}
