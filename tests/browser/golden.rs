//! A schedule with all that one may hold, kept in tests/golden/replay.json with what it gives: lowering must still make
//! it, and both replayers must get the same from it, to the bit. `UPDATE_GOLDEN=1` writes it anew, from the device.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use digit_adder::gpu::{Buffers, Gpu, Kernels, Replay};
use digit_adder::program::{Constant, Cursor, Dispatch, Place, Program, Shared, Tensor};
use digit_adder::wgsl::{Library, lower};
use libtest_mimic::{Failed, Trial};
use serde_json::{Value, json};

use crate::Setup;
use crate::chrome::Page;
use crate::common::gpu;
use crate::site::BLANK;

const BATCH: usize = 2;
const SIZE: usize = 6;
/// Images of the data set.
const IMAGES: usize = 3;
/// The parameters' first word in the flat buffer.
const AT: usize = 64;

fn path() -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "tests/golden/replay.json"].iter().collect()
}

fn golden() -> Result<Value, String> {
    let text = std::fs::read_to_string(path()).map_err(|error| error.to_string())?;
    serde_json::from_str(&text).map_err(|error| error.to_string())
}

fn library() -> Library {
    Library::Texts(BTreeMap::from([("golden", include_str!("golden.wgsl").to_string())]))
}

/// The program, and the tensors whose words are its results.
fn program() -> (Program, Vec<(&'static str, Tensor)>) {
    let mut program = Program::new(BATCH);
    let order = program.tensor("order", &[BATCH], Place::Whole(Shared::Order));
    let images = program.tensor("images", &[BATCH, SIZE.div_ceil(4)], Place::Whole(Shared::Images));
    let table = program.tensor("table", &[4], Place::Own);
    program.tensors[table.index()].words = Some([1.0f32, 2.0, -4.0, 0.5].map(f32::to_bits).to_vec());
    let y = program.tensor("y", &[BATCH, SIZE], Place::Own);
    let w = program.tensor("w", &[SIZE], Place::Shared(Shared::Parameters, AT));
    let records = program.tensor("records", &[BATCH, 2], Place::Whole(Shared::Records));
    let constants: [(&str, Constant); 3] =
        [("BATCH", BATCH.into()), ("SIZE", SIZE.into()), ("SCALE", 0.5f32.into())];
    let mut dispatch = |layer: &str, entry, bindings, threads| {
        program.dispatches.push(Dispatch {
            layer: layer.into(),
            shader: "golden",
            entry,
            constants: constants.to_vec(),
            bindings,
            threads,
            flops: 0,
        });
    };
    let picks = vec![("order", order), ("images", images), ("table", table), ("y", y)];
    dispatch("first", "pick", picks, [SIZE, BATCH, 1]);
    dispatch("second", "update", vec![("picked", y), ("w", w), ("records", records)], [SIZE, 1, 1]);
    (program, vec![("y", y)])
}

fn uploads() -> Vec<(Shared, Vec<u32>)> {
    let images = (0..2 * IMAGES as u32).map(|word| 0x0408_0c10 + 0x0101_0101 * word).collect();
    let parameters = (0..AT + SIZE).map(|at| (at as f32).to_bits()).collect();
    vec![(Shared::Order, vec![2, 0, 1]), (Shared::Images, images), (Shared::Parameters, parameters)]
}

fn cursors() -> [Cursor; 2] {
    let cursor = |first, step_size| Cursor { first, end: 3, step_size, ..Cursor::default() };
    [cursor(0, 0.5), cursor(2, 0.25)]
}

pub fn trials(setup: &Setup) -> Vec<Trial> {
    vec![
        gpu::trial("golden_schedule_on_the_device", on_the_device),
        Trial::test("golden_schedule_is_what_lowering_makes", || {
            let schedule = lower(&program().0, &library()).map_err(|error| error.to_string())?;
            let made = serde_json::to_value(schedule).map_err(|error| error.to_string())?;
            assert_eq!(made, golden()?["schedule"]);
            Ok(())
        }),
        setup.trial("golden_schedule_in_the_browser", BLANK, in_the_browser),
    ]
}

fn on_the_device(gpu: &'static Arc<Gpu>) -> Result<(), String> {
    let text = |error: digit_adder::Error| error.to_string();
    let (program, results) = program();
    let mut shared = Buffers::new();
    for (name, words) in
        [(Shared::Order, IMAGES), (Shared::Images, 2 * IMAGES), (Shared::Parameters, AT + SIZE)]
    {
        shared.insert(name, gpu.buffer(&name.to_string(), 4 * words).map_err(text)?);
    }
    shared.insert(Shared::Records, gpu.buffer("records", 8 * IMAGES).map_err(text)?);
    for (name, words) in uploads() {
        gpu.write(&shared[&name], 0, &words);
    }
    let mut kernels = Kernels::new(true);
    let replay = Replay::new(gpu, &mut kernels, &library(), program, &shared).map_err(text)?;
    replay.run(gpu, &cursors());
    let mut got = serde_json::Map::new();
    for (name, tensor) in results {
        got.insert(name.into(), json!(replay.read::<u32>(gpu, tensor).map_err(text)?));
    }
    for (name, words) in [(Shared::Parameters, AT + SIZE), (Shared::Records, 2 * IMAGES)] {
        let words: Vec<u32> = gpu.read(&shared[&name], 0, words).map_err(text)?;
        got.insert(name.to_string(), json!(words));
    }
    let uploads: BTreeMap<String, Vec<u32>> =
        uploads().into_iter().map(|(name, words)| (name.to_string(), words)).collect();
    let now = json!({
        "schedule": replay.schedule, "images": IMAGES, "uploads": uploads, "cursors": cursors(), "results": got,
    });
    if std::env::var("UPDATE_GOLDEN").is_ok_and(|value| value == "1") {
        let text = serde_json::to_string_pretty(&now).map_err(|error| error.to_string())?;
        std::fs::write(path(), text + "\n").map_err(|error| error.to_string())?;
    }
    let kept = golden()?;
    for part in ["images", "uploads", "cursors", "results"] {
        assert_eq!(now[part], kept[part], "{part}");
    }
    Ok(())
}

fn in_the_browser(page: &mut Page, _: &str) -> Result<(), Failed> {
    let golden = golden()?;
    for immediates in [true, false] {
        let args = json!({ "golden": golden, "immediates": immediates });
        let got = page.run(include_str!("golden.js"), &args)?;
        assert_eq!(got, golden["results"], "immediates: {immediates}");
    }
    Ok(())
}
