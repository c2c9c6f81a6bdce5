//! Values that the host sets for a shader's named constants.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A value for a named constant of a shader.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Constant {
    /// A switch.
    Bool(bool),
    /// A size, count or offset.
    U32(u32),
    /// A scalar factor.
    F32(f32),
}

impl Constant {
    /// Its type as WGSL spells it.
    pub fn wgsl_type(self) -> &'static str {
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
