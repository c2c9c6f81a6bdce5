//! Which tiles are the fastest here: times a few steps of each candidate before the training.

use std::time::{Duration, Instant};

use super::probe::Probe;
use crate::gpu::{Gpu, Kernels};
use crate::network::Network;
use crate::plans::tiles::{CANDIDATES, Tiles};
use crate::plans::{Programs, fused::Fused};
use crate::train::Recipe;
use crate::wgsl::Library;
use crate::{Error, Result};

/// Steps of each candidate.
const STEPS: usize = 20;

/// The candidate whose median step is the shortest; `say` receives the time of each. A candidate that
/// this device refuses is reported and left out.
///
/// # Errors
/// Where the device refuses all of them, why it refuses the last.
pub fn tune(
    gpu: &Gpu,
    network: &Network,
    recipe: &Recipe,
    parameters: &[f32],
    say: &mut dyn FnMut(&str),
) -> Result<Tiles> {
    let mut kernels = Kernels::default();
    let mut fastest: Result<(Duration, &str, Tiles)> = Err(Error::Device("no tiles to try".into()));
    for (name, tiles) in CANDIDATES {
        let fused = Fused::new(network, recipe.loss(), tiles)?.trained_by(recipe.adam());
        let program = fused.training(recipe.batch_size)?;
        let median = Probe::new(gpu, &mut kernels, &Library::Embedded, program, parameters)
            .and_then(|probe| median(gpu, &probe));
        match median {
            Ok(step) => {
                say(&format!("tiles {name}: {:.3} ms a step", 1e3 * step.as_secs_f64()));
                if !fastest.as_ref().is_ok_and(|(least, ..)| *least <= step) {
                    fastest = Ok((step, name, tiles));
                }
            }
            Err(error) => {
                say(&format!("tiles {name}: {error}"));
                fastest = fastest.or(Err(error));
            }
        }
    }
    let (_, name, tiles) = fastest?;
    say(&format!("{name} tiles are used"));
    Ok(tiles)
}

fn median(gpu: &Gpu, probe: &Probe) -> Result<Duration> {
    // The first step compiles.
    probe.run(gpu)?;
    let mut steps = Vec::new();
    for _ in 0..STEPS {
        let start = Instant::now();
        probe.run(gpu)?;
        steps.push(start.elapsed());
    }
    steps.sort_unstable();
    Ok(steps[STEPS / 2])
}
