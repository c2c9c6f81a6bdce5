//! A training that can be stopped at any step, and the folder of shaders that it watches.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use digit_adder::data::{Addend, Addends, Dataset, HeldOut, Split};
use digit_adder::engine::gpu::GpuEngine;
use digit_adder::plans::{Kind, tiles::Tiles};
use digit_adder::random::{Purpose, Random};
use digit_adder::train::{Engine, Epoch, Recipe};
use digit_adder::wgsl::watch::Watch;
use digit_adder::wgsl::{SHADERS, library};

use crate::common;

pub const BATCH: usize = 8;
/// Steps of an epoch, the last one of fewer images.
pub const STEPS: usize = 8;
const IMAGES: usize = BATCH * STEPS - 5;

/// Long enough for a change to settle and be taken over, whatever else the machine does.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Far longer than a change takes to settle.
pub const A_WHILE: Duration = Duration::from_millis(300);

/// A folder with a copy of all shaders.
pub struct Shaders(tempfile::TempDir);

impl Shaders {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("fused")).unwrap();
        for shader in SHADERS {
            std::fs::write(folder.path().join(shader.path), shader.text).unwrap();
        }
        Self(folder)
    }

    pub fn folder(&self) -> &Path {
        self.0.path()
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.folder().join(library::path(name))
    }

    pub fn save(&self, name: &str, text: &str) {
        std::fs::write(self.file(name), text).unwrap();
    }
}

/// The shipped text of a shader.
pub fn text(name: &str) -> &'static str {
    SHADERS.iter().find(|shader| shader.name == name).unwrap().text
}

/// The shipped text with one piece, which it must have exactly once, changed.
pub fn edited(name: &str, from: &str, to: &str) -> String {
    let text = text(name);
    assert_eq!(text.matches(from).count(), 1, "`{from}` in {name}.wgsl");
    text.replace(from, to)
}

/// A rectifier that lets a little through: valid, and wrong.
pub fn leaky() -> String {
    edited("relu", "max(x[i], 0.0)", "max(x[i], 0.25 * x[i])")
}

/// A training of the layered plan, in which ops and shaders are one to one.
pub struct Run {
    pub engine: GpuEngine,
    pub step: usize,
    said: Option<Receiver<String>>,
}

impl Run {
    /// A training with the shaders of a folder, or those of the program.
    pub fn new(shaders: Option<&Shaders>, plan: Kind) -> Result<Self, String> {
        Self::of(shaders, Recipe { batch_size: BATCH, plan, ..Recipe::default() })
    }

    /// The same by a recipe.
    pub fn of(shaders: Option<&Shaders>, recipe: Recipe) -> Result<Self, String> {
        let mut random = Random::new(1, Purpose::Test, 0);
        let images = (0..IMAGES * 784).map(|_| random.below(256) as u8).collect();
        let labels = (0..IMAGES).map(|_| random.below(10) as u8).collect();
        let train = Split::new(images, labels).map_err(|e| e.to_string())?;
        let mut test = train.clone();
        test.truncate(20);
        let dataset = Dataset { origin: "noise".into(), train, validation: Split::default(), test };
        let network = common::steps::network();
        let (gpu, kernels) = (common::gpu::device()?.clone(), common::gpu::kernels(false));
        let start = network.initial_parameters(1);
        let engine = GpuEngine::new(gpu, kernels, network, recipe, start, &dataset);
        let mut run = Self { engine: engine.map_err(|e| e.to_string())?, step: 1, said: None };
        // A software driver compiles them in a fraction of the time.
        run.engine.cut(Tiles::THIN);
        if let Some(shaders) = shaders {
            let (sender, said) = channel();
            let say = move |message: &str| drop(sender.send(message.to_string()));
            let watch = Watch::new(shaders.folder(), say).map_err(|e| e.to_string())?;
            run.engine.watch(watch).map_err(|e| e.to_string())?;
            run.said = Some(said);
        }
        Ok(run)
    }

    /// Trains up to step `end`, which is not taken. An epoch may be cut anywhere: the result is the same.
    pub fn train_to(&mut self, end: usize) -> Result<(), String> {
        while self.step < end {
            let first = (self.step - 1) % STEPS;
            let count = (end - self.step).min(STEPS - first);
            let end = ((first + count) * BATCH).min(IMAGES);
            let order: Vec<u32> = (first * BATCH..end).map(|n| n as u32).collect();
            let addends = Addends::new((0..IMAGES).map(|n| (n * 7 % 10) as u8).collect());
            let images = order.len();
            let epoch =
                addends.and_then(|addends| Epoch::new(order, addends, 1e-3)).map_err(|e| e.to_string())?;
            let metrics = self.engine.train_epoch(&epoch, &mut |_| {}).map_err(|e| e.to_string())?;
            assert_eq!(metrics.images, images);
            self.step += count;
        }
        Ok(())
    }

    /// Trains whole epochs until this much time has passed.
    pub fn train_for(&mut self, time: Duration) -> Result<(), String> {
        let start = Instant::now();
        while start.elapsed() < time {
            self.train_to(self.step + STEPS)?;
        }
        Ok(())
    }

    /// Trains until something is said that contains `words`, and returns all that was said.
    pub fn train_until(&mut self, words: &str) -> Result<String, String> {
        self.until(words, |run| run.train_to(run.step + STEPS))
    }

    /// The loss on the test set.
    pub fn evaluate(&mut self) -> Result<f64, String> {
        let addends = Addend::new(1).map(|addend| Addends::all(addend, 20)).map_err(|e| e.to_string())?;
        self.engine.evaluate(HeldOut::Test, &addends).map(|metrics| metrics.loss).map_err(|e| e.to_string())
    }

    /// The same without training.
    pub fn wait_until(&mut self, words: &str) -> Result<String, String> {
        self.until(words, |run| run.evaluate().map(drop))
    }

    fn until(
        &mut self,
        words: &str,
        mut work: impl FnMut(&mut Self) -> Result<(), String>,
    ) -> Result<String, String> {
        let start = Instant::now();
        let mut said = String::new();
        while !said.contains(words) {
            if start.elapsed() > PATIENCE {
                return Err(format!("`{words}` was never said, only `{said}`"));
            }
            work(self)?;
            said += &self.said();
        }
        Ok(said)
    }

    /// All that was said since it was last asked, a line each.
    pub fn said(&self) -> String {
        let said = self.said.as_ref().map(|said| said.try_iter().collect::<Vec<_>>()).unwrap_or_default();
        said.iter().map(|message| format!("{message}\n")).collect()
    }

    /// The parameters' bits.
    pub fn bits(&mut self) -> Vec<u32> {
        self.engine.parameters().unwrap().into_iter().map(f32::to_bits).collect()
    }

    /// The same training up to the same step, with the program's own shaders.
    pub fn undisturbed(&self) -> Result<Vec<u32>, String> {
        let mut run = Self::new(None, Kind::Layered)?;
        run.train_to(self.step)?;
        Ok(run.bits())
    }
}

/// The step that `reloaded ... from step 17` names.
pub fn step_said(said: &str) -> usize {
    let (_, after) = said.split_once("from step ").unwrap_or_else(|| panic!("no step in {said}"));
    after.split_whitespace().next().unwrap().parse().unwrap()
}
