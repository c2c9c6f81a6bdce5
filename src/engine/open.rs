//! From what the user asks for to an adapter that is open.

use std::sync::Arc;

use super::trial::{self, Trial};
use super::{Adapter, Choice, Opened, Purpose};
use crate::gpu::Gpu;
use crate::gpu::adapter::{self, Missing, Preference};
use crate::{Error, Result};

/// Opens the adapter that `choice` asks for; `say` receives what the user would not expect. Where no driver works
/// at all, the CPU engine is opened instead, unless a GPU is required or one was named. Where none is named and
/// there is no GPU, a trial decides between a software driver and the CPU engine.
///
/// # Errors
///
/// [`Error::Device`] where there is no such adapter, or none at all and one is required; [`Error::Usage`] where
/// the environment asks for something that does not exist.
pub fn open(choice: &Choice, say: &mut dyn FnMut(&str)) -> Result<Opened> {
    let preference = choice.preference()?;
    if preference.is_none() {
        if choice.require_gpu {
            return Err(Error::Usage(format!(
                "--require-gpu and --adapter {preference} contradict each other: drop one of them"
            )));
        }
        return Ok(Opened::on_cpu(preference == Preference::Reference));
    }
    match adapter::choose(&preference, choice.backend.map(Into::into)) {
        Ok(chosen) => {
            let info = chosen.get_info();
            choice.refuse_software(&info)?;
            let is_undecided =
                preference == Preference::Auto && adapter::is_software(&info) && may_be_cpu(choice);
            if is_undecided && known(choice) == Some(false) {
                return Ok(Opened::on_cpu(false));
            }
            let gpu = match if choice.profile { Gpu::open_profiled(&chosen) } else { Gpu::open(&chosen) } {
                Ok(gpu) => gpu,
                Err(error) if is_undecided => {
                    let name = &info.name;
                    say(&format!(
                        "no GPU, and {name} cannot be opened ({error}): computing on the CPU engine"
                    ));
                    return Ok(Opened::on_cpu(false));
                }
                Err(error) => return Err(error),
            };
            let mut opened = Opened::new(Adapter::of(&gpu.info), Some(Arc::new(gpu)));
            if is_undecided && known(choice).is_none() && !opened.is_faster_than_cpu(say) {
                opened = Opened::on_cpu(false);
            }
            Ok(opened)
        }
        Err(Missing::All(reason)) if !choice.require_gpu => {
            say(&format!("{reason}. Computing on the CPU engine instead"));
            Ok(Opened::on_cpu(false))
        }
        Err(missing) => Err(missing.into()),
    }
}

/// Whether the CPU engine can serve instead of a software driver: nothing of a driver's own was asked for.
fn may_be_cpu(choice: &Choice) -> bool {
    !choice.require_gpu && !choice.names_backend() && choice.purpose != Purpose::Dispatches
}

/// Whether it is to be the software driver and not the CPU engine, where that is known without a trial.
fn known(choice: &Choice) -> Option<bool> {
    match (&choice.before, choice.purpose) {
        (Some(before), _) if before.is_cpu_engine() => Some(false),
        // A newer one, perhaps, which is no reason to leave it.
        (Some(before), _) if before.is_software_driver() => Some(true),
        (_, Purpose::Few) => Some(false),
        _ => None,
    }
}

impl Opened {
    /// The CPU engine, or the reference.
    fn on_cpu(reference: bool) -> Self {
        let adapter = if reference { Adapter::cpu_reference() } else { Adapter::cpu_engine() };
        Self { reference, ..Self::new(adapter, None) }
    }

    /// Whether this driver wins the trial against the CPU engine; `say` receives its times.
    fn is_faster_than_cpu(&mut self, say: &mut dyn FnMut(&str)) -> bool {
        let Some(gpu) = &self.gpu else { return false };
        let name = &self.adapter.name;
        let trial = match trial::run(gpu, &mut self.kernels) {
            Ok(trial) => trial,
            // A network that only the reference computes: no driver is slower than that.
            Err(Error::Usage(_)) => return true,
            Err(error) => {
                say(&format!("no GPU, and {name} fails ({error}): computing on the CPU engine"));
                return false;
            }
        };
        let Trial { driver, cpu } = trial;
        let wins = driver < cpu;
        let (winner, other) = if wins { (name.as_str(), "cpu") } else { ("the CPU engine", "software") };
        say(&format!(
            "no GPU: computing on {winner}, the faster in a trial: {} images through conv1 take the CPU engine {:.2} ms \
             and {name} {:.2} ms (--adapter {other} is the other)",
            trial::IMAGES,
            1e3 * cpu,
            1e3 * driver
        ));
        wins
    }
}
