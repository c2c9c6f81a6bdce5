const { openGpu } = await import("/js/gpu/device.js");
const { GpuPredictor } = await import("/js/predictor.js");
const { loadSite, loadSchedule, loadWeights } = await import("/js/site.js");
const { read } = await import("/js/safetensors.js");
const site = await loadSite();
const gpu = await openGpu();
const parameters = read(await loadWeights(site), site);
const predictor = await GpuPredictor.create(gpu, await loadSchedule(site, "predict"), site, parameters);
const answers = [];
for (const { pixels, number } of args.images) {
    const { heads, maps } = await predictor.predict(Uint8Array.from(pixels), number);
    const answer = Object.fromEntries(heads.map(({ name, probabilities }) => [name, [...probabilities]]));
    const wrong = maps.find(({ shape, values }) => values.length !== shape[0] * shape[1] * shape[2] || !(Math.max(...values) > 0));
    answers.push({ ...answer, maps: wrong ?? maps.map(({ shape }) => shape) });
}
gpu.device.destroy();
return answers;
