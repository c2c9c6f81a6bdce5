// Training as the page does it: from a seed, stopped and continued.
const { openGpu } = await import("/js/gpu/device.js");
const { Trainer } = await import("/js/trainer.js");
const { loadSite, loadSchedule, loadDigits } = await import("/js/site.js");
const first = ({ images, labels }, count) => ({
    images: images.subarray(0, 784 * count),
    labels: labels.subarray(0, count),
});
const site = await loadSite();
const [train, evaluate] = await Promise.all(["train", "evaluate"].map((name) => loadSchedule(site, name)));
const digits = await loadDigits(site);
const some = { train: first(digits.train, 256), test: first(digits.test, 64) };
const gpu = await openGpu();
const trainer = await Trainer.create(gpu, { train, evaluate }, site, some, { seed: 3 });
const before = await trainer.evaluate();
const stop = new AbortController();
const infos = [];
const onProgress = (info) => {
    infos.push(info);
    if (infos.length === 2) stop.abort();
};
await trainer.train({ onProgress, signal: stop.signal });
const stopped = { epoch: trainer.epoch, step: trainer.step, images: trainer.images };
await trainer.train({ epochs: 0 });
await trainer.train({ signal: stop.signal });
const still = trainer.step === stopped.step;
await trainer.train({ epochs: 1, onProgress: (info) => infos.push(info) });
const after = await trainer.evaluate();
const last = { epoch: trainer.epoch, step: trainer.step, images: trainer.images };

// The same seed once more.
const other = await Trainer.create(gpu, { train, evaluate }, site, some, { seed: 3 });
const [one, two] = [await trainer.parameters(), await other.parameters()];
const differ = one.some((value, index) => value !== two[index]);
trainer.setParameters(two);
const fresh = await trainer.evaluate();
const same = JSON.stringify(fresh) === JSON.stringify(before);
const nan = Float32Array.from(two).fill(NaN);
trainer.setParameters(nan);
const diverged = await trainer.train({ epochs: 1 }).then(() => "", (error) => error.message);
gpu.device.destroy();
return { before, stopped, still, after, last, infos, differ, same, diverged };
