//! Whether the fused plan's kernels can compute a network: matches the list of layers, part by part.

use crate::network::{Conv2d, Head, Input, Layer, Linear, Network, Op};
use crate::ops::fused::conv_pool::WINDOW;
use crate::ops::fused::linear_layers::{Placed, Stack};
use crate::{Error, Result};

/// The parts of a network that the fused kernels can compute.
#[derive(Clone, Debug, PartialEq)]
pub struct Fit {
    /// Both convolutions, for one image, with their names.
    pub convolutions: [(String, Conv2d); 2],
    /// The linear layers.
    pub linear: Stack,
    /// The names of the heads: that of the digit, that of the sum.
    pub heads: [String; 2],
}

impl Fit {
    /// Matches a network's layers and heads with what the kernels compute.
    ///
    /// # Errors
    /// [`Error::Usage`] naming the first layer or head that they do not know.
    pub fn new(network: &Network) -> Result<Self> {
        let mut walk = Walk { network, next: 0 };
        let (conv1, x) = walk.conv_pool(Input::Image)?;
        if conv1.1.in_channels != 1 {
            let channels = conv1.1.in_channels;
            return Err(Error::Usage(format!(
                "{}: images of one channel are needed, not of {channels}",
                conv1.0
            )));
        }
        let (conv2, pooled) = walk.conv_pool(x)?;
        let (fc1, number) = walk.linear_relu(Input::Number)?;
        let concat = walk.take("the concatenation of both branches", |layer| {
            matches!(layer.op, Op::Concat(_)).then_some(layer.inputs == [pooled, number])
        })?;
        let (fc2, x) = walk.linear_relu(concat.1)?;
        let (fc3, x) = walk.linear_relu(x)?;
        let (out1, digit) = walk.linear(x)?;
        let (out2, sum) = walk.linear(x)?;
        let heads = heads(network.heads(), [digit, sum])?;
        if let Some(layer) = network.layers().get(walk.next) {
            return Err(Error::Usage(format!("the fused plan does not know layer `{}`", layer.name)));
        }
        let flat = network.len_of(pooled);
        let linear = Stack { flat, fc1, fc2, fc3, out1, out2, flat_len: network.flat_len() };
        Ok(Self { convolutions: [conv1, conv2], linear, heads })
    }
}

/// The heads must be those whose targets the kernels know: the digit, and the sum.
fn heads(heads: &[Head], logits: [Input; 2]) -> Result<[String; 2]> {
    let known: [fn(u8, u8) -> u32; 2] = [|digit, _| digit.into(), |digit, addend| u32::from(digit + addend)];
    let all = || (0..10u8).flat_map(|digit| (0..10u8).map(move |addend| (digit, addend)));
    for (index, head) in heads.iter().enumerate() {
        let is_known = logits.get(index).is_some_and(|&logits| logits == Input::Layer(head.logits))
            && all().all(|(digit, addend)| head.target(digit, addend) == known[index](digit, addend));
        if !is_known {
            return Err(Error::Usage(format!("the fused plan does not know head `{}`", head.name)));
        }
    }
    match heads {
        [digit, sum] => Ok([digit.name.clone(), sum.name.clone()]),
        _ => Err(Error::Usage(format!(
            "the fused plan needs two heads, digit and sum; the network has {}",
            heads.len()
        ))),
    }
}

/// A walk through the layers, in their order.
struct Walk<'a> {
    network: &'a Network,
    next: usize,
}

impl<'a> Walk<'a> {
    /// The next layer, if `fits` says that it is of the right kind and reads the right inputs.
    fn take(&mut self, what: &str, fits: impl Fn(&Layer) -> Option<bool>) -> Result<(&'a Layer, Input)> {
        let Some(layer) = self.network.layers().get(self.next) else {
            return Err(Error::Usage(format!("the fused plan needs {what} after the last layer")));
        };
        match fits(layer) {
            Some(true) => {
                self.next += 1;
                Ok((layer, Input::Layer(self.next - 1)))
            }
            Some(false) => Err(Error::Usage(format!(
                "the fused plan does not know the inputs of layer `{}`",
                layer.name
            ))),
            None => {
                Err(Error::Usage(format!("the fused plan needs {what} in place of layer `{}`", layer.name)))
            }
        }
    }

    /// A convolution, its ReLU and its pooling.
    fn conv_pool(&mut self, x: Input) -> Result<((String, Conv2d), Input)> {
        let (layer, y) = self.take("a convolution", |layer| {
            matches!(layer.op, Op::Conv2d(_)).then_some(layer.inputs == [x])
        })?;
        let Op::Conv2d(conv) = layer.op else { return Err(unknown(layer)) };
        let y = self.relu(y)?;
        let (pool, y) = self
            .take("a pooling", |layer| matches!(layer.op, Op::MaxPool(_)).then_some(layer.inputs == [y]))?;
        match pool.op {
            Op::MaxPool(s) if s.window == WINDOW => Ok(((layer.name.clone(), conv), y)),
            Op::MaxPool(s) => Err(Error::Usage(format!(
                "{}: the pooling window, {}, must be {WINDOW}",
                pool.name, s.window
            ))),
            _ => Err(unknown(pool)),
        }
    }

    fn relu(&mut self, x: Input) -> Result<Input> {
        let fits = |layer: &Layer| matches!(layer.op, Op::Relu).then_some(layer.inputs == [x]);
        self.take("a ReLU", fits).map(|(_, y)| y)
    }

    fn linear(&mut self, x: Input) -> Result<(Placed, Input)> {
        let (layer, y) = self.take("a linear layer", |layer| {
            matches!(layer.op, Op::Linear(_)).then_some(layer.inputs == [x])
        })?;
        let (Op::Linear(shape), Some([weight, bias])) = (layer.op, self.network.parameters_of(layer)) else {
            return Err(unknown(layer));
        };
        let shape: Linear = shape;
        Ok((Placed { name: layer.name.clone(), shape, weight: weight.offset, bias: bias.offset }, y))
    }

    fn linear_relu(&mut self, x: Input) -> Result<(Placed, Input)> {
        let (placed, y) = self.linear(x)?;
        Ok((placed, self.relu(y)?))
    }
}

fn unknown(layer: &Layer) -> Error {
    Error::Usage(format!("the fused plan does not know layer `{}`", layer.name))
}
