// The page's elements by their ids, and new ones.

/**
 * The element of an id, known to be of a kind.
 * @template {Element} T
 * @param {string} id
 * @param {new () => T} kind
 * @returns {T}
 */
export function element(id, kind) {
    const found = document.getElementById(id);
    if (!(found instanceof kind)) throw new Error(`index.html has no ${kind.name} #${id}`);
    return found;
}

/**
 * A new element.
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Record<string, string>} attributes
 * @param {(Node | string)[]} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function make(tag, attributes = {}, ...children) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    made.append(...children);
    return made;
}

/**
 * A choice of one, as radio buttons in a fieldset.
 * @param {HTMLFieldSetElement} fieldset
 * @param {string} name
 * @param {{ value: string, label: string }[]} options the first is chosen
 * @param {(value: string) => void} onChange
 */
export function choices(fieldset, name, options, onChange) {
    options.forEach(({ value, label }, i) => {
        const input = make("input", { type: "radio", name, value });
        input.checked = i === 0;
        input.addEventListener("change", () => onChange(value));
        fieldset.append(make("label", {}, input, make("span", {}, label)));
    });
}

/**
 * A list of texts, hidden where there are none.
 * @param {HTMLElement} list
 * @param {string[]} texts
 */
export function listed(list, texts) {
    list.replaceChildren(...texts.map((text) => make("li", {}, text)));
    list.hidden = texts.length === 0;
}

/**
 * A file for the user to keep.
 * @param {Blob} content
 * @param {string} name
 */
export function download(content, name) {
    const address = URL.createObjectURL(content);
    make("a", { href: address, download: name }).click();
    // The download starts after this call.
    setTimeout(() => URL.revokeObjectURL(address), 10_000);
}

/** @param {number} share 0-1, or what is not a number */
export function percent(share) {
    if (!Number.isFinite(share)) return "not a number";
    return share < 1 ? `${(100 * Math.min(share, 0.999)).toFixed(1)} %` : "100 %";
}
