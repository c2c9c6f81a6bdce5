//! Text from outside on its way to a terminal, which takes control characters for commands.
//!
//! Names and texts of files are escaped where a message takes them in ([`Shown`]): a line break in a name must
//! not look like the next message. What prints messages escapes all that is left but line breaks and tabs ([`lines`]).

use std::borrow::Cow;
use std::ffi::OsStr;
use std::path::Path;

/// What is shown in messages as one line of plain text.
pub(crate) trait Shown {
    /// It without control characters: `\n`, `\u001b`.
    fn shown(&self) -> String;
}

impl Shown for str {
    fn shown(&self) -> String {
        escaped(self, |_| false).into_owned()
    }
}

impl Shown for OsStr {
    fn shown(&self) -> String {
        self.to_string_lossy().shown()
    }
}

impl Shown for Path {
    fn shown(&self) -> String {
        self.as_os_str().shown()
    }
}

/// A text of several lines without control characters other than line breaks and tabs. What is escaped in JSON
/// still means the same.
pub(crate) fn lines(text: &str) -> Cow<'_, str> {
    escaped(text, |c| matches!(c, '\n' | '\t'))
}

fn escaped(text: &str, kept: impl Fn(char) -> bool) -> Cow<'_, str> {
    let acts = |c: char| acts_on_terminal(c) && !kept(c);
    if !text.contains(acts) {
        return Cow::Borrowed(text);
    }
    let escape = |c: char| match c {
        c if !acts(c) => c.to_string(),
        '\n' => r"\n".into(),
        '\t' => r"\t".into(),
        '\r' => r"\r".into(),
        // All of these have at most four digits, as JSON writes them.
        c => format!(r"\u{:04x}", u32::from(c)),
    };
    Cow::Owned(text.chars().map(escape).collect())
}

/// Control characters, and those that break lines or turn the direction of what follows.
fn acts_on_terminal(c: char) -> bool {
    let turns =
        matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    c.is_control() || turns
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_acts_on_a_terminal() {
        let name = "a\nb\t\r\u{1b}[2J\u{7f}\u{9b}31m\u{202e}é±█";
        assert_eq!(name.shown(), r"a\nb\t\r\u001b[2J\u007f\u009b31m\u202eé±█");
        assert_eq!(lines(name), "a\nb\t\\r\\u001b[2J\\u007f\\u009b31m\\u202eé±█");
        assert_eq!(Path::new("runs/été").shown(), "runs/été");
        for c in (0..=0x2fff).filter_map(char::from_u32).filter(|&c| acts_on_terminal(c)) {
            assert!(
                !c.to_string().shown().contains(c) && lines(&c.to_string()).contains(c) == "\n\t".contains(c)
            );
        }
    }

    #[test]
    fn json_still_means_the_same() {
        let name = "\u{1b}\u{7f}\u{9b}\u{202e}\n";
        let json = serde_json::to_string(name).unwrap();
        assert_eq!(serde_json::from_str::<String>(&lines(&json)).unwrap(), name);
    }
}
