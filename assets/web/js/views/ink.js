// Values as ink: the more, the more opaque. The style sheet turns it over on a dark page.

/**
 * @param {HTMLCanvasElement} canvas as many pixels as there are values
 * @param {ArrayLike<number>} values
 * @param {number} most the value of full ink
 */
export function inked(canvas, values, most) {
    // All is written pixel by pixel, so it had better lie where the processor has it.
    const lines = canvas.getContext("2d", { willReadFrequently: true });
    const image = lines?.createImageData(canvas.width, canvas.height);
    if (!lines || !image) return;
    for (let i = 0; i < values.length; i++) {
        image.data[4 * i + 3] = most > 0 ? Math.round((255 * Math.max(values[i], 0)) / most) : 0;
    }
    lines.putImageData(image, 0, 0);
}
