// Why an answer may be wrong, as far as the network itself knows. As src/train/doubts.rs.

/** A top probability below this one is a guess. */
const SURE = 0.7;

/** @param {ArrayLike<number>} probabilities */
export function likeliest(probabilities) {
    let best = 0;
    for (let i = 1; i < probabilities.length; i++) {
        if (probabilities[i] > probabilities[best]) best = i;
    }
    return best;
}

/**
 * Every head that is unsure, and every head whose answer does not follow from the digit and the number.
 * @param {import("./site.js").Head[]} heads
 * @param {import("./predictor.js").Prediction} prediction
 * @param {number} number
 * @returns {string[]}
 */
export function doubtsOf(heads, prediction, number) {
    const isNumber = prediction.heads.every(({ probabilities }) => probabilities.every(Number.isFinite));
    if (!isNumber) return ["what the network computes is not a number: an edited shader or the weights are wrong"];
    const answers = prediction.heads.map((head) => ({
        name: head.name,
        class: likeliest(head.probabilities),
        sure: Math.max(...head.probabilities),
    }));
    const doubts = answers
        .filter(({ sure }) => sure < SURE)
        .map(({ name, class: said, sure }) => `the ${name} is a guess: ${said} has only ${(100 * sure).toFixed(1)} %`);
    const digit = answers.find(({ name }) => name === "digit")?.class;
    if (digit === undefined) return doubts;
    heads.forEach(({ name, targets }, i) => {
        const right = targets[10 * digit + number];
        const said = answers[i].class;
        if (right !== said) {
            doubts.push(
                `the heads disagree: for digit ${digit} and number ${number}, the ${name} is ${right}, not ${said}`,
            );
        }
    });
    return doubts;
}
