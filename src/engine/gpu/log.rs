//! The running loss: read back where a line is due, and only there.

use super::{GpuEngine, Purpose, summed_loss};
use crate::Result;
use crate::train::StepLog;

/// A log, and how many steps of this epoch it has.
pub(super) struct Log {
    pub log: StepLog,
    pub added: usize,
}

impl GpuEngine {
    /// Cuts a submission of `steps` steps, `recorded` steps into the epoch, so that it ends where a line is
    /// due.
    pub(super) fn until_line(&self, recorded: usize, steps: usize) -> usize {
        let cut = |log: &Log| log.log.until_line(recorded - log.added, steps);
        self.log.as_ref().map_or(steps, cut)
    }

    /// Passes on the losses of the epoch's first `done` steps if a line is due, and returns whether it did:
    /// reading them means waiting for everything in flight. After the last of the `all` steps on `images` images
    /// it passes on the rest: the next pass overwrites them.
    pub(super) fn log_finished(&mut self, done: usize, all: usize, images: usize) -> Result<bool> {
        let batch = self.train.batch;
        let last = done == all;
        let Some(Log { log, added }) = &self.log else { return Ok(false) };
        if !last && !log.is_due(done - added) {
            return Ok(false);
        }
        let (first, end) = (added * batch, images.min(done * batch));
        let heads = self.network.heads().len();
        let new = self.records(Purpose::Training, first, end - first)?;
        if let Some(Log { log, added }) = &mut self.log {
            for step in new.chunks(batch * heads) {
                log.add(step.len() / heads, summed_loss(step, heads));
            }
            *added = done;
        }
        Ok(true)
    }
}
