//! What the device does as an [`Engine`]: train, evaluate, predict, and give its state away and back.

use std::ops::ControlFlow;
use std::time::Instant;

use super::GpuEngine;
use super::log::Log;
use super::probe::Probe;
use super::programs::Programs;
use super::split::{DeviceSplit, Purpose};
use crate::Result;
use crate::data::{Addend, Addends, HeldOut, Image};
use crate::engine::probabilities;
use crate::gpu::spans::Track;
use crate::network::{Head, Network};
use crate::program::Shared;
use crate::program::times::StepTimes;
use crate::train::log::Running;
use crate::train::{
    Answers, Engine, Epoch, HeadPrediction, Metrics, Prediction, State, StepLog, Tally, check_addends,
};

impl Engine for GpuEngine {
    fn network(&self) -> &Network {
        &self.network
    }

    fn train(
        &mut self,
        epoch: &Epoch,
        tally: &mut Tally,
        progress: &mut dyn FnMut(usize) -> ControlFlow<()>,
    ) -> Result<usize> {
        let start = Instant::now();
        check_addends(epoch.addends(), self.train.images)?;
        self.look_for_changes(self.step + 1);
        let images = epoch.order().len();
        let first = self.step + 1;
        let (adam, learning_rate) = (self.recipe.adam(), epoch.learning_rate());
        let Self { gpu, programs, train, changes, .. } = self;
        train.prepare(gpu, programs)?;
        let rates = |index| {
            let step = first + index;
            adam.rates(f64::from(learning_rate.at(step)), step).map(|rate| rate as f32)
        };
        train.begin(gpu, epoch.order(), epoch.addends(), rates);
        let changed = changes.as_mut().map_or(Ok(()), |changes| {
            changes.prepare(gpu, programs, &train.buffers)?;
            changes.run(gpu, epoch, &train.buffers)
        });
        changed.map_err(|error| self.after_reload(error))?;
        if let Some(log) = &mut self.log {
            log.added = 0;
        }
        let done = self.replay(Purpose::Training, images, progress);
        let done = done.map_err(|error| self.after_reload(error))?;
        self.step += done.div_ceil(self.train.batch) as u32;
        self.tally(Purpose::Training, done, first, tally)?;
        self.gpu.spans.add(Track::Host, "epoch", start);
        Ok(done)
    }

    fn evaluate(&mut self, which: HeldOut, addends: &Addends) -> Result<Metrics> {
        let start = Instant::now();
        self.begin_evaluation(which, addends)?;
        let (purpose, images) = (Purpose::Evaluation(which), addends.numbers().len());
        let run = self.replay(purpose, images, &mut |_| ControlFlow::Continue(()));
        run.map_err(|error| self.after_reload(error))?;
        let mut tally = Tally::default();
        let tallied = self.tally(purpose, images, 1, &mut tally);
        self.gpu.spans.add(Track::Host, "evaluation", start);
        tallied.map(|()| tally.metrics(&self.network))
    }

    fn answers(&mut self, which: HeldOut, addends: &Addends) -> Result<Answers> {
        self.begin_evaluation(which, addends)?;
        let DeviceSplit { replay, cursors, batch, images, .. } = self.split(Purpose::Evaluation(which));
        let mut answers = Answers::none(&self.network);
        let Some(replay) = replay else { return Ok(answers) };
        for cursor in cursors {
            replay.run(&self.gpu, std::slice::from_ref(cursor));
            let images = (images - cursor.first as usize).min(*batch);
            let of_heads = replay.answers(&self.gpu, images)?;
            for ((head, logits), answers) in self.network.heads().iter().zip(of_heads).zip(&mut answers.heads)
            {
                for logits in logits.chunks(head.classes) {
                    answers.add(logits, &probabilities(logits));
                }
            }
        }
        Ok(answers)
    }

    fn predict(&mut self, image: &Image, addend: Addend) -> Result<Prediction> {
        let sizes = [1, self.network.heads().len()];
        let split = (image.pixels(), &[0u8][..]);
        let purpose = Purpose::Evaluation(HeldOut::Test);
        let mut split = DeviceSplit::new(&self.gpu, &self.test.buffers, split, purpose, sizes)?;
        split.begin(&self.gpu, &[0], &Addends::all(addend, 1), |_| [0.0; 4]);
        let replay = self.programs.replay(&self.gpu, purpose, 1, &split.buffers)?;
        replay.run(&self.gpu, &split.cursors);
        let head = |(head, logits): (&Head, Vec<f32>)| HeadPrediction {
            head: head.name.clone(),
            probabilities: probabilities(&logits),
        };
        let answers = replay.answers(&self.gpu, 1)?;
        Ok(Prediction { heads: self.network.heads().iter().zip(answers).map(head).collect() })
    }

    fn parameters(&mut self) -> Result<Vec<f32>> {
        self.read_flat(Shared::Parameters)
    }

    fn state(&mut self) -> Result<State> {
        Ok(State {
            parameters: self.read_flat(Shared::Parameters)?,
            first_moments: self.read_flat(Shared::FirstMoments)?,
            second_moments: self.read_flat(Shared::SecondMoments)?,
            average: self.recipe.ema.map(|_| self.read_flat(Shared::Average)).transpose()?,
            step: self.step,
        })
    }

    fn set_state(&mut self, state: &State) -> Result<()> {
        state.check(self.network.flat_len())?;
        let average = state.average_for(&self.recipe);
        let flat = [
            (Shared::Parameters, &state.parameters),
            (Shared::FirstMoments, &state.first_moments),
            (Shared::SecondMoments, &state.second_moments),
        ];
        for (name, flat) in flat.into_iter().chain(average.map(|average| (Shared::Average, average))) {
            self.gpu.write(&self.train.buffers[&name], 0, flat);
        }
        self.step = state.step;
        Ok(())
    }

    fn log_steps(&mut self, log: StepLog) {
        self.log = Some(Log { log, added: 0 });
    }

    fn log_running(&self) -> Option<Running> {
        self.log.as_ref().map(|log| log.log.running())
    }

    fn time_step(&mut self, seconds: f64) -> Result<Option<StepTimes>> {
        let program = self.programs.program(Purpose::Training, self.train.batch)?;
        let parameters = self.parameters()?;
        let Programs { kernels, library, .. } = &mut self.programs;
        let probe = Probe::new(&self.gpu, kernels, library, program, &parameters)?;
        Ok(Some(probe.time(&self.gpu, seconds)?))
    }
}
