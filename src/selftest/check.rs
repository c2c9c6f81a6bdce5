//! Runs one check and judges all that it left on the device.

use super::comparator::{self, Tol, Used};
use crate::Result;
use crate::gpu::{Buffers, Gpu, Kernels, Replay};
use crate::program::{ALIGN, Cursor, Place, Program, Shared, Tensor};
use crate::wgsl::Library;

/// What the normalised mean squared error of a tensor may be at most.
const NMSE: f64 = 1e-10;

/// How far from 1 the sum of a row of probabilities may be.
const PROBABILITY: f64 = 1e-6;

/// What unwritten words hold: a NaN that no computation produces. Each tensor adds its number, so that a
/// kernel that reads past one tensor and writes past another does not write what is there.
pub(super) const POISON: u32 = 0x7fc0_dead;

/// Words after a shared tensor that no kernel may touch.
const GUARD: usize = 64;

/// A part of a tensor: `width` words out of every `stride`, from word `at` on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part {
    pub at: usize,
    pub stride: usize,
    pub width: usize,
}

impl Part {
    /// The first `len` words.
    pub(super) fn whole(len: usize) -> Self {
        Self { at: 0, stride: len, width: len }
    }

    /// The places of its words.
    pub(super) fn places(self, rows: usize) -> impl Iterator<Item = usize> {
        (0..rows * self.width)
            .map(move |i| self.at + i / self.width.max(1) * self.stride + i % self.width.max(1))
    }
}

/// What a part should hold after the run.
#[derive(Clone)]
pub(super) enum Want {
    /// Floats within a tolerance.
    Floats(Vec<f64>, Tol),
    /// Exactly these words.
    Words(Vec<u32>),
    /// Four whole numbers a word, the first in the lowest byte: the nearest to these, or to one within a
    /// tolerance.
    Bytes(Vec<f64>, Tol),
    /// This many rows of numbers that sum to 1.
    Probabilities(usize),
    /// This many rows of anything: padding that a kernel may compute and nobody reads.
    Anything(usize),
}

/// A part of a tensor with its name for messages and what it should hold.
#[derive(Clone)]
pub(super) struct Wanted {
    pub name: String,
    pub tensor: Tensor,
    pub part: Part,
    pub want: Want,
}

/// A program with its inputs and its expected outputs.
#[derive(Clone)]
pub struct Check {
    /// The op.
    pub op: &'static str,
    /// Its sizes, for people.
    pub shape: String,
    /// Whether the tests run it a second time, with the driver's bounds checks: that must pass too, and give
    /// the same numbers (`tests/ops.rs` says where they may differ). Most drivers take several times as long
    /// to compile a kernel with the checks, so few have it set: those of the [`Quick`](super::Depth::Quick)
    /// checks, which together dispatch every entry, that run a kernel with constants that none before them
    /// has, and those of the network's own fused kernels at its default batch.
    pub both_ways: bool,
    /// What is run. To see whether a check can fail, change it.
    pub program: Program,
    /// The cursor that its dispatches receive.
    pub cursor: Cursor,
    pub(super) inputs: Vec<(Tensor, Vec<u32>)>,
    pub(super) wanted: Vec<Wanted>,
}

/// Which tensor is wrong, if one is, and what is wrong.
type Judgement = std::result::Result<(), (Tensor, String)>;

/// How a check went.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// The number that came nearest to its tolerance, over all outputs that need not be exact.
    pub worst: Used,
    /// The words of every tensor after the run, with what lies after them.
    pub words: Vec<Vec<u32>>,
    /// What is wrong, if anything is.
    pub failure: Option<String>,
    /// The tensor in which it is wrong.
    pub tensor: Option<Tensor>,
}

impl Check {
    /// Runs the check on a device, with the shaders of a library.
    ///
    /// # Errors
    /// Only what keeps the check from being run at all; wrong numbers are in the verdict.
    pub fn run(&self, gpu: &Gpu, kernels: &mut Kernels, library: &Library) -> Result<Verdict> {
        let shared = self.shared_buffers(gpu)?;
        let replay = Replay::new(gpu, kernels, library, self.program.clone(), &shared)?;
        self.prepare(gpu, &replay);
        let before = self.read(gpu, &replay)?;
        replay.run(gpu, &[self.cursor]);
        let after = self.read(gpu, &replay)?;
        self.prepare(gpu, &replay);
        replay.run(gpu, &[self.cursor]);
        let again = self.read(gpu, &replay)?;
        let mut worst = Used::default();
        let failure =
            self.judge(&after, &mut worst).and_then(|()| self.untouched(&before, &after)).err().or_else(
                || {
                    let mut pairs = self.program.handles().zip(after.iter().zip(&again));
                    let (tensor, _) = pairs.find(|(_, (after, again))| after != again)?;
                    Some((tensor, "a second run gave different bits".to_string()))
                },
            );
        let (tensor, failure) = failure.unzip();
        Ok(Verdict { worst, words: after, failure, tensor })
    }

    /// Poisons everything and writes the inputs.
    fn prepare(&self, gpu: &Gpu, replay: &Replay) {
        for tensor in self.program.handles() {
            if self.program.info(tensor).words.is_none() {
                replay.fill(gpu, tensor, POISON + tensor.index() as u32);
            }
        }
        for (tensor, words) in &self.inputs {
            replay.write(gpu, *tensor, words);
        }
    }

    /// Reads every tensor back, with what lies after it.
    fn read(&self, gpu: &Gpu, replay: &Replay) -> Result<Vec<Vec<u32>>> {
        gpu.check()?;
        self.program.handles().map(|tensor| replay.read_guarded(gpu, tensor)).collect()
    }

    fn judge(&self, found: &[Vec<u32>], worst: &mut Used) -> Judgement {
        for wanted in &self.wanted {
            wanted.judge(&found[wanted.tensor.index()], worst).map_err(|what| (wanted.tensor, what))?;
        }
        Ok(())
    }

    /// Fails where a word that is not an output was changed: inputs, what lies between the parts of a
    /// tensor, and what lies after it. A tensor that is neither input nor expected is scratch.
    fn untouched(&self, before: &[Vec<u32>], after: &[Vec<u32>]) -> Judgement {
        for tensor in self.program.handles() {
            let info = self.program.info(tensor);
            let (before, after) = (&before[tensor.index()], &after[tensor.index()]);
            let mut may_change = vec![false; after.len()];
            let wanted = || self.wanted.iter().filter(|wanted| wanted.tensor == tensor);
            let is_input = info.words.is_some() || self.inputs.iter().any(|(input, _)| *input == tensor);
            if !is_input && wanted().next().is_none() {
                may_change[..info.len()].fill(true);
            }
            for Wanted { part, want, .. } in wanted() {
                part.places(want.rows(*part)).for_each(|place| may_change[place] = true);
            }
            // After its padding begins the next of the tensors that share a buffer.
            let end = match info.place {
                Place::Shared(..) => info.len().next_multiple_of(ALIGN).min(after.len()),
                Place::Own | Place::Whole(_) => after.len(),
            };
            if let Some(at) = (0..end).find(|&at| !may_change[at] && before[at] != after[at]) {
                let what = if at < info.len() { "is not an output" } else { "lies after it" };
                let words = format!("`{}`: word {at} {what}, but was written", info.name);
                return Err((tensor, words));
            }
        }
        Ok(())
    }

    /// Buffers for the shared tensors, just large enough, with guard words.
    fn shared_buffers(&self, gpu: &Gpu) -> Result<Buffers> {
        let mut words: std::collections::HashMap<Shared, usize> = Default::default();
        for info in &self.program.tensors {
            let (name, offset) = match info.place {
                Place::Own => continue,
                Place::Shared(name, offset) => (name, offset),
                Place::Whole(name) => (name, 0),
            };
            let size = words.entry(name).or_default();
            *size = (*size).max(offset + info.len());
        }
        words
            .into_iter()
            .map(|(name, words)| Ok((name, gpu.buffer(&name.to_string(), 4 * (words + GUARD))?)))
            .collect()
    }
}

impl Wanted {
    /// Compares the words found with what they should be.
    fn judge(&self, words: &[u32], worst: &mut Used) -> std::result::Result<(), String> {
        let Self { name, part, want, .. } = self;
        let got: Vec<u32> = part.places(want.rows(*part)).map(|place| words[place]).collect();
        let floats: Vec<f32> = got.iter().map(|&bits| f32::from_bits(bits)).collect();
        match want {
            Want::Floats(want, tol) => {
                let used = comparator::worst(name, &floats, want, *tol).map_err(|e| e.to_string())?;
                if used.share > worst.share || worst.budget == 0.0 {
                    *worst = used;
                }
                // Where all of a tensor is that small, there is no size to measure its error against.
                let floats: Vec<f64> = floats.iter().map(|&x| flushed(f64::from(x))).collect();
                let want: Vec<f64> = want.iter().map(|&x| flushed(x)).collect();
                comparator::nmse(name, &floats, &want, NMSE).map_err(|e| e.to_string())?;
            }
            Want::Words(want) => {
                if let Some(at) = got.iter().zip(want).position(|(got, want)| got != want) {
                    return Err(format!("{name}[{at}]: got {}, want {}", got[at], want[at]));
                }
            }
            Want::Bytes(want, tol) => {
                let bytes = got.iter().flat_map(|word| word.to_le_bytes());
                // What rounding explains is no error.
                let beyond = bytes.zip(want).map(|(got, want)| {
                    let off = f64::from(got) - want;
                    want + off.signum() * (off.abs() - 0.5).max(0.0)
                });
                let used = comparator::worst(name, &beyond.collect::<Vec<f64>>(), want, *tol);
                let used = used.map_err(|e| e.to_string())?;
                if used.share > worst.share || worst.budget == 0.0 {
                    *worst = used;
                }
            }
            Want::Probabilities(rows) => {
                let sums: Vec<f64> =
                    floats.chunks(part.width).map(|row| row.iter().map(|&p| f64::from(p)).sum()).collect();
                comparator::close(
                    &format!("sum of {name}"),
                    &sums,
                    &vec![1.0; *rows],
                    Tol::absolute(PROBABILITY),
                )
                .map_err(|e| e.to_string())?;
            }
            Want::Anything(_) => {}
        }
        Ok(())
    }
}

/// WGSL lets a device flush numbers below the smallest normal one to 0.
fn flushed(x: f64) -> f64 {
    if x.abs() < f64::from(f32::MIN_POSITIVE) { 0.0 } else { x }
}

impl Want {
    /// Rows of the part that it covers.
    fn rows(&self, part: Part) -> usize {
        match self {
            Self::Floats(values, _) => values.len() / part.width,
            Self::Words(words) => words.len() / part.width,
            Self::Bytes(values, _) => values.len() / 4 / part.width,
            Self::Probabilities(rows) | Self::Anything(rows) => *rows,
        }
    }
}
