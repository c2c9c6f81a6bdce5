//! What happens before the first training step is done.

use std::time::{Duration, Instant};

use serde::Serialize;

use crate::Result;
use crate::engine::gpu::probe::Probe;
use crate::gpu::{Gpu, Kernels};
use crate::program::Program;
use crate::wgsl::Library;

/// Start-up, split.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Startup {
    /// Finding the adapter and opening a device.
    pub device_seconds: f64,
    /// From shader text to pipelines and bind groups.
    pub pipelines_seconds: f64,
    /// The first step: most drivers compile when a pipeline is first used, unless their cache has it.
    pub first_step_seconds: f64,
}

/// Makes the replay of a program and runs its first step, on a device that took `device` to open. The probe
/// that is returned with the times is ready to run more steps.
///
/// # Errors
/// As [`Probe::new`].
pub fn measure(
    gpu: &Gpu,
    program: Program,
    parameters: &[f32],
    device: Duration,
) -> Result<(Startup, Probe)> {
    let start = Instant::now();
    let mut kernels = Kernels::new(false);
    let probe = Probe::new(gpu, &mut kernels, &Library::Embedded, program, parameters)?;
    let pipelines = start.elapsed();
    let start = Instant::now();
    probe.run(gpu)?;
    let startup = Startup {
        device_seconds: device.as_secs_f64(),
        pipelines_seconds: pipelines.as_secs_f64(),
        first_step_seconds: start.elapsed().as_secs_f64(),
    };
    Ok((startup, probe))
}
