//! One training step beside the training: a replay on buffers of its own, to be timed as often as needed.

use std::collections::HashMap;

use crate::Result;
use crate::data;
use crate::gpu::{Buffers, Gpu, Kernels, Replay, timing};
use crate::network::DIGITS;
use crate::program::times::StepTimes;
use crate::program::{Cursor, Place, Program, Shared};
use crate::random::{Purpose, Random};
use crate::wgsl::Library;

/// A program whose buffers hold one batch of drawn digits, and a network that does not learn: whatever a
/// step computes, the next one finds the same numbers.
pub struct Probe {
    replay: Replay,
    cursor: Cursor,
}

impl Probe {
    /// Makes the replay and its buffers for a network with these flat `parameters`.
    ///
    /// # Errors
    /// As [`Replay::new`].
    pub fn new(
        gpu: &Gpu,
        kernels: &mut Kernels,
        library: &Library,
        program: Program,
        parameters: &[f32],
    ) -> Result<Self> {
        let mut words: HashMap<Shared, usize> = HashMap::new();
        for info in &program.tensors {
            let (name, offset) = match info.place {
                Place::Own => continue,
                Place::Shared(name, offset) => (name, offset),
                Place::Whole(name) => (name, 0),
            };
            let size = words.entry(name).or_default();
            *size = (*size).max(offset + info.len());
        }
        let mut buffers = Buffers::new();
        for (&name, &words) in &words {
            let words = words.max(if name == Shared::Parameters { parameters.len() } else { 0 });
            buffers.insert(name, gpu.buffer(&format!("{name} of a probe"), 4 * words)?);
        }
        let fill = |name: Shared, words: &[u32]| {
            if let Some(buffer) = buffers.get(&name) {
                gpu.write(buffer, 0, words);
            }
        };
        let labels: Vec<u32> = (0..program.batch).map(|b| (b % DIGITS) as u32).collect();
        let mut random = Random::new(0, Purpose::Drawing, 0);
        let images: Vec<u8> = labels.iter().flat_map(|&digit| data::draw(digit as u8, &mut random)).collect();
        fill(Shared::Images, &bytemuck::pod_collect_to_vec(&images));
        fill(Shared::Order, &(0..program.batch as u32).collect::<Vec<_>>());
        fill(Shared::Addends, &labels);
        fill(Shared::Labels, &labels);
        fill(Shared::Parameters, bytemuck::cast_slice(parameters));
        // A step of size 0: the weights stay where they are.
        let cursor = Cursor { end: program.batch as u32, step_root: 1.0, ..Cursor::default() };
        Ok(Self { replay: Replay::new(gpu, kernels, library, program, &buffers)?, cursor })
    }

    /// Runs one step and waits for it.
    ///
    /// # Errors
    /// A device that fails.
    pub fn run(&self, gpu: &Gpu) -> Result<()> {
        let submission = self.replay.run(gpu, &[self.cursor]);
        gpu.wait(Some(submission))
    }

    /// Times the step's dispatches for about `seconds` per measurement.
    ///
    /// # Errors
    /// A device that fails.
    pub fn time(&self, gpu: &Gpu, seconds: f64) -> Result<StepTimes> {
        let times = timing::time(gpu, &self.replay, &self.cursor, seconds)?;
        Ok(StepTimes { program: self.replay.program.clone(), times })
    }
}
