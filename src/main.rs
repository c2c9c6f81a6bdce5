//! The command line program: parse, run, turn an error into a message and an exit code.
use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use digit_adder::{Error, cli};

fn main() -> ExitCode {
    let Err(error) = cli::run(cli::Cli::parse()) else { return ExitCode::SUCCESS };
    if let Some(stopped @ Error::Stopped { told, .. }) = error.downcast_ref() {
        let _ = writeln!(std::io::stderr().lock(), "{told}");
        return ExitCode::from(stopped.exit_code());
    }
    // A closed stderr must not turn an error into a panic.
    let mut stderr = std::io::stderr().lock();
    // A report on a shader already begins with the word.
    let message = error.to_string();
    let _ = writeln!(stderr, "error: {}", message.strip_prefix("error: ").unwrap_or(&message).trim_end());
    for cause in error.chain().skip(1) {
        let _ = writeln!(stderr, "  cause: {cause}");
    }
    ExitCode::from(error.downcast_ref::<Error>().map_or(1, Error::exit_code))
}
