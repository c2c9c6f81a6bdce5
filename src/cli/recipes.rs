//! The recipes of `--recipe`: settings that belong together, as files that `--config` could read too.

use std::collections::BTreeMap;

use clap::Arg;
use clap::builder::PossibleValue;

use super::given::Origin;
use super::layers::{self, Stop};
use super::plain::plain;
use super::setting::{Setting, Value};
use super::{Command, config};
use crate::train::Recipe;
use crate::{Error, Result};

/// A recipe's name, its file, and what it is.
const RECIPES: [(&str, &str, &str); 3] = [
    (
        "published",
        include_str!("../../assets/recipes/published.toml"),
        "the published run of this network, with its mistake",
    ),
    ("default", include_str!("../../assets/recipes/default.toml"), "what train does when it is told nothing"),
    (
        "best",
        include_str!("../../assets/recipes/best.toml"),
        "the highest accuracy that is known, on held-out images",
    ),
];

/// `--recipe`.
pub(super) fn flag() -> Arg {
    let names = RECIPES.map(|(name, _, about)| PossibleValue::new(name).help(about));
    Arg::new("recipe")
        .long("recipe")
        .value_name("NAME")
        .value_parser(names)
        .help("Take what is set nowhere else from a recipe that the program knows")
}

/// What the recipe sets that is meant where `--recipe` was `typed` or not, and all other settings are these, those
/// that count first. Nothing where there is none or none of this name, which is an error of its own.
///
/// # Errors
/// Those of [`config::settings`].
pub(super) fn named(typed: Option<&str>, settings: &[Setting]) -> Result<Vec<Setting>> {
    let set = || match &settings.iter().find(|setting| setting.flag == "recipe")?.value {
        Value::One(name) => name.to_str(),
        _ => None,
    };
    let named = typed.or_else(set).and_then(|named| RECIPES.iter().find(|(name, ..)| *name == named));
    let Some((name, text, _)) = named else { return Ok(Vec::new()) };
    let mut settings = config::settings(name, text)?;
    for setting in &mut settings {
        setting.origin = Origin::Recipe { name: name.to_string(), value: setting.value.to_string() };
    }
    Ok(settings)
}

/// The recipe of `train` with the settings of a text as `--config` reads it, which errors call `name`. Flags that are
/// not of the recipe, such as the adapter's, are checked and left out.
///
/// # Errors
/// [`Error::Usage`] with name, line and key where the text holds no settings, or some that contradict each other.
pub fn recipe(name: &str, text: &str) -> Result<Recipe> {
    let arguments = ["digit-adder", "train", "--config", "text"].map(Into::into);
    let parsed = layers::parse_with(&|_| config::settings(name, text), &arguments, &BTreeMap::new());
    let usage =
        |what: &str| Error::Usage(format!("{name}: {}", what.trim_start_matches("error: ").trim_end()));
    match parsed {
        Ok((cli, _)) => match cli.command {
            Command::Train(train) => train.flags.recipe.check().map(|()| train.flags.recipe),
            _ => Err(usage("sets another command than `train`")),
        },
        Err(Stop::Wrong(error)) => Err(error),
        Err(Stop::Clap(error, _)) => Err(usage(&plain(error).to_string())),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::data::AddendDraw;
    use crate::network::{Loss, Sizes};
    use crate::train::model_file;

    fn parsed(arguments: &[&str]) -> Recipe {
        let arguments = [&["digit-adder", "train"], arguments].concat();
        let arguments: Vec<_> = arguments.into_iter().map(Into::into).collect();
        match layers::parse(&arguments, &BTreeMap::new()).map(|(cli, _)| cli.command) {
            Ok(Command::Train(train)) => train.flags.recipe,
            _ => panic!("{arguments:?} are refused"),
        }
    }

    #[test]
    fn every_recipe_is_a_file_of_settings() {
        for (name, text, _) in RECIPES {
            let file = format!("{}/assets/recipes/{name}.toml", env!("CARGO_MANIFEST_DIR"));
            assert_eq!(parsed(&["--recipe", name]), parsed(&["--config", &file]), "{name}");
            assert_eq!(parsed(&["--recipe", name]), recipe(name, text).unwrap(), "{name}");
            assert!(text.starts_with("# "), "{name} says what it is");
        }
        assert_ne!(parsed(&["--recipe", "best"]), Recipe::default());
    }

    #[test]
    fn the_default_recipe_is_the_default_written_out() {
        assert_eq!(parsed(&["--recipe", "default"]), Recipe::default());
        let fields = serde_json::to_value(Recipe::default()).unwrap();
        let fields = fields.as_object().unwrap().iter().filter(|(_, value)| !value.is_null());
        let fields: BTreeSet<String> =
            fields.map(|(field, _)| field.replace("learning_rate", "lr").replace('_', "-")).collect();
        let written = named(Some("default"), &[]).unwrap();
        assert_eq!(written.into_iter().map(|setting| setting.flag).collect::<BTreeSet<_>>(), fields);
    }

    #[test]
    fn the_weights_that_ship_are_of_the_best_recipe() {
        let network = Sizes::default().network().unwrap();
        let about = model_file::shipped(&network).unwrap().about.unwrap();
        assert!(about.averaged && about.trained_epochs == Some(about.recipe.epochs));
        assert_eq!(about.recipe, parsed(&["--recipe", "best"]));
    }

    #[test]
    fn the_published_recipe_is_the_default_with_the_published_loss_and_addends() {
        let published = Recipe { loss: Loss::DoubleSoftmax, addends: AddendDraw::Fixed, ..Recipe::default() };
        assert_eq!(parsed(&["--recipe", "published"]), published);
    }
}
