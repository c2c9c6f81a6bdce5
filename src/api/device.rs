//! What computes, opened by name.

use std::sync::Arc;

use crate::data::Dataset;
use crate::engine::{self, Adapter, Choice, Opened, Purpose};
use crate::gpu::adapter::Preference;
use crate::network::Network;
use crate::train::{Engine, Recipe};
use crate::{Error, Result};

/// What computes: a GPU, a software driver, or this program's own engine for the CPU. Copies are of the same device.
///
/// ```
/// use digit_adder::Device;
///
/// # fn main() -> digit_adder::Result<()> {
/// let device = Device::open("cpu")?;
/// assert_eq!(device.adapter().name, "CPU engine");
/// // With "auto" there may be something to tell, such as that there is no GPU.
/// for message in device.messages() {
///     eprintln!("{message}");
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Device {
    opened: Opened,
    messages: Vec<String>,
}

impl Device {
    /// Opens what a name stands for, as `--adapter` of the program does:
    ///
    /// - `auto`: the best GPU; where there is none, the faster of a software driver and the CPU engine, by a trial that
    ///   takes less than a second;
    /// - `high-performance` or `low-power`: a GPU, else a software driver;
    /// - `software`: a software driver, such as llvmpipe or WARP;
    /// - `cpu`: the engine for the CPU, on all cores, without a driver;
    /// - `reference`: the same in plain loops, to check it with;
    /// - an index, or a part of a name, in any case, as [`Self::names`] lists them.
    ///
    /// Where no driver works, all but `reference`, an index and a name are the CPU engine. `WGPU_BACKEND` limits the drivers.
    ///
    /// # Errors
    /// [`Error::Device`] where there is none of this name, or it cannot be opened; [`Error::Usage`] for a blank name,
    /// and where `WGPU_BACKEND` names nothing that exists.
    pub fn open(name: &str) -> Result<Self> {
        if name.trim().is_empty() {
            return Err(Error::Usage("a device without a name: `auto` chooses one".into()));
        }
        let choice = Choice {
            adapter: Some(Preference::from(name)),
            backend: None,
            require_gpu: false,
            require_hardware: false,
            profile: false,
            purpose: Purpose::Speed,
            before: None,
        };
        let mut messages = Vec::new();
        let opened = engine::open(&choice, &mut |message| messages.push(message.to_owned()))?;
        messages.extend(opened.adapter.advice());
        Ok(Self { opened, messages })
    }

    /// What [`Self::open`] can choose from, a line for each: an index or a word, then name, kind and driver.
    ///
    /// # Errors
    /// [`Error::Usage`] where `WGPU_BACKEND` names nothing that exists.
    pub fn names() -> Result<Vec<String>> {
        Ok(engine::adapters(None)?.into_iter().map(|listed| listed.description).collect())
    }

    /// What was opened.
    pub fn adapter(&self) -> &Adapter {
        &self.opened.adapter
    }

    /// What a user would not expect of it: that there is no GPU, what the trial found.
    pub fn messages(&self) -> &[String] {
        &self.messages
    }

    /// A network with flat parameters and a data set on it.
    pub(super) fn engine(
        &self,
        network: &Network,
        recipe: &Recipe,
        parameters: &[f32],
        dataset: Arc<Dataset>,
    ) -> Result<Box<dyn Engine>> {
        self.opened.clone().engine(network.clone(), recipe, parameters.to_vec(), dataset, None)
    }
}

impl std::fmt::Debug for Device {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Device").field("adapter", self.adapter()).finish_non_exhaustive()
    }
}
