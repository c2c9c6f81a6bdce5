//! Trains a dual-branch network (digit, and digit + addend) with WGSL compute shaders.
//!
//! From the network to the device:
//!
//! - [`network`] has the sizes and the parameters, [`plans`] writes the network down: op by op on the tape
//!   of [`graph`], which derives the gradients, or in a few fused dispatches.
//! - What comes out is a [`program`]: tensors and dispatches, as data.
//! - [`gpu`] turns a program into pipelines and bind groups and replays them; a shader's interface is read
//!   out of its WGSL.
//! - [`ops`] has one file per op, [`reference`](mod@reference) the same ops as plain loops on the CPU, and
//!   [`selftest`] compares the two.
//! - [`train`] has the loop over epochs on any [`train::Engine`], [`data`] the images, [`report`] what a run
//!   tells.
//! - [`engine`] opens what computes, a device or the CPU reference. [`bench`](mod@bench) measures training.
//! - [`cli`] has the commands and their flags, [`error`] the exit codes.
//! - [`model_file`] keeps weights and [`atomic`] writes files whole, [`picture`] reads a digit from a PNG,
//!   [`random`] draws numbers from a seed, [`compare`] compares numbers with what they ought to be.
//!
//! A step of training, on the CPU reference:
//!
//! ```
//! use digit_adder::data::{Dataset, Split};
//! use digit_adder::network::Sizes;
//! use digit_adder::plans::Kind;
//! use digit_adder::reference::trainer::CpuEngine;
//! use digit_adder::train::{Engine, Epoch, Loss, Settings};
//!
//! # fn main() -> digit_adder::Result<()> {
//! let split = Split { images: vec![0; 64 * 784], labels: vec![7; 64] };
//! let dataset = Dataset { origin: "blank".into(), train: split.clone(), test: split };
//! let sizes = Sizes::default();
//! let settings = Settings { batch: 64, loss: Loss::Logits, plan: Kind::Fused };
//! let mut engine = CpuEngine::new(sizes, settings, sizes.initial_parameters(1), dataset)?;
//! let epoch = Epoch { order: (0..64).collect(), addends: vec![2; 64], learning_rate: 1e-3 };
//! let metrics = engine.train_epoch(&epoch, &mut |_| {})?;
//! assert!(metrics.loss < 4.0);
//! # Ok(())
//! # }
//! ```

pub mod atomic;
pub mod bench;
pub mod cli;
pub mod compare;
pub mod data;
pub mod engine;
pub mod error;
pub mod gpu;
pub mod graph;
pub mod model_file;
pub mod network;
pub mod ops;
pub mod picture;
pub mod plans;
pub mod program;
pub mod random;
pub mod reference;
pub mod report;
pub mod selftest;
pub mod train;

pub use error::{Error, Result};
