//! Another program that reads a run's folder while it is trained: whatever it finds there is whole.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use digit_adder::network::{Network, Sizes};
use digit_adder::train::{Checkpoint, model_file};
use serde_json::Value;

const PAUSE: Duration = Duration::from_millis(20);

/// How often each was read whole.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    pub configs: usize,
    pub metrics: usize,
    pub checkpoints: usize,
    pub weights: usize,
}

/// A thread that reads.
pub struct Reader {
    done: Arc<AtomicBool>,
    thread: JoinHandle<Result<Counts, String>>,
}

impl Reader {
    /// Reads the run that `runs/latest` names, again and again.
    pub fn start(home: &Path) -> Self {
        let (run, done) = (home.join("runs/latest"), Arc::new(AtomicBool::new(false)));
        let until = done.clone();
        let thread = std::thread::spawn(move || {
            let network = Sizes::default().network().map_err(|error| error.to_string())?;
            let (mut counts, mut lines) = (Counts::default(), 0);
            while !until.load(Ordering::Relaxed) {
                read(&run, &network, &mut counts, &mut lines)?;
                std::thread::sleep(PAUSE);
            }
            Ok(counts)
        });
        Self { done, thread }
    }

    /// Whether it goes on: it stops at the first thing that is not whole.
    pub fn is_content(&self) -> bool {
        !self.thread.is_finished()
    }

    /// What it has read, all of it whole.
    pub fn finish(self) -> Result<Counts, String> {
        self.done.store(true, Ordering::Relaxed);
        self.thread.join().map_err(|_| "the reader has panicked")?
    }
}

/// The bytes of a file, if it is there.
fn bytes(path: &Path) -> Result<Option<Vec<u8>>, String> {
    match fs::read(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        read => read.map(Some).map_err(|error| format!("{}: {error}", path.display())),
    }
}

fn read(run: &Path, network: &Network, counts: &mut Counts, lines: &mut usize) -> Result<(), String> {
    // The name comes last of all that a training starts with.
    let Some(config) = bytes(&run.join("config.json"))? else {
        return if run.is_symlink() { Err("latest names no run".into()) } else { Ok(()) };
    };
    serde_json::from_slice::<Value>(&config).map_err(|error| format!("config.json: {error}"))?;
    counts.configs += 1;

    let metrics = bytes(&run.join("metrics.jsonl"))?.ok_or("metrics.jsonl is gone")?;
    let metrics = String::from_utf8(metrics).map_err(|error| error.to_string())?;
    // The last line may be on its way.
    let whole: Vec<&str> = metrics.split_inclusive('\n').filter(|line| line.ends_with('\n')).collect();
    for line in &whole[whole.len().min(*lines)..] {
        serde_json::from_str::<Value>(line).map_err(|error| format!("{line}: {error}"))?;
        counts.metrics += 1;
    }
    // Where the training goes on from a checkpoint, lines after it are gone.
    *lines = whole.len();

    for entry in fs::read_dir(run.join("checkpoints")).map_err(|error| error.to_string())? {
        let path = entry.map_err(|error| error.to_string())?.path();
        if path.extension().is_some_and(|extension| extension == "safetensors") {
            match Checkpoint::load(&path, network) {
                Ok(_) => counts.checkpoints += 1,
                // Removed meanwhile, as a newer one is there.
                Err(_) if !path.exists() => {}
                Err(error) => return Err(error.to_string()),
            }
        }
    }
    let loaded = model_file::load(&run.join("last.safetensors"), network);
    loaded.map_err(|error| error.to_string())?;
    counts.weights += 1;
    Ok(())
}
