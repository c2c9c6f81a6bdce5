//! Shader text that is broken at random: it is taken or refused, and never brings the program down.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use digit_adder::network::Loss;
use digit_adder::ops::adam::Adam;
use digit_adder::plans::{Kind, tiles::Tiles};
use digit_adder::random::{Purpose, Random};
use digit_adder::wgsl::compatibility::check;
use digit_adder::wgsl::{Library, SHADERS, Texts, library};

use crate::common::steps::network;

const MUTATIONS: usize = 1000;

/// What is put in: pieces that mean something in many places.
const PIECES: [&str; 24] = [
    "0u",
    "1u",
    "4294967295u",
    "-1",
    "1.0",
    "1e40",
    "(",
    ")",
    "{",
    "}",
    "[",
    "]",
    ";",
    ",",
    "<",
    "+ 1u",
    "* 0u",
    "/ 0u",
    "vec4<f32>",
    "array<f32, 0>",
    "var ",
    "@",
    "/*",
    "é",
];

/// Changes the text in one to three places.
fn mutated(text: &str, random: &mut Random) -> String {
    let mut text: Vec<char> = text.chars().collect();
    for _ in 0..1 + random.below(3) {
        let mut at = |limit: usize| random.below(limit as u32 + 1) as usize;
        let from = at(text.len());
        let len = at(12).min(text.len() - from);
        match at(4) {
            0 => drop(text.drain(from..from + len)),
            1 => {
                let piece: Vec<char> = text[from..from + len].to_vec();
                let to = at(text.len());
                text.splice(to..to, piece);
            }
            2 => text.truncate(from),
            3 => drop(text.splice(from..from, PIECES[at(PIECES.len() - 1)].chars())),
            _ => {
                // A whole word or number for another.
                let word = |c: char| c.is_alphanumeric() || c == '_' || c == '.';
                let end = (from..text.len()).find(|&i| !word(text[i])).unwrap_or(text.len());
                drop(text.splice(from..end, PIECES[at(PIECES.len() - 1)].chars()));
            }
        }
    }
    text.into_iter().collect()
}

pub fn a_thousand_mutations() -> Result<(), String> {
    let mut random = Random::new(5, Purpose::Test, 0);
    let mut dispatches = Vec::new();
    for kind in [Kind::Fused, Kind::Layered] {
        let programs = kind.programs(&network(), Loss::Logits, Adam::default(), Tiles::FAT);
        dispatches.extend(programs.training(64).map_err(|e| e.to_string())?.dispatches);
    }
    let shipped: Texts = SHADERS.iter().map(|shader| (shader.name, shader.text.to_string())).collect();
    let mut counts: BTreeMap<bool, usize> = BTreeMap::new();
    for mutation in 0..MUTATIONS {
        let shader = SHADERS[random.below(SHADERS.len() as u32) as usize];
        let (name, text) = (shader.name, shader.text);
        let mut texts = shipped.clone();
        texts.insert(name, mutated(text, &mut random));
        let library = Library::Texts(texts.clone());
        let checked = catch_unwind(AssertUnwindSafe(|| check(name, text, &library, &dispatches)))
            .map_err(|_| format!("mutation {mutation} of {name}.wgsl ends in a panic:\n{}", texts[name]))?;
        if let Err(error) = &checked {
            assert!(error.to_string().contains(&library::path(name)), "{error}");
        }
        *counts.entry(checked.is_ok()).or_default() += 1;
    }
    println!("{} taken, {} refused", counts[&true], counts[&false]);
    assert!(counts[&false] > MUTATIONS / 2 && counts[&true] > 0, "{counts:?}");
    Ok(())
}
