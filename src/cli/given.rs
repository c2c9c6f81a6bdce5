//! Which flags a user set, and where: on the command line, in the environment, in a file or by a recipe.

use std::collections::BTreeMap;
use std::fmt;

use crate::report::console;

/// Where a flag was set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// On the command line.
    Flag,
    /// By the environment variable of this name.
    Variable(String),
    /// In the file of `--config`.
    Line {
        /// The file, as it was named.
        file: String,
        /// Its line, from 1.
        line: usize,
        /// The key, as it stands there.
        key: String,
    },
    /// By the recipe of `--recipe`.
    Recipe {
        /// Its name.
        name: String,
        /// The value, which the user has not seen.
        value: String,
    },
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Flag => f.write_str("the command line"),
            Self::Variable(name) => f.write_str(name),
            Self::Line { file, line, key } => write!(f, "`{key}` in {file}, line {line}"),
            Self::Recipe { name, .. } => write!(f, "the recipe {name}"),
        }
    }
}

/// The flags that were set, by their long names without dashes. Flags that have their default values are
/// not among them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Given {
    origins: BTreeMap<String, Origin>,
    /// What the user should know about settings that are passed over.
    notes: Vec<String>,
}

impl Given {
    /// Whether `flag`, such as `batch-size`, was set.
    pub fn has(&self, flag: &str) -> bool {
        self.origins.contains_key(flag)
    }

    /// Where `flag` was set, if it was. The command line stands above the environment, that above a file, and
    /// that above a recipe.
    pub fn origin(&self, flag: &str) -> Option<&Origin> {
        self.origins.get(flag)
    }

    /// All that were set, by name.
    pub fn flags(&self) -> impl Iterator<Item = (&str, &Origin)> {
        self.origins.iter().map(|(flag, origin)| (flag.as_str(), origin))
    }

    pub(super) fn set(&mut self, flag: &str, origin: Origin) {
        self.origins.insert(flag.into(), origin);
    }

    pub(super) fn note(&mut self, note: String) {
        self.notes.push(note);
    }

    /// Those that do not stand on the command line, such as `batch-size and lr from run.toml, seed from
    /// DIGIT_ADDER_SEED`; nothing where there are none.
    pub(super) fn elsewhere(&self) -> Option<String> {
        let mut places: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (flag, origin) in &self.origins {
            let (place, told) = match origin {
                Origin::Flag => continue,
                Origin::Variable(name) => (name.clone(), flag.clone()),
                Origin::Line { file, .. } => (file.clone(), flag.clone()),
                Origin::Recipe { value, .. } => (origin.to_string(), format!("{flag} {value}")),
            };
            places.entry(place).or_default().push(told);
        }
        let place = |(place, flags): (String, Vec<String>)| match flags.split_last() {
            Some((last, others)) if !others.is_empty() => {
                format!("{} and {last} from {place}", others.join(", "))
            }
            _ => format!("{} from {place}", flags.concat()),
        };
        let places: Vec<String> = places.into_iter().map(place).collect();
        (!places.is_empty()).then(|| places.join(", "))
    }

    /// Tells the user what does not stand on the command line: what a file or a variable set long ago is
    /// easily forgotten.
    pub(super) fn tell(&self) {
        self.notes.iter().for_each(|note| console::say(&format!("note: {note}")));
        if let Some(settings) = self.elsewhere() {
            console::say(&format!("settings: {settings}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_told_by_place() {
        let line = |key: &str| Origin::Line { file: "run.toml".into(), line: 1, key: key.into() };
        let mut given = Given::default();
        assert_eq!(given.elsewhere(), None);
        given.set("epochs", Origin::Flag);
        assert_eq!(given.elsewhere(), None);
        given.set("seed", Origin::Variable("DIGIT_ADDER_SEED".into()));
        given.set("lr", line("lr"));
        given.set("batch-size", line("batch_size"));
        assert_eq!(given.elsewhere().unwrap(), "seed from DIGIT_ADDER_SEED, batch-size and lr from run.toml");
        given.set("warmup", Origin::Recipe { name: "best".into(), value: "15%".into() });
        assert!(given.elsewhere().unwrap().ends_with("from run.toml, warmup 15% from the recipe best"));
        assert!(given.has("epochs") && !given.has("loss"));
        assert_eq!(given.origin("batch-size").unwrap().to_string(), "`batch_size` in run.toml, line 1");
        assert_eq!(given.flags().count(), 5);
    }
}
