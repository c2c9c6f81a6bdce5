//! Networks as data: the layers in order, the heads, and the trained tensors.
//!
//! Whatever runs, prints or saves a network folds over this list; [`Sizes`] writes the dual-branch network
//! down, and [`Builder`] any other.

mod builder;
mod heads;
mod loss;
mod shapes;
mod sizes;

pub use builder::Builder;
pub use heads::{DIGITS, Head, SUMS};
pub use loss::Loss;
pub use shapes::{Concat, Conv2d, Linear, MaxPool};
pub use sizes::{ConvSizes, Sizes};

use serde::Serialize;

use crate::program::{ALIGN, Parameter};
use crate::random::{Purpose, Random};
use crate::{Error, Result};

/// A network: what it takes, its layers in the order in which they are computed, and its heads.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Network {
    image: Vec<usize>,
    layers: Vec<Layer>,
    heads: Vec<Head>,
    #[serde(skip)]
    parameters: Vec<Parameter>,
}

/// What a layer reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Input {
    /// The image, grey values / 255.
    Image,
    /// The one-hot addend, `[10]`.
    Number,
    /// The output of an earlier layer, by its place in the list.
    Layer(usize),
}

/// One layer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Layer {
    /// Its name; those of its parameters begin with it.
    pub name: String,
    /// What it computes, for one image.
    pub op: Op,
    /// What it reads, in the op's order.
    pub inputs: Vec<Input>,
    /// Shape of its output for one image.
    pub output: Vec<usize>,
}

/// What a layer computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Op {
    /// A convolution with `weight` and `bias`.
    Conv2d(Conv2d),
    /// A rectifier.
    Relu,
    /// Max pooling.
    MaxPool(MaxPool),
    /// Two inputs side by side.
    Concat(Concat),
    /// A fully connected layer with `weight` and `bias`.
    Linear(Linear),
}

impl Layer {
    /// Its op for `batch` images at once.
    pub fn op_of(&self, batch: usize) -> Op {
        match self.op {
            Op::Conv2d(s) => Op::Conv2d(Conv2d { batch, ..s }),
            Op::Relu => Op::Relu,
            Op::MaxPool(s) => Op::MaxPool(MaxPool { batch, ..s }),
            Op::Concat(s) => Op::Concat(Concat { batch, ..s }),
            Op::Linear(s) => Op::Linear(Linear { batch, ..s }),
        }
    }

    /// Numbers in its output for one image.
    pub fn len(&self) -> usize {
        self.output.iter().product()
    }

    /// Whether it has no output, which is never so in a network.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Network {
    /// Shape of one image.
    pub fn image(&self) -> &[usize] {
        &self.image
    }

    /// Pixels of one image.
    pub fn pixels(&self) -> usize {
        self.image.iter().product()
    }

    /// The heads.
    pub fn heads(&self) -> &[Head] {
        &self.heads
    }

    /// How many numbers are trained.
    pub fn parameter_count(&self) -> usize {
        self.parameters.iter().map(Parameter::len).sum()
    }
}

/// Of the rooms.
impl Network {
    /// The layers, in the order in which they are computed.
    pub fn layers(&self) -> &[Layer] {
        &self.layers
    }

    /// All trained tensors, in PyTorch's order.
    pub fn parameters(&self) -> &[Parameter] {
        &self.parameters
    }

    /// The trained tensor of that name.
    ///
    /// # Errors
    /// [`Error::Usage`] where there is none.
    pub fn parameter(&self, name: &str) -> Result<&Parameter> {
        let found = self.parameters.iter().find(|parameter| parameter.name == name);
        found.ok_or_else(|| Error::Usage(format!("the network has no parameter `{name}`")))
    }

    /// Weights and biases of a layer; `None` where it has none.
    pub fn parameters_of(&self, layer: &Layer) -> Option<[&Parameter; 2]> {
        let find = |kind: &str| self.parameter(&format!("{}.{kind}", layer.name)).ok();
        Some([find("weight")?, find("bias")?])
    }

    /// Floats in the flat parameter buffer, padding included: whole workgroups of the optimizer.
    pub fn flat_len(&self) -> usize {
        self.parameters.last().map_or(0, |last| last.range().end.next_multiple_of(4 * ALIGN))
    }

    /// Fresh parameters as PyTorch draws them by default: weights and biases uniform in
    /// `±1/sqrt(fan_in)`, padding 0.
    pub fn initial_parameters(&self, seed: u64) -> Vec<f32> {
        let mut flat = vec![0.0; self.flat_len()];
        let mut random = Random::new(seed, Purpose::Weights, 0);
        for parameter in &self.parameters {
            let bound = 1.0 / (parameter.fan_in as f32).sqrt();
            flat[parameter.range()].fill_with(|| random.between(-bound, bound));
        }
        flat
    }

    /// Shape of what a layer reads, for one image.
    pub fn shape_of(&self, input: Input) -> &[usize] {
        match input {
            Input::Image => &self.image,
            Input::Number => &[DIGITS],
            Input::Layer(index) => &self.layers[index].output,
        }
    }

    /// Numbers of what a layer reads, for one image.
    pub fn len_of(&self, input: Input) -> usize {
        self.shape_of(input).iter().product()
    }

    /// The part of the network after a layer: a network whose image is that layer's output. Its flat
    /// parameters are those of this one from the part's first on.
    ///
    /// # Errors
    /// [`Error::Usage`] where something after the layer reads anything else from before it.
    pub fn behind(&self, layer: usize) -> Result<Self> {
        let first = layer + 1;
        let renamed = |input: &Input| match *input {
            Input::Number => Ok(Input::Number),
            Input::Layer(index) if index == layer => Ok(Input::Image),
            Input::Layer(index) if index >= first => Ok(Input::Layer(index - first)),
            Input::Image | Input::Layer(_) => {
                Err(Error::Usage(format!("a layer after `{}` reads from before it", self.layers[layer].name)))
            }
        };
        let mut part = Self {
            image: self.layers[layer].output.clone(),
            layers: self.layers[first..].to_vec(),
            heads: self.heads.clone(),
            parameters: Vec::new(),
        };
        for layer in &mut part.layers {
            layer.inputs = layer.inputs.iter().map(renamed).collect::<Result<_>>()?;
            for parameter in self.parameters_of(layer).into_iter().flatten() {
                Parameter::place(&mut part.parameters, &parameter.name, &parameter.shape, parameter.fan_in);
            }
        }
        for head in &mut part.heads {
            match renamed(&Input::Layer(head.logits))? {
                Input::Layer(index) => head.logits = index,
                _ => return Err(Error::Usage(format!("head {} would read the image", head.name))),
            }
        }
        Ok(part)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn published() -> Network {
        Sizes::default().network().unwrap()
    }

    #[test]
    fn sizes_are_those_of_the_published_network() {
        let network = published();
        let concat = network.layers().iter().find(|layer| layer.name == "concat").unwrap();
        assert_eq!((concat.op, concat.len()), (Op::Concat(Concat { batch: 1, left: 192, right: 64 }), 256));
        let counts: Vec<usize> =
            network.parameters().chunks(2).map(|pair| pair[0].len() + pair[1].len()).collect();
        assert_eq!(counts, [156, 1812, 704, 32896, 8256, 650, 1235]);
        assert_eq!(network.parameter_count(), 45_709);
        assert_eq!(network.heads().iter().map(|head| head.classes).collect::<Vec<_>>(), [DIGITS, SUMS]);
        assert_eq!([network.heads()[0].target(7, 5), network.heads()[1].target(7, 5)], [7, 12]);
    }

    #[test]
    fn parameters_are_aligned_and_apart() {
        let network = published();
        for pair in network.parameters().windows(2) {
            assert!(pair[0].range().end <= pair[1].offset);
            assert_eq!(pair[1].offset % ALIGN, 0);
        }
    }

    #[test]
    fn what_makes_no_network_is_refused_by_name() {
        let real = Sizes::default();
        let conv = real.conv2;
        for (sizes, words) in [
            (
                Sizes { conv2: ConvSizes { kernel: 13, ..conv }, ..real },
                "conv2: a kernel of 13 does not fit 12 x 12",
            ),
            (
                Sizes { conv2: ConvSizes { window: 9, ..conv }, ..real },
                "pool2: a window of 9 does not fit 8 x 8",
            ),
            (Sizes { conv1: ConvSizes { channels: 0, ..conv }, ..real }, "conv1: no size"),
            (Sizes { fc1: 0, ..real }, "fc1: no size"),
            (Sizes { side: 26, ..real }, "the width of an image, 26"),
        ] {
            let error = sizes.network().unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        }
        let mut net = Builder::new(&[8]).unwrap();
        let x = net.linear("out", Input::Image, 10).unwrap();
        assert!(net.relu("out", x).unwrap_err().to_string().contains("two layers are called `out`"));
        let y = net.relu("relu", x).unwrap();
        assert!(
            net.head("digit", y, |digit, _| digit).unwrap_err().to_string().contains("not a linear layer")
        );
        let error = net.head("sum", x, |digit, addend| digit + addend).unwrap_err().to_string();
        assert!(error.contains("class 10 is beyond its 10 classes"), "{error}");
        let absent = Input::Layer(2);
        for error in [
            net.relu("a", absent).err(),
            net.linear("a", absent, 1).err(),
            net.conv2d("a", absent, 1, 1).err(),
        ]
        .into_iter()
        .chain([net.concat("a", x, absent).err(), net.head("a", absent, |digit, _| digit).err()])
        {
            assert_eq!(error.unwrap().to_string(), "a: there is no layer 2 to read");
        }
        for outputs in [1 << 26, usize::MAX] {
            let error = net.linear("wide", x, outputs).unwrap_err().to_string();
            assert!(error.contains("wide: sizes of [") && error.contains("more than 67108864"), "{error}");
        }
        assert!(net.finish().unwrap_err().to_string().contains("no head"));
    }

    #[test]
    fn the_network_behind_a_layer_keeps_what_follows() {
        let network = published();
        let pool2 = network.layers().iter().position(|layer| layer.name == "pool2").unwrap();
        let part = network.behind(pool2).unwrap();
        assert_eq!((part.image(), part.layers()[2].inputs[0]), (&[12, 4, 4][..], Input::Image));
        let offset = network.parameter("fc1.weight").unwrap().offset;
        for parameter in part.parameters() {
            assert_eq!(network.parameter(&parameter.name).unwrap().offset, offset + parameter.offset);
        }
        assert_eq!(part.layers()[part.heads()[1].logits].name, "out2");
        assert!(network.behind(0).is_ok() && network.behind(pool2 + 1).is_err());
    }
}
