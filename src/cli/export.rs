//! `digit-adder export`.

use std::path::{Path, PathBuf};

use clap::Args;

use super::model_path;
use crate::escape::Shown;
use crate::network::{Network, Sizes};
use crate::onnx::{self, Outputs};
use crate::report::console;
use crate::train::model_file::Model;
use crate::web::{self, Site};
use crate::{Error, Result, atomic};

/// Flags of `export`.
#[derive(Debug, Args)]
pub(super) struct Export {
    #[command(flatten)]
    form: Form,
    /// With `--onnx`: outputs are probabilities in place of logits
    #[arg(long, requires = "onnx", conflicts_with = "web")]
    softmax: bool,
    /// Trained weights, a run's folder or a file [default: those that ship with the program]
    #[arg(value_name = "MODEL")]
    model: Option<PathBuf>,
}

/// What is written: one of them.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Form {
    /// Write a static site to this folder: a page that predicts and trains in the browser with this program's
    /// own shaders, replaying its schedules. Any web server serves it, and `digit-adder serve DIR`
    #[arg(long, value_name = "DIR")]
    web: Option<PathBuf>,
    /// Write the network with its weights as an ONNX file, for other runtimes: inputs `image [N, 1, 28, 28]`, grey
    /// values / 255, and `number [N, 10]`, one-hot; outputs `digit [N, 10]` and `sum [N, 19]`, logits
    #[arg(long, value_name = "FILE")]
    onnx: Option<PathBuf>,
}

impl Export {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let network = Sizes::default().network()?;
        let model = model_path::load(self.model.as_deref(), &network)?;
        if let Some(folder) = &self.form.web {
            write_site(&network, &model, folder)?;
        }
        if let Some(file) = &self.form.onnx {
            let outputs = if self.softmax { Outputs::Probabilities } else { Outputs::Logits };
            write_onnx(&network, &model, outputs, file)?;
        }
        Ok(())
    }
}

fn write_site(network: &Network, model: &Model, folder: &Path) -> Result<()> {
    let site = Site::new(network, model)?;
    web::write(&site, folder)?;
    let (files, kilobytes) = (site.files().count(), site.bytes() / 1000);
    let shown = folder.shown();
    console::print(&format!("{shown}: {files} files, {kilobytes} kB; digit-adder serve {shown} shows it"))
}

fn write_onnx(network: &Network, model: &Model, outputs: Outputs, file: &Path) -> Result<()> {
    let shown = file.shown();
    // Whoever names weights alone wants them exported, not replaced by the ones that ship.
    if model_path::holds_weights(file) {
        return Err(Error::Data(format!(
            "{shown} holds weights, which would be lost, and nothing was written: to export them, give a new file first, \
             `digit-adder export --onnx model.onnx {shown}`"
        )));
    }
    let bytes = onnx::to_bytes(network, model, outputs)?;
    atomic::write_named(file, &bytes)?;
    // Not to stdout, which may be the file.
    console::say(&format!("{shown}: ONNX, {} kB", bytes.len() / 1000));
    Ok(())
}
