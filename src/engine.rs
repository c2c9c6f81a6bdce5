//! Opens what was asked for: a GPU, or the CPU reference where there is none.

use serde::Serialize;

use crate::data::Dataset;
use crate::network::Sizes;
use crate::train::{Engine, Epoch, Metrics, Prediction, Settings};
use crate::{Error, Result};

/// A graphics interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Backend {
    /// Vulkan.
    Vulkan,
    /// Metal.
    Metal,
    /// Direct3D 12.
    Dx12,
    /// OpenGL or OpenGL ES.
    Gl,
}

/// The adapter that the user asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// `high-performance`, `low-power`, `software`, `cpu`, an index or a part of a name.
    pub adapter: String,
    /// Only adapters of this interface.
    pub backend: Option<Backend>,
    /// Whether the CPU reference is no substitute.
    pub require_gpu: bool,
}

/// What computes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Adapter {
    /// The adapter's name.
    pub name: String,
    /// The driver and its version.
    pub driver: String,
    /// The graphics interface, or `reference`.
    pub backend: String,
    /// Whether it computes on the CPU.
    pub software: bool,
}

impl std::fmt::Display for Adapter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({}, {})", self.name, self.driver, self.backend)?;
        if self.software { write!(f, ": a software adapter, it computes on the CPU") } else { Ok(()) }
    }
}

/// An adapter that is open, with nothing on it yet.
pub struct Opened {
    /// What it is.
    pub adapter: Adapter,
}

/// Opens the adapter that `choice` asks for. `say` is told what the user should know, such as a
/// fallback.
///
/// # Errors
///
/// [`Error::Device`] where there is no such adapter.
pub fn open(choice: &Choice, say: &mut dyn FnMut(&str)) -> Result<Opened> {
    stub::open(choice, say)
}

impl Opened {
    /// Puts the network and the data set on the adapter. The parameters are all 0.
    ///
    /// # Errors
    ///
    /// [`Error::Device`] where a driver refuses a shader or the memory.
    pub fn engine(self, dataset: &Dataset, sizes: Sizes, settings: Settings) -> Result<Box<dyn Engine>> {
        stub::engine(dataset, sizes, settings)
    }
}

/// The adapters that there are, one a line, for the user.
///
/// # Errors
///
/// [`Error::Device`] where they cannot be listed.
pub fn adapters(_backend: Option<Backend>) -> Result<String> {
    Ok("cpu: CPU reference".into())
}

/// The dispatches of one training step, one a line, for the user.
///
/// # Errors
///
/// As [`open`].
pub fn schedule(_choice: &Choice, _batch: usize) -> Result<String> {
    Err(Error::Device("the schedule needs a GPU".into()))
}

/// Stands in for the engines and the data until they are here.
pub mod stub {
    #![allow(missing_docs)]
    use super::*;

    pub fn open(choice: &Choice, _say: &mut dyn FnMut(&str)) -> Result<Opened> {
        if !["high-performance", "low-power", "cpu", "software"].contains(&choice.adapter.as_str()) {
            return Err(Error::Device(format!("there is no adapter `{}`", choice.adapter)));
        }
        let adapter = Adapter {
            name: "stub".into(),
            driver: "none".into(),
            backend: "reference".into(),
            software: true,
        };
        Ok(Opened { adapter })
    }

    pub fn engine(dataset: &Dataset, sizes: Sizes, settings: Settings) -> Result<Box<dyn Engine>> {
        Ok(Box::new(Stub { flat: vec![0.0; sizes.flat_len()], settings, images: dataset.train.labels.len() }))
    }

    struct Stub {
        flat: Vec<f32>,
        settings: Settings,
        images: usize,
    }

    impl Engine for Stub {
        fn train_epoch(&mut self, epoch: &Epoch, progress: &mut dyn FnMut(usize)) -> Result<Metrics> {
            for done in (0..self.images).step_by(self.settings.batch) {
                std::thread::sleep(std::time::Duration::from_millis(2));
                progress(done);
            }
            self.flat.iter_mut().for_each(|p| *p *= 1.0 - epoch.learning_rate);
            let loss = f64::from(self.flat[0].abs());
            Ok(Metrics { images: self.images, loss, digits: self.images / 2, sums: self.images / 3 })
        }

        fn evaluate(&mut self, addends: &[u8]) -> Result<Metrics> {
            let sums = addends.iter().filter(|&&a| a > 1).count();
            Ok(Metrics { images: addends.len(), loss: 0.1, digits: addends.len(), sums })
        }

        fn predict(&mut self, _: &[u8], addend: u8) -> Result<Prediction> {
            let one_hot = |n: usize, at: usize| {
                (0..n).map(|i| if i == at { 0.9 } else { 0.1 / (n - 1) as f32 }).collect()
            };
            Ok(Prediction { digit: one_hot(10, 3), sum: one_hot(19, 3 + usize::from(addend)) })
        }

        fn parameters(&mut self) -> Result<Vec<f32>> {
            Ok(self.flat.clone())
        }

        fn set_parameters(&mut self, flat: &[f32]) -> Result<()> {
            self.flat.copy_from_slice(flat);
            Ok(())
        }
    }
}
