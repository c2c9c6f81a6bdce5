//! The command line program: parse, run, turn an error into a message and an exit code.
use std::process::ExitCode;

use digit_adder::cli;

fn main() -> ExitCode {
    if let Err(error) = cli::streams::refuse_closed() {
        return cli::tell(&error.into());
    }
    match cli::parse() {
        Ok((cli, given)) => {
            cli::run(cli, &given).map_or_else(|error| cli::tell(&error), |()| ExitCode::SUCCESS)
        }
        Err(code) => code,
    }
}
