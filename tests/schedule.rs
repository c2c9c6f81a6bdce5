//! The schedules and the list of layers, pinned by golden files: what changes them shows in a diff.
//! `UPDATE_GOLDEN=1 cargo test --test schedule` rewrites the files.

use std::path::Path;

use digit_adder::network::{Loss, Sizes};
use digit_adder::ops::adam::Adam;
use digit_adder::plans::{Kind, tiles::Tiles};
use digit_adder::program::Schedule;
use digit_adder::wgsl::{Library, lower};
use serde_json::Value;

fn schedule(kind: Kind, tiles: Tiles) -> Schedule {
    let network = Sizes::default().network().unwrap();
    lower(
        &kind.programs(&network, Loss::Logits, Adam::default(), tiles).training(64).unwrap(),
        &Library::Embedded,
    )
    .unwrap()
}

/// Compares a text with a file, or writes the file.
fn golden(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    if std::env::var("UPDATE_GOLDEN").is_ok_and(|value| value == "1") {
        std::fs::write(&path, text).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap();
    let mut pairs = kept.lines().zip(text.lines()).enumerate();
    if let Some((line, (kept, now))) = pairs.find(|(_, (kept, now))| kept != now) {
        panic!("{name}:{}: was\n{kept}\nand is\n{now}", line + 1);
    }
    assert_eq!(kept.lines().count(), text.lines().count(), "{name}");
}

#[test]
fn schedules_stay_as_they_are() {
    for (name, kind, tiles) in [
        ("layered.txt", Kind::Layered, Tiles::FAT),
        ("fused-fat.txt", Kind::Fused, Tiles::FAT),
        ("fused-thin.txt", Kind::Fused, Tiles::THIN),
    ] {
        let mut json = serde_json::to_value(schedule(kind, tiles)).unwrap();
        // The texts are those of the files with the constants that are listed; words are many.
        for kernel in json["kernels"].as_array_mut().unwrap() {
            kernel.as_object_mut().unwrap().remove("text");
        }
        for buffer in json["buffers"].as_array_mut().unwrap() {
            if let Some(words) = buffer.get_mut("words") {
                *words = format!("{} words", words.as_array().unwrap().len()).into();
            }
        }
        golden(name, &lines(&json));
    }
}

/// One line for each buffer, kernel and step.
fn lines(json: &Value) -> String {
    let mut text = String::new();
    for (key, value) in json.as_object().unwrap() {
        match value {
            Value::Array(items) => {
                let items: Vec<String> = items.iter().map(|item| format!("  {item}")).collect();
                text += &format!("{key}:\n{}\n", items.join("\n"));
            }
            other => text += &format!("{key}: {other}\n"),
        }
    }
    text
}

/// The list that tests/fixtures/pytorch.py builds its modules from.
#[test]
fn the_list_of_layers_stays_as_it_is() {
    let json = serde_json::to_value(Sizes::default().network().unwrap()).unwrap();
    let rows = |key: &str| {
        let items: Vec<String> =
            json[key].as_array().unwrap().iter().map(|item| format!("    {item}")).collect();
        items.join(",\n")
    };
    let image = &json["image"];
    let text = format!(
        "{{\n  \"image\": {image},\n  \"layers\": [\n{}\n  ],\n  \"heads\": [\n{}\n  ]\n}}\n",
        rows("layers"),
        rows("heads")
    );
    assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), json);
    golden("network.json", &text);
}

#[test]
fn a_schedule_survives_a_file_but_for_its_trust() {
    let schedule = schedule(Kind::Layered, Tiles::FAT);
    let text = serde_json::to_string(&schedule).unwrap();
    let read: Schedule = serde_json::from_str(&text).unwrap();
    assert_eq!(serde_json::to_string(&read).unwrap(), text);
    // Text from a file never runs without bounds checks, whatever it says.
    assert!(schedule.kernels.iter().all(|kernel| kernel.text.is_shipped()));
    assert!(read.kernels.iter().all(|kernel| !kernel.text.is_shipped()));
}

#[test]
fn what_does_not_fit_is_refused_by_name() {
    let network = Sizes::default().network().unwrap();
    let program =
        || Kind::Layered.programs(&network, Loss::Logits, Adam::default(), Tiles::FAT).training(64).unwrap();
    let said = |change: fn(&mut digit_adder::program::Program)| {
        let mut program = program();
        change(&mut program);
        lower(&program, &Library::Embedded).err().map(|error| error.to_string()).unwrap_or_default()
    };
    let swapped = said(|program| program.dispatches[4].bindings[0].0 = "nothing");
    assert!(swapped.contains("conv1 conv2d.forward: the shader does not use `nothing`"), "{swapped}");
    let missing = said(|program| {
        program.dispatches[4].bindings.remove(0);
    });
    assert!(missing.contains("conv1 conv2d.forward: no tensor for `x`"), "{missing}");
    let both = said(|program| {
        let bindings = &mut program.dispatches[4].bindings;
        bindings[0].1 = bindings[3].1;
    });
    assert!(both.contains("is both read and written"), "{both}");
    let large = said(|program| program.dispatches[4].threads[1] = 100_000);
    assert!(large.contains("100000 workgroups are too many: use a smaller batch"), "{large}");
}
