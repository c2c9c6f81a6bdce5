//! `digit-adder data`.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde::Serialize;

#[cfg(feature = "plots")]
use super::preview::Preview;
use crate::data::Sources;
use crate::data::inspect::{self, Checked, Fetched};
use crate::escape::Shown;
use crate::report::console;
use crate::{Error, Result};

/// What to do with MNIST.
#[derive(Debug, Subcommand)]
pub(super) enum Data {
    /// Download MNIST into the user's cache, unless it is there and right
    Fetch(Fetch),
    /// Check the files that `train` would use, one by one
    Verify(Look),
    /// Print the folder that `train` would use
    Path(Look),
    /// Draw a sheet of training images as the epochs of `train --augment` see them
    #[cfg(feature = "plots")]
    Preview(Preview),
}

/// Flags of `data fetch`.
#[derive(Debug, Args)]
pub(super) struct Fetch {
    /// Folder to download to [default: the user's cache]
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Address that serves the four .gz files, without their names [default: three public ones]
    #[arg(long, value_name = "URL")]
    mirror: Option<String>,
}

/// Flags of `data verify` and `data path`.
#[derive(Debug, Args)]
pub(super) struct Look {
    /// Folder with the four files, or torchvision's root [default: $MNIST_DIR, ./data/mnist,
    /// ./data/MNIST/raw, the user's cache]
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// What `verify --json` prints.
#[derive(Serialize)]
struct Report<'a> {
    folder: &'a Path,
    sound: bool,
    official: bool,
    files: Vec<FileReport<'a>>,
}

#[derive(Serialize)]
struct FileReport<'a> {
    name: &'a str,
    content: &'a str,
    path: Option<&'a PathBuf>,
    bytes: Option<u64>,
    sha256: Option<&'a str>,
    sound: bool,
    official: bool,
    problems: &'a [String],
}

/// What `path --json` prints.
#[derive(Serialize)]
struct Place<'a> {
    folder: &'a Path,
}

impl Data {
    pub(super) fn run(self) -> anyhow::Result<()> {
        match self {
            Self::Fetch(fetch) => Ok(fetch.run()?),
            Self::Verify(look) => look.verify(),
            Self::Path(look) => look.path(),
            #[cfg(feature = "plots")]
            Self::Preview(preview) => Ok(preview.run()?),
        }
    }
}

impl Fetch {
    fn run(self) -> Result<()> {
        let mut sources = Sources::usual();
        if let Some(mirror) = self.mirror {
            sources.mirrors = vec![mirror.trim_end_matches('/').into()];
        }
        let (folder, fetched) = inspect::fetch(&sources, self.data_dir.as_deref(), &mut console::say)?;
        let place = folder.shown();
        console::print(&match fetched {
            Fetched::Now => format!("MNIST is now in {place}"),
            Fetched::Before => format!("MNIST is already in {place}"),
        })?;
        let used = inspect::place(&sources, None).ok();
        if self.data_dir.is_some() && used.as_ref() != Some(&folder) {
            console::say(&format!("note: train takes it from there with --data-dir {place}"));
        } else if let Some(used) = used.filter(|used| *used != folder) {
            console::say(&format!(
                "note: without --data-dir, train uses another folder that is there: {}",
                used.shown()
            ));
        }
        Ok(())
    }
}

impl Look {
    fn path(&self) -> anyhow::Result<()> {
        let folder = &inspect::place(&Sources::usual(), self.data_dir.as_deref())?;
        let json = || serde_json::to_string(&Place { folder });
        Ok(console::print(&if self.json { json()? } else { folder.shown() })?)
    }

    fn verify(&self) -> anyhow::Result<()> {
        let (folder, files) = inspect::verify(&Sources::usual(), self.data_dir.as_deref())?;
        let report = Report {
            folder: &folder,
            sound: files.iter().all(Checked::is_sound),
            official: files.iter().all(|file| file.official),
            files: files.iter().map(FileReport::from).collect(),
        };
        console::print(&if self.json { serde_json::to_string_pretty(&report)? } else { report.text() })?;
        let wrong: Vec<&str> = files.iter().filter(|file| !file.is_sound()).map(|file| file.name).collect();
        if !wrong.is_empty() {
            let folder = self.data_dir.as_ref();
            let flag = folder.map_or_else(String::new, |folder| format!(" --data-dir {}", folder.shown()));
            let cure = format!("`digit-adder data fetch{flag}` downloads MNIST");
            return Err(Error::Data(format!("missing or wrong: {}. {cure}", wrong.join(", "))).into());
        }
        Ok(())
    }
}

impl<'a> From<&'a Checked> for FileReport<'a> {
    fn from(file: &'a Checked) -> Self {
        Self {
            name: file.name,
            content: &file.content,
            path: file.path.as_ref(),
            bytes: file.bytes,
            sha256: file.sha256.as_deref(),
            sound: file.is_sound(),
            official: file.official,
            problems: &file.problems,
        }
    }
}

impl Report<'_> {
    /// A file takes several lines, as its hash alone fills most of one.
    fn text(&self) -> String {
        let mut lines = vec![format!("folder: {}", self.folder.shown())];
        for file in &self.files {
            let verdict = match (file.sound, file.official) {
                (true, true) => "ok, the official file",
                (true, false) => "sound, but not the official file",
                (false, _) if file.path.is_none() => "MISSING",
                (false, _) => "WRONG",
            };
            lines.push(format!("{}: {verdict}", file.name));
            if let (Some(path), Some(bytes)) = (file.path, file.bytes) {
                let name = path.strip_prefix(self.folder).unwrap_or(path).shown();
                let holds = if file.sound { format!(", {}", file.content) } else { String::new() };
                lines.push(format!("  {name}, {bytes} bytes{holds}"));
            }
            lines.extend(file.sha256.map(|hash| format!("  sha256 {hash}")));
            lines.extend(file.problems.iter().map(|problem| format!("  {problem}")));
        }
        lines.join("\n")
    }
}
