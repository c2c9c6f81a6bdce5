const { openGpu } = await import("/js/gpu/device.js");
const { Trainer } = await import("/js/trainer.js");
const { loadSite, loadSchedule, loadDigits } = await import("/js/site.js");
const decoded = Uint8Array.from(atob(args.parameters), (letter) => letter.charCodeAt(0));
const encoded = (floats) => btoa([...new Uint8Array(floats.buffer)].map((byte) => String.fromCharCode(byte)).join(""));
const first = ({ images, labels }, count) => ({
    images: images.subarray(0, 784 * count),
    labels: labels.subarray(0, count),
});
const site = await loadSite();
const [train, evaluate] = await Promise.all(["train", "evaluate"].map((name) => loadSchedule(site, name)));
const digits = await loadDigits(site);
const some = { train: first(digits.train, args.train), test: first(digits.test, args.test) };
const results = [];
for (const immediates of [true, false]) {
    const gpu = await openGpu({ immediates });
    const trainer = await Trainer.create(gpu, { train, evaluate }, site, some, { seed: 1 });
    trainer.setParameters(new Float32Array(decoded.buffer));
    trainer.evaluation.write("addends", Uint32Array.from(args.testAddends));
    const losses = [];
    const heads = [];
    let before = 0;
    const onProgress = (info) => {
        losses.push([info.loss, info.images - before]);
        heads.push(info.heads);
        before = info.images;
    };
    await trainer.pass(Uint32Array.from(args.order), Uint32Array.from(args.addends), { onProgress });
    const parameters = encoded(await trainer.parameters());
    results.push({ immediates: gpu.immediates, parameters, losses, heads, test: await trainer.evaluate() });
    gpu.device.destroy();
}
// What the specification says that a browser says, asked for without the module under test.
const offered = navigator.gpu.wgslLanguageFeatures.has("immediate_address_space");
return { offered, results };
