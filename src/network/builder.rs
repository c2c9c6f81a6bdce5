//! Writes a network down, layer by layer; every size is checked where it is given.

use super::heads::{DIGITS, Head};
use super::shapes::{Concat, Conv2d, Linear, MaxPool};
use super::{Input, Layer, Network, Op};
use crate::program::Parameter;
use crate::{Error, Result};

/// Most numbers of one layer's output and of all parameters: 256 MiB as f32, the largest buffer that WebGPU promises.
const MOST: usize = 1 << 26;

/// A network being written down. After an error it is of no use any more.
///
/// ```
/// use digit_adder::{Input, NetworkBuilder};
///
/// # fn main() -> digit_adder::Result<()> {
/// let mut net = NetworkBuilder::new(&[1, 28, 28])?;
/// let both = net.concat("both", Input::Image, Input::Number)?;
/// let logits = net.linear("out", both, 2)?;
/// net.head("parity", logits, |digit, addend| (digit + addend) % 2)?;
/// let network = net.finish()?;
/// assert_eq!(network.parameter_count(), (28 * 28 + 10) * 2 + 2);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Builder {
    network: Network,
}

impl Builder {
    /// A network that takes images of this shape: `[channels, height, width]` or `[features]`.
    ///
    /// # Errors
    /// [`Error::Usage`] for a shape without pixels or with too many, or whose rows are not whole words of four grey
    /// values.
    pub fn new(image: &[usize]) -> Result<Self> {
        check_sizes("image", image)?;
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
    /// [`Error::Usage`] for a size of 0 or beyond bounds, an input without planes or that is not there, a kernel that
    /// does not fit, a name that is taken.
    pub fn conv2d(&mut self, name: &str, x: Input, channels: usize, kernel: usize) -> Result<Input> {
        check_sizes(name, &[channels, kernel])?;
        let [in_channels, height, width] = self.planes(name, x)?;
        if kernel > height.min(width) {
            return Err(Error::Usage(format!(
                "{name}: a kernel of {kernel} does not fit {height} x {width} pixels"
            )));
        }
        let s = Conv2d { batch: 1, in_channels, height, width, out_channels: channels, kernel };
        let fan_in = in_channels * kernel * kernel;
        self.parameters(name, &[channels, in_channels, kernel, kernel], fan_in)?;
        self.layer(name, Op::Conv2d(s), &[x], &[channels, s.out_height(), s.out_width()])
    }

    /// Adds a rectifier.
    ///
    /// # Errors
    /// [`Error::Usage`] for an input that is not there or a name that is taken.
    pub fn relu(&mut self, name: &str, x: Input) -> Result<Input> {
        let shape = self.shape(name, x)?.to_vec();
        self.layer(name, Op::Relu, &[x], &shape)
    }

    /// Adds a max pooling with a square window, which is its stride too.
    ///
    /// # Errors
    /// [`Error::Usage`] for a size of 0, an input without planes or that is not there, a window that does not fit, a name
    /// that is taken.
    pub fn max_pool(&mut self, name: &str, x: Input, window: usize) -> Result<Input> {
        check_sizes(name, &[window])?;
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
    /// [`Error::Usage`] for a size of 0 or beyond bounds, an input that is not there or a name that is taken.
    pub fn linear(&mut self, name: &str, x: Input, outputs: usize) -> Result<Input> {
        check_sizes(name, &[outputs])?;
        let inputs = self.shape(name, x)?.iter().product();
        self.parameters(name, &[outputs, inputs], inputs)?;
        self.layer(name, Op::Linear(Linear { batch: 1, inputs, outputs }), &[x], &[outputs])
    }

    /// Adds `x1`, flattened, followed by `x2`, flattened.
    ///
    /// # Errors
    /// [`Error::Usage`] for an input that is not there or a name that is taken.
    pub fn concat(&mut self, name: &str, x1: Input, x2: Input) -> Result<Input> {
        let (left, right) = (self.shape(name, x1)?.iter().product(), self.shape(name, x2)?.iter().product());
        self.layer(name, Op::Concat(Concat { batch: 1, left, right }), &[x1, x2], &[left + right])
    }

    /// Makes a linear layer's outputs the logits of a head, whose right class is `target(digit, addend)`, both 0 to 9.
    ///
    /// # Errors
    /// [`Error::Usage`] for logits that are not a linear layer's, a class beyond its outputs, a name that is taken.
    pub fn head(&mut self, name: &str, logits: Input, target: fn(usize, usize) -> usize) -> Result<()> {
        self.shape(name, logits)?;
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
        let (name, inputs, output) = (name.to_owned(), inputs.to_vec(), output.to_vec());
        check_sizes(&name, &output)?;
        self.network.layers.push(Layer { name, op, inputs, output });
        Ok(Input::Layer(self.network.layers.len() - 1))
    }

    fn parameters(&mut self, layer: &str, weight: &[usize], fan_in: usize) -> Result<()> {
        check_sizes(layer, weight)?;
        let placed = &mut self.network.parameters;
        Parameter::place(placed, format!("{layer}.weight"), weight, fan_in);
        Parameter::place(placed, format!("{layer}.bias"), &weight[..1], fan_in);
        check_sizes(layer, &[self.network.flat_len()])
    }

    /// The shape of an input.
    fn shape(&self, name: &str, x: Input) -> Result<&[usize]> {
        match x {
            Input::Layer(index) if index >= self.network.layers.len() => {
                Err(Error::Usage(format!("{name}: there is no layer {index} to read")))
            }
            _ => Ok(self.network.shape_of(x)),
        }
    }

    /// The shape of an input that has channels, height and width.
    fn planes(&self, name: &str, x: Input) -> Result<[usize; 3]> {
        let shape = self.shape(name, x)?;
        let planes = shape.try_into();
        planes
            .map_err(|_| Error::Usage(format!("{name}: [channels, height, width] is needed, not {shape:?}")))
    }
}

/// Refuses sizes of nothing, and of more numbers than [`MOST`].
fn check_sizes(name: &str, sizes: &[usize]) -> Result<()> {
    if sizes.contains(&0) || sizes.is_empty() {
        return Err(Error::Usage(format!("{name}: no size of the network may be 0")));
    }
    let numbers = sizes.iter().try_fold(1, |all: usize, &size| all.checked_mul(size));
    match numbers.filter(|&numbers| numbers <= MOST) {
        Some(_) => Ok(()),
        None => Err(Error::Usage(format!("{name}: sizes of {sizes:?} make more than {MOST} numbers"))),
    }
}
