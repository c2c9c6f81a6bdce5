//! `digit-adder adapters`.

use clap::Args;

use super::options::BackendOptions;
use crate::engine;
use crate::report::console;

/// Flags of `adapters`.
#[derive(Debug, Args)]
pub(super) struct Adapters {
    #[command(flatten)]
    backend: BackendOptions,
    /// Print one JSON array
    #[arg(long)]
    json: bool,
}

impl Adapters {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let adapters = engine::adapters(self.backend.backend)?;
        if self.json {
            return Ok(console::print(&serde_json::to_string_pretty(&adapters)?)?);
        }
        let lines: Vec<String> = adapters.into_iter().map(|adapter| adapter.description).collect();
        Ok(console::print(&lines.join("\n"))?)
    }
}
