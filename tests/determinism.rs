//! One seed, one result: the same bits however often, on however many threads and with whatever is
//! watching.

mod common;

use std::path::Path;
use std::process::{Command, ExitCode};
use std::sync::Arc;

use common::steps::network;
use digit_adder::data::{Addend, Addends, Dataset, HeldOut, Image, Split, draw};
use digit_adder::engine::gpu::GpuEngine;
use digit_adder::gpu::Gpu;
use digit_adder::plans::Kind;
use digit_adder::random::{Purpose, Random};
use digit_adder::train::model_file::parameters_sha256;
use digit_adder::train::{Engine, Epoch, Recipe};

/// Two workgroups of the linear part, for two threads of a driver.
const BATCH: usize = 32;
/// Twenty steps of whole batches and one of what is left.
const IMAGES: usize = 20 * BATCH + 20;
const STEPS: u32 = 21;
const SEED: u64 = 1;

fn main() -> ExitCode {
    let mut trials = Vec::new();
    // The layered plan is slow on a software driver.
    for (plan, epochs, what, way) in [
        (Kind::Fused, 10, "with checked shaders", Way { checked: true, watched: false }),
        (Kind::Fused, 10, "twice", Way::default()),
        (Kind::Fused, 10, "watched after each epoch", Way { checked: false, watched: true }),
        (Kind::Layered, 1, "with checked shaders, watched", Way { checked: true, watched: true }),
    ] {
        let name = format!("{} steps, {plan:?}, {what}", STEPS * epochs);
        trials.push(common::gpu::trial(name, move |gpu| runs_are_alike(gpu, plan, epochs, way)));
    }
    trials.push(common::gpu::trial("what must matter", what_must_matter));
    trials.push(common::gpu::trial("threads of the driver", |_| threads_do_not_matter()));
    trials.push(common::gpu::trial("log and evaluation intervals", |_| intervals_do_not_matter()));
    let terminal = common::gpu::trial("a progress bar", |_| a_terminal_does_not_matter());
    // Only where util-linux gives a command a terminal; elsewhere `script` has other flags or is missing.
    let script = cfg!(target_os = "linux") && Command::new("script").arg("--version").output().is_ok();
    let ignored = terminal.has_ignored_flag() || !script;
    trials.push(terminal.with_ignored_flag(ignored));
    common::gpu::conclude(trials)
}

fn split(images: usize, index: u32) -> Split {
    let mut random = Random::new(3, Purpose::Test, index);
    let labels: Vec<u8> = (0..images).map(|_| random.below(10) as u8).collect();
    let images = labels.iter().flat_map(|&label| draw(label, &mut random)).collect();
    Split::new(images, labels).expect("drawn digits are sound")
}

/// What may differ between two runs that must give the same.
#[derive(Clone, Copy, Default)]
struct Way {
    /// The driver's bounds checks and loop counters.
    checked: bool,
    /// Evaluates, predicts, reads the parameters and times a step after each epoch.
    watched: bool,
}

/// What determines a run.
#[derive(Clone)]
struct Run {
    train: Split,
    parameters: Vec<f32>,
    /// That of the order and the addends.
    seed: u64,
}

impl Run {
    fn new() -> Self {
        Self { train: split(IMAGES, 0), parameters: network().initial_parameters(SEED), seed: SEED }
    }

    /// The parameters after the run and the loss of each epoch, all as bits.
    fn epochs(
        &self,
        gpu: &Arc<Gpu>,
        plan: Kind,
        epochs: u32,
        way: Way,
    ) -> digit_adder::Result<(Vec<u32>, Vec<u64>)> {
        let recipe = Recipe { batch_size: BATCH, plan, ..Recipe::default() };
        let kernels = common::gpu::kernels(way.checked);
        let dataset = Dataset {
            origin: "drawn".into(),
            train: self.train.clone(),
            validation: Split::default(),
            test: split(70, 1),
        };
        let parameters = self.parameters.clone();
        let mut engine = GpuEngine::new(gpu.clone(), kernels, network(), recipe, parameters, &dataset)?;
        let mut losses = Vec::new();
        for index in 0..epochs {
            let mut random = Random::new(self.seed, Purpose::Test, index);
            let order = random.permutation(IMAGES as u32);
            let addends = Addends::new((0..IMAGES).map(|_| random.below(10) as u8).collect())?;
            let epoch = Epoch::new(order, addends, 1e-3)?;
            losses.push(engine.train_epoch(&epoch, &mut |_| ())?.loss.to_bits());
            if way.watched {
                engine.evaluate(HeldOut::Test, &Addends::all(Addend::new(3)?, dataset.test.len()))?;
                engine.predict(&Image::new(&dataset.test.images()[..784])?, Addend::new(4)?)?;
                engine.parameters()?;
                engine.time_step(0.01)?;
            }
        }
        Ok((engine.parameters()?.into_iter().map(f32::to_bits).collect(), losses))
    }
}

fn runs_are_alike(gpu: &Arc<Gpu>, plan: Kind, epochs: u32, other: Way) -> Result<(), String> {
    let plain = Run::new();
    let run = |way| plain.epochs(gpu, plan, epochs, way).map_err(|error| error.to_string());
    let first = run(Way::default())?;
    let floats: Vec<f32> = first.0.iter().map(|&bits| f32::from_bits(bits)).collect();
    println!("{plan:?}: {}", parameters_sha256(&floats, &network()));
    let moved = floats != network().initial_parameters(SEED);
    if !moved || floats.iter().any(|parameter| !parameter.is_finite()) {
        return Err("the run has not trained".into());
    }
    if run(other)? == first { Ok(()) } else { Err("the second run gave different bits".into()) }
}

/// One grey value of one pixel, one bit of one parameter, the seed of order and addends: each gives different
/// bits, or the comparisons above would prove nothing.
fn what_must_matter(gpu: &Arc<Gpu>) -> Result<(), String> {
    let plain = Run::new();
    let run = |run: Run| run.epochs(gpu, Kind::Fused, 1, Way::default()).map_err(|error| error.to_string());
    let first = run(plain.clone())?;
    let mut pixel = plain.clone();
    // In the middle of the first image: a place that every kernel sees.
    let mut images = pixel.train.images().to_vec();
    images[14 * 28 + 14] ^= 1;
    pixel.train = Split::new(images, pixel.train.labels().to_vec()).map_err(|error| error.to_string())?;
    let mut bit = plain.clone();
    let last = bit.parameters.len() - 1;
    let index = (0..=last).rev().find(|&index| bit.parameters[index] != 0.0).ok_or("all parameters are 0")?;
    bit.parameters[index] = f32::from_bits(bit.parameters[index].to_bits() ^ 1);
    for (what, other) in [("a pixel", pixel), ("a bit", bit), ("the seed", Run { seed: SEED + 1, ..plain })] {
        if run(other)?.0 == first.0 {
            return Err(format!("{what} changes nothing"));
        }
    }
    Ok(())
}

/// 200 steps of the program itself, on the adapter of the other tests; `out` is a new folder.
fn train(out: &Path) -> Vec<String> {
    let adapter = std::env::var("TEST_ADAPTER").unwrap_or_else(|_| "high-performance".into());
    let words = [
        "train",
        "--dataset",
        "drawn",
        "--limit",
        "6400",
        "--batch-size",
        "32",
        "--epochs",
        "1",
        "--require-gpu",
        "--adapter",
    ];
    let mut command = vec![env!("CARGO_BIN_EXE_digit-adder").to_string()];
    command.extend(words.map(String::from));
    command.extend([adapter, "--out".into(), out.join("run").display().to_string()]);
    command
}

/// The parameters' hash that a command prints, and all that it prints.
fn hash(command: &mut Command) -> Result<(String, String), String> {
    let output = command.output().map_err(|error| error.to_string())?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let hash = text.lines().find_map(|line| line.trim().strip_prefix("parameters sha256 "));
    match hash {
        Some(hash) if output.status.success() && hash.len() == 64 => Ok((hash.into(), text)),
        _ => Err(format!("{command:?}: {text}{}", String::from_utf8_lossy(&output.stderr))),
    }
}

fn folder() -> Result<tempfile::TempDir, String> {
    tempfile::tempdir().map_err(|error| error.to_string())
}

/// The hash of a run with that many threads of a software driver, or as many as it likes.
fn hash_on_threads(threads: Option<&str>) -> Result<String, String> {
    let folder = folder()?;
    let words = train(folder.path());
    let mut command = Command::new(&words[0]);
    command.args(&words[1..]);
    if let Some(threads) = threads {
        command.env("LP_NUM_THREADS", threads);
    }
    Ok(hash(&mut command)?.0)
}

/// lavapipe reads LP_NUM_THREADS when it starts, hence processes of their own.
fn threads_do_not_matter() -> Result<(), String> {
    let [one, two, three] = ["1", "2", "3"].map(|threads| hash_on_threads(Some(threads)));
    let (one, two, three) = (one?, two?, three?);
    if one == two && one == three {
        Ok(())
    } else {
        Err(format!("one {one}, two {two}, three threads {three}"))
    }
}

/// Lines within the epoch and the test set after it: each alone, since one might undo the other.
fn intervals_do_not_matter() -> Result<(), String> {
    let plain = hash_on_threads(None)?;
    for (flag, interval) in [("--log-interval", "7"), ("--eval-interval", "1")] {
        let folder = folder()?;
        let words = train(folder.path());
        let mut command = Command::new(&words[0]);
        let output = command.args(&words[1..]).args([flag, interval]).output().map_err(|e| e.to_string())?;
        let told = String::from_utf8_lossy(&output.stderr).matches("step ").count();
        let lines = if flag == "--log-interval" { 200 / 7 } else { 0 };
        assert_eq!(told, lines, "{}", String::from_utf8_lossy(&output.stderr));
        let log =
            std::fs::read_to_string(folder.path().join("run/metrics.jsonl")).map_err(|e| e.to_string())?;
        assert_eq!(log.contains("\"test\":{"), flag == "--eval-interval", "{log}");
        let text = String::from_utf8_lossy(&output.stdout);
        if !text.contains(&format!("parameters sha256 {plain}\n")) {
            return Err(format!("{flag} changes {plain}:\n{text}"));
        }
    }
    Ok(())
}

fn a_terminal_does_not_matter() -> Result<(), String> {
    let piped = hash_on_threads(None)?;
    let folder = folder()?;
    let line: Vec<String> = train(folder.path()).iter().map(|word| format!("'{word}'")).collect();
    let (shown, text) = hash(Command::new("script").args(["-qec", &line.join(" "), "/dev/null"]))?;
    // indicatif moves the cursor to draw its bar over itself, and only on a terminal.
    if !text.contains("\u{1b}[") {
        return Err(format!("no bar was drawn:\n{text}"));
    }
    if piped == shown { Ok(()) } else { Err(format!("piped {piped}, on a terminal {shown}")) }
}
