//! The commands and their flags. A command parses, calls the library and prints; nothing else.
//!
//! Results (epoch lines, accuracies, predictions, JSON) go to stdout; messages and progress bars
//! go to stderr.

mod adapters;
mod bench;
mod completions;
mod config;
mod data;
mod eval;
mod export;
pub mod given;
mod layers;
mod model_path;
mod options;
mod outcome;
mod pictures;
mod plain;
#[cfg(feature = "plots")]
mod plot;
mod predict;
#[cfg(feature = "plots")]
mod preview;
mod profile;
mod recipes;
mod recorder;
mod run_config;
mod schedule;
mod selftest;
mod serve;
mod session;
mod setting;
mod signals;
mod start;
pub mod streams;
mod summary;
mod target;
mod train;

use std::io::{ErrorKind, Write};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::report::console;
use crate::{Error, gpu};
use given::Given;
use layers::Stop;
pub use recipes::recipe;

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
    /// Draw a run's plots again, or compare several runs
    #[cfg(feature = "plots")]
    Plot(plot::Plot),
    /// List the adapters that `--adapter` can choose from
    Adapters(adapters::Adapters),
    /// Compare every kernel with the reference on your adapter; add its output to a report of wrong numbers
    Selftest(selftest::Selftest),
    /// Measure training: images per second, time of every dispatch, start-up
    Bench(bench::Bench),
    /// Print the dispatches that one training step replays
    Schedule(schedule::Schedule),
    /// Write the network as an ONNX file, or the page that predicts and trains in a browser
    Export(export::Export),
    /// Show that page on this machine, for those who have no web server
    Serve(serve::Serve),
    /// Print what trained weights are: layers, how they were trained, the numbers of each tensor
    Summary(summary::Summary),
    /// Fetch MNIST, check it, or tell where it is
    #[command(subcommand)]
    Data(data::Data),
    /// Print a script that completes commands and flags in a shell
    Completions(completions::Completions),
}

/// Parses the command line, the environment, the file of `--config` and the recipe of `--recipe`. Help and messages
/// about them are printed here.
///
/// # Errors
///
/// The exit code where there is nothing to run; 0 after help that was asked for.
pub fn parse() -> Result<(Cli, Given), ExitCode> {
    let arguments: Vec<_> = std::env::args_os().collect();
    let variables = std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value)));
    layers::parse(&arguments, &variables.collect()).map_err(|stop| match stop {
        Stop::Wrong(error) => tell(&error.into()),
        Stop::Clap(error, note) => {
            let code = print(&plain::plain(error));
            note.iter().for_each(|note| console::say(note));
            code
        }
    })
}

/// Prints what clap has to say: help to stdout, which may be full or have been closed, errors to stderr.
fn print(error: &clap::Error) -> ExitCode {
    let printed = error.print().and_then(|()| std::io::stdout().flush());
    match printed {
        Err(cause) if !error.use_stderr() && cause.kind() != ErrorKind::BrokenPipe => {
            tell(&Error::Data(format!("cannot write to standard output: {cause}")).into())
        }
        _ => ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2)),
    }
}

/// Prints an error with its causes to stderr, and returns its exit code.
pub fn tell(error: &anyhow::Error) -> ExitCode {
    if let Some(stopped @ Error::Stopped { told, .. }) = error.downcast_ref() {
        console::say(told);
        return ExitCode::from(stopped.exit_code());
    }
    // A report on a shader already begins with the word.
    let message = error.to_string();
    console::say(&format!("error: {}", message.strip_prefix("error: ").unwrap_or(&message).trim_end()));
    for cause in error.chain().skip(1) {
        console::say(&format!("  cause: {cause}"));
    }
    ExitCode::from(error.downcast_ref::<Error>().map_or(1, Error::exit_code))
}

/// Runs one command, given which flags were set and where.
///
/// # Errors
///
/// Whatever stops the command; a [`crate::Error`] in the chain has the exit code.
pub fn run(cli: Cli, given: &Given) -> anyhow::Result<()> {
    gpu::own_the_process();
    given.tell();
    match cli.command {
        Command::Train(train) => train.run(given),
        Command::Resume(resume) => resume.run(given),
        Command::Eval(eval) => eval.run(),
        Command::Predict(predict) => predict.run(),
        #[cfg(feature = "plots")]
        Command::Plot(plot) => plot.run(),
        Command::Adapters(adapters) => adapters.run(),
        Command::Selftest(selftest) => selftest.run(),
        Command::Bench(bench) => bench.run(),
        Command::Schedule(schedule) => schedule.run(),
        Command::Export(export) => export.run(),
        Command::Serve(serve) => serve.run(),
        Command::Summary(summary) => summary.run(),
        Command::Data(data) => data.run(),
        Command::Completions(completions) => Ok(completions.run()?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_do_not_contradict_each_other() {
        layers::command().debug_assert();
    }
}
