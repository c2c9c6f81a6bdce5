//! A program: tensors, and the dispatches that read and write them, in order.
//!
//! Everything here is data. Nothing knows a network or a device, so that a program can be printed, checked
//! and tested without either. [`tape`] writes programs and derives their gradients, [`schedule`] is what a
//! program is lowered to before a device replays it.

mod constant;
pub mod limits;
mod parameter;
pub mod schedule;
mod structs;
pub mod tape;
pub mod times;

pub use constant::Constant;
pub use parameter::{ALIGN, Parameter};
pub use schedule::Schedule;
pub use structs::{Cursor, Field, Record};
pub use tape::Tape;

use serde::{Deserialize, Serialize};

/// A handle to a tensor of a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tensor(usize);

impl Tensor {
    /// Its place in the program's list of tensors.
    pub fn index(self) -> usize {
        self.0
    }
}

/// Buffers that outlive a program: several programs (training, evaluation) share them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Shared {
    /// All parameters, flat.
    Parameters,
    /// Their gradients, in the same places.
    Gradients,
    /// Adam's first moments, in the same places.
    FirstMoments,
    /// Adam's second moments, in the same places.
    SecondMoments,
    /// The parameters' average, in the same places.
    Average,
    /// Packed images of the split, four grey values per word.
    Images,
    /// The same before they were changed at random, where they are.
    Originals,
    /// Two words that the random changes of an epoch depend on.
    Key,
    /// Their labels, one word each.
    Labels,
    /// The order in which the images are taken.
    Order,
    /// The addend of every image, one word each.
    Addends,
    /// A [`Record`] of each head for every image of the order.
    Records,
}

impl std::fmt::Display for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Parameters => "parameters",
            Self::Gradients => "gradients",
            Self::FirstMoments => "first moments",
            Self::SecondMoments => "second moments",
            Self::Average => "average",
            Self::Images => "images",
            Self::Originals => "originals",
            Self::Key => "key",
            Self::Labels => "labels",
            Self::Order => "order",
            Self::Addends => "addends",
            Self::Records => "records",
        })
    }
}

/// The buffer of a tensor.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Buffer {
    Own(Tensor),
    Shared(Shared),
}

/// Where a tensor lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In a buffer of its own.
    Own,
    /// In a shared buffer, from this word on (a multiple of 64 words).
    Shared(Shared, usize),
    /// All of a shared buffer, whatever its size; the shape is that of one step's part.
    Whole(Shared),
}

/// A tensor: 4-byte words (f32 or u32) in row-major order.
#[derive(Clone, Debug)]
pub struct TensorInfo {
    /// Its name: the layer's for an activation, with `d` before it for a gradient.
    pub name: String,
    /// Its shape.
    pub shape: Vec<usize>,
    /// Where it lies.
    pub place: Place,
    /// Its words, if they never change.
    pub words: Option<Vec<u32>>,
}

impl TensorInfo {
    /// Number of words.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Number of bytes.
    pub fn bytes(&self) -> u64 {
        4 * self.len() as u64
    }

    /// Whether it has no word at all.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// One kernel run over a grid.
#[derive(Clone, Debug)]
pub struct Dispatch {
    /// The layer that it works for.
    pub layer: String,
    /// The shader, named like its op.
    pub shader: &'static str,
    /// The shader's entry.
    pub entry: &'static str,
    /// Values of the shader's named constants.
    pub constants: Vec<(&'static str, Constant)>,
    /// Tensors for the entry's variables.
    pub bindings: Vec<(&'static str, Tensor)>,
    /// Invocations needed in x, y and z; rounded up to whole workgroups.
    pub threads: [usize; 3],
    /// Floating point operations of the op's formula, where a multiply-add is two and an exponential, a
    /// root or a division one; comparisons and integers count nothing. A kernel may well compute more.
    pub flops: u64,
}

impl Dispatch {
    /// Shader and entry, such as `conv2d.forward`.
    pub fn kernel(&self) -> String {
        format!("{}.{}", self.shader, self.entry)
    }
}

/// Where a head's logits of the first image lie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The head's name.
    pub head: String,
    /// The tensor that holds them.
    pub tensor: Tensor,
    /// The first of its words that is a logit.
    pub at: usize,
    /// How many there are.
    pub classes: usize,
}

/// Tensors and dispatches.
#[derive(Clone, Debug, Default)]
pub struct Program {
    /// Images at once.
    pub batch: usize,
    /// All tensors.
    pub tensors: Vec<TensorInfo>,
    /// The dispatches in order.
    pub dispatches: Vec<Dispatch>,
    /// Where the heads' logits lie, in the network's order.
    pub answers: Vec<Answer>,
}

impl Program {
    /// An empty program for `batch` images at once.
    pub fn new(batch: usize) -> Self {
        Self { batch, ..Self::default() }
    }

    /// Adds a tensor.
    pub fn tensor(&mut self, name: impl Into<String>, shape: &[usize], place: Place) -> Tensor {
        self.tensors.push(TensorInfo { name: name.into(), shape: shape.to_vec(), place, words: None });
        Tensor(self.tensors.len() - 1)
    }

    /// What is known of a tensor.
    pub fn info(&self, tensor: Tensor) -> &TensorInfo {
        &self.tensors[tensor.0]
    }

    /// Bytes that a dispatch binds, each word of a buffer counted once, however many tensors hold it: its
    /// least traffic, if it needs all of them.
    pub fn bytes(&self, dispatch: &Dispatch) -> u64 {
        let mut ranges: Vec<(Buffer, usize, usize)> = Vec::new();
        for &(_, tensor) in &dispatch.bindings {
            let info = self.info(tensor);
            let (buffer, start) = match info.place {
                Place::Own => (Buffer::Own(tensor), 0),
                Place::Shared(name, offset) => (Buffer::Shared(name), offset),
                Place::Whole(name) => (Buffer::Shared(name), 0),
            };
            ranges.push((buffer, start, start + info.len()));
        }
        ranges.sort_unstable();
        let (mut words, mut counted) = (0, (None, 0));
        for (buffer, start, end) in ranges {
            let from = if counted.0 == Some(buffer) { start.max(counted.1) } else { start };
            words += end.saturating_sub(from);
            counted = (Some(buffer), end.max(from));
        }
        4 * words as u64
    }

    /// Floating point operations of all dispatches.
    pub fn flops(&self) -> u64 {
        self.dispatches.iter().map(|dispatch| dispatch.flops).sum()
    }

    /// All tensors, in the order of the list.
    pub fn handles(&self) -> impl Iterator<Item = Tensor> + use<> {
        (0..self.tensors.len()).map(Tensor)
    }

    /// The tensor of that name.
    pub fn find(&self, name: &str) -> Option<Tensor> {
        self.tensors.iter().position(|info| info.name == name).map(Tensor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_counted_once() {
        let mut program = Program::new(1);
        let flat = |offset| Place::Shared(Shared::Parameters, offset);
        let tensors = [
            ("all", 1000, flat(0)),
            ("inside", 100, flat(64)),
            ("across the end", 100, flat(960)),
            ("behind", 10, flat(2048)),
            ("others", 30, Place::Shared(Shared::Gradients, 64)),
            ("own", 7, Place::Own),
            ("own too", 7, Place::Own),
        ];
        let tensors = tensors.map(|(name, words, place)| (name, program.tensor(name, &[words], place)));
        let bytes = |bindings: &[(&'static str, Tensor)]| {
            let (bindings, constants) = (bindings.to_vec(), Vec::new());
            let (layer, threads) = (String::new(), [1; 3]);
            program.bytes(&Dispatch { layer, shader: "", entry: "", constants, bindings, threads, flops: 0 })
        };
        assert_eq!(bytes(&tensors), 4 * (1060 + 10 + 30 + 7 + 7));
        assert_eq!(bytes(&[tensors[0], tensors[0]]), 4 * 1000);
        assert_eq!(bytes(&tensors[1..3]), 4 * 200);
    }
}
