//! A trial of under a second: how long a software driver and the CPU engine take for the same work.
//!
//! It is the first convolution, forward, in the form in which each of them trains: the driver has one kernel to
//! compile, not those of a whole step, which take it many seconds at its first time.

use std::time::{Duration, Instant};

use rayon::prelude::*;

use super::gpu::probe::Probe;
use crate::gpu::{Gpu, Kernels};
use crate::lanes::{Aligned, Instructions, conv_pool};
use crate::network::{Conv2d, Loss, Sizes};
use crate::plans::{Programs, fit::Fit, fused::Fused, tiles::Tiles};
use crate::wgsl::Library;
use crate::{Error, Result};

/// Images that are computed.
pub(super) const IMAGES: usize = 64;

/// What each is timed for at least.
const TIME: Duration = Duration::from_millis(60);

/// Seconds that each took for [`IMAGES`] images, the least of all times.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Trial {
    pub driver: f64,
    pub cpu: f64,
}

/// Tries both; the driver's kernel is kept in `kernels`.
///
/// # Errors
/// [`Error::Device`] where the driver fails; [`Error::Usage`] where the fused kernels do not know the network.
pub(super) fn run(gpu: &Gpu, kernels: &mut Kernels) -> Result<Trial> {
    let network = Sizes::default().network()?;
    let [(name, conv), _] = Fit::new(&network)?.convolutions;
    let mut program = Fused::new(&network, Loss::Logits, Tiles::of(gpu))?.evaluation(IMAGES)?;
    program.dispatches.retain(|dispatch| dispatch.layer == name);
    let parameters = network.initial_parameters(0);
    let probe = Probe::new(gpu, kernels, &Library::Embedded, program, &parameters)?;
    let driver = least(|| probe.run(gpu))?;
    let range = |kind: &str| Ok::<_, Error>(network.parameter(&format!("{name}.{kind}"))?.range());
    let (w, b) = (&parameters[range("weight")?], &parameters[range("bias")?]);
    let mut parts = Part::all(&conv, Instructions::best());
    let cpu = least(|| {
        parts.par_iter_mut().for_each(|part| part.forward(&conv, w, b));
        Ok(())
    })?;
    Ok(Trial { driver, cpu })
}

/// Images that one task of the CPU engine computes.
struct Part {
    instructions: Instructions,
    x: Aligned,
    y: Aligned,
    winner: Aligned,
}

impl Part {
    /// As many as [`IMAGES`] need.
    fn all(s: &Conv2d, instructions: Instructions) -> Vec<Self> {
        let lanes = instructions.lanes();
        let part = |_| {
            let mut x = Aligned::zeros(s.x_len() * lanes);
            // Any numbers do, as no kernel's time depends on them.
            x.iter_mut().enumerate().for_each(|(at, x)| *x = (at % 7) as f32);
            let y = || Aligned::zeros(s.pooled(2).y_len() * lanes);
            Self { instructions, x, y: y(), winner: y() }
        };
        (0..IMAGES.div_ceil(lanes)).map(part).collect()
    }

    fn forward(&mut self, s: &Conv2d, w: &[f32], b: &[f32]) {
        let Self { instructions, x, y, winner } = self;
        instructions.run(conv_pool::Forward { s, x, w, b, y, winner });
    }
}

/// Seconds of the fastest run, beside the first, which compiles or wakes threads.
fn least(mut work: impl FnMut() -> Result<()>) -> Result<f64> {
    work()?;
    let (begin, mut least) = (Instant::now(), f64::INFINITY);
    while begin.elapsed() < TIME || least.is_infinite() {
        let start = Instant::now();
        work()?;
        least = least.min(start.elapsed().as_secs_f64());
    }
    Ok(least)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_run_does_not_count() {
        let mut runs = 0;
        let seconds = least(|| {
            runs += 1;
            std::thread::sleep(if runs == 1 { 2 * TIME } else { TIME / 10 });
            Ok(())
        })
        .unwrap();
        assert!(
            runs > 2 && (TIME / 10..TIME).contains(&Duration::from_secs_f64(seconds)),
            "{runs}, {seconds}"
        );
    }
}
