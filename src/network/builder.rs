//! Writes a network down, layer by layer; every size is checked where it is given.

use super::heads::{DIGITS, Head};
use super::shapes::{Concat, Conv2d, Linear, MaxPool};
use super::{Input, Layer, Network, Op};
use crate::program::Parameter;
use crate::{Error, Result};

/// A network being written down.
pub struct Builder {
    network: Network,
}

impl Builder {
    /// A network that takes images of this shape: `[channels, height, width]` or `[features]`.
    ///
    /// # Errors
    /// [`Error::Usage`] for a shape without pixels, or whose rows are not whole words of four grey values.
    pub fn new(image: &[usize]) -> Result<Self> {
        refuse_zero("image", image)?;
        if let [.., width] = image
            && !width.is_multiple_of(4)
        {
            return Err(Error::Usage(format!("the width of an image, {width}, must be a multiple of 4")));
        }
        let network =
            Network { image: image.to_vec(), layers: Vec::new(), heads: Vec::new(), parameters: Vec::new() };
        Ok(Self { network })
    }

    /// Adds a convolution with `channels` outputs and a square kernel: valid padding, stride 1.
    ///
    /// # Errors
    /// [`Error::Usage`] for a size of 0, an input without planes, a kernel that does not fit, a name that is taken.
    pub fn conv2d(&mut self, name: &str, x: Input, channels: usize, kernel: usize) -> Result<Input> {
        refuse_zero(name, &[channels, kernel])?;
        let [in_channels, height, width] = self.planes(name, x)?;
        if kernel > height.min(width) {
            return Err(Error::Usage(format!(
                "{name}: a kernel of {kernel} does not fit {height} x {width} pixels"
            )));
        }
        let s = Conv2d { batch: 1, in_channels, height, width, out_channels: channels, kernel };
        let fan_in = in_channels * kernel * kernel;
        self.parameters(name, &[channels, in_channels, kernel, kernel], fan_in);
        self.layer(name, Op::Conv2d(s), &[x], &[channels, s.out_height(), s.out_width()])
    }

    /// Adds a rectifier.
    ///
    /// # Errors
    /// [`Error::Usage`] for a name that is taken.
    pub fn relu(&mut self, name: &str, x: Input) -> Result<Input> {
        let shape = self.network.shape_of(x).to_vec();
        self.layer(name, Op::Relu, &[x], &shape)
    }

    /// Adds a max pooling with a square window, which is its stride too.
    ///
    /// # Errors
    /// [`Error::Usage`] for a size of 0, an input without planes, a window that does not fit, a name that is taken.
    pub fn max_pool(&mut self, name: &str, x: Input, window: usize) -> Result<Input> {
        refuse_zero(name, &[window])?;
        let [channels, height, width] = self.planes(name, x)?;
        if window > height.min(width) {
            return Err(Error::Usage(format!(
                "{name}: a window of {window} does not fit {height} x {width} pixels"
            )));
        }
        let s = MaxPool { batch: 1, channels, height, width, window };
        self.layer(name, Op::MaxPool(s), &[x], &[channels, s.out_height(), s.out_width()])
    }

    /// Adds a fully connected layer on `x`, flattened, with `outputs` outputs.
    ///
    /// # Errors
    /// [`Error::Usage`] for a size of 0 or a name that is taken.
    pub fn linear(&mut self, name: &str, x: Input, outputs: usize) -> Result<Input> {
        refuse_zero(name, &[outputs])?;
        let inputs = self.network.len_of(x);
        self.parameters(name, &[outputs, inputs], inputs);
        self.layer(name, Op::Linear(Linear { batch: 1, inputs, outputs }), &[x], &[outputs])
    }

    /// Adds `x1`, flattened, followed by `x2`, flattened.
    ///
    /// # Errors
    /// [`Error::Usage`] for a name that is taken.
    pub fn concat(&mut self, name: &str, x1: Input, x2: Input) -> Result<Input> {
        let (left, right) = (self.network.len_of(x1), self.network.len_of(x2));
        self.layer(name, Op::Concat(Concat { batch: 1, left, right }), &[x1, x2], &[left + right])
    }

    /// Makes a linear layer's outputs the logits of a head, whose right class is `target(digit, addend)`.
    ///
    /// # Errors
    /// [`Error::Usage`] for logits that are not a linear layer's, a class beyond its outputs, a name that is taken.
    pub fn head(&mut self, name: &str, logits: Input, target: fn(usize, usize) -> usize) -> Result<()> {
        let layers = &self.network.layers;
        let (index, classes) = match logits {
            Input::Layer(index) => match layers[index].op {
                Op::Linear(s) => (index, s.outputs),
                _ => {
                    return Err(Error::Usage(format!(
                        "head {name}: `{}` is not a linear layer",
                        layers[index].name
                    )));
                }
            },
            Input::Image | Input::Number => {
                return Err(Error::Usage(format!("head {name}: its logits must come from a layer")));
            }
        };
        if self.network.heads.iter().any(|head| head.name == name) {
            return Err(Error::Usage(format!("two heads are called `{name}`")));
        }
        let all = (0..DIGITS).flat_map(|digit| (0..DIGITS).map(move |addend| target(digit, addend)));
        let targets: Vec<u32> = all.map(|class| class as u32).collect();
        if let Some(class) = targets.iter().find(|&&class| class as usize >= classes) {
            return Err(Error::Usage(format!("head {name}: class {class} is beyond its {classes} classes")));
        }
        self.network.heads.push(Head { name: name.into(), logits: index, classes, targets });
        Ok(())
    }

    /// The finished network.
    ///
    /// # Errors
    /// [`Error::Usage`] for a network without a head.
    pub fn finish(self) -> Result<Network> {
        if self.network.heads.is_empty() {
            return Err(Error::Usage("the network has no head".into()));
        }
        Ok(self.network)
    }

    fn layer(&mut self, name: &str, op: Op, inputs: &[Input], output: &[usize]) -> Result<Input> {
        if self.network.layers.iter().any(|layer| layer.name == name) {
            return Err(Error::Usage(format!("two layers are called `{name}`")));
        }
        let (name, inputs, output) = (name.into(), inputs.to_vec(), output.to_vec());
        self.network.layers.push(Layer { name, op, inputs, output });
        Ok(Input::Layer(self.network.layers.len() - 1))
    }

    fn parameters(&mut self, layer: &str, weight: &[usize], fan_in: usize) {
        let placed = &mut self.network.parameters;
        Parameter::place(placed, format!("{layer}.weight"), weight, fan_in);
        Parameter::place(placed, format!("{layer}.bias"), &weight[..1], fan_in);
    }

    /// The shape of an input that has channels, height and width.
    fn planes(&self, name: &str, x: Input) -> Result<[usize; 3]> {
        let shape = self.network.shape_of(x);
        let planes = shape.try_into();
        planes
            .map_err(|_| Error::Usage(format!("{name}: [channels, height, width] is needed, not {shape:?}")))
    }
}

fn refuse_zero(name: &str, sizes: &[usize]) -> Result<()> {
    match sizes.contains(&0) || sizes.is_empty() {
        true => Err(Error::Usage(format!("{name}: no size of the network may be 0"))),
        false => Ok(()),
    }
}
