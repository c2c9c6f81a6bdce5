//! `digit-adder serve`.

use std::path::PathBuf;

use clap::Args;

use super::model_path;
use crate::network::Sizes;
use crate::report::console;
use crate::web::{Content, Server, Site};

/// Flags of `serve`.
#[derive(Debug, Args)]
pub(super) struct Serve {
    /// Folder that `export --web` wrote [default: the same page from memory]
    #[arg(value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Trained weights to predict with, a run's folder or a file [default: those that ship with the program]
    #[arg(long, value_name = "MODEL", conflicts_with = "dir")]
    model: Option<PathBuf>,
    /// Port of this machine to listen on, 0 for any free one; nothing outside it can connect
    #[arg(long, value_name = "N", default_value_t = 8028)]
    port: u16,
}

impl Serve {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let content = match self.dir {
            Some(folder) => Content::Folder(folder),
            None => {
                let network = Sizes::default().network()?;
                let model = model_path::load(self.model.as_deref(), &network)?;
                Content::Site(Site::new(&network, &model)?)
            }
        };
        let server = Server::bind(self.port, content)?;
        console::print(&format!("http://{}/", server.address()))?;
        console::say("open it in a browser; Ctrl-C ends it");
        server.run();
        Ok(())
    }
}
