// Every kernel's module, with the cursor in either place that the browser has: what the compiler says of it.
const { openGpu } = await import("/js/gpu/device.js");
const { portable } = await import("/js/gpu/text.js");
const { loadSite, loadSchedule } = await import("/js/site.js");
const site = await loadSite();
const names = ["predict", "train", "evaluate"];
const schedules = [...(await Promise.all(names.map((name) => loadSchedule(site, name)))), ...args.others];
const kernels = schedules.flatMap((schedule) => schedule.kernels);
const { device, immediates } = await openGpu();
const places = immediates ? [true, false] : [false];
const messages = [];
let modules = 0;
for (const place of places) {
    for (const code of new Set(kernels.map(({ text }) => portable(text, place)))) {
        const said = (await device.createShaderModule({ code }).getCompilationInfo()).messages;
        messages.push(...said.map(({ lineNum, type, message }) => `${type} in line ${lineNum}: ${message}\n${code}`));
        modules++;
    }
}
device.destroy();
return { modules, places: places.length, messages };
