//! Flags that several commands share, and the checks of their values.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde::{Deserialize, Deserializer, Serialize};

use crate::data::{self, Addend, Amount, Dataset, Request, Wanted};
use crate::engine::{Backend, Choice, Purpose};
use crate::gpu::adapter::Preference;
use crate::network::Network;
use crate::report::console;
use crate::train::Recipe;
use crate::train::recipe::Parsed;
use crate::{Result, plans};

/// The drawn digits are one data set, as MNIST is, whatever the seed of a run.
const DRAWING_SEED: u64 = 1;

/// Which graphics interface to use.
#[derive(Clone, Debug, Args, Serialize, Deserialize)]
pub(super) struct BackendOptions {
    /// Use only this graphics interface [default: all that the system has, or WGPU_BACKEND]
    #[arg(long, value_enum)]
    pub backend: Option<Backend>,
}

/// Which adapter to use.
#[derive(Clone, Debug, Args, Serialize, Deserialize)]
pub(super) struct NamedAdapter {
    /// auto (a GPU; where there is none, train and eval try which is faster, a software driver or this program's own engine),
    /// high-performance or low-power (a GPU, else a software driver, else the own engine), software (a software
    /// driver), cpu (the own engine), reference (the same in plain loops, slow), or an index or a part of a name as
    /// `adapters` lists them [default: auto, or what WGPU_POWER_PREF says]
    #[arg(long, value_name = "NAME", env = "WGPU_ADAPTER_NAME")]
    adapter: Option<String>,
    #[command(flatten)]
    #[serde(flatten)]
    backend: BackendOptions,
}

/// Which adapter to compute on.
#[derive(Clone, Debug, Args, Serialize, Deserialize)]
pub(super) struct AdapterOptions {
    #[command(flatten)]
    #[serde(flatten)]
    named: NamedAdapter,
    /// Stop with exit code 3 instead of computing on the CPU engine: if no driver works (any, or without a value),
    /// or if only software drivers do (hardware)
    #[arg(long, value_name = "KIND", value_enum, num_args = 0..=1, require_equals = true,
        default_missing_value = "any", hide_possible_values = true)]
    #[serde(default, deserialize_with = "Required::read")]
    require_gpu: Option<Required>,
}

/// What `--require-gpu` is content with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Required {
    /// Any driver
    Any,
    /// A GPU, and no software driver
    Hardware,
}

impl Required {
    /// Of older runs, too, which say no more than whether.
    fn read<'de, D: Deserializer<'de>>(from: D) -> std::result::Result<Option<Self>, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Kept {
            Whether(bool),
            What(Option<Required>),
        }
        Ok(match Kept::deserialize(from)? {
            Kept::Whether(whether) => whether.then_some(Self::Any),
            Kept::What(what) => what,
        })
    }
}

/// Which plan to run weights with.
#[derive(Clone, Debug, Args)]
pub(super) struct PlanOptions {
    /// How a GPU cuts the network into dispatches [default: fused]
    #[arg(long, value_enum)]
    plan: Option<plans::Kind>,
}

impl PlanOptions {
    pub(super) fn plan(&self) -> plans::Kind {
        self.plan.unwrap_or_default()
    }

    /// What an adapter is wanted for, unless a plan is asked for, which only a driver follows.
    pub(super) fn purpose(&self, otherwise: Purpose) -> Purpose {
        if self.plan.is_some() { Purpose::Dispatches } else { otherwise }
    }
}

impl AdapterOptions {
    pub(super) fn choice(&self, purpose: Purpose) -> Choice {
        let hardware = self.require_gpu == Some(Required::Hardware);
        Choice { require_hardware: hardware, ..self.named.choice(self.require_gpu.is_some(), purpose) }
    }

    /// These, and where one is not given, another's.
    pub(super) fn or(self, other: Self) -> Self {
        let NamedAdapter { adapter, backend } = self.named;
        let adapter = adapter.filter(|name| !name.trim().is_empty());
        let same_adapter = adapter.is_none();
        let backend = backend.backend.or(other.named.backend.backend.filter(|_| same_adapter));
        let (adapter, backend) = (adapter.or(other.named.adapter), BackendOptions { backend });
        let require_gpu = self.require_gpu.or(other.require_gpu.filter(|_| same_adapter));
        Self { named: NamedAdapter { adapter, backend }, require_gpu }
    }
}

impl NamedAdapter {
    pub(super) fn choice(&self, require_gpu: bool, purpose: Purpose) -> Choice {
        // An empty variable counts as unset.
        let named = self.adapter.as_ref().filter(|name| !name.trim().is_empty());
        Choice {
            adapter: named.map(|name| Preference::from(name.as_str())),
            backend: self.backend.backend,
            require_gpu,
            require_hardware: false,
            profile: false,
            purpose,
            before: None,
        }
    }
}

/// Which images to use.
#[derive(Clone, Debug, Args, Serialize, Deserialize)]
pub(super) struct DataOptions {
    /// Folder with the four MNIST files, raw or .gz, or torchvision's root [default: $MNIST_DIR, ./data/mnist,
    /// ./data/MNIST/raw, the user's cache; else they are downloaded]
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Images to use [default: MNIST; drawn digits if there is neither a file nor a network]
    #[arg(long, value_enum)]
    dataset: Option<Images>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Images {
    /// MNIST, or an error if it is not available
    Mnist,
    /// Digits that this program draws
    Drawn,
}

impl DataOptions {
    /// These, with a folder that is found from elsewhere too.
    pub(super) fn absolute(self) -> Self {
        let absolute = |folder: PathBuf| std::path::absolute(&folder).unwrap_or(folder);
        Self { data_dir: self.data_dir.map(absolute), ..self }
    }

    /// These, or another's where none is given.
    pub(super) fn or(self, other: Self) -> Self {
        if self.data_dir.is_some() || self.dataset.is_some() { self } else { other }
    }

    /// Finds the images; holds some out, and trains on the first `limit` of the others only.
    pub(super) fn load(&self, held_out: Option<Amount>, limit: Option<usize>) -> Result<Dataset> {
        let wanted = match self.dataset {
            None => Wanted::Auto,
            Some(Images::Mnist) => Wanted::Mnist,
            Some(Images::Drawn) => Wanted::Drawn,
        };
        let data_dir = self.data_dir.as_deref();
        let request = Request { wanted, data_dir, held_out, limit, seed: DRAWING_SEED, download: true };
        data::load(&request, &mut console::say)
    }
}

/// The plan that can run a network: the layered one where the fused kernels refuse it, and the user is told why.
pub(super) fn fitting(plan: plans::Kind, network: &Network) -> plans::Kind {
    if let Some(refusal) = plan.refusal(network) {
        console::say(&format!(
            "the layered plan is used, as the fused one cannot run the network: {refusal}"
        ));
    }
    plan.fitting(network)
}

/// A recipe for weights that are run and not trained, by a plan.
pub(super) fn to_run(trained: &Recipe, plan: plans::Kind, network: &Network) -> Recipe {
    Recipe { plan: fitting(plan, network), ..trained.to_run() }
}

/// A time to spend.
pub(super) fn seconds(text: &str) -> Parsed<f64> {
    match text.parse::<f64>() {
        Ok(seconds) if seconds > 0.0 && seconds <= 3600.0 => Ok(seconds),
        _ => Err("must be a number of seconds greater than 0, at most 3600".into()),
    }
}

/// An addend.
pub(super) fn addend(text: &str) -> Parsed<Addend> {
    let number = text.parse().ok().and_then(|number| Addend::new(number).ok());
    number.ok_or_else(|| "must be a whole number from 0 to 9".into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::{ConvSizes, Sizes};

    #[test]
    fn a_network_that_the_fused_plan_refuses_runs_layered() {
        let real = Sizes::default();
        let odd = Sizes { conv1: ConvSizes { window: 3, ..real.conv1 }, ..real };
        let fitting = |plan, sizes: Sizes| fitting(plan, &sizes.network().unwrap());
        assert_eq!(fitting(plans::Kind::Fused, real), plans::Kind::Fused);
        assert_eq!(fitting(plans::Kind::Layered, real), plans::Kind::Layered);
        assert_eq!(fitting(plans::Kind::Fused, odd), plans::Kind::Layered);
    }

    #[test]
    fn older_runs_say_only_whether_a_gpu_is_required() {
        use Required::{Any, Hardware};
        for (text, required) in [
            ("{}", None),
            (r#"{"require_gpu":false}"#, None),
            (r#"{"require_gpu":true}"#, Some(Any)),
            (r#"{"require_gpu":null}"#, None),
            (r#"{"require_gpu":"hardware"}"#, Some(Hardware)),
        ] {
            let options: AdapterOptions = serde_json::from_str(text).unwrap();
            assert_eq!(options.require_gpu, required, "{text}");
            let again = serde_json::to_string(&options).unwrap();
            assert_eq!(
                serde_json::from_str::<AdapterOptions>(&again).unwrap().require_gpu,
                required,
                "{again}"
            );
        }
    }

    #[test]
    fn values_that_make_no_sense_are_refused() {
        assert_eq!(seconds("0.5"), Ok(0.5));
        for text in ["0", "-1", "NaN", "inf", "soon"] {
            assert!(seconds(text).is_err(), "{text}");
        }
        assert_eq!(addend("9").map(Addend::number), Ok(9));
        for text in ["10", "-1", "x"] {
            assert!(addend(text).is_err(), "{text}");
        }
    }
}
