// The schedules, the replays that run them, and what the user has changed in their shaders.

/** @typedef {import("./gpu/replay.js").Diagnostic} Diagnostic */
/** @typedef {import("./gpu/replay.js").Replay} Replay */
/** @typedef {import("./gpu/schedule.js").Schedule} Schedule */
/**
 * `edits` are texts by the shader's name; the first of `replays` runs the schedule, others share its shaders.
 * @typedef {{ title: string, schedule: Schedule, edits: Map<string, string>, replays: Replay[] }} Entry
 */

/** Tells of every change by an event "edited", with the schedule's name as detail. */
export class Shaders extends EventTarget {
    constructor() {
        super();
        /** @type {Map<string, Entry>} */
        this.entries = new Map();
        /** Makes what replays a schedule that nothing has replayed yet; it is called in turn.
         * @type {((name: string) => Promise<unknown>) | undefined} */
        this.prepare = undefined;
        /** @type {Promise<unknown>} */
        this.last = Promise.resolve();
    }

    /**
     * Does what compiles or takes other replays into use one after the other: while one edit waits for the compiler,
     * no other may overtake it, and the replays that it changes must stay in use.
     * @template T
     * @param {() => Promise<T>} work It must not wait for a turn itself.
     * @returns {Promise<T>}
     */
    inTurn(work) {
        const done = this.last.then(work);
        this.last = done.catch(() => {});
        return done;
    }

    /**
     * @param {string} name
     * @param {string} title
     * @param {Schedule} schedule
     */
    add(name, title, schedule) {
        this.entries.set(name, { title, schedule, edits: new Map(), replays: [] });
    }

    /** @param {string} name of a schedule */
    entry(name) {
        const entry = this.entries.get(name);
        if (!entry) throw new Error(`there is no schedule ${name}`);
        return entry;
    }

    /** The shaders that are edited, by name. */
    get names() {
        const all = [...this.entries.values()].flatMap(({ title, edits }) =>
            [...edits.keys()].map((shader) => `${shader} (${title.toLowerCase()})`),
        );
        return all.sort();
    }

    /**
     * The kernel of a step.
     * @param {string} name
     * @param {number} step
     */
    kernel(name, step) {
        const { schedule } = this.entry(name);
        return schedule.kernels[schedule.steps[step].kernel];
    }

    /**
     * The text that runs at a step.
     * @param {string} name
     * @param {number} step
     */
    text(name, step) {
        const kernel = this.kernel(name, step);
        const [replay] = this.entry(name).replays;
        return replay ? replay.text(kernel.shader, step) : kernel.text;
    }

    /**
     * A schedule is replayed by something new, which takes what was edited before. To be called in turn.
     * @param {string} name
     * @param {Replay[]} replays
     */
    async attach(name, replays) {
        const entry = this.entry(name);
        for (const [shader, text] of entry.edits) await replaced(replays, shader, text);
        entry.replays = replays;
    }

    /**
     * Compiles a text for all steps that use the shader of this one, and runs it from now on; with an error all
     * stays as it was. A text that runs already is left alone.
     * @param {string} name
     * @param {number} step
     * @param {string} text
     * @returns {Promise<Diagnostic[]>}
     */
    edit(name, step, text) {
        return this.inTurn(() => this.#edit(name, step, text));
    }

    /** @param {string} name @param {number} step @param {string} text */
    async #edit(name, step, text) {
        if (text === this.text(name, step)) return [];
        const entry = this.entry(name);
        const { shader, text: original } = this.kernel(name, step);
        if (entry.replays.length === 0) await this.prepare?.(name);
        if (entry.replays.length === 0)
            throw new Error(`${entry.title} does not run here: its shaders stay as they are`);
        const diagnostics = await replaced(entry.replays, shader, text);
        if (diagnostics.some(({ type }) => type === "error")) return diagnostics;
        if (this.text(name, step) === original) entry.edits.delete(shader);
        else entry.edits.set(shader, text);
        this.dispatchEvent(new CustomEvent("edited", { detail: name }));
        return diagnostics;
    }

    revertAll() {
        return this.inTurn(() => this.#revertAll());
    }

    async #revertAll() {
        for (const [name, { schedule, edits }] of this.entries) {
            for (const shader of [...edits.keys()]) {
                const step = schedule.steps.findIndex(({ kernel }) => schedule.kernels[kernel].shader === shader);
                await this.#edit(name, step, this.kernel(name, step).text);
            }
        }
    }
}

/**
 * Replaces a shader in all replays, or with an error in none.
 * @param {Replay[]} replays
 * @param {string} shader
 * @param {string} text
 */
async function replaced(replays, shader, text) {
    const tried = await Promise.all(replays.map((replay) => replay.prepare(shader, text)));
    const commits = tried.flatMap(({ commit }) => commit ?? []);
    if (commits.length === tried.length) for (const commit of commits) commit();
    const said = new Map(tried.flatMap(({ diagnostics }) => diagnostics).map((one) => [JSON.stringify(one), one]));
    return [...said.values()];
}
