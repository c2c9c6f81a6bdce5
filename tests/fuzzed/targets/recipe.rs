//! Settings in a file.

use digit_adder::cli::recipe;
use digit_adder::train::Recipe;
use serde_json::Value;

use super::{NAME, refused};

/// A text is refused, or gives a recipe that makes sense and is the same when it is written as settings again.
/// Returns whether it did.
pub fn check(bytes: &[u8]) -> bool {
    let Ok(text) = str::from_utf8(bytes) else { return false };
    let read = recipe(NAME, text);
    match &read {
        Ok(recipe) => {
            sensible(recipe);
            assert_eq!(&self::recipe(NAME, &settings(recipe)).unwrap(), recipe);
        }
        Err(error) => {
            // What contradicts itself is about flags, not lines; clap's words take several lines.
            assert_eq!(error.exit_code(), 2, "{error}");
            if error.to_string().contains(", line ") {
                refused(error, 2);
            }
        }
    }
    read.is_ok()
}

fn sensible(recipe: &Recipe) {
    assert!(recipe.epochs > 0 && (1..=4096).contains(&recipe.batch_size));
    assert!(recipe.learning_rate.is_finite() && recipe.learning_rate > 0.0);
    assert!(recipe.weight_decay.is_finite() && recipe.weight_decay >= 0.0);
    assert!(recipe.clip_norm.is_none_or(|norm| norm.is_finite() && norm > 0.0));
    assert!(recipe.ema.is_none_or(|decay| decay > 0.0 && decay < 1.0));
    assert!((0.0..=1.0).contains(&recipe.label_smoothing));
    for steps in [1, 3, 938] {
        let rates = recipe.rates(steps);
        let last = recipe.epochs.saturating_mul(steps);
        for step in [1, 2, last / 2 + 1, last] {
            let rate = rates.at(step);
            assert!(rate.is_finite() && rate >= 0.0, "rate {rate} of step {step}");
        }
    }
}

/// The file of settings that asks for a recipe. JSON spells numbers and strings as TOML does.
fn settings(recipe: &Recipe) -> String {
    let Value::Object(fields) = serde_json::to_value(recipe).unwrap() else {
        panic!("a recipe is no object")
    };
    let set = fields.iter().filter(|(_, value)| !value.is_null());
    set.map(|(field, value)| format!("{} = {value}\n", field.replace("learning_rate", "lr"))).collect()
}
