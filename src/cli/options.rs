//! Flags that several commands share, and the checks of their values.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use wgpu::PowerPreference;

use crate::data::{self, Dataset, Request, Source};
use crate::engine::{Backend, Choice};
use crate::gpu::adapter;
use crate::report::console;
use crate::{Result, plans};

/// Images of a training step unless the user says otherwise.
pub const BATCH_SIZE: usize = 64;
/// Seed unless the user says otherwise.
pub const SEED: u64 = 1;
/// The drawn digits are one data set, as MNIST is, whatever the seed of a run.
const DRAWING_SEED: u64 = 1;

/// Which graphics interface to use.
#[derive(Clone, Debug, Args)]
pub struct BackendOptions {
    /// Use only this graphics interface [default: all that the system has, or WGPU_BACKEND]
    #[arg(long, value_enum)]
    pub backend: Option<Backend>,
}

/// Which adapter is meant.
#[derive(Clone, Debug, Args)]
pub struct NamedAdapter {
    /// high-performance, low-power, software (a software driver), cpu (this program's own
    /// reference, no driver at all), or an index or a part of a name as `adapters` lists them
    /// [default: high-performance, or what WGPU_POWER_PREF says]
    #[arg(long, value_name = "NAME", env = "WGPU_ADAPTER_NAME")]
    adapter: Option<String>,
    #[command(flatten)]
    backend: BackendOptions,
}

/// Which adapter to compute on.
#[derive(Clone, Debug, Args)]
pub struct AdapterOptions {
    #[command(flatten)]
    named: NamedAdapter,
    /// How a GPU cuts the network into dispatches
    #[arg(long, value_enum, default_value_t)]
    plan: plans::Kind,
    /// Stop with exit code 3 where no GPU driver works, rather than compute on the CPU reference
    #[arg(long)]
    require_gpu: bool,
}

impl AdapterOptions {
    pub fn plan(&self) -> plans::Kind {
        self.plan
    }

    pub fn choice(&self) -> Choice {
        self.named.choice(self.require_gpu)
    }
}

impl NamedAdapter {
    pub fn choice(&self, require_gpu: bool) -> Choice {
        let by_power = || match PowerPreference::from_env() {
            Some(PowerPreference::LowPower) => adapter::Choice::LowPower,
            _ => adapter::Choice::HighPerformance,
        };
        // An empty variable is as good as none.
        let named = self.adapter.as_ref().filter(|name| !name.trim().is_empty());
        Choice {
            adapter: named.map_or_else(by_power, |name| adapter::Choice::from(name.as_str())),
            backend: self.backend.backend,
            require_gpu,
            profile: false,
        }
    }
}

/// Which images to use.
#[derive(Clone, Debug, Args)]
pub struct DataOptions {
    /// Folder with the four MNIST files, raw or .gz [default: $MNIST_DIR, ./data/mnist,
    /// ./data/MNIST/raw, the user's cache; else they are downloaded]
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Images to use [default: MNIST; drawn digits where there is neither file nor network]
    #[arg(long, value_enum)]
    dataset: Option<Images>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Images {
    /// MNIST, or an error where it cannot be had
    Mnist,
    /// Digits that this program draws
    Drawn,
}

impl DataOptions {
    /// Finds the images; trains on the first `limit` only.
    pub fn load(&self, limit: Option<usize>) -> Result<Dataset> {
        let source = match self.dataset {
            None => Source::Auto,
            Some(Images::Mnist) => Source::Mnist,
            Some(Images::Drawn) => Source::Drawn,
        };
        let data_dir = self.data_dir.as_deref();
        let request = Request { source, data_dir, limit, seed: DRAWING_SEED, download: true };
        data::load(&request, &mut console::say)
    }
}

/// A flag's value, or what it must be.
type Parsed<T> = std::result::Result<T, String>;

/// A count that cannot be 0.
pub fn at_least_one(text: &str) -> Parsed<usize> {
    match text.parse() {
        Ok(0) => Err("must be at least 1".into()),
        Ok(n) => Ok(n),
        Err(_) => Err("must be a whole number, at least 1".into()),
    }
}

/// A batch size. Up to here the tests count the loops of every kernel: a software driver ends them silently
/// after 65,535 iterations, and sums over a larger batch might lose images there.
pub fn batch_size(text: &str) -> Parsed<usize> {
    match at_least_one(text)? {
        n if n <= 4096 => Ok(n),
        _ => Err("must be at most 4096".into()),
    }
}

/// A time to spend.
pub fn seconds(text: &str) -> Parsed<f64> {
    match text.parse::<f64>() {
        Ok(seconds) if seconds > 0.0 && seconds <= 3600.0 => Ok(seconds),
        _ => Err("must be a number of seconds greater than 0, at most 3600".into()),
    }
}

/// A learning rate.
pub fn learning_rate(text: &str) -> Parsed<f32> {
    match text.parse::<f32>() {
        Ok(rate) if rate.is_finite() && rate > 0.0 => Ok(rate),
        _ => Err("must be a number greater than 0, such as 0.001".into()),
    }
}

/// An addend.
pub fn addend(text: &str) -> Parsed<u8> {
    match text.parse() {
        Ok(addend @ 0..=9) => Ok(addend),
        _ => Err("must be a whole number from 0 to 9".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn senseless_values_are_refused() {
        assert_eq!(at_least_one("60000"), Ok(60_000));
        for text in ["0", "-1", "1.5", "", "ten"] {
            assert!(at_least_one(text).is_err(), "{text}");
        }
        assert_eq!(batch_size("4096"), Ok(4096));
        assert!(batch_size("4097").is_err());
        assert_eq!(learning_rate("1e-3"), Ok(1e-3));
        for text in ["0", "-1", "NaN", "inf", "1e-60", "fast"] {
            assert!(learning_rate(text).is_err(), "{text}");
        }
        assert_eq!(seconds("0.5"), Ok(0.5));
        for text in ["0", "-1", "NaN", "inf", "soon"] {
            assert!(seconds(text).is_err(), "{text}");
        }
        assert_eq!(addend("9"), Ok(9));
        for text in ["10", "-1", "x"] {
            assert!(addend(text).is_err(), "{text}");
        }
    }
}
