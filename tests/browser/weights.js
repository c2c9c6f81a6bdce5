const { loadSite, loadWeights } = await import("/js/site.js");
const { read, write, aboutTraining } = await import("/js/safetensors.js");
const site = await loadSite();
const original = await loadWeights(site);
const flat = read(original, site);
const blob = write(flat, site, aboutTraining(site, { epochs: 3, seed: 7 }));
const file = new Uint8Array(await blob.arrayBuffer());
const again = read(file.buffer, site);
const same = flat.length === again.length && flat.every((value, index) => value === again[index]);

// The header of the file, changed; or its numbers.
const headed = (change) => {
    const length = Number(new DataView(file.buffer).getBigUint64(0, true));
    const header = JSON.parse(new TextDecoder().decode(file.subarray(8, 8 + length)));
    change(header);
    const text = new TextEncoder().encode(JSON.stringify(header));
    const changed = new Uint8Array(8 + text.length + file.length - 8 - length);
    new DataView(changed.buffer).setBigUint64(0, BigInt(text.length), true);
    changed.set(text, 8);
    changed.set(file.subarray(8 + length), 8 + text.length);
    return { buffer: changed.buffer, data: 8 + text.length, header };
};
const infinite = headed(() => {});
const at = infinite.data + infinite.header["conv1.bias"].data_offsets[0];
new DataView(infinite.buffer).setFloat32(at, NaN, true);
const refusals = [
    new ArrayBuffer(3),
    file.buffer.slice(0, 500),
    headed((header) => delete header["conv1.weight"]).buffer,
    headed((header) => (header.more = header["conv1.bias"])).buffer,
    headed((header) => (header["conv1.bias"].dtype = "F16")).buffer,
    headed((header) => (header["conv1.bias"].shape = [2, 3])).buffer,
    headed((header) => (header["conv1.bias"].data_offsets = [0, 20])).buffer,
    infinite.buffer,
].map((bytes) => {
    try {
        read(bytes, site);
        return "taken";
    } catch (error) {
        return error.message;
    }
});
return { file: btoa([...file].map((byte) => String.fromCharCode(byte)).join("")), same, refusals };
