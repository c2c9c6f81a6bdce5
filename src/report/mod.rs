//! What a run reports: on the console, in its folder, as a plot.

pub mod accuracy;
pub mod bench;
pub mod console;
pub mod plot;
pub mod run_folder;
pub mod schedule;
pub mod summary;
pub mod table;
pub mod trace;
