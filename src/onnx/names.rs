//! Names in an ONNX graph: not empty, and each of one thing only.

use std::collections::HashSet;

use crate::escape::Shown;
use crate::{Error, Result};

/// Names that are taken.
#[derive(Debug, Default)]
pub(super) struct Names(HashSet<String>);

impl Names {
    /// Takes exactly this name for something that users of the file must find by it.
    ///
    /// # Errors
    /// [`Error::Usage`] where it is empty or taken.
    pub(super) fn claim(&mut self, what: &str, name: &str) -> Result<()> {
        if name.is_empty() {
            return Err(Error::Usage(format!("{what} has no name, which ONNX needs")));
        }
        match self.0.insert(name.into()) {
            true => Ok(()),
            false => Err(Error::Usage(format!(
                "{what} `{}` has the name of an input, a parameter or another output: ONNX needs one of its own",
                name.shown()
            ))),
        }
    }

    /// Takes this name, or one like it that is free.
    pub(super) fn free(&mut self, wanted: &str) -> String {
        let mut name = wanted.to_string();
        while name.is_empty() || !self.0.insert(name.clone()) {
            name.push('_');
        }
        name
    }
}
