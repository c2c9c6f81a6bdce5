//! Seeds and mutations of them through the bodies of the fuzz targets: `fuzz/README.md` says how to search for more.
//! `MUTATIONS=100 cargo test --release --test fuzzed` tries a hundred times as many mutations.
//! `UPDATE_SEEDS=1 cargo test --test fuzzed program_makes` writes those seeds anew that the program makes.

mod limits;
mod made;
mod mutated;
mod targets;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use digit_adder::random::{Purpose, Random};
use limits::{LONGEST, MOST_KB, peak_kb, processor_time};

/// What holds of every input; says whether the program took it.
type Check = fn(&[u8]) -> bool;

fn folder(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzzed/seeds").join(target)
}

/// The seeds of a target, by name.
fn seeds(target: &str) -> BTreeMap<String, Vec<u8>> {
    let files = std::fs::read_dir(folder(target)).unwrap().map(|entry| entry.unwrap().path());
    files
        .map(|file| (file.file_name().unwrap().to_str().unwrap().into(), std::fs::read(&file).unwrap()))
        .collect()
}

/// Whether an input is taken. What breaks a rule is kept in a file, which the message names.
fn taken(check: Check, what: &str, bytes: &[u8]) -> bool {
    let start = processor_time();
    let checked = catch_unwind(AssertUnwindSafe(|| check(bytes)));
    let took = processor_time().zip(start).map_or(LONGEST, |(end, start)| end - start);
    match checked {
        Ok(taken) if took <= LONGEST => taken,
        other => {
            let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join(what.replace([' ', '/', ','], "-"));
            std::fs::write(&kept, bytes).unwrap();
            let how = if other.is_ok() { "takes long" } else { "panics" };
            panic!("{what} {how}, {took:?}: {}", kept.display());
        }
    }
}

/// Every seed of a target, and so many mutations of each. Names say whether a seed is taken.
fn replay(target: &str, check: Check, mutations: u32) {
    let times = std::env::var("MUTATIONS").map_or(1, |times| times.parse().unwrap());
    let seeds = seeds(target);
    let mut counts = [0, 0];
    for (index, (name, bytes)) in seeds.iter().enumerate() {
        let was_taken = taken(check, &format!("{target}/{name}"), bytes);
        assert_eq!(
            was_taken,
            name.starts_with("good"),
            "{target}/{name}: good ones are taken, bad ones refused"
        );
        for mutation in 0..times * mutations {
            let mut random = Random::new(index as u64, Purpose::Test, mutation);
            let bytes = mutated::mutated(bytes, &mut random);
            counts[usize::from(taken(check, &format!("{target}/{name}, mutation {mutation}"), &bytes))] += 1;
        }
    }
    let [refused, taken] = counts;
    println!("{target}: {} seeds, {taken} mutations taken, {refused} refused", seeds.len());
    assert!(taken > 0 && refused > 0, "{taken} taken, {refused} refused");
    let peak = peak_kb().unwrap_or_default();
    assert!(peak <= MOST_KB, "{peak} kB");
}

#[test]
fn idx() {
    replay("idx", targets::idx::check, 100);
}

#[test]
fn picture() {
    replay("picture", targets::picture::check, 20);
}

#[test]
fn weights() {
    replay("weights", targets::weights::check, 100);
}

#[test]
fn recipe() {
    replay("recipe", targets::recipe::check, 40);
}

#[test]
fn schedule() {
    replay("schedule", targets::schedule::check, 100);
}

#[test]
fn shader() {
    replay("shader", targets::shader::check, 60);
}

#[test]
fn what_the_program_makes_is_there() {
    for (target, name, bytes) in made::all() {
        let file = folder(target).join(name);
        if std::env::var("UPDATE_SEEDS").is_ok_and(|value| value == "1") {
            std::fs::create_dir_all(folder(target)).unwrap();
            std::fs::write(&file, bytes).unwrap();
        }
        assert!(file.is_file(), "{} is missing: UPDATE_SEEDS=1 writes it", file.display());
    }
}

#[test]
fn large_inputs_do_not_take_long() {
    for (check, what, bytes) in made::large::all() {
        println!("{what}");
        taken(check, what, &bytes);
    }
}
