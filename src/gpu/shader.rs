//! The WGSL sources: where they come from, and how a named constant is given another value.

use std::collections::BTreeMap;
use std::fmt;

use crate::{Error, Result};

/// The shader of every op, by the op's name.
pub const EMBEDDED: &[(&str, &str)] = &[
    ("adam", include_str!("../../shaders/adam.wgsl")),
    ("add", include_str!("../../shaders/add.wgsl")),
    ("batch_sum", include_str!("../../shaders/batch_sum.wgsl")),
    ("concat", include_str!("../../shaders/concat.wgsl")),
    ("conv2d", include_str!("../../shaders/conv2d.wgsl")),
    ("conv_pool", include_str!("../../shaders/conv_pool.wgsl")),
    ("dense", include_str!("../../shaders/dense.wgsl")),
    ("dense_gradients", include_str!("../../shaders/dense_gradients.wgsl")),
    ("cross_entropy", include_str!("../../shaders/cross_entropy.wgsl")),
    ("gather", include_str!("../../shaders/gather.wgsl")),
    ("linear", include_str!("../../shaders/linear.wgsl")),
    ("max_pool", include_str!("../../shaders/max_pool.wgsl")),
    ("metrics", include_str!("../../shaders/metrics.wgsl")),
    ("relu", include_str!("../../shaders/relu.wgsl")),
    ("softmax", include_str!("../../shaders/softmax.wgsl")),
];

/// Shaders that are no op: what a device can do at most, for ops to be measured by.
pub const YARDSTICKS: &[(&str, &str)] = &[("ceiling", include_str!("../../shaders/ceiling.wgsl"))];

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
    /// The embedded text, but for one shader.
    Replaced {
        /// The shader's name.
        name: String,
        /// Its text.
        text: String,
    },
}

impl Library {
    /// The text of the shader `name`.
    pub fn text(&self, name: &str) -> Result<String> {
        let unknown = || Error::Device(format!("no shader is called `{name}`"));
        match self {
            Self::Texts(texts) => texts.get(name).cloned().ok_or_else(unknown),
            Self::Replaced { name: replaced, text } if replaced == name => Ok(text.clone()),
            Self::Replaced { .. } | Self::Embedded => EMBEDDED
                .iter()
                .chain(YARDSTICKS)
                .find(|(known, _)| *known == name)
                .map(|(_, text)| (*text).to_string())
                .ok_or_else(unknown),
        }
    }

    /// Whether the text is the one that was tested and shipped with the program.
    pub fn is_shipped(&self) -> bool {
        matches!(self, Self::Embedded)
    }
}

/// A value for a named constant of a shader.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Constant {
    /// A size, count or offset.
    U32(u32),
    /// A scalar factor.
    F32(f32),
    /// A switch.
    Bool(bool),
}

impl Constant {
    fn wgsl_type(self) -> &'static str {
        match self {
            Self::U32(_) => "u32",
            Self::F32(_) => "f32",
            Self::Bool(_) => "bool",
        }
    }
}

/// The value as a WGSL literal.
impl fmt::Display for Constant {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::U32(value) => write!(f, "{value}u"),
            Self::F32(value) => write!(f, "{value:e}f"),
            Self::Bool(value) => write!(f, "{value}"),
        }
    }
}

impl From<usize> for Constant {
    fn from(value: usize) -> Self {
        // No size of a network comes near 2^32; a saturated one fails the shader's limits by name.
        Self::U32(u32::try_from(value).unwrap_or(u32::MAX))
    }
}

impl From<f32> for Constant {
    fn from(value: f32) -> Self {
        Self::F32(value)
    }
}

impl From<bool> for Constant {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

/// Gives named constants other values: each `const NAME: TYPE = VALUE;` at the start of a line has its
/// value replaced in place, so lines keep their numbers.
///
/// # Errors
/// A constant that the text declares not exactly once, or with another type.
pub fn specialise(name: &str, text: &str, constants: &[(&'static str, Constant)]) -> Result<String> {
    let mut lines: Vec<String> = text.lines().map(String::from).collect();
    for (constant, value) in constants {
        let head = format!("const {constant}: ");
        let mut found = lines.iter_mut().filter(|line| line.starts_with(&head));
        let (Some(line), None) = (found.next(), found.next()) else {
            return Err(Error::Device(format!(
                "{name}.wgsl must declare `const {constant}: {} = ..;` exactly once, at the start of a line",
                value.wgsl_type()
            )));
        };
        let declared = line[head.len()..].split([' ', '=']).next().unwrap_or_default();
        if declared != value.wgsl_type() {
            return Err(Error::Device(format!(
                "{name}.wgsl declares `{constant}` as {declared}, the host sets a {}",
                value.wgsl_type()
            )));
        }
        let comment = line.split_once(';').map_or("", |(_, rest)| rest).to_string();
        *line = format!("{head}{declared} = {value};{comment}");
    }
    lines.push(String::new());
    Ok(lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "// A tile.\nconst TILE: u32 = 8u; // outputs\nconst RATE: f32 = 1.0;\nvar<private> a: array<f32, TILE>;\n";

    #[test]
    fn constants_are_replaced_in_place() {
        let text = specialise("t", TEXT, &[("TILE", 16.into()), ("RATE", 1e-3f32.into())]).unwrap();
        assert_eq!(text, TEXT.replace("8u", "16u").replace("1.0", "1e-3f"));
    }

    #[test]
    fn a_constant_must_stand_exactly_once_with_its_type() {
        for (text, constant) in [
            (TEXT, ("SIZE", Constant::U32(1))),
            (TEXT, ("TILE", Constant::F32(1.0))),
            ("const TILE: u32 = 1u;\nconst TILE: u32 = 2u;\n", ("TILE", Constant::U32(1))),
        ] {
            assert!(specialise("t", text, &[constant]).is_err(), "{constant:?}");
        }
    }
}
