//! `bench`, `train --profile` and `train --tune`: what they print and leave behind. How long anything takes
//! is never judged.

mod common;

use std::path::Path;
use std::process::{Command, ExitCode, Output, Stdio};
use std::sync::Arc;

use common::steps::network;
use digit_adder::bench::{ceiling, throughput};
use digit_adder::engine::gpu::probe::Probe;
use digit_adder::gpu::{Buffers, Gpu, Replay};
use digit_adder::network::Loss;
use digit_adder::ops::adam::Adam;
use digit_adder::plans::{Kind, tiles::CANDIDATES, tiles::Tiles};
use digit_adder::program::times::Method;
use digit_adder::program::{Cursor, Dispatch, Program};
use digit_adder::wgsl::Library;
use serde_json::Value;

fn main() -> ExitCode {
    common::gpu::conclude(vec![
        common::gpu::trial("bench as JSON", |_| bench_as_json()),
        common::gpu::trial("a batch without room", a_batch_without_room),
        common::gpu::trial("a step without timestamps", a_step_without_timestamps),
        common::gpu::trial("ceilings compute", ceilings_compute),
        // By now the driver has compiled these kernels and finds them in its cache.
        common::gpu::trial("train --profile", |_| train_with_a_profile()),
        common::gpu::trial("train keeps its tiles", |_| train_keeps_its_tiles()),
        common::gpu::trial("bench as tables", |_| bench_as_tables()),
        common::gpu::trial("bench in a closed pipe", |_| bench_in_a_closed_pipe()),
    ])
}

fn command(folder: &Path, arguments: &[&str]) -> Command {
    let adapter = std::env::var("TEST_ADAPTER").unwrap_or_else(|_| "high-performance".into());
    let mut command = Command::new(env!("CARGO_BIN_EXE_digit-adder"));
    command.current_dir(folder).args(arguments).args(["--adapter", &adapter]);
    command
}

/// A run that must succeed.
fn run(folder: &Path, arguments: &[&str]) -> (String, String) {
    let Output { status, stdout, stderr } = command(folder, arguments).output().unwrap();
    let [out, err] = [stdout, stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    assert!(status.success(), "{arguments:?}: {err}");
    (out, err)
}

fn training(plan: Kind, batch: usize) -> Program {
    let tiles = Tiles::of(common::gpu::device().unwrap());
    plan.programs(&network(), Loss::Logits, Adam::default(), tiles).training(batch).unwrap()
}

fn positive(value: &Value) -> f64 {
    let number = value.as_f64().unwrap_or(f64::NAN);
    assert!(number > 0.0 && number.is_finite(), "{value}");
    number
}

fn share(value: &Value) -> f64 {
    let share = value.as_f64().unwrap_or(f64::NAN);
    assert!((0.0..=1.0).contains(&share), "{value}");
    share
}

fn bench_as_json() -> Result<(), String> {
    let folder = tempfile::tempdir().unwrap();
    let flags = ["bench", "--json", "--batch-sizes", "16,32", "--batch-size", "16", "--seconds", "0.05"];
    let (out, err) = run(folder.path(), &flags);
    assert!(err.contains("ceilings") && err.contains("batch 32"), "{err}");
    let report: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(report["version"], env!("CARGO_PKG_VERSION"));
    for name in ["program", "system", "date"] {
        assert!(report[name].as_str().is_some_and(|text| !text.is_empty()), "{name}");
    }
    for name in ["name", "driver", "backend"] {
        assert!(report["adapter"][name].is_string(), "{name}");
    }
    positive(&report["ceilings"]["flops_per_second"]);
    positive(&report["ceilings"]["bytes_per_second"]);
    let plans = report["plans"].as_array().unwrap();
    assert_eq!(plans.len(), 2);
    for (of, plan) in plans.iter().zip([Kind::Fused, Kind::Layered]) {
        assert_eq!(of["plan"], plan.to_string());
        for part in ["device_seconds", "pipelines_seconds", "first_step_seconds"] {
            positive(&of["startup"][part]);
        }
        let throughput = of["throughput"].as_array().unwrap();
        assert_eq!(throughput.len(), 2);
        for (point, batch) in throughput.iter().zip([16.0, 32.0]) {
            assert_eq!(point["batch_size"].as_f64(), Some(batch));
            let (rate, step) = (positive(&point["images_per_second"]), positive(&point["seconds_per_step"]));
            assert!((rate * step / batch - 1.0).abs() <= 1e-9, "{point}");
            assert!(share(&point["recording_share"]) > 0.0, "{point}");
            if cfg!(target_os = "linux") {
                share(&point["host_cpu_share"]);
            }
            positive(&point["longest_submission_seconds"]);
            assert!((1..=5).contains(&point["runs"].as_u64().unwrap()), "{point}");
        }
        dispatches_are_complete(&of["step"], &training(plan, 16));
    }
    Ok(())
}

/// Every dispatch of the program is there, and the shares are shares of one whole.
fn dispatches_are_complete(step: &Value, program: &Program) {
    assert_eq!(step["batch_size"], program.batch);
    assert!(["timestamps", "wall-clock"].contains(&step["timed_by"].as_str().unwrap()));
    positive(&step["seconds"]);
    let rows = step["dispatches"].as_array().unwrap();
    assert_eq!(rows.len(), program.dispatches.len());
    for (row, dispatch) in rows.iter().zip(&program.dispatches) {
        assert_eq!(
            (&row["layer"], &row["kernel"]),
            (&dispatch.layer.as_str().into(), &dispatch.kernel().into())
        );
        assert_eq!(row["flops"]["count"], dispatch.flops);
        assert_eq!(row["bytes"]["count"], program.bytes(dispatch));
        let seconds = row["seconds"].as_f64().unwrap();
        for of in [&row["flops"], &row["bytes"]] {
            let (count, rate) = (of["count"].as_f64().unwrap(), of["per_second"].as_f64().unwrap());
            assert!((rate * seconds - count).abs() <= 1e-6 * count, "{row}");
        }
    }
    let whole: f64 = rows.iter().map(|row| share(&row["share"])).sum();
    assert!((whole - 1.0).abs() <= 1e-9, "{whole}");
}

fn bench_as_tables() -> Result<(), String> {
    let folder = tempfile::tempdir().unwrap();
    let flags =
        ["bench", "--batch-sizes", "16", "--batch-size", "32", "--plan", "fused", "--seconds", "0.05"];
    let (out, _) = run(folder.path(), &flags);
    for words in
        ["adapter: ", "driver: ", "ceilings: ", "start-up", "images/s", "fused plan, batch 32", "(by "]
    {
        assert!(out.contains(words), "no `{words}` in\n{out}");
    }
    assert!(!out.contains("layered"), "{out}");
    let program = training(Kind::Fused, 32);
    for dispatch in &program.dispatches {
        let row = |line: &&str| line.starts_with(&dispatch.layer) && line.contains(&dispatch.kernel());
        assert!(out.lines().any(|line| row(&line)), "no {} in\n{out}", dispatch.kernel());
    }
    let wide = out.lines().find(|line| !line.contains(": ") && line.chars().count() > 100);
    assert_eq!(wide, None, "too wide for a terminal of 100 columns");
    Ok(())
}

/// What does not fit is reported before anything is measured, with the cure.
fn a_batch_without_room(gpu: &Arc<Gpu>) -> Result<(), String> {
    let room = gpu.device.limits().max_storage_buffer_binding_size;
    let program = training(Kind::Fused, 60_000);
    let largest = program.tensors.iter().map(|info| 4 * info.len() as u64).max();
    if largest.is_none_or(|largest| largest <= room) {
        return Ok(());
    }
    let check = |batch| throughput::check(gpu, &network(), Kind::Fused, batch);
    assert_eq!(check(4096).map_err(|error| error.to_string()), Ok(()));
    let said = check(60_000).err().ok_or("a batch without room was accepted")?.to_string();
    assert!(said.contains("the fused plan, batch 60000: ") && said.contains("use a smaller batch"), "{said}");
    Ok(())
}

fn bench_in_a_closed_pipe() -> Result<(), String> {
    let folder = tempfile::tempdir().unwrap();
    let flags = ["bench", "--batch-sizes", "16", "--plan", "fused", "--seconds", "0.02"];
    let mut child =
        command(folder.path(), &flags).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    drop(child.stdout.take());
    assert!(child.wait().unwrap().success());
    Ok(())
}

/// `config.json` says what the run computes with: tiles, and the folder of the shaders.
fn train_keeps_its_tiles() -> Result<(), String> {
    let folder = tempfile::tempdir().unwrap();
    let train = |out: &str, more: &[&str]| {
        let flags = ["train", "--dataset", "drawn", "--limit", "16", "--epochs", "1", "--out", out];
        let (_, told) = run(folder.path(), &[&flags[..], more].concat());
        let text = std::fs::read_to_string(folder.path().join(out).join("config.json")).unwrap();
        (serde_json::from_str::<Value>(&text).unwrap(), told)
    };
    let usual = Tiles::of(common::gpu::device()?);
    let (name, _) = CANDIDATES.iter().find(|(_, tiles)| *tiles == usual).unwrap();
    let (config, _) = train("usual", &[]);
    assert_eq!((&config["tiles"], &config["shaders"]), (&(*name).into(), &Value::Null));
    let (config, told) = train("tuned", &["--tune"]);
    let used = format!("{} tiles are used", config["tiles"].as_str().unwrap());
    assert!(told.contains(&used), "no `{used}` in {told}");
    let shaders = concat!(env!("CARGO_MANIFEST_DIR"), "/shaders");
    let (config, _) = train("watched", &["--plan", "layered", "--hot-reload", "--shader-dir", shaders]);
    let watched = Path::new(shaders).canonicalize().unwrap();
    assert_eq!((&config["tiles"], &config["shaders"]), (&Value::Null, &watched.to_str().into()));
    Ok(())
}

fn train_with_a_profile() -> Result<(), String> {
    let folder = tempfile::tempdir().unwrap();
    let train = |more: &[&str]| {
        let flags = ["train", "--dataset", "drawn", "--limit", "1300", "--batch-size", "16", "--epochs", "2"];
        run(folder.path(), &[&flags[..], more].concat())
    };
    let hash = |out: &str| out.lines().find(|line| line.starts_with("parameters sha256 ")).map(String::from);
    let (plain, _) = train(&["--out", "plain"]);
    let (profiled, told) = train(&["--out", "profiled", "--profile", "trace.json"]);
    assert!(hash(&plain).is_some() && hash(&plain) == hash(&profiled), "{plain}{profiled}");
    let program = training(Kind::Fused, 16);
    for dispatch in &program.dispatches {
        assert!(told.contains(&dispatch.kernel()), "no {} in\n{told}", dispatch.kernel());
    }
    assert!(told.contains("ceilings: ") && told.contains("trace saved to trace.json"), "{told}");

    let text = std::fs::read_to_string(folder.path().join("trace.json")).unwrap();
    let events: Vec<Value> = serde_json::from_str(&text).unwrap();
    let (complete, names): (Vec<_>, Vec<_>) = events.iter().partition(|event| event["ph"] == "X");
    assert!(names.iter().all(|event| event["ph"] == "M" && event["name"] == "thread_name"));
    let count = |name: &str| complete.iter().filter(|event| event["name"] == name).count();
    assert_eq!((count("epoch"), count("evaluation"), count("profile")), (2, 1, 1));
    for name in ["record", "submit", "wait", "submission"] {
        assert!(count(name) > 0, "{name}");
    }
    let tracks: std::collections::BTreeSet<u64> =
        complete.iter().map(|e| e["tid"].as_u64().unwrap()).collect();
    assert_eq!(tracks.len(), names.len());
    for track in tracks {
        nested(complete.iter().filter(|event| event["tid"] == track).copied());
    }
    let kernels = complete.iter().filter(|event| event["args"]["layer"].is_string());
    let kernels: Vec<&str> = kernels.map(|event| event["name"].as_str().unwrap()).collect();
    assert!(kernels.iter().copied().eq(program.dispatches.iter().map(Dispatch::kernel).collect::<Vec<_>>()));
    Ok(())
}

/// Of two events of a track, one lies inside the other or after it.
fn nested<'a>(events: impl Iterator<Item = &'a Value>) {
    /// Microseconds are rounded decimals.
    const ROUNDING: f64 = 1e-2;
    let mut spans: Vec<(f64, f64)> = Vec::new();
    for event in events {
        let (start, length) = (event["ts"].as_f64().unwrap(), event["dur"].as_f64().unwrap());
        assert!(start >= 0.0 && length >= 0.0, "{event}");
        spans.push((start, start + length));
    }
    spans.sort_by(|a, b| a.0.total_cmp(&b.0).then(b.1.total_cmp(&a.1)));
    let mut open: Vec<f64> = Vec::new();
    for (start, end) in spans {
        while open.last().is_some_and(|last| *last <= start + ROUNDING) {
            open.pop();
        }
        assert!(open.last().is_none_or(|last| end <= last + ROUNDING), "{start} to {end} crosses {open:?}");
        open.push(end);
    }
}

/// The device of the tests has no optional feature, so there is only the wall clock.
fn a_step_without_timestamps(gpu: &Arc<Gpu>) -> Result<(), String> {
    let mut kernels = common::gpu::kernels(false);
    let parameters = network().initial_parameters(1);
    for plan in [Kind::Fused, Kind::Layered] {
        let program = training(plan, 16);
        let probe = Probe::new(gpu, &mut kernels, &Library::Embedded, program.clone(), &parameters).unwrap();
        probe.run(gpu).unwrap();
        let times = probe.time(gpu, 0.02).unwrap().times;
        assert_eq!(times.method, Method::WallClock);
        assert_eq!(times.dispatches.len(), program.dispatches.len());
        assert!(times.dispatches.iter().all(|seconds| *seconds > 0.0 && seconds.is_finite()), "{times:?}");
    }
    Ok(())
}

/// What the ceilings are measured with does the work that is counted.
fn ceilings_compute(gpu: &Arc<Gpu>) -> Result<(), String> {
    let mut kernels = common::gpu::kernels(true);
    let mut y = |program: Program, x: &[f32]| -> Vec<f32> {
        let replay = Replay::new(gpu, &mut kernels, &Library::Embedded, program, &Buffers::new()).unwrap();
        let [from, to] = ["x", "y"].map(|name| replay.program.find(name).unwrap());
        replay.fill(gpu, to, f32::NAN.to_bits());
        replay.write(gpu, from, x);
        replay.run(gpu, &[Cursor::default()]);
        replay.read(gpu, to).unwrap()
    };
    let numbers = |program: &Program| -> Vec<f32> {
        let len = program.info(program.find("x").unwrap()).len();
        (0..len).map(|i| (i % 1000) as f32 - 500.0).collect()
    };
    let copy = ceiling::copy();
    let x = numbers(&copy);
    assert!(y(copy, &x) == x, "the copy differs");
    // x -> x / 2 + 1 / 2 converges to 1 from anywhere.
    let multiply_add = ceiling::multiply_add();
    let x = numbers(&multiply_add);
    assert!(y(multiply_add, &x).iter().all(|&number| number == 1.0), "not all have converged to 1");
    Ok(())
}
