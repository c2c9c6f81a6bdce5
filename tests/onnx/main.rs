//! `export --onnx`: the file decoded, its graph checked and computed node by node, without another runtime.

#[path = "../common/mod.rs"]
mod common;
mod computed;

use common::networks::{a_third_convolution, a_third_head, odd};
use common::program::{err, out, refused, run};
use computed::{BATCH, computed, shape, softmaxes};
use digit_adder::Result;
use digit_adder::network::{Builder, DIGITS, Input, Network, Sizes};
use digit_adder::onnx::messages::{self, FLOAT, Graph, INT, INTS, Node, Size, ValueInfo};
use digit_adder::onnx::{IR_VERSION, OPSET, Outputs, to_bytes};
use digit_adder::random::{Purpose, Random};
use digit_adder::reference::network::{forward, named_parameters};
use digit_adder::train::model_file::{self, About, Model};
use prost::Message;
use tempfile::TempDir;

fn published() -> Network {
    Sizes::default().network().unwrap()
}

fn fresh(network: &Network) -> Model {
    Model { parameters: network.initial_parameters(4), about: None }
}

fn decoded(network: &Network, model: &Model, outputs: Outputs) -> messages::Model {
    messages::Model::decode(&to_bytes(network, model, outputs).unwrap()[..]).unwrap()
}

/// The initializers are the weights, to the bit.
fn holds_the_weights(graph: &Graph, network: &Network, flat: &[f32]) {
    assert_eq!(graph.initializer.len(), network.parameters().len());
    for ((tensor, parameter), (name, values)) in
        graph.initializer.iter().zip(network.parameters()).zip(named_parameters(network, flat))
    {
        let dims: Vec<usize> = tensor.dims.iter().map(|&dim| dim as usize).collect();
        assert_eq!((tensor.name.as_str(), &dims, tensor.data_type), (name, &parameter.shape, FLOAT));
        let bits = tensor
            .raw_data
            .chunks_exact(4)
            .map(|four| f32::from_le_bytes(four.try_into().unwrap()).to_bits());
        assert_eq!(tensor.raw_data.len(), 4 * values.len(), "{name}");
        assert!(bits.eq(values.iter().map(|value| value.to_bits())), "{name}");
    }
}

/// Both kinds of file: what the heads give is what the reference computes, to the bit.
fn computes_as_the_reference(network: &Network, model: &Model) {
    let mut random = Random::new(7, Purpose::Drawing, 0);
    let image: Vec<f32> = (0..BATCH * network.pixels()).map(|_| random.between(0.0, 1.0)).collect();
    let mut number = vec![0.0; BATCH * DIGITS];
    (0..BATCH).for_each(|row| number[row * DIGITS + 4 * row] = 1.0);
    let pass = forward(network, &model.parameters, &image, &number);
    for outputs in [Outputs::Logits, Outputs::Probabilities] {
        let graph = decoded(network, model, outputs).graph.unwrap();
        holds_the_weights(&graph, network, &model.parameters);
        let values = computed(&graph, &image, &number);
        assert_eq!(graph.output.len(), network.heads().len());
        for (output, head) in graph.output.iter().zip(network.heads()) {
            assert_eq!((&output.name, shape(output)), (&head.name, vec![BATCH, head.classes]));
            let logits = &pass.values[head.logits];
            let (want, told) = match outputs {
                Outputs::Logits => (logits.clone(), "logits"),
                Outputs::Probabilities => (softmaxes(logits, head.classes), "probabilities"),
            };
            assert_eq!((&values[&head.name].1, output.doc_string.as_str()), (&want, told), "{}", head.name);
        }
    }
}

#[test]
fn the_published_network() {
    let network = published();
    let shipped = model_file::shipped(&network).unwrap();
    computes_as_the_reference(&network, &shipped);
    let graph = decoded(&network, &shipped, Outputs::Logits).graph.unwrap();
    assert_eq!(shape(&graph.input[0]), [BATCH, 1, 28, 28]);
    let ops: Vec<&str> = graph.node.iter().map(|node| node.op_type.as_str()).collect();
    let conv = ["Conv", "Relu", "MaxPool"];
    let linears = ["Gemm", "Relu", "Flatten", "Concat", "Gemm", "Relu", "Gemm", "Relu", "Gemm", "Gemm"];
    assert_eq!(ops, [&conv[..], &conv, &linears].concat());
}

#[test]
fn other_networks() {
    for network in [a_third_convolution(), a_third_head(), odd()] {
        let network = network.unwrap();
        computes_as_the_reference(&network, &fresh(&network));
    }
}

#[test]
fn it_says_what_it_is() {
    let network = published();
    let shipped = model_file::shipped(&network).unwrap();
    let file = decoded(&network, &shipped, Outputs::Logits);
    assert_eq!((file.ir_version, file.producer_name.as_str()), (IR_VERSION, "digit-adder"));
    assert_eq!(file.producer_version, env!("CARGO_PKG_VERSION"));
    assert_eq!(file.opset_import, [messages::OperatorSet { domain: String::new(), version: OPSET }]);
    let [sha256, about] = &file.metadata_props[..] else { panic!("{:?}", file.metadata_props) };
    let parameters = model_file::parameters_sha256(&shipped.parameters, &network);
    assert_eq!((&sha256.key[..], &sha256.value), ("parameters_sha256", &parameters));
    assert_eq!(about.key, "digit-adder");
    assert_eq!(serde_json::from_str::<About>(&about.value).unwrap(), shipped.about.unwrap());
    // Of weights that another program wrote, nothing else is known.
    assert_eq!(decoded(&network, &fresh(&network), Outputs::Logits).metadata_props.len(), 1);
}

#[test]
fn what_cannot_be_an_output_is_refused_by_name() {
    let named = |name: &str| -> Result<Network> {
        let mut net = Builder::new(&[4])?;
        let x = net.linear("out", Input::Image, DIGITS)?;
        net.head(name, x, |digit, _| digit)?;
        net.finish()
    };
    let refusal = |name: &str| {
        let network = named(name).unwrap();
        to_bytes(&network, &fresh(&network), Outputs::Logits)
            .map_err(|error| (error.exit_code(), error.to_string()))
    };
    for name in ["image", "number", "out.weight"] {
        let (code, told) = refusal(name).unwrap_err();
        assert!(code == 2 && told.contains(&format!("the head `{name}`")), "{told}");
    }
    assert!(refusal("").unwrap_err().1.contains("the head has no name"));
    assert!(refusal("out").is_ok());
    let error = to_bytes(&named("digit").unwrap(), &fresh(&published()), Outputs::Logits).unwrap_err();
    assert!(error.exit_code() == 4 && error.to_string().contains("another network"), "{error}");
}

/// A message with every field, as ONNX's own package for Python writes it.
#[test]
fn fields_have_the_numbers_and_types_of_onnx() {
    const WRITTEN: &str = "08071201701a01763a86010a260a01610a01621201631a016e22016f2a090a016918ac02a001022a0a0a016c4005\
        4006a001071201672a0e0802080110014201744a037261775a170a0178120f0a0d080112090a0312014e0a0208091a017362170a0179120f0a\
        0d080112090a0312014e0a0208091a01736a170a017a120f0a0d080112090a0312014e0a0208091a017342050a0164100d72060a016b120177";
    let dim = [Size::Param("N".into()), Size::Value(9)];
    let dim: Vec<_> = dim.map(|size| messages::Dimension { size: Some(size) }).into();
    let value = |name: &str| {
        let tensor_type =
            messages::TensorType { elem_type: FLOAT, shape: Some(messages::Shape { dim: dim.clone() }) };
        let of_tensors = messages::Type { tensor_type: Some(tensor_type) };
        vec![ValueInfo { name: name.into(), r#type: Some(of_tensors), doc_string: "s".into() }]
    };
    let attribute = vec![
        messages::Attribute { name: "i".into(), i: 300, ints: vec![], r#type: INT },
        messages::Attribute { name: "l".into(), i: 0, ints: vec![5, 6], r#type: INTS },
    ];
    let (input, output) = (vec!["a".into(), "b".into()], vec!["c".into()]);
    let node = Node { input, output, name: "n".into(), op_type: "o".into(), attribute };
    let tensor =
        messages::Tensor { dims: vec![2, 1], data_type: FLOAT, name: "t".into(), raw_data: b"raw".to_vec() };
    let graph = Graph {
        node: vec![node],
        name: "g".into(),
        initializer: vec![tensor],
        input: value("x"),
        output: value("y"),
        value_info: value("z"),
    };
    let model = messages::Model {
        ir_version: 7,
        producer_name: "p".into(),
        producer_version: "v".into(),
        graph: Some(graph),
        opset_import: vec![messages::OperatorSet { domain: "d".into(), version: 13 }],
        metadata_props: vec![messages::Entry { key: "k".into(), value: "w".into() }],
    };
    let bytes: String = model.encode_to_vec().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(bytes, WRITTEN);
}

#[test]
fn the_command_writes_it() {
    let folder = TempDir::new().unwrap();
    let network = published();
    let shipped = model_file::shipped(&network).unwrap();
    let written = |arguments: &[&str]| {
        let output = run(folder.path(), &[&["export", "--onnx", "model.onnx"], arguments].concat());
        assert!(output.status.success() && err(&output).contains("model.onnx: ONNX, "), "{}", err(&output));
        assert_eq!(out(&output), "");
        std::fs::read(folder.path().join("model.onnx")).unwrap()
    };
    assert!(written(&[]) == to_bytes(&network, &shipped, Outputs::Logits).unwrap());
    assert!(written(&["--softmax"]) == to_bytes(&network, &shipped, Outputs::Probabilities).unwrap());
    let mine = fresh(&network);
    let weights = model_file::to_bytes(&network, &mine).unwrap();
    std::fs::write(folder.path().join("mine.safetensors"), weights).unwrap();
    let want = to_bytes(&network, &mine, Outputs::Logits).unwrap();
    assert!(written(&["mine.safetensors"]) == want);
    #[cfg(unix)]
    {
        let output = run(folder.path(), &["export", "--onnx", "/dev/stdout", "mine.safetensors"]);
        assert!(output.status.success() && output.stdout == want, "{}", err(&output));
    }
}

#[test]
fn what_makes_no_file_is_told() {
    let folder = TempDir::new().unwrap();
    let refused = |arguments: &[&str], code, words: &[&str]| refused(folder.path(), arguments, code, words);
    refused(&["export"], 2, &["--web <DIR>", "--onnx <FILE>"]);
    refused(&["export", "--softmax"], 2, &["--onnx <FILE>"]);
    refused(&["export", "--web", "site", "--onnx", "model.onnx"], 2, &["--web <DIR>", "--onnx <FILE>"]);
    refused(&["export", "--web", "site", "--softmax"], 2, &["--web <DIR>", "--softmax"]);
    refused(&["export", "--onnx", "."], 4, &["."]);
    refused(&["export", "--onnx", "none/model.onnx"], 4, &["none/model.onnx"]);
    refused(&["export", "--onnx", "model.onnx", "none.safetensors"], 4, &["none.safetensors"]);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    let weights = folder.path().join("mine.safetensors");
    std::fs::write(&weights, model_file::to_bytes(&published(), &fresh(&published())).unwrap()).unwrap();
    let before = std::fs::read(&weights).unwrap();
    refused(&["export", "--onnx", "mine.safetensors"], 4, &["--onnx model.onnx mine.safetensors"]);
    assert!(std::fs::read(&weights).unwrap() == before);
}
