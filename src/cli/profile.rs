//! `train --profile`: where the time of a run went.

use std::path::PathBuf;
use std::sync::Arc;

use crate::bench::ceiling;
use crate::bench::step::StepProfile;
use crate::engine::Opened;
use crate::escape::Shown;
use crate::gpu::{Gpu, Kernels};
use crate::report::{bench, console, trace};
use crate::train::Engine;
use crate::{Error, Result};

/// Time for each measurement.
const SECONDS: f64 = 1.0;

/// Watches a run from its start.
pub(super) struct Profiler {
    gpu: Arc<Gpu>,
    trace: Option<PathBuf>,
}

impl Profiler {
    /// For a run on an adapter that was opened to be profiled; a trace goes to the file.
    ///
    /// # Errors
    /// [`Error::Usage`] without a GPU, or where the file cannot be written.
    pub(super) fn new(opened: &Opened, trace: Option<PathBuf>) -> Result<Self> {
        let gpu = opened
            .gpu()
            .ok_or_else(|| Error::Usage("--profile needs a GPU: the CPU has no dispatches to time".into()))?;
        trace.as_deref().map_or(Ok(()), trace::refuse_unwritable)?;
        Ok(Self { gpu: gpu.clone(), trace })
    }

    /// Times a step, prints the table and writes the trace.
    ///
    /// # Errors
    /// A device that fails, a file that cannot be written.
    pub(super) fn finish(self, engine: &mut dyn Engine) -> Result<()> {
        let Self { gpu, trace } = self;
        let step = gpu.spans.time(trace::PROFILE, || engine.time_step(SECONDS))?;
        let spans = gpu.spans.take();
        if let Some(step) = &step {
            let ceilings = ceiling::measure(&gpu, &mut Kernels::new(false), SECONDS)?;
            console::say(&format!(
                "\n{}\n{}",
                bench::step(&StepProfile::new(step, &ceilings)),
                bench::ceilings(&ceilings)
            ));
        }
        if let Some(file) = trace {
            trace::write(&file, &spans, step.as_ref())?;
            console::say(&format!("trace saved to {}", file.shown()));
        }
        Ok(())
    }
}
