//! The command line, with what the environment, the file of `--config` and the recipe of `--recipe` add to it.
//!
//! Settings become arguments, so that a flag has one check of its values wherever it was set. Of a flag that
//! is set in several places the command line counts, then the environment, then the file, then the recipe.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use clap::builder::ValueHint;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Command, CommandFactory, FromArgMatches, value_parser};

use super::Cli;
use super::given::{Given, Origin};
use super::setting::{Setting, Value, reason, takes_switch, written, wrong};
use super::{config, recipes};
use crate::escape::Shown;
use crate::{Error, Result};

/// The commands whose flags can be set elsewhere.
const SETTABLE: [&str; 2] = ["train", "resume"];
/// What the variables begin with.
const PREFIX: &str = "DIGIT_ADDER_";
/// Variables that other programs share, and the flags that they stand for.
const SHARED: [(&str, &str); 3] =
    [("adapter", "WGPU_ADAPTER_NAME"), ("backend", "WGPU_BACKEND"), ("data-dir", "MNIST_DIR")];

/// In columns.
const NARROW: u16 = 60;

const ELSEWHERE: &str = "Each flag can also be set by an environment variable, DIGIT_ADDER_ and its name \
    (DIGIT_ADDER_BATCH_SIZE=128, DIGIT_ADDER_TUNE=1), or in the file of --config (batch_size = 128, tune = true). \
    The command line counts before the environment, that before the file, and that before what --recipe sets.";

/// Why there is nothing to run.
pub(super) enum Stop {
    /// Help that was asked for, or a command line that makes no sense; and what else to tell.
    Clap(clap::Error, Option<String>),
    /// A setting elsewhere that is wrong.
    Wrong(Error),
}

impl From<clap::Error> for Stop {
    fn from(error: clap::Error) -> Self {
        Self::Clap(error, None)
    }
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Wrong(error)
    }
}

/// The commands, with `--config` and `--recipe` where flags can be set elsewhere.
pub(super) fn command() -> Command {
    let config = Arg::new("config")
        .long("config")
        .value_name("FILE")
        .value_parser(value_parser!(PathBuf))
        .value_hint(ValueHint::FilePath)
        .help("Take settings from a TOML file whose keys are the names of flags: `batch_size = 128`");
    let command = Cli::command().mut_subcommands(|sub| match SETTABLE.contains(&sub.get_name()) {
        true => sub.args([config.clone(), recipes::flag()]).after_help(ELSEWHERE),
        false => sub,
    });
    match terminal_size::terminal_size() {
        Some((width, _)) if width.0 < NARROW => for_narrow(command),
        _ => command,
    }
}

/// On a terminal that leaves nothing beside the names of flags clap would put their help there all the same.
fn for_narrow(command: Command) -> Command {
    command.next_line_help(true).mut_subcommands(for_narrow)
}

/// Reads a file of settings.
type Read<'a> = &'a dyn Fn(&Path) -> Result<Vec<Setting>>;

/// Parses arguments, the program's name first.
pub(super) fn parse(
    arguments: &[OsString],
    variables: &BTreeMap<String, OsString>,
) -> std::result::Result<(Cli, Given), Stop> {
    parse_with(&config::read, arguments, variables)
}

/// The same, with another way to read the file of `--config`.
pub(super) fn parse_with(
    read: Read,
    arguments: &[OsString],
    variables: &BTreeMap<String, OsString>,
) -> std::result::Result<(Cli, Given), Stop> {
    let mut command = command();
    // What the arguments take is known only then.
    command.build();
    let name = arguments.get(1).and_then(|name| name.to_str()).filter(|name| SETTABLE.contains(name));
    let Some(flags) = name.and_then(|name| Flags::of(&command, name)) else {
        let matches = command.try_get_matches_from_mut(arguments)?;
        return Ok((Cli::from_arg_matches(&matches)?, Given::default()));
    };
    // What is wrong on the command line itself is told first, and without the settings.
    match command.clone().try_get_matches_from(arguments) {
        Err(error) if !is_about_several(&error) => return Err(error.into()),
        _ => {}
    }
    let alone = command.clone().ignore_errors(true).try_get_matches_from(arguments)?;
    let alone = alone.subcommand_matches(flags.command).unwrap_or(&alone);
    let (settings, given) = flags.layers(read, alone, variables)?;

    let mut all = arguments.to_vec();
    let end = arguments.iter().position(|argument| argument == "--").unwrap_or(all.len());
    all.splice(end..end, settings);
    let parsed = command.try_get_matches_from_mut(all).and_then(|matches| Cli::from_arg_matches(&matches));
    let elsewhere = || given.elsewhere().map(|settings| format!("not on the command line: {settings}"));
    Ok((parsed.map_err(|error| Stop::Clap(error, elsewhere()))?, given))
}

/// Whether an error is about flags that do not go together, or that others need: that depends on all settings.
fn is_about_several(error: &clap::Error) -> bool {
    matches!(error.kind(), ErrorKind::MissingRequiredArgument | ErrorKind::ArgumentConflict)
}

/// The flags of a command.
struct Flags<'a> {
    root: &'a Command,
    command: &'a str,
    by_name: BTreeMap<&'a str, &'a Arg>,
}

impl<'a> Flags<'a> {
    fn of(root: &'a Command, command: &'a str) -> Option<Self> {
        let flags = root.find_subcommand(command)?.get_arguments();
        let by_name = flags.filter_map(|arg| Some((arg.get_long()?, arg))).collect();
        Some(Self { root, command, by_name })
    }

    /// The arguments that stand for the settings that count, and where all flags are set.
    fn layers(
        &self,
        read: Read,
        alone: &ArgMatches,
        variables: &BTreeMap<String, OsString>,
    ) -> Result<(Vec<OsString>, Given)> {
        let (mut arguments, mut given) = (Vec::new(), Given::default());
        for (flag, arg) in &self.by_name {
            if alone.value_source(arg.get_id().as_str()) == Some(ValueSource::CommandLine) {
                given.set(flag, Origin::Flag);
            }
        }
        let variables: BTreeMap<&str, &OsStr> = variables
            .iter()
            .filter(|(_, value)| !value.to_string_lossy().trim().is_empty())
            .map(|(name, value)| (name.as_str(), value.as_os_str()))
            .collect();
        self.note_unknown(&variables, &mut given);
        let mut settings = self.environment(&variables);
        let typed: Option<&PathBuf> = alone.get_one("config");
        let named = variables.get(variable("config").as_str());
        let file = typed.map(PathBuf::as_path).or_else(|| named.map(Path::new));
        settings.extend(file.map_or_else(|| Ok(Vec::new()), read)?);
        let typed: Option<&String> = alone.get_one("recipe");
        settings.extend(recipes::named(typed.map(String::as_str), &settings)?);
        // Those from the environment come first and the recipe's last, so that the first that sets a flag counts.
        for setting in settings {
            let added = self.arguments(&setting)?;
            if given.has(&setting.flag) {
                continue;
            }
            let shared = SHARED.iter().find(|(flag, name)| {
                *flag == setting.flag
                    && matches!(setting.origin, Origin::Line { .. })
                    && variables.contains_key(name)
            });
            if let Some((_, name)) = shared {
                given.note(format!("{} is not used, as {name} is set", setting.origin));
                continue;
            }
            given.set(&setting.flag, setting.origin);
            arguments.extend(added);
        }
        if !given.has("adapter")
            && alone.value_source("adapter") == Some(ValueSource::EnvVariable)
            && variables.contains_key(SHARED[0].1)
        {
            given.set("adapter", Origin::Variable(SHARED[0].1.into()));
        }
        Ok((arguments, given))
    }

    fn environment(&self, variables: &BTreeMap<&str, &OsStr>) -> Vec<Setting> {
        let setting = |(flag, arg): (&&str, &&Arg)| {
            let name = variable(flag);
            let text = variables.get(name.as_str())?;
            let switch = match text.to_string_lossy().trim().to_lowercase().as_str() {
                "1" | "true" => Some(true),
                "0" | "false" => Some(false),
                _ => None,
            };
            let value = match switch {
                Some(switch) if takes_switch(arg) => Value::Switch(switch),
                _ => Value::One(text.to_os_string()),
            };
            Some(Setting { flag: flag.to_string(), value, origin: Origin::Variable(name) })
        };
        let flags = self.by_name.iter().filter(|(flag, _)| !["config", "help"].contains(flag));
        flags.filter_map(setting).collect()
    }

    /// Variables that look as if they set a flag, and set none of any command.
    fn note_unknown(&self, variables: &BTreeMap<&str, &OsStr>, given: &mut Given) {
        let commands = SETTABLE.iter().filter_map(|name| self.root.find_subcommand(name));
        let known: BTreeSet<String> =
            commands.flat_map(Command::get_arguments).filter_map(Arg::get_long).map(variable).collect();
        for name in variables.keys().filter(|name| name.starts_with(PREFIX) && !known.contains(**name)) {
            let flag = name[PREFIX.len()..].to_lowercase().replace('_', "-");
            let similar = self.similar(&flag).map(|flag| format!("; is {} meant?", variable(&flag)));
            given.note(format!("{} sets no flag of this name{}", name.shown(), similar.unwrap_or_default()));
        }
    }

    /// The arguments that say the same as a setting.
    fn arguments(&self, setting: &Setting) -> Result<Vec<OsString>> {
        let Some(arg) = self.by_name.get(setting.flag.as_str()) else {
            return Err(self.unknown(setting));
        };
        let written = written(arg, &setting.value).map_err(|what| wrong(setting, &what))?;
        let mut alone: Vec<OsString> = vec![self.root.get_name().into(), self.command.into()];
        alone.extend(written.iter().cloned());
        match self.root.clone().try_get_matches_from(alone) {
            Err(error) if !is_about_several(&error) => Err(wrong(setting, &reason(&error))),
            _ => Ok(written),
        }
    }

    fn unknown(&self, setting: &Setting) -> Error {
        let similar =
            self.similar(&setting.flag).map(|flag| format!("; is `{}` meant?", flag.replace('-', "_")));
        Error::Usage(match &setting.origin {
            Origin::Line { file, line, key } => format!(
                "{file}, line {line}: `{key}` is no flag of {}{}",
                self.command,
                similar.unwrap_or_default()
            ),
            origin => format!("{origin} is no flag of {}", self.command),
        })
    }

    /// The flag that clap would suggest in place of one that does not exist.
    fn similar(&self, flag: &str) -> Option<String> {
        let typed = [self.root.get_name(), self.command, &format!("--{flag}")].map(String::from);
        let error = self.root.clone().try_get_matches_from(typed).err()?;
        match error.get(ContextKind::SuggestedArg)? {
            ContextValue::String(similar) => {
                let name = similar.trim_start_matches('-');
                Some(name.split([' ', '=']).next().unwrap_or(name).to_string())
            }
            _ => None,
        }
    }
}

/// The variable that sets a flag.
fn variable(flag: &str) -> String {
    format!("{PREFIX}{}", flag.to_uppercase().replace('-', "_"))
}
