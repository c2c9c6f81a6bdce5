const { openGpu } = await import("/js/gpu/device.js");
const { Replay } = await import("/js/gpu/replay.js");
const { schedule, images, uploads, cursors, results } = args.golden;
const gpu = await openGpu({ immediates: args.immediates });
const replay = await Replay.create(gpu, schedule, { images });
for (const [name, words] of Object.entries(uploads)) replay.write(name, Uint32Array.from(words));
replay.run(cursors);
const got = {};
for (const [name, words] of Object.entries(results)) {
    got[name] = [...new Uint32Array(await replay.read(name, { bytes: 4 * words.length }))];
}
gpu.device.destroy();
return got;
