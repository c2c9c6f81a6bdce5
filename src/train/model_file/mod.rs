//! Trained weights as a safetensors file: names, shapes and order are PyTorch's, so
//! `load_state_dict(strict=True)` takes it.

mod content;
mod names;

use std::borrow::Cow;
use std::collections::HashMap;
use std::path::Path;

use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::Recipe;
use super::checkpoint::{AVERAGE, MOMENTS};
use crate::data::sha256;
use crate::escape::Shown;
use crate::network::Network;
use crate::program::Parameter;
use crate::{Error, Result, atomic};

/// How weights were made; kept in the file's metadata.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct About {
    /// Version of the program that trained them.
    pub version: String,
    /// The run's recipe.
    #[serde(flatten)]
    pub recipe: Recipe,
    /// Epochs that they were trained for; files of version 0.1.0 from before recipes were kept have none, and
    /// give the number as the recipe's.
    #[serde(default)]
    pub trained_epochs: Option<u32>,
    /// What they were trained on, and where it lay.
    pub dataset: String,
    /// [`crate::data::Split::sha256`] of its test set; older files have none.
    #[serde(default)]
    pub test_sha256: Option<String>,
    /// Whether they are the average over the steps, not those of the last one.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub averaged: bool,
}

impl About {
    /// Of weights of this version before their first epoch; `test_sha256` is that of the data set's test images.
    pub fn new(recipe: Recipe, dataset: &str, test_sha256: String) -> Self {
        Self {
            version: env!("CARGO_PKG_VERSION").into(),
            recipe,
            trained_epochs: None,
            dataset: dataset.into(),
            test_sha256: Some(test_sha256),
            averaged: false,
        }
    }
}

/// What a model file holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    /// The flat parameters, as [`Network::parameters`] places them; padding is 0.
    pub parameters: Vec<f32>,
    /// How they were made; `None` in a file that another program wrote.
    pub about: Option<About>,
}

/// Where the weights that ship with the program lie in its sources.
pub const SHIPPED: &str = "assets/digit-adder.safetensors";

/// [`About`]'s place in the metadata. It is one JSON text, because the order of several entries
/// would differ from run to run.
pub(crate) const ABOUT: &str = "digit-adder";

/// Saves the flat parameters to a file that is whole or not there.
///
/// # Errors
///
/// [`Error::Data`] naming the file.
pub fn save(path: &Path, network: &Network, flat: &[f32], about: &About) -> Result<()> {
    let file = encode(network, &[("", flat)], Some(about))
        .map_err(|what| Error::Data(format!("cannot write {}: {what}", path.shown())))?;
    atomic::write(path, &file)
}

/// A model as the bytes of a file.
///
/// # Errors
///
/// [`Error::Data`] for parameters of another network.
pub fn to_bytes(network: &Network, model: &Model) -> Result<Vec<u8>> {
    let file = encode(network, &[("", &model.parameters)], model.about.as_ref());
    file.map_err(|what| Error::Data(format!("cannot write the weights: {what}")))
}

/// A file of flat buffers, each with what the names of its tensors begin with.
pub(super) fn encode(
    network: &Network,
    groups: &[(&str, &[f32])],
    metadata: Option<&impl Serialize>,
) -> std::result::Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    for (prefix, flat) in groups {
        for parameter in network.parameters() {
            let name = format!("{prefix}{}", parameter.name);
            bytes.push((name, &parameter.shape, little_endian(parameter, flat)));
        }
    }
    let mut tensors = Vec::new();
    for (name, shape, bytes) in &bytes {
        let view = TensorView::new(Dtype::F32, (*shape).clone(), bytes);
        tensors.push((name, view.map_err(|error| error.to_string())?));
    }
    let about = metadata.map(serde_json::to_string).transpose().map_err(|error| error.to_string())?;
    let metadata = about.map(|about| HashMap::from([(ABOUT.to_string(), about)]));
    safetensors::serialize(tensors, metadata).map_err(|error| error.to_string())
}

/// Loads a file that has exactly the tensors of a network, or a [checkpoint](super::Checkpoint)'s; PyTorch's
/// wrappers may have put `module.` or `_orig_mod.` before all names.
///
/// # Errors
///
/// [`Error::Data`] naming the file, what it is where that is known and not safetensors, and the tensor where
/// one is wrong: missing or unknown, not f32, of a different shape, or holding a value that is not finite.
pub fn load(path: &Path, network: &Network) -> Result<Model> {
    File::read(path)?.model(network)
}

/// Loads a file that is in memory, which errors call `name`.
///
/// # Errors
///
/// As [`load`].
pub fn from_bytes(name: &str, bytes: &[u8], network: &Network) -> Result<Model> {
    File::in_memory(Path::new(name), bytes)?.model(network)
}

/// Loads the weights that ship with the program.
///
/// # Errors
///
/// As [`load`], where `network` is another than theirs.
pub fn shipped(network: &Network) -> Result<Model> {
    from_bytes(SHIPPED, include_bytes!("../../../assets/digit-adder.safetensors"), network)
}

/// Whether a file that starts like this, in nine bytes or more, holds weights: safetensors, or PyTorch's, which
/// are not read but named.
pub fn is_weights(start: &[u8]) -> bool {
    content::is_weights(start)
}

/// A safetensors file in memory.
pub(super) struct File<'a> {
    path: &'a Path,
    bytes: Cow<'a, [u8]>,
}

impl<'a> File<'a> {
    /// Reads a file.
    pub(super) fn read(path: &'a Path) -> Result<Self> {
        let bytes = content::read(path).map_err(|what| wrong(path, &what))?;
        Ok(Self { path, bytes: bytes.into() })
    }

    /// Takes one that has been read.
    pub(super) fn in_memory(path: &'a Path, bytes: &'a [u8]) -> Result<Self> {
        content::check(bytes, path).map_err(|what| wrong(path, &what))?;
        Ok(Self { path, bytes: bytes.into() })
    }

    /// What it is called.
    pub(super) fn path(&self) -> &Path {
        self.path
    }

    fn model(&self, network: &Network) -> Result<Model> {
        Ok(Model { parameters: self.flat(network, "")?, about: self.metadata()? })
    }

    /// What this program says of the file in its metadata; `None` in a file that another program wrote.
    /// A type with fields that this file does not have is an error, unless all that it has is a model.
    pub(super) fn metadata<T: DeserializeOwned>(&self) -> Result<Option<T>> {
        let (_, header) =
            SafeTensors::read_metadata(&self.bytes).map_err(|error| self.not_safetensors(&error))?;
        let Some(json) = header.metadata().as_ref().and_then(|metadata| metadata.get(ABOUT)) else {
            return Ok(None);
        };
        match serde_json::from_str(json) {
            Ok(metadata) => Ok(Some(metadata)),
            Err(_) if serde_json::from_str::<About>(json).is_ok() => Ok(None),
            Err(error) => Err(wrong(
                self.path,
                &format!("its `{ABOUT}` metadata is wrong: {}", error.to_string().shown()),
            )),
        }
    }

    /// The flat buffer whose tensors' names begin with `prefix`: one of [`MOMENTS`], [`AVERAGE`] or
    /// nothing.
    pub(super) fn flat(&self, network: &Network, prefix: &str) -> Result<Vec<f32>> {
        let tensors = SafeTensors::deserialize(&self.bytes).map_err(|error| self.not_safetensors(&error))?;
        flat(&tensors, network, prefix).map_err(|what| wrong(self.path, &what))
    }

    fn not_safetensors(&self, error: &safetensors::SafeTensorError) -> Error {
        let error = error.to_string().shown();
        wrong(self.path, &format!("is not a whole safetensors file ({error}): copy or download it again"))
    }
}

fn wrong(path: &Path, what: &str) -> Error {
    Error::Data(format!("{}: {what}", path.shown()))
}

/// The network's parameters from the tensors of a file, or which tensor is wrong.
fn flat(tensors: &SafeTensors, network: &Network, prefix: &str) -> std::result::Result<Vec<f32>, String> {
    let is_more = |name: &&str| MOMENTS.iter().chain([&AVERAGE]).any(|beginning| name.starts_with(beginning));
    let all = tensors.names().into_iter();
    let names = match prefix {
        "" => names::without_prefixes(all.filter(|name| !is_more(name)).collect())?,
        _ => all.filter_map(|name| Some((name.strip_prefix(prefix)?, name))).collect(),
    };
    let parameters = network.parameters();
    if let Some((_, name)) = names.iter().find(|(bare, _)| !parameters.iter().any(|p| p.name == **bare)) {
        return Err(format!("tensor `{}` is not one of this network's", name.shown()));
    }
    let mut flat = vec![0.0; network.flat_len()];
    for parameter in parameters {
        let missing = || format!("tensor `{prefix}{}` is missing", parameter.name);
        let name = names.get(parameter.name.as_str()).ok_or_else(missing)?;
        let tensor = tensors.tensor(name).map_err(|_| missing())?;
        let name = name.shown();
        if tensor.dtype() != Dtype::F32 {
            return Err(format!(
                "tensor `{name}` is {:?}, not F32: convert all of them before they are saved, in PyTorch with \
                 `tensor.float()`",
                tensor.dtype()
            ));
        }
        if tensor.shape() != parameter.shape {
            let (found, expected) = (tensor.shape(), &parameter.shape);
            return Err(format!("tensor `{name}` has shape {found:?}, not {expected:?}"));
        }
        let values = tensor.data().as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes));
        for (place, value) in flat[parameter.range()].iter_mut().zip(values) {
            if !value.is_finite() {
                return Err(format!("tensor `{name}` holds {value}"));
            }
            *place = value;
        }
    }
    Ok(flat)
}

/// What is wrong with a file whose weights are finite numbers but whose outputs are not.
pub fn not_finite(path: &Path) -> Error {
    Error::Data(format!(
        "{}: its weights are too large and give numbers that are not finite. Train new ones, with a lower \
         learning rate (--lr)",
        path.shown()
    ))
}

/// SHA-256, in hex, over the bytes (f32, little endian) of all parameters in PyTorch's order,
/// without the padding of the flat buffer.
pub fn parameters_sha256(flat: &[f32], network: &Network) -> String {
    let parts: Vec<Vec<u8>> = network.parameters().iter().map(|p| little_endian(p, flat)).collect();
    sha256(&parts)
}

fn little_endian(parameter: &Parameter, flat: &[f32]) -> Vec<u8> {
    flat[parameter.range()].iter().flat_map(|value| value.to_le_bytes()).collect()
}

#[cfg(test)]
mod tests;
