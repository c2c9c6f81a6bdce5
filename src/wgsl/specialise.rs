//! Gives a shader's named constants the host's values.

use super::interface::{self, Entry};
use super::library::{self, Library};
use crate::program::{Constant, Dispatch};
use crate::{Error, Result};

/// Gives named constants other values: each `const NAME: TYPE = VALUE;` at the start of a line has its
/// value replaced in place, so lines keep their numbers.
///
/// # Errors
/// A constant that the text does not declare exactly once, or declares with a different type.
pub fn specialise(name: &str, text: &str, constants: &[(&'static str, Constant)]) -> Result<String> {
    let path = library::path(name);
    let mut lines: Vec<String> = text.lines().map(String::from).collect();
    for (constant, value) in constants {
        let head = format!("const {constant}: ");
        let mut found = lines.iter_mut().filter(|line| line.starts_with(&head));
        let (Some(line), None) = (found.next(), found.next()) else {
            return Err(Error::Device(format!(
                "{path} must declare `const {constant}: {} = ..;` exactly once, at the start of a line",
                value.wgsl_type()
            )));
        };
        let declared = line[head.len()..].split([' ', '=']).next().unwrap_or_default();
        if declared != value.wgsl_type() {
            return Err(Error::Device(format!(
                "{path} declares `{constant}` as {declared}, but the host sets a {}",
                value.wgsl_type()
            )));
        }
        let comment = line.split_once(';').map_or("", |(_, rest)| rest).to_string();
        *line = format!("{head}{declared} = {value};{comment}");
    }
    lines.push(String::new());
    Ok(lines.join("\n"))
}

/// A constant that is set for every shader that declares it, see [`of_dispatch`].
pub const PADDED: &str = "PADDED";

/// A dispatch's shader, with the dispatch's constants.
#[derive(Clone, Debug)]
pub struct Specialised {
    /// The final text.
    pub text: String,
    /// The interface of the dispatch's entry.
    pub entry: Entry,
    /// The constants that were set, [`PADDED`] among them where the shader declares it.
    pub constants: Vec<(&'static str, Constant)>,
}

/// The text of a dispatch's shader with the dispatch's constants, and its entry's interface.
///
/// Where the shader declares `const PADDED: bool`, it is set to whether the grid has more invocations in
/// x than the dispatch needs: a guard that is never needed costs a software driver two thirds of its
/// speed, because everything after it runs under a mask.
///
/// # Errors
/// [`Error::Device`] for a shader that is not valid, lacks the entry or does not declare a constant.
pub fn of_dispatch(library: &Library, dispatch: &Dispatch) -> Result<Specialised> {
    let Dispatch { shader: name, entry, .. } = *dispatch;
    let mut constants = dispatch.constants.clone();
    let text = specialise(name, &library.text(name)?, &constants)?;
    let entry = interface::read(name, &text)?
        .into_iter()
        .find(|found| found.name == entry)
        .ok_or_else(|| Error::Device(format!("{} has no entry `{entry}`", library::path(name))))?;
    if !text.contains(&format!("\nconst {PADDED}: bool")) {
        return Ok(Specialised { text, entry, constants });
    }
    let padded = !dispatch.threads[0].is_multiple_of(entry.workgroup[0] as usize);
    constants.push((PADDED, padded.into()));
    Ok(Specialised { text: specialise(name, &text, &[(PADDED, padded.into())])?, entry, constants })
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
