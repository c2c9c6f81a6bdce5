//! Trains a dual-branch network (digit, and digit + addend) with WGSL compute shaders.
//!
//! # As a library
//!
//! A program needs the names at the crate's root and no others. Five of them do the work: a [`Device`] computes, a
//! [`Dataset`] has the images, a [`Network`] is written down by its [`Sizes`] or layer by layer with a
//! [`NetworkBuilder`], a [`Recipe`] says how to train, and a [`Model`] is trained, tested, asked and saved.
//!
//! ```
#![doc = include_str!("../examples/train.rs")]
//! ```
//!
//! The library prints nothing: what a user should know is returned, or handed to a callback. What is wrong is an
//! [`Error`]; bad input does not panic. Only where a driver loses the device does wgpu's own panic message reach stderr
//! before the error is returned, and a program that is built with `panic = "abort"` ends there.
//!
//! **Semantic versioning** covers the names at the root with their fields, variants, methods and derived traits, listed in
//! `docs/public-api.txt`. Methods that stand under the words "Of the rooms" are not in the list. The modules below, the
//! rooms, are open to readers and tests, and may change in any release. `Recipe` and `Sizes` may get more fields in any
//! release: write `..Recipe::default()`.
//!
//! # The house
//!
//! Rooms from the ground up; each uses only rooms below it (`tests/house.rs` checks that).
//!
//! | room | what is in it |
//! |---|---|
//! | [`random`], [`error`], `escape` | seeded numbers, errors with exit codes, text from outside in messages |
//! | `bounded`, `atomic` | files that are read up to a limit; files that are whole or not there |
//! | [`program`] | tensors and dispatches as data; the tape that writes them; schedules |
//! | [`network`] | the layers, the heads, the loss |
//! | [`wgsl`] | shaders as text: constants, interfaces, lowering, what a reload may change |
//! | [`gpu`] | adapters, devices, kernels, replay, timing |
//! | [`data`] | MNIST, drawn digits, addends, pictures |
//! | [`ops`] | one file per op: its dispatches and its backward rule |
//! | [`reference`](mod@reference) | the same ops as plain loops, the specification |
//! | [`plans`] | a network written down as programs: layered, or fused |
//! | [`lanes`] | the same network on a CPU, an image to each lane of its registers |
//! | [`selftest`] | every kernel against the reference |
//! | [`train`] | recipes, state, metrics, weights, the loop over epochs |
//! | [`engine`] | what trains: a GPU, or the CPU |
//! | [`bench`](mod@bench), `report` | measuring, printing |
//! | [`onnx`] | the network as an ONNX file |
//! | [`api`] | what is at the root: devices and models for other programs |
//! | [`web`] | the browser page as a static site, and a server for it |
//! | [`cli`] | the commands |
//!
//! # Program, schedule, replay
//!
//! A plan folds the list of layers into a [`Program`](program::Program): tensors, and dispatches that read and
//! write them. [`lower`](wgsl::lower()) is a pure function from a program to a
//! [`Schedule`](program::Schedule): final shader texts, buffers, bindings, grids. A
//! [`Replay`](gpu::Replay) holds it on a device and records it, step after step.
//!
//! One op of the layered plan, on a device where there is one:
//!
//! ```
//! use digit_adder::gpu::{Buffers, Gpu, Kernels, Replay, adapter};
//! use digit_adder::program::{Cursor, Tape};
//! use digit_adder::wgsl::Library;
//!
//! # fn main() -> digit_adder::Result<()> {
//! let mut tape = Tape::new(&[], 1);
//! let x = tape.tensor("x", &[1, 4]);
//! let y = digit_adder::ops::relu::relu(&mut tape, "y", x)?;
//! let program = tape.finish();
//!
//! let Ok(adapter) = adapter::choose(&"high-performance".into(), None) else { return Ok(()) };
//! let gpu = Gpu::open(&adapter)?;
//! let replay = Replay::new(&gpu, &mut Kernels::new(false), &Library::Embedded, program, &Buffers::new())?;
//! replay.write(&gpu, x, &[-1.0f32, 0.0, 2.0, 3.0]);
//! replay.run(&gpu, &[Cursor::default()]);
//! assert_eq!(replay.read::<f32>(&gpu, y)?, [0.0, 0.0, 2.0, 3.0]);
//! # Ok(())
//! # }
//! ```
//!
//! An epoch of training, on the CPU:
//!
//! ```
//! use digit_adder::data::{Addends, Dataset, Split};
//! use digit_adder::engine::cpu::CpuEngine;
//! use digit_adder::network::Sizes;
//! use digit_adder::train::{Engine, Epoch, Recipe};
//!
//! # fn main() -> digit_adder::Result<()> {
//! let split = Split::new(vec![0; 64 * 784], vec![7; 64])?;
//! let dataset = Dataset { origin: "blank".into(), train: split.clone(), validation: Split::default(), test: split };
//! let network = Sizes::default().network()?;
//! let parameters = network.initial_parameters(1);
//! let mut engine = CpuEngine::new(network, Recipe::default(), parameters, dataset)?;
//! let epoch = Epoch::new((0..64).collect(), Addends::new(vec![2; 64])?, 1e-3)?;
//! let metrics = engine.train_epoch(&epoch, &mut |_| {})?;
//! assert!(metrics.loss < 4.0);
//! # Ok(())
//! # }
//! ```

// Not for the tests, which unwrap and share modules.
#![warn(unreachable_pub)]
#![cfg_attr(not(test), warn(clippy::unwrap_used, clippy::expect_used))]

pub mod api;
mod atomic;
pub mod bench;
mod bounded;
pub mod cli;
pub mod data;
pub mod engine;
pub mod error;
mod escape;
pub mod gpu;
pub mod lanes;
pub mod network;
pub mod onnx;
pub mod ops;
pub mod plans;
pub mod program;
pub mod random;
pub mod reference;
mod report;
pub mod selftest;
pub mod train;
pub mod web;
pub mod wgsl;

pub use api::{Device, Model, Picture, Training};
pub use data::{Addend, AddendDraw, Addends, Amount, Augment, Dataset, Image, PIXELS, SIDE, Split};
pub use engine::Adapter;
pub use error::{Error, Result};
pub use network::{Builder as NetworkBuilder, ConvSizes, DIGITS, Head, Input, Loss, Network, SUMS, Sizes};
pub use onnx::Outputs as OnnxOutputs;
pub use plans::Kind as Plan;
pub use train::run::{End as TrainingEnd, EpochRecord};
pub use train::{HeadMetrics, HeadPrediction, Metrics, Prediction, Recipe, Schedule};
