//! What a run reports: on the console, in its folder, as a plot.

pub(crate) mod accuracy;
pub(crate) mod background;
pub(crate) mod bench;
pub(crate) mod by_addend;
pub(crate) mod console;
#[cfg(feature = "plots")]
pub(crate) mod plot;
#[cfg(feature = "plots")]
pub(crate) mod plots;
pub(crate) mod run_folder;
pub(crate) mod schedule;
pub(crate) mod summary;
pub(crate) mod table;
pub(crate) mod tensorboard;
pub(crate) mod trace;
pub(crate) mod verdict;
pub(crate) mod weights;
