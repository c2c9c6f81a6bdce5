//! `digit-adder export`.

use std::path::PathBuf;

use clap::Args;

use super::model_path;
use crate::network::Sizes;
use crate::report::console;
use crate::web::{self, Site};

/// Flags of `export`.
#[derive(Debug, Args)]
pub(super) struct Export {
    /// Write a static site to this folder: a page that predicts and trains in the browser with this program's
    /// own shaders, replaying its schedules. Any web server serves it, and `digit-adder serve DIR`
    #[arg(long, value_name = "DIR")]
    web: PathBuf,
    /// Trained weights to predict with, a run's folder or a file [default: those that ship with the program]
    #[arg(value_name = "MODEL")]
    model: Option<PathBuf>,
}

impl Export {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let network = Sizes::default().network()?;
        let model = model_path::load(self.model.as_deref(), &network)?;
        let site = Site::new(&network, &model)?;
        web::write(&site, &self.web)?;
        let (files, kilobytes) = (site.files().count(), site.bytes() / 1000);
        let shown = self.web.display();
        Ok(console::print(&format!(
            "{shown}: {files} files, {kilobytes} kB; digit-adder serve {shown} shows it"
        ))?)
    }
}
