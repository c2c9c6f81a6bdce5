//! What clap says of a command line: the user's words in it without control characters.

use clap::Error;
use clap::builder::StyledStr;
use clap::error::ContextValue;

use crate::escape::Shown;

/// The same error, whose words no terminal takes for commands.
pub(super) fn plain(mut error: Error) -> Error {
    let words: Vec<_> = error.context().map(|(kind, value)| (kind, escaped(value))).collect();
    for (kind, value) in words {
        if let Some(value) = value {
            error.insert(kind, value);
        }
    }
    error
}

/// A value that has words of the user.
fn escaped(value: &ContextValue) -> Option<ContextValue> {
    // Its text without colours.
    let styled = |text: &StyledStr| {
        let (plain, shown) = (text.to_string(), text.to_string().shown());
        if plain == shown { text.clone() } else { StyledStr::from(shown) }
    };
    match value {
        ContextValue::String(text) => Some(ContextValue::String(text.shown())),
        ContextValue::Strings(texts) => {
            Some(ContextValue::Strings(texts.iter().map(|text| text.shown()).collect()))
        }
        ContextValue::StyledStrs(texts) => Some(ContextValue::StyledStrs(texts.iter().map(styled).collect())),
        _ => None,
    }
}
