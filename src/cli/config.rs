//! The file of `--config`: TOML, whose keys are the long names of flags.

use std::borrow::Cow;
use std::collections::HashSet;
use std::io::ErrorKind;
use std::path::Path;

use toml::Spanned;
use toml::de::{DeInteger, DeTable, DeValue};

use super::given::Origin;
use super::setting::{Setting, Value};
use crate::escape::Shown;
use crate::{Error, Result, bounded};

/// In bytes. A file of settings has a few hundred.
const MAX: u64 = 1_000_000;

/// The settings of a file, in the order of their lines.
///
/// # Errors
/// [`Error::Data`] where the file cannot be read, [`Error::Usage`] where it holds no settings; both name the
/// file, the latter the line and the key, too.
pub(super) fn read(path: &Path) -> Result<Vec<Setting>> {
    let file = path.shown();
    let text = text(path)?;
    settings(&file, text.strip_prefix('\u{feff}').unwrap_or(&text))
}

fn text(path: &Path) -> Result<String> {
    let wrong = |what: &str| Error::Data(format!("the settings file {} {what}", path.shown()));
    let about = std::fs::metadata(path).map_err(|error| wrong(&format!("cannot be read: {error}")))?;
    if about.is_dir() {
        return Err(wrong("is a folder: give a TOML file"));
    }
    // Opening a pipe would wait for someone to write to it.
    if !about.is_file() {
        return Err(wrong("is a pipe or a device: give a regular TOML file"));
    }
    let misused = |what: &str| Error::Usage(format!("{}: {what}", path.shown()));
    let bytes = bounded::read(path, MAX).map_err(|error| match error.kind() {
        ErrorKind::FileTooLarge => misused(&format!("{error}, so it is no file of settings")),
        _ => wrong(&format!("cannot be read: {error}")),
    })?;
    String::from_utf8(bytes).map_err(|_| misused("is not TOML: it is not text in UTF-8"))
}

/// The settings of a text, which errors call `file`.
///
/// # Errors
/// As [`read`].
pub(super) fn settings(file: &str, text: &str) -> Result<Vec<Setting>> {
    let breaks: Vec<usize> = text.match_indices('\n').map(|(at, _)| at).collect();
    let line_at = |at: usize| 1 + breaks.partition_point(|&place| place < at);
    let table = DeTable::parse(text).map_err(|error| {
        let line = error.span().map_or_else(String::new, |span| format!(", line {}", line_at(span.start)));
        Error::Usage(format!("{file}{line}: is not TOML: {}", error.message()))
    })?;
    let mut entries: Vec<(&Spanned<Cow<str>>, &Spanned<DeValue>)> = table.get_ref().iter().collect();
    entries.sort_by_key(|(key, _)| key.span().start);
    let (mut settings, mut seen) = (Vec::new(), HashSet::new());
    for (key, value) in entries {
        let line = line_at(key.span().start);
        let key = key.get_ref().shown();
        let wrong = |what: &str| Error::Usage(format!("{file}, line {line}: `{key}` {what}"));
        let flag = key.replace('_', "-");
        if ["config", "help"].contains(&flag.as_str()) {
            return Err(wrong("cannot be set in a file"));
        }
        if !seen.insert(flag.clone()) {
            return Err(wrong("is set twice, once with a dash and once with an underscore"));
        }
        let value = self::value(value.get_ref()).map_err(wrong)?;
        let origin = Origin::Line { file: file.into(), line, key };
        settings.push(Setting { flag, value, origin });
    }
    Ok(settings)
}

/// A value as a flag takes it, or what it is instead.
fn value(value: &DeValue) -> std::result::Result<Value, &'static str> {
    let one = |text: &str| Value::One(text.into());
    Ok(match value {
        DeValue::String(text) => one(text),
        DeValue::Integer(number) => one(&decimal(number)),
        DeValue::Float(number) => one(number.as_str()),
        DeValue::Boolean(switch) => Value::Switch(*switch),
        DeValue::Array(array) => {
            let items = array.iter().map(|item| match self::value(item.get_ref())? {
                Value::One(text) => Ok(text),
                _ => Err("is a list, but not one of numbers or strings"),
            });
            Value::List(items.collect::<std::result::Result<_, _>>()?)
        }
        DeValue::Datetime(_) => return Err("is a date: put it between quotes, if it is meant"),
        DeValue::Table(_) => {
            return Err("is a table, not a value: all settings stand at the top, without sections");
        }
    })
}

/// TOML also has hexadecimal, octal and binary numbers.
fn decimal(number: &DeInteger) -> String {
    match number.radix() {
        10 => number.as_str().into(),
        radix => i128::from_str_radix(number.as_str(), radix)
            .map_or_else(|_| number.to_string(), |number| number.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(text: &str) -> Vec<(String, Value)> {
        settings("f", text).unwrap().into_iter().map(|setting| (setting.flag, setting.value)).collect()
    }

    #[test]
    fn values_keep_their_digits() {
        let one = |flag: &str, text: &str| (flag.to_string(), Value::One(text.into()));
        assert_eq!(
            values("lr = 1e-3\nbatch_size = 1_024\nlimit=0x10\n'out' = \"a b\"\nplan = 0.10\nepochs = 5.0"),
            [
                one("lr", "1e-3"),
                one("batch-size", "1024"),
                one("limit", "16"),
                one("out", "a b"),
                one("plan", "0.10"),
                one("epochs", "5.0"),
            ]
        );
        let list = Value::List(vec!["1".into(), "x".into()]);
        assert_eq!(values("a = [1, 'x']\nb = true"), [("a".into(), list), ("b".into(), Value::Switch(true))]);
        assert_eq!(values("# nothing\n"), []);
    }

    #[test]
    fn what_is_no_setting_is_named_with_its_line() {
        for (text, words) in [
            ("seed 1", "f, line 1: is not TOML"),
            ("\nseed = 1\nseed = 2", "f, line 3: is not TOML"),
            ("seed = 1\n\n[train]\nlr = 1", "f, line 3: `train` is a table"),
            ("a.b = 1", "f, line 1: `a` is a table"),
            ("\nseed = 1979-05-27", "f, line 2: `seed` is a date"),
            ("a = [[1]]", "line 1: `a` is a list"),
            ("a = [true]", "line 1: `a` is a list"),
            ("batch-size = 1\nbatch_size = 2", "f, line 2: `batch_size` is set twice"),
            ("config = 'x'", "f, line 1: `config` cannot be set in a file"),
            ("help = true", "f, line 1: `help` cannot"),
        ] {
            let error = settings("f", text).unwrap_err();
            assert_eq!(error.exit_code(), 2);
            assert!(error.to_string().starts_with(words) || error.to_string().contains(words), "{error}");
        }
    }
}
