//! `digit-adder completions`.

use clap::Args;
use clap_complete::{Shell, generate};

use super::layers;
use crate::Result;
use crate::report::console;

/// Flags of `completions`.
#[derive(Debug, Args)]
pub(super) struct Completions {
    /// The shell that is to complete commands and flags
    #[arg(value_enum)]
    shell: Shell,
}

impl Completions {
    pub(super) fn run(self) -> Result<()> {
        let mut command = layers::command();
        let name = command.get_name().to_string();
        // Not to stdout itself: that may fail, and the generators panic then.
        let mut script = Vec::new();
        generate(self.shell, &mut command, &name, &mut script);
        let script = String::from_utf8_lossy(&script);
        // clap_complete takes a dash in the program's name for the start of a command in one half of the script
        // for bash and not in the other, and completes nothing but the commands then.
        let (wrong, right) = (name.replace('-', "__subcmd__"), name.replace('-', "__"));
        console::print(script.replace(&wrong, &right).trim_end())
    }
}
