//! Measures training: how fast it is, where its time goes, and how near that is to what the machine can do.

pub mod ceiling;
pub mod host;
pub mod startup;
pub mod step;
pub mod sweep;
pub mod throughput;
