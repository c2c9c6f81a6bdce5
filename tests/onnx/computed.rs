//! A graph computed node by node, by the loops of the reference.

use std::collections::HashMap;

use digit_adder::network::{Concat, Conv2d, Linear, MaxPool};
use digit_adder::onnx::messages::{self, FLOAT, Graph, INT, INTS, Node, Size, ValueInfo};
use digit_adder::ops::softmax::Softmax;
use digit_adder::reference::{concat, conv2d, linear, max_pool, relu, softmax};

/// Images at once.
pub const BATCH: usize = 3;

/// A tensor: its shape and its numbers.
type Value = (Vec<usize>, Vec<f32>);

/// The size of each dimension, where the first must be the open one.
pub fn shape(value: &ValueInfo) -> Vec<usize> {
    let tensor = value.r#type.as_ref().unwrap().tensor_type.as_ref().unwrap();
    assert_eq!(tensor.elem_type, FLOAT, "{}", value.name);
    let sizes = tensor.shape.as_ref().unwrap().dim.iter().enumerate().map(|(place, dim)| match &dim.size {
        Some(Size::Param(name)) if place == 0 && name == "N" => BATCH,
        Some(Size::Value(size)) if place > 0 => *size as usize,
        other => panic!("{}: {other:?} at {place}", value.name),
    });
    sizes.collect()
}

/// The values of the graph, each made once, before it is read, and in the shape that the file says.
pub fn computed(graph: &Graph, image: &[f32], number: &[f32]) -> HashMap<String, Value> {
    let mut values: HashMap<String, Value> = HashMap::new();
    let [first, second] = &graph.input[..] else { panic!("two inputs") };
    assert_eq!([&first.name, &second.name], ["image", "number"]);
    for (input, x) in [(first, image), (second, number)] {
        values.insert(input.name.clone(), (shape(input), x.to_vec()));
    }
    for tensor in &graph.initializer {
        let (dims, x) = (tensor.dims.iter().map(|&dim| dim as usize), tensor.raw_data.as_chunks().0);
        let x = x.iter().map(|four| f32::from_le_bytes(*four)).collect();
        assert!(values.insert(tensor.name.clone(), (dims.collect(), x)).is_none(), "two are {}", tensor.name);
    }
    let mut names: Vec<&str> = graph.node.iter().map(|node| node.name.as_str()).collect();
    for node in &graph.node {
        let read =
            |name| values.get(name).unwrap_or_else(|| panic!("{} reads {name} before it is made", node.name));
        let value = apply(node, &node.input.iter().map(read).collect::<Vec<_>>());
        let [output] = &node.output[..] else { panic!("{} has one output", node.name) };
        let mut told = graph.value_info.iter().chain(&graph.output).filter(|told| told.name == *output);
        assert_eq!(told.next().map(shape), Some(value.0.clone()), "the shape of {output}");
        assert!(told.next().is_none() && !output.is_empty(), "{output}");
        assert!(values.insert(output.clone(), value).is_none(), "two are {output}");
    }
    names.sort_unstable();
    names.dedup();
    assert!(names.len() == graph.node.len() && !names.contains(&""), "{names:?}");
    assert_eq!(values.len(), 2 + graph.initializer.len() + graph.node.len());
    values
}

/// One node, by the loops of the reference.
fn apply(node: &Node, inputs: &[&Value]) -> Value {
    let attributes: Vec<(&str, Vec<i64>)> = node.attribute.iter().map(setting).collect();
    let batch = BATCH;
    let (from, x) = inputs[0];
    let mut y = vec![0.0; x.len()];
    let to = match (node.op_type.as_str(), &attributes[..], inputs) {
        ("Conv", [("kernel_shape", k)], [_, (w_shape, w), (_, b)]) => {
            let [_, in_channels, height, width] = from[..] else { panic!("{from:?}") };
            let (out_channels, kernel) = (w_shape[0], square(k));
            assert_eq!(w_shape[1..], [in_channels, kernel, kernel]);
            let s = Conv2d { batch, in_channels, height, width, out_channels, kernel };
            y = vec![0.0; s.y_len()];
            conv2d::forward(&s, x, w, b, &mut y);
            vec![batch, out_channels, s.out_height(), s.out_width()]
        }
        ("Relu", [], [_]) => {
            relu::forward(x, &mut y);
            from.clone()
        }
        ("MaxPool", [("kernel_shape", k), ("strides", strides)], [_]) => {
            let [_, channels, height, width] = from[..] else { panic!("{from:?}") };
            assert_eq!(k, strides);
            let s = MaxPool { batch, channels, height, width, window: square(k) };
            y = vec![0.0; s.y_len()];
            max_pool::forward(&s, x, &mut y, &mut vec![0; s.y_len()]);
            vec![batch, channels, s.out_height(), s.out_width()]
        }
        ("Flatten", [("axis", one)], [_]) if one[..] == [1] => {
            y.clone_from(x);
            vec![batch, x.len() / batch]
        }
        ("Concat", [("axis", one)], [_, (right, x2)]) if one[..] == [1] => {
            let ([_, left], [_, right]) = (&from[..], &right[..]) else { panic!("{from:?} and {right:?}") };
            y = vec![0.0; batch * (left + right)];
            concat::forward(&Concat { batch, left: *left, right: *right }, x, x2, &mut y);
            vec![batch, left + right]
        }
        ("Gemm", [("transB", one)], [_, (w_shape, w), (_, b)]) if one[..] == [1] => {
            let [outputs, inputs] = w_shape[..] else { panic!("{w_shape:?}") };
            assert_eq!(from[..], [batch, inputs]);
            y = vec![0.0; batch * outputs];
            linear::forward(&Linear { batch, inputs, outputs }, x, w, b, &mut y);
            vec![batch, outputs]
        }
        ("Identity", [], [_]) => {
            y.clone_from(x);
            from.clone()
        }
        ("Softmax", [("axis", one)], [_]) if one[..] == [1] => {
            y = softmaxes(x, from[1]);
            from.clone()
        }
        (op, attributes, inputs) => panic!("{op} with {attributes:?} of {} inputs", inputs.len()),
    };
    (to, y)
}

fn setting(attribute: &messages::Attribute) -> (&str, Vec<i64>) {
    let numbers = match (attribute.r#type, &attribute.ints[..]) {
        (INT, []) => vec![attribute.i],
        (INTS, ints) if attribute.i == 0 => ints.to_vec(),
        _ => panic!("{attribute:?}"),
    };
    (&attribute.name, numbers)
}

fn square(sizes: &[i64]) -> usize {
    assert!(sizes.len() == 2 && sizes[0] == sizes[1], "{sizes:?}");
    sizes[0] as usize
}

pub fn softmaxes(logits: &[f32], classes: usize) -> Vec<f32> {
    let mut y = vec![0.0; logits.len()];
    softmax::forward(&Softmax { batch: logits.len() / classes, classes }, logits, &mut y);
    y
}
