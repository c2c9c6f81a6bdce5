//! The commands and their flags. A command parses, calls the library and prints; nothing else.
//!
//! Results (epoch lines, accuracies, predictions, JSON) go to stdout; messages and progress bars
//! go to stderr.

mod bench;
mod eval;
mod model_path;
mod options;
mod outcome;
mod pictures;
mod predict;
mod profile;
mod recorder;
mod run_config;
mod schedule;
mod selftest;
mod session;
mod signals;
mod start;
mod target;
mod train;

use clap::{Parser, Subcommand};

use crate::engine;
use crate::report::console;

/// Trains a network that reads a digit from a picture and adds a number to it, with WGSL compute
/// shaders.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100, after_help = EXIT_CODES)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

const EXIT_CODES: &str = "Exit codes: 0 success, 1 selftest found wrong numbers, 2 usage, 3 adapter or device, \
    4 data missing or wrong, 5 training diverged, 6 doubtful answers with --strict";

#[derive(Debug, Subcommand)]
enum Command {
    /// Train the network, test it and keep the weights
    Train(train::Train),
    /// Continue a training where it stopped
    Resume(train::Resume),
    /// Test trained weights on the test set
    Eval(eval::Eval),
    /// Read the digit in each picture and add a number to it
    Predict(predict::Predict),
    /// List the adapters that `--adapter` can choose from
    Adapters(options::BackendOptions),
    /// Compare every kernel with the reference on your adapter; add its output to a report of wrong numbers
    Selftest(selftest::Selftest),
    /// Measure training: images per second, time of every dispatch, start-up
    Bench(bench::Bench),
    /// Print the dispatches that one training step replays
    Schedule(schedule::Schedule),
}

/// Runs one command.
///
/// # Errors
///
/// Whatever stops the command; a [`crate::Error`] in the chain has the exit code.
pub fn run(cli: Cli) -> anyhow::Result<()> {
    let given: std::collections::BTreeSet<String> =
        std::env::args().filter_map(|a| Some(a.strip_prefix("--")?.split('=').next()?.to_string())).collect();
    match cli.command {
        Command::Train(train) => train.run(&given),
        Command::Resume(resume) => resume.run(&given),
        Command::Eval(eval) => eval.run(),
        Command::Predict(predict) => predict.run(),
        Command::Adapters(options) => Ok(console::print(&engine::adapters(options.backend)?)?),
        Command::Selftest(selftest) => selftest.run(),
        Command::Bench(bench) => bench.run(),
        Command::Schedule(schedule) => schedule.run(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn flags_do_not_contradict_each_other() {
        Cli::command().debug_assert();
    }
}
