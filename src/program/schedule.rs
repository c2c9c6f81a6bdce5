//! A schedule: a program lowered to what a device replays, as plain data that can be written to a file.
//!
//! Buffers with their sizes, kernels with their final text, and a flat list of steps that say which kernel
//! runs over which buffers with how many workgroups. Nothing in it needs the host's code: any program that
//! can compile WGSL can replay it.

use serde::{Deserialize, Serialize};

use super::{Constant, Shared};

/// Bytes at the end of each of the program's own buffers that no kernel may touch; tests check that none has.
pub const GUARD: u64 = 256;

/// Sizes of buffers are multiples of this many bytes.
pub const ROUNDING: u64 = 256;

/// What a device replays.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Schedule {
    /// Images of a step.
    pub batch: usize,
    /// All buffers, those of the program first, in the order of its tensors; then the shared ones.
    pub buffers: Vec<Buffer>,
    /// The buffer of each of the program's tensors, by its place in the list.
    pub tensors: Vec<usize>,
    /// The different kernels.
    pub kernels: Vec<Kernel>,
    /// What runs, in order, once for each step of the network.
    pub steps: Vec<Step>,
    /// The immediate data of a step: the name and the WGSL type of each 4-byte field.
    pub cursor: Vec<(String, String)>,
    /// Where each head's logits of the first image can be read back.
    pub answers: Vec<Answer>,
}

/// Where a head's logits of the first image can be read back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// The head's name.
    pub head: String,
    /// The buffer, by its place in the list.
    pub buffer: usize,
    /// The first byte.
    pub offset: u64,
    /// How many 4-byte floats.
    pub classes: usize,
}

/// A buffer of 4-byte words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Buffer {
    /// The tensor's name, or the shared buffer's.
    pub name: String,
    /// Which of the shared buffers it is, if it is one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub shared: Option<Shared>,
    /// Its size.
    pub size: Size,
    /// Who fills it and who reads it back.
    #[serde(rename = "use")]
    pub role: Role,
    /// The words that it holds throughout; without them, it starts with zeros.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub words: Option<Vec<u32>>,
}

/// How large a buffer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Size {
    /// This many bytes, rounding and guard included.
    Bytes(u64),
    /// This many bytes for each image of the data set, the total rounded up to [`ROUNDING`].
    BytesPerImage(u64),
}

/// What a buffer is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Written and read by the steps alone.
    Scratch,
    /// Holds its words throughout.
    Constant,
    /// The network's state: uploaded before the first step, kept by the steps, read back when needed.
    State,
    /// Uploaded once, with the data set.
    Data,
    /// Uploaded before every pass over the data set.
    Pass,
    /// Read back after every pass.
    Result,
}

impl Role {
    /// The role of a shared buffer.
    pub fn of(shared: Shared) -> Self {
        match shared {
            Shared::Parameters | Shared::FirstMoments | Shared::SecondMoments | Shared::Average => {
                Self::State
            }
            Shared::Gradients => Self::Scratch,
            Shared::Images | Shared::Originals | Shared::Labels => Self::Data,
            Shared::Order | Shared::Addends | Shared::Key => Self::Pass,
            Shared::Records => Self::Result,
        }
    }
}

/// The final text of a shader, and whether it is the one that was tested and shipped with the program except
/// for constants that the host has set. No text that is read from a file counts as shipped.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Text {
    text: String,
    #[serde(skip)]
    shipped: bool,
}

impl Text {
    pub(crate) fn new(text: String, shipped: bool) -> Self {
        Self { text, shipped }
    }

    /// The WGSL.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it was shipped with the program.
    pub fn is_shipped(&self) -> bool {
        self.shipped
    }
}

/// One entry of a shader with the host's constants in its text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Kernel {
    /// The shader, named like its op.
    pub shader: String,
    /// The shader's entry.
    pub entry: String,
    /// Invocations of a workgroup in x, y and z.
    pub workgroup: [u32; 3],
    /// The buffers that the entry declares, in the order of their slots.
    pub slots: Vec<Slot>,
    /// The variables that only branches name which the constants rule out, the cursor among them. A host that
    /// compiles the text as it is must provide for them; nothing reads or writes them.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub ruled_out: Vec<Slot>,
    /// Bytes of the cursor that it reads, from the first on.
    pub immediate_bytes: u32,
    /// The constants that the host has set.
    pub constants: Vec<(String, Constant)>,
    /// The final text.
    pub text: Text,
}

impl Kernel {
    /// Shader and entry, such as `conv2d.forward`.
    pub fn name(&self) -> String {
        format!("{}.{}", self.shader, self.entry)
    }
}

/// How an entry uses a variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Access {
    /// `var<uniform>`.
    Uniform,
    /// `var<storage>`.
    Read,
    /// `var<storage, read_write>`.
    ReadWrite,
    /// `var<immediate>`, which is not a buffer: the step's [`Cursor`](super::Cursor).
    Immediate,
}

/// One variable that an entry uses and the host provides: a buffer in group 0, or immediate data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slot {
    /// The variable's name.
    pub name: String,
    /// Its `@binding` number; 0 for immediate data, which has none.
    pub slot: u32,
    /// How it is used.
    pub access: Access,
    /// Bytes that must be bound at least; of immediate data, exactly this many.
    pub min_bytes: u64,
}

/// One dispatch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// The layer that it works for.
    pub layer: String,
    /// Its kernel, by its place in the list.
    pub kernel: usize,
    /// A range for each of the kernel's slots, in their order.
    pub bindings: Vec<Bound>,
    /// Its grid.
    pub workgroups: [u32; 3],
}

/// A tensor that is bound to a slot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bound {
    /// The slot's variable.
    pub variable: String,
    /// The tensor's name.
    pub tensor: String,
    /// Its shape.
    pub shape: Vec<usize>,
    /// The buffer, by its place in the list.
    pub buffer: usize,
    /// The first byte.
    pub offset: u64,
    /// How many bytes; without a number, all of the buffer.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub bytes: Option<u64>,
}
