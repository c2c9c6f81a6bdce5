//! The list of layers and heads, folded into nodes.

use super::Outputs;
use super::messages::{
    Attribute, Dimension, FLOAT, Graph, INT, INTS, Node, Shape, Size, Tensor, TensorType, Type, ValueInfo,
};
use super::names::Names;
use crate::Result;
use crate::network::{DIGITS, Head, Input, Layer, Network, Op};
use crate::program::Parameter;

/// What the inputs are called.
const IMAGE: &str = "image";
const NUMBER: &str = "number";

/// The graph of a network with these flat parameters.
///
/// # Errors
/// [`crate::Error::Usage`] for a head whose name cannot be an output's.
pub(super) fn fold(network: &Network, flat: &[f32], outputs: Outputs) -> Result<Graph> {
    let mut fold =
        Fold { network, outputs, values: Names::default(), nodes: Names::default(), of_layers: Vec::new() };
    let mut graph = fold.frame(flat)?;
    for (index, layer) in network.layers().iter().enumerate() {
        fold.layer(&mut graph, index, layer);
    }
    for head in network.heads() {
        fold.head(&mut graph, head);
    }
    Ok(graph)
}

struct Fold<'a> {
    network: &'a Network,
    outputs: Outputs,
    values: Names,
    nodes: Names,
    /// What the output of each layer is called.
    of_layers: Vec<String>,
}

impl Fold<'_> {
    /// All but the nodes: what has a name that users of the file know, which comes before all other names.
    fn frame(&mut self, flat: &[f32]) -> Result<Graph> {
        let network = self.network;
        let inputs = [
            (IMAGE, network.image(), "grey values from 0, the background, to 1, the ink"),
            (NUMBER, &[DIGITS][..], "one-hot: 1 at the number that is added, 0 elsewhere"),
        ];
        let told = match self.outputs {
            Outputs::Logits => "logits",
            Outputs::Probabilities => "probabilities",
        };
        for (name, ..) in inputs {
            self.values.claim("the input", name)?;
        }
        for parameter in network.parameters() {
            self.values.claim("the parameter", &parameter.name)?;
        }
        for head in network.heads() {
            self.values.claim("the head", &head.name)?;
        }
        Ok(Graph {
            name: env!("CARGO_PKG_NAME").into(),
            initializer: network.parameters().iter().map(|parameter| tensor(parameter, flat)).collect(),
            input: inputs.into_iter().map(|(name, shape, doc)| value_info(name, shape, doc)).collect(),
            output: network
                .heads()
                .iter()
                .map(|head| value_info(&head.name, &[head.classes], told))
                .collect(),
            ..Graph::default()
        })
    }

    fn layer(&mut self, graph: &mut Graph, index: usize, layer: &Layer) {
        let (op, attributes, is_flat) = match layer.op {
            Op::Conv2d(s) => ("Conv", vec![ints("kernel_shape", [s.kernel; 2])], false),
            Op::Relu => ("Relu", Vec::new(), false),
            Op::MaxPool(s) => {
                ("MaxPool", vec![ints("kernel_shape", [s.window; 2]), ints("strides", [s.window; 2])], false)
            }
            Op::Concat(_) => ("Concat", vec![int("axis", 1)], true),
            Op::Linear(_) => ("Gemm", vec![int("transB", 1)], true),
        };
        let read = |&x: &Input| if is_flat { self.flat(graph, x) } else { self.value(x) };
        let mut inputs: Vec<String> = layer.inputs.iter().map(read).collect();
        let parameters = self.network.parameters_of(layer).into_iter().flatten();
        inputs.extend(parameters.map(|parameter| parameter.name.clone()));
        // Where its logits are what a head gives, they have the head's name.
        let is_output = |head: &&Head| self.outputs == Outputs::Logits && head.logits == index;
        let output = match self.network.heads().iter().find(is_output) {
            Some(head) => head.name.clone(),
            None => self.between(graph, &layer.name, &layer.output),
        };
        self.node(graph, &layer.name, op, inputs, &output, attributes);
        self.of_layers.push(output);
    }

    /// A head's output, unless it is already a layer's.
    fn head(&mut self, graph: &mut Graph, head: &Head) {
        let logits = self.of_layers[head.logits].clone();
        if logits == head.name {
            return;
        }
        let (op, attributes) = match self.outputs {
            Outputs::Logits => ("Identity", Vec::new()),
            Outputs::Probabilities => ("Softmax", vec![int("axis", 1)]),
        };
        self.node(graph, &head.name, op, vec![logits], &head.name, attributes);
    }

    fn value(&self, x: Input) -> String {
        match x {
            Input::Image => IMAGE.into(),
            Input::Number => NUMBER.into(),
            Input::Layer(index) => self.of_layers[index].clone(),
        }
    }

    /// The value as `[N, length]`.
    fn flat(&mut self, graph: &mut Graph, x: Input) -> String {
        let value = self.value(x);
        if self.network.shape_of(x).len() == 1 {
            return value;
        }
        let name = format!("{value}.flat");
        let output = self.between(graph, &name, &[self.network.len_of(x)]);
        self.node(graph, &name, "Flatten", vec![value], &output, vec![int("axis", 1)]);
        output
    }

    /// A value between two nodes, of this shape for one image.
    fn between(&mut self, graph: &mut Graph, wanted: &str, shape: &[usize]) -> String {
        let name = self.values.free(wanted);
        graph.value_info.push(value_info(&name, shape, ""));
        name
    }

    fn node(
        &mut self,
        graph: &mut Graph,
        name: &str,
        op: &str,
        input: Vec<String>,
        output: &str,
        attribute: Vec<Attribute>,
    ) {
        let (name, output) = (self.nodes.free(name), vec![output.into()]);
        graph.node.push(Node { input, output, name, op_type: op.into(), attribute });
    }
}

fn tensor(parameter: &Parameter, flat: &[f32]) -> Tensor {
    Tensor {
        dims: parameter.shape.iter().map(|&size| size as i64).collect(),
        data_type: FLOAT,
        name: parameter.name.clone(),
        raw_data: flat[parameter.range()].iter().flat_map(|value| value.to_le_bytes()).collect(),
    }
}

/// A value of this shape for each of `N` images.
fn value_info(name: &str, shape: &[usize], doc: &str) -> ValueInfo {
    let sizes = shape.iter().map(|&size| Size::Value(size as i64));
    let dim = [Size::Param("N".into())].into_iter().chain(sizes);
    let dim = dim.map(|size| Dimension { size: Some(size) }).collect();
    let tensor_type = TensorType { elem_type: FLOAT, shape: Some(Shape { dim }) };
    let of_tensors = Type { tensor_type: Some(tensor_type) };
    ValueInfo { name: name.into(), r#type: Some(of_tensors), doc_string: doc.into() }
}

fn int(name: &str, i: i64) -> Attribute {
    Attribute { name: name.into(), i, r#type: INT, ..Attribute::default() }
}

fn ints(name: &str, ints: [usize; 2]) -> Attribute {
    let ints = ints.iter().map(|&size| size as i64).collect();
    Attribute { name: name.into(), ints, r#type: INTS, ..Attribute::default() }
}
