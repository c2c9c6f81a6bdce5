//! What a program that uses the library is given: a device, and a model on it that is trained, tested, asked and saved.
//!
//! All of it is at the crate's root, too, beside the types of lower rooms that it takes and gives; `docs/public-api.txt`
//! lists that. Nothing here prints.

mod device;
mod model;
mod picture;
mod training;

pub use device::Device;
pub use model::Model;
pub use picture::Picture;
pub use training::Training;

/// The programs in the manual are compiled.
#[cfg(doctest)]
#[doc = include_str!("../../docs/library.md")]
struct Manual;
