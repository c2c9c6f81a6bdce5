//! A setting that does not stand on the command line, and the arguments that say the same.

use std::error::Error as _;
use std::ffi::{OsStr, OsString};
use std::fmt;

use clap::error::{ContextKind, ContextValue};
use clap::{Arg, ArgAction};

use super::given::Origin;
use crate::Error;
use crate::escape::Shown;

/// A setting that is not on the command line.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Setting {
    /// The flag's long name, as far as it is one.
    pub flag: String,
    pub value: Value,
    pub origin: Origin,
}

/// The value of a setting.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Value {
    Switch(bool),
    One(OsString),
    List(Vec<OsString>),
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Switch(switch) => write!(f, "{switch}"),
            Self::One(text) => f.write_str(&text.shown()),
            Self::List(values) => {
                let texts: Vec<_> = values.iter().map(|text| text.shown()).collect();
                write!(f, "[{}]", texts.join(", "))
            }
        }
    }
}

/// Whether a flag may stand alone.
pub(super) fn takes_switch(arg: &Arg) -> bool {
    !arg.get_action().takes_values() || arg.get_num_args().is_some_and(|range| range.min_values() == 0)
}

/// How a value is written on the command line, or what it must be.
pub(super) fn written(arg: &Arg, value: &Value) -> Result<Vec<OsString>, String> {
    let flag = format!("--{}", arg.get_long().unwrap_or_default());
    let with = |value: &OsStr| {
        let mut argument = OsString::from(format!("{flag}="));
        argument.push(value);
        argument
    };
    match value {
        Value::Switch(false) if takes_switch(arg) => Ok(Vec::new()),
        Value::Switch(true) if takes_switch(arg) => Ok(vec![flag.into()]),
        _ if !arg.get_action().takes_values() => Err("must be true or false".into()),
        Value::Switch(_) => Err("must be a value, not true or false".into()),
        Value::One(value) => Ok(vec![with(value)]),
        Value::List(values) if matches!(arg.get_action(), ArgAction::Append) => {
            Ok(values.iter().map(|value| with(value)).collect())
        }
        Value::List(_) => Err("must be one value, not a list".into()),
    }
}

/// The error about a value of a setting.
pub(super) fn wrong(Setting { value, origin, .. }: &Setting, what: &str) -> Error {
    Error::Usage(match origin {
        Origin::Line { file, line, key } => {
            format!("{file}, line {line}: invalid value '{value}' for `{key}`: {what}")
        }
        origin => format!("invalid value '{value}' of {origin}: {what}"),
    })
}

/// What clap has against a value, without the flag's name, which the user did not type.
pub(super) fn reason(error: &clap::Error) -> String {
    if let Some(source) = error.source() {
        return source.to_string().shown();
    }
    if error.get(ContextKind::InvalidValue) == Some(&ContextValue::String(String::new())) {
        return "it is empty".into();
    }
    if let Some(ContextValue::Strings(values)) = error.get(ContextKind::ValidValue)
        && !values.is_empty()
    {
        return format!("must be one of {}", values.join(", "));
    }
    let text = error.to_string();
    let first = text.lines().next().unwrap_or_default();
    first.strip_prefix("error: ").unwrap_or(first).into()
}
