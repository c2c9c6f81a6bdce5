//! Trained tensors and their places in the flat buffers.

/// Parameters start at multiples of this many floats in the flat buffer: 256 bytes, the alignment
/// that every device accepts for a bound range.
pub const ALIGN: usize = 64;

/// One trained tensor and where it lies in the flat parameter buffer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// PyTorch's name, such as `conv1.weight`.
    pub name: String,
    /// PyTorch's shape: `[out, in, k, k]`, `[out, in]` or `[out]`.
    pub shape: Vec<usize>,
    /// Inputs that one output of the layer sums over.
    pub fan_in: usize,
    /// First float in the flat buffer, a multiple of [`ALIGN`].
    pub offset: usize,
}

impl Parameter {
    /// Number of floats.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether it holds no float at all.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Its place in the flat buffer.
    pub fn range(&self) -> std::ops::Range<usize> {
        self.offset..self.offset + self.len()
    }

    /// Adds a tensor after those that are already placed.
    pub fn place(placed: &mut Vec<Self>, name: impl Into<String>, shape: &[usize], fan_in: usize) {
        let offset = placed.last().map_or(0, |last| last.range().end.next_multiple_of(ALIGN));
        placed.push(Self { name: name.into(), shape: shape.to_vec(), fan_in, offset });
    }
}
