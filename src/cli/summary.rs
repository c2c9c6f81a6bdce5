//! `digit-adder summary`.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::escape::Shown;
use crate::network::Sizes;
use crate::report::console;
use crate::report::summary::{self, Row};
use crate::report::weights::{self, Tensor};
use crate::train::model_file::{self, About};

/// Flags of `summary`.
#[derive(Debug, Args)]
pub(super) struct Summary {
    /// Trained weights: a run's folder, or a file [default: those that ship with the program]
    model: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Report<'a> {
    /// Null for those that ship with the program.
    model: Option<&'a PathBuf>,
    layers: Vec<Row>,
    parameters: usize,
    parameters_sha256: String,
    /// What the file says of itself; null where another program wrote it.
    about: Option<&'a About>,
    tensors: Vec<Tensor>,
}

impl Summary {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let network = Sizes::default().network()?;
        let model = super::model_path::load(self.model.as_deref(), &network)?;
        let report = Report {
            model: self.model.as_ref(),
            layers: summary::rows(&network),
            parameters: network.parameter_count(),
            parameters_sha256: model_file::parameters_sha256(&model.parameters, &network),
            about: model.about.as_ref(),
            tensors: weights::tensors(&network, &model.parameters),
        };
        if self.json {
            return Ok(console::print(&serde_json::to_string_pretty(&report)?)?);
        }
        let Report { parameters_sha256, about, tensors, .. } = &report;
        let text = [
            summary::network(&network, 1),
            format!("{}\nparameters sha256 {parameters_sha256}", told(*about)?),
            weights::table(tensors),
        ];
        Ok(console::print(&text.join("\n\n"))?)
    }
}

/// What the file says of itself, a line for each: first where it comes from, then the recipe.
fn told(about: Option<&About>) -> serde_json::Result<String> {
    const FIRST: [(&str, &str); 3] =
        [("version", "trained by version"), ("dataset", "data set"), ("trained_epochs", "epochs trained")];
    let Some(about) = about else {
        return Ok("The file says nothing of itself: another program wrote it.".into());
    };
    // By way of a text, in which a rate of 0.001 is not yet the nearest number of twice the digits.
    let mut about: Map<String, Value> = serde_json::from_str(&serde_json::to_string(about)?)?;
    let line = |name: &str, value: &Value| match value {
        Value::Null => None,
        Value::String(text) => Some(format!("{name}: {}", text.shown())),
        other => Some(format!("{name}: {other}")),
    };
    let first = FIRST.iter().filter_map(|(key, name)| line(name, &about.remove(*key)?));
    let mut lines: Vec<String> = first.collect();
    lines.extend(about.iter().filter_map(|(key, value)| line(&key.replace('_', " "), value)));
    Ok(lines.join("\n"))
}
