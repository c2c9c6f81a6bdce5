//! The WGSL sources: what there is, and where the text is read from.

use std::collections::BTreeMap;

use crate::{Error, Result};

/// A shader that is part of the program.
#[derive(Clone, Copy, Debug)]
pub struct Shader {
    /// The name of its op.
    pub name: &'static str,
    /// Its file, in the folder of the shaders.
    pub path: &'static str,
    /// The text that was compiled into the program.
    pub text: &'static str,
}

macro_rules! shader {
    ($folder:literal, $name:literal) => {
        Shader {
            name: $name,
            path: concat!($folder, $name, ".wgsl"),
            text: include_str!(concat!("../../shaders/", $folder, $name, ".wgsl")),
        }
    };
}

/// The shader of every op.
pub const SHADERS: &[Shader] = &[
    shader!("", "adam"),
    shader!("", "add"),
    shader!("", "augment"),
    shader!("", "batch_sum"),
    shader!("", "clip_norm"),
    shader!("", "concat"),
    shader!("", "conv2d"),
    shader!("", "cross_entropy"),
    shader!("", "gather"),
    shader!("", "linear"),
    shader!("", "max_pool"),
    shader!("", "metrics"),
    shader!("", "relu"),
    shader!("", "softmax"),
    shader!("fused/", "conv_pool"),
    shader!("fused/", "linear_layers"),
    shader!("fused/", "linear_layers_gradients"),
];

/// Shaders that are not ops: the most that a device can do, to measure ops against.
pub const YARDSTICKS: &[Shader] = &[shader!("", "ceiling")];

/// The file of a shader in the folder of the shaders, for messages.
pub fn path(name: &str) -> String {
    let known = SHADERS.iter().chain(YARDSTICKS).find(|shader| shader.name == name);
    known.map_or_else(|| format!("{name}.wgsl"), |shader| shader.path.to_string())
}

/// The text of every shader, by its name.
pub type Texts = BTreeMap<&'static str, String>;

/// Where shader text is read from.
#[derive(Clone, Debug, Default)]
pub enum Library {
    /// The text that was compiled into the program.
    #[default]
    Embedded,
    /// Texts from outside, by name: what the files of a folder held at one moment.
    Texts(Texts),
    /// The embedded text, except for one shader.
    Replaced {
        /// The shader's name.
        name: String,
        /// Its text.
        text: String,
    },
}

impl Library {
    /// The text of the shader `name`.
    ///
    /// # Errors
    /// [`Error::Device`] where there is no such shader.
    pub fn text(&self, name: &str) -> Result<String> {
        let unknown = || Error::Device(format!("no shader is called `{name}`"));
        match self {
            Self::Texts(texts) => texts.get(name).cloned().ok_or_else(unknown),
            Self::Replaced { name: replaced, text } if replaced == name => Ok(text.clone()),
            Self::Replaced { .. } | Self::Embedded => SHADERS
                .iter()
                .chain(YARDSTICKS)
                .find(|shader| shader.name == name)
                .map(|shader| shader.text.to_string())
                .ok_or_else(unknown),
        }
    }

    /// Whether the text is the one that was tested and shipped with the program.
    pub fn is_shipped(&self) -> bool {
        matches!(self, Self::Embedded)
    }
}
