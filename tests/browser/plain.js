const { PlainPredictor } = await import("/js/plain.js");
const { loadSite, loadWeights } = await import("/js/site.js");
const { read } = await import("/js/safetensors.js");
const site = await loadSite();
const predictor = new PlainPredictor(site, read(await loadWeights(site), site));
const answers = [];
for (const { pixels, number } of args.images) {
    const { heads, maps } = await predictor.predict(Uint8Array.from(pixels), number);
    answers.push({ heads: heads.map(({ probabilities }) => [...probabilities]), maps: maps.map(({ shape }) => shape) });
}
return answers;
