//! A trained network as an ONNX file, which other runtimes take.

mod graph;
pub mod messages;
mod names;

use prost::Message;

use crate::network::Network;
use crate::train::model_file::{self, Model};
use crate::{Error, Result};

/// The version of the operators: the first whose softmax is along one axis, which all runtimes of today know.
pub const OPSET: i64 = 13;
/// The version of the messages that came with it.
pub const IR_VERSION: i64 = 7;

/// What the heads give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outputs {
    /// Their logits.
    Logits,
    /// The softmax of these.
    Probabilities,
}

/// The network with these weights as the bytes of an ONNX file.
///
/// Its inputs are `image [N, ..]`, grey values / 255, and `number [N, 10]`, one-hot; its outputs are the heads by their
/// names, `[N, classes]`. The weights have their PyTorch names.
///
/// # Errors
/// [`Error::Usage`] for heads whose names cannot be those of outputs, [`Error::Data`] for weights of another network.
pub fn to_bytes(network: &Network, model: &Model, outputs: Outputs) -> Result<Vec<u8>> {
    if model.parameters.len() != network.flat_len() {
        return Err(Error::Data("cannot write the weights: they are those of another network".into()));
    }
    let file = messages::Model {
        ir_version: IR_VERSION,
        producer_name: env!("CARGO_PKG_NAME").into(),
        producer_version: env!("CARGO_PKG_VERSION").into(),
        graph: Some(graph::fold(network, &model.parameters, outputs)?),
        opset_import: vec![messages::OperatorSet { domain: String::new(), version: OPSET }],
        metadata_props: metadata(network, model)?,
    };
    Ok(file.encode_to_vec())
}

/// The parameters' checksum, and how they were made, as far as that is known.
fn metadata(network: &Network, model: &Model) -> Result<Vec<messages::Entry>> {
    let sha256 = model_file::parameters_sha256(&model.parameters, network);
    let mut entries = vec![messages::Entry { key: "parameters_sha256".into(), value: sha256 }];
    if let Some(about) = &model.about {
        let value = serde_json::to_string(about);
        let value = value.map_err(|error| Error::Data(format!("cannot write the metadata: {error}")))?;
        entries.push(messages::Entry { key: model_file::ABOUT.into(), value });
    }
    Ok(entries)
}
