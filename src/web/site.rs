//! The static site: the page, and what it replays, predicts with and trains on.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;

use super::assets::ASSETS;
use super::description::{Description, Hyperparameters, Schedules, Shape, Weights};
use super::digits;
use crate::escape::Shown;
use crate::network::Network;
use crate::plans::{Kind, tiles::Tiles};
use crate::program::Program;
use crate::train::Recipe;
use crate::train::model_file::{self, Model};
use crate::wgsl::{Library, lower};
use crate::{Error, Result, atomic};

/// Images of a step that evaluates the held-out ones.
const EVALUATION_BATCH: usize = 64;

/// The drawn digits are one data set, whatever the seed of a training.
const DRAWING_SEED: u64 = 1;

/// What only an export has.
const MARK: &str = "data/site.json";

/// All files of the site, by path.
#[derive(Clone, Debug)]
pub struct Site {
    files: BTreeMap<String, Cow<'static, [u8]>>,
}

impl Site {
    /// The site of a network with these weights.
    ///
    /// # Errors
    /// [`Error::Usage`] for a network that the kernels cannot handle, [`Error::Data`] for weights of another.
    pub fn new(network: &Network, model: &Model) -> Result<Self> {
        let recipe = Recipe { epochs: 10, ..Recipe::default() };
        let programs = |kind: Kind| kind.programs(network, recipe.loss(), recipe.adam(), Tiles::THIN);
        let mut site = Self { files: BTreeMap::new() };
        for asset in ASSETS {
            site.files.insert(asset.path.into(), asset.bytes.into());
        }
        site.schedule("data/predict.json", &programs(Kind::Layered).evaluation(1)?)?;
        site.schedule("data/train.json", &programs(Kind::Fused).training(recipe.batch_size)?)?;
        site.schedule("data/evaluate.json", &programs(Kind::Fused).evaluation(EVALUATION_BATCH)?)?;
        let (layout, packed) = digits::packed("digits.bin", DRAWING_SEED)?;
        site.files.insert("data/digits.bin".into(), packed.into());
        let weights = model_file::to_bytes(network, model)?;
        site.files.insert("data/weights.safetensors".into(), weights.into());
        let description = Description {
            version: env!("CARGO_PKG_VERSION"),
            network: Shape::of(network),
            digits: &layout,
            recipe: &recipe,
            adam: Hyperparameters::of(&recipe),
            weights: Weights { file: "weights.safetensors", about: model.about.as_ref() },
            schedules: Schedules { predict: "predict.json", train: "train.json", evaluate: "evaluate.json" },
        };
        site.json(MARK, &description)?;
        Ok(site)
    }

    fn schedule(&mut self, path: &str, program: &Program) -> Result<()> {
        self.json(path, &lower(program, &Library::Embedded)?)
    }

    fn json(&mut self, path: &str, value: &impl serde::Serialize) -> Result<()> {
        let text = serde_json::to_vec(value);
        let text = text.map_err(|error| Error::Data(format!("cannot write {path}: {error}")))?;
        self.files.insert(path.into(), text.into());
        Ok(())
    }

    /// The file at a path.
    pub fn file(&self, path: &str) -> Option<&[u8]> {
        self.files.get(path).map(AsRef::as_ref)
    }

    /// All files with their paths.
    pub fn files(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.files.iter().map(|(path, bytes)| (path.as_str(), bytes.as_ref()))
    }

    /// Bytes of all files.
    pub fn bytes(&self) -> usize {
        self.files.values().map(|bytes| bytes.len()).sum()
    }
}

/// Writes the site to a folder that is missing, empty, or holds an earlier one.
///
/// # Errors
/// [`Error::Data`] for a folder with other files, which stay as they are, and for one that cannot be written.
pub fn write(site: &Site, folder: &Path) -> Result<()> {
    let shown = folder.shown();
    let is_empty = match std::fs::read_dir(folder) {
        Ok(mut entries) => entries.next().is_none(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => true,
        Err(error) => return Err(Error::Data(format!("cannot read {shown}: {error}"))),
    };
    if !is_empty && !folder.join(MARK).is_file() {
        return Err(Error::Data(format!(
            "{shown} holds files that are no earlier export, and nothing was written: give an empty or a new folder"
        )));
    }
    // The mark first: an export that was cut off is one that may be written over.
    let (mark, others): (Vec<_>, Vec<_>) = site.files().partition(|(path, _)| *path == MARK);
    for (path, bytes) in mark.into_iter().chain(others) {
        let path = folder.join(path);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)
                .map_err(|error| Error::Data(format!("cannot make {}: {error}", parent.shown())))?;
        }
        atomic::write(&path, bytes)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::Sizes;

    fn site() -> Site {
        let network = Sizes::default().network().unwrap();
        Site::new(&network, &model_file::shipped(&network).unwrap()).unwrap()
    }

    #[test]
    fn a_folder_with_other_files_is_left_alone() {
        let (site, folder) = (site(), tempfile::tempdir().unwrap());
        let inside = folder.path().join("new/site");
        write(&site, &inside).unwrap();
        write(&site, &inside).unwrap();
        for (path, bytes) in site.files() {
            assert_eq!(std::fs::read(inside.join(path)).unwrap(), bytes, "{path}");
        }
        let mine = folder.path().join("index.html");
        std::fs::write(&mine, "mine").unwrap();
        let error = write(&site, folder.path()).unwrap_err();
        assert!(error.exit_code() == 4 && error.to_string().contains("no earlier export"), "{error}");
        assert_eq!(std::fs::read_to_string(&mine).unwrap(), "mine");
    }

    #[test]
    fn no_invocation_reads_anothers_values() {
        for name in ["predict", "train", "evaluate"] {
            let json = site().file(&format!("data/{name}.json")).unwrap().to_vec();
            let schedule: crate::program::Schedule = serde_json::from_slice(&json).unwrap();
            for kernel in &schedule.kernels {
                let lanes = kernel.constants.iter().find(|(constant, _)| constant == "LANES");
                assert!(
                    lanes.is_none_or(|(_, lanes)| *lanes == crate::program::Constant::U32(1)),
                    "{name} {}",
                    kernel.name()
                );
            }
        }
    }
}
