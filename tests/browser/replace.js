const { openGpu } = await import("/js/gpu/device.js");
const { GpuPredictor } = await import("/js/predictor.js");
const { loadSite, loadSchedule, loadWeights, loadDigits } = await import("/js/site.js");
const { read } = await import("/js/safetensors.js");
const site = await loadSite();
const gpu = await openGpu();
const parameters = read(await loadWeights(site), site);
const { replay, ...predictor } = await GpuPredictor.create(gpu, await loadSchedule(site, "predict"), site, parameters);
const image = (await loadDigits(site)).test.images.slice(0, 784);
const answer = async () => {
    const { heads } = await GpuPredictor.prototype.predict.call({ replay, ...predictor }, image, 4);
    return JSON.stringify(heads.map(({ probabilities }) => [...probabilities]));
};
const first = await answer();
const text = replay.text("relu");
const linear = replay.text("linear");
const code = "y[i] = max(";
const line = text.split("\n").findIndex((text) => text.includes(code)) + 1;
const refused = async (shader, edited) => (await replay.replace(shader, edited)).find(({ type }) => type === "error") ?? {};
const wrong = await refused("relu", text.replace(code, "y[i] = nothing("));
// The grid was made for the workgroup, however another size is written.
const sized = "@compute @workgroup_size(32)";
const larger = "@compute @workgroup_size(64)";
let workgroup = {};
for (const other of [
    larger,
    "@workgroup_size(64) @compute",
    `${larger} /* ${sized} */`,
    `// ${sized} fn forward(\n${larger}`,
    `/* ${sized} fn forward(\n*/ @workgroup_size(64) @compute`,
]) {
    workgroup = await refused("relu", text.replace(sized, other));
    if (workgroup.type !== "error") break;
}
const constant = await refused("linear", linear.replace("const OUT: u32", "const OUT : u32"));
const binding = await refused("relu", text.replace("@binding(0)", "@binding(7)"));
const entry = await refused("relu", text.replace("fn forward(", "fn onward("));
// Right for some of the kernels that use it, wrong for the others.
const doubled = linear.replace("var sum = bias[id.x];", "var sum = 2.0 * bias[id.x];");
const partly = await refused("linear", `${doubled}\nconst_assert OUT == 128u;\n`);
const unchanged = (await answer()) === first && replay.text("relu") === text && replay.text("linear") === linear;
const said = await replay.replace("relu", text.replace(code, "y[i] = 0.5 * max("));
const changed = said.length === 0 && (await answer()) !== first && replay.text("relu") !== text;
// The host's constants are the host's, whatever the text says.
const other = await replay.replace("linear", linear.replace(/const OUT: u32 = \d+u;/, "const OUT: u32 = 1u; // mine"));
const back = other.length === 0 && (await replay.replace("relu", text)).length === 0 && (await answer()) === first;
gpu.device.destroy();
return { line, wrong, workgroup, constant, binding, entry, partly, unchanged, changed, back };
