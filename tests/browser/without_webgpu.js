const { openGpu } = await import("/js/gpu/device.js");
const messages = [];
for (const gpu of [undefined, { requestAdapter: async () => null }]) {
    Object.defineProperty(navigator, "gpu", { value: gpu, configurable: true });
    messages.push(await openGpu().then(() => "opened", (error) => error.message));
}
return messages;
