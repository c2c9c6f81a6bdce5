//! What the modules compute, compared with the program.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use digit_adder::data::{Addends, Dataset, HeldOut, draw, drawn, order, picture};
use digit_adder::engine::cpu::CpuEngine;
use digit_adder::network::{Loss, Network, Sizes};
use digit_adder::ops::adam::Adam;
use digit_adder::plans::{Kind, tiles::Tiles};
use digit_adder::random::{Purpose, Random};
use digit_adder::train::{Engine, Epoch, Recipe, model_file};
use digit_adder::wgsl::{Library, lower};
use libtest_mimic::{Failed, Trial};
use serde_json::{Value, json};

use crate::Setup;
use crate::chrome::Page;
use crate::common::program;
use crate::site::BLANK;

pub fn trials(setup: &Setup) -> Vec<Trial> {
    vec![
        setup.trial("every_module_compiles_without_a_message", BLANK, modules),
        setup.trial("predictions_are_those_of_predict", BLANK, predictions),
        setup.trial("five_steps_are_those_of_the_program", BLANK, steps),
        setup.trial("a_training_stops_goes_on_and_learns", BLANK, training),
        setup.trial("a_shader_is_replaced_or_nothing_changes", BLANK, replaced),
        setup.trial("weights_go_out_and_come_back", BLANK, weights),
        setup.trial("without_webgpu_the_message_says_what_to_use", BLANK, without_webgpu),
    ]
}

fn network() -> Network {
    Sizes::default().network().unwrap()
}

fn bytes(floats: &[f32]) -> String {
    STANDARD.encode(floats.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>())
}

fn floats(base64: &Value) -> Vec<f32> {
    let bytes = STANDARD.decode(base64.as_str().unwrap()).unwrap();
    bytes.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()
}

/// The largest difference; NaN where there is one.
fn apart(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    let differences = a.iter().zip(b).map(|(a, b)| (a - b).abs());
    differences.fold(0.0, |most: f32, apart| if most.is_nan() || apart <= most { most } else { apart })
}

/// The schedules of the site, and those with which the layered plan and other tiles train.
fn modules(page: &mut Page, _: &str) -> Result<(), Failed> {
    let others = [(Kind::Layered, Tiles::THIN), (Kind::Fused, Tiles::MIDDLE)].map(|(kind, tiles)| {
        let programs = kind.programs(&network(), Loss::Logits, Adam::default(), tiles);
        lower(&programs.training(64).unwrap(), &Library::Embedded).unwrap()
    });
    let got = page.run(include_str!("modules.js"), &json!({ "others": others }))?;
    assert_eq!(got["messages"], json!([]));
    let (modules, places) =
        (got["modules"].as_u64().ok_or("no count")?, got["places"].as_u64().ok_or("no count")?);
    println!("{modules} modules, the cursor in {places} places");
    assert!(modules >= 50 * places, "{modules} modules");
    Ok(())
}

fn predictions(page: &mut Page, _: &str) -> Result<(), Failed> {
    let folder = tempfile::TempDir::new()?;
    let mut images = Vec::new();
    let mut want = Vec::new();
    for number in [3, 8] {
        let names: Vec<String> = (0..10).map(|digit| format!("{number}-{digit}.png")).collect();
        for (digit, name) in (0..10).zip(&names) {
            let drawn = draw(digit, &mut Random::new(number, Purpose::Test, digit.into()));
            std::fs::write(folder.path().join(name), picture::png(&drawn)?)?;
            let prepared = picture::read(&folder.path().join(name))?;
            images.push(json!({ "pixels": prepared.pixels, "number": number }));
        }
        let number = number.to_string();
        let mut arguments = vec!["predict", "--json", "--adapter", "cpu", "--number", &number];
        arguments.extend(names.iter().map(String::as_str));
        let output = program::run(folder.path(), &arguments);
        want.extend(program::out(&output).lines().map(|line| serde_json::from_str::<Value>(line).unwrap()));
    }
    let got = page.run(include_str!("predict.js"), &json!({ "images": images }))?;
    assert_eq!((want.len(), got.as_array().map(Vec::len)), (20, Some(20)));
    let numbers = |value: &Value| -> Vec<f32> {
        value.as_array().unwrap().iter().map(|value| value.as_f64().unwrap() as f32).collect()
    };
    let mut most = 0.0f32;
    for (got, want) in got.as_array().unwrap().iter().zip(&want) {
        for head in ["digit", "sum"] {
            let difference = apart(&numbers(&got[head]), &numbers(&want[format!("{head}_probabilities")]));
            assert!(difference <= 1e-5, "{head} of {}: {difference}", want["image"]);
            most = most.max(difference);
        }
        assert_eq!(got["maps"], json!([[6, 24, 24], [12, 8, 8]]));
    }
    println!("probabilities are at most {most:e} apart");
    Ok(())
}

/// Five steps of which the last is a part of a batch, and a test of as many images as are no whole batches.
fn steps(page: &mut Page, _: &str) -> Result<(), Failed> {
    const TRAIN: usize = 300;
    const TEST: usize = 100;
    let network = network();
    let mut data = drawn(1, [4096, 1024]);
    data.train.truncate(TRAIN);
    data.test.truncate(TEST);
    let dataset = Arc::new(Dataset { origin: data.origin.clone(), ..data });
    let parameters = network.initial_parameters(1);
    let mut random = Random::new(1, Purpose::Test, 0);
    let mut addends = |count: usize| (0..count).map(|_| random.below(10) as u8).collect::<Vec<u8>>();
    let (train, test) = (addends(TRAIN), addends(TEST));
    let order = order(1, 1, TRAIN as u32);
    let args = json!({
        "parameters": bytes(&parameters), "order": order, "addends": train, "testAddends": test,
        "train": TRAIN, "test": TEST,
    });

    let mut engine = CpuEngine::new(network, Recipe::default(), parameters, dataset)?;
    let trained = engine.train_epoch(&Epoch::new(order, Addends::new(train)?, 1e-3)?, &mut |_| {})?;
    let tested = engine.evaluate(HeldOut::Test, &Addends::new(test)?)?;
    let want = engine.parameters()?;

    let got = page.run(include_str!("steps.js"), &args)?;
    // Chromium before 156 has no immediates, or none that it tells of: both results are the uniform buffer's then.
    let (immediates, uniform) = (&got["results"][0], &got["results"][1]);
    println!("immediates: {}", got["offered"]);
    assert_eq!((&immediates["immediates"], &uniform["immediates"]), (&got["offered"], &json!(false)));
    for part in ["parameters", "losses", "heads", "test"] {
        assert_eq!(immediates[part], uniform[part], "{part}");
    }
    let difference = apart(&floats(&immediates["parameters"]), &want);
    println!("parameters are at most {difference:e} apart");
    assert!(difference <= 1e-4, "{difference}");
    let mean: f64 = immediates["losses"]
        .as_array()
        .unwrap()
        .iter()
        .map(|pair| pair[0].as_f64().unwrap() * pair[1].as_f64().unwrap() / TRAIN as f64)
        .sum();
    assert!((mean - trained.loss).abs() <= 1e-4, "{mean}, not {}", trained.loss);
    let loss = immediates["test"]["loss"].as_f64().unwrap();
    assert!((loss - tested.loss).abs() <= 1e-4, "{loss}, not {}", tested.loss);
    for (head, tested) in immediates["test"]["heads"].as_array().unwrap().iter().zip(&tested.heads) {
        let right = head["accuracy"].as_f64().unwrap() * TEST as f64;
        assert!((right - tested.correct as f64).abs() <= 1e-9, "{head}: {} of {TEST}", tested.correct);
    }
    Ok(())
}

fn training(page: &mut Page, _: &str) -> Result<(), Failed> {
    let got = page.run(include_str!("train.js"), &Value::Null)?;
    let number = |value: &Value| value.as_u64().unwrap_or_else(|| panic!("{value}"));
    // Two submissions were reported, and at most one more was on its way.
    let steps = number(&got["stopped"]["step"]);
    assert!((2..5).contains(&steps) && got["stopped"]["epoch"] == 1, "{}", got["stopped"]);
    assert_eq!(number(&got["stopped"]["images"]), 64 * steps);
    assert_eq!(
        (&got["still"], number(&got["last"]["step"]), &got["last"]["epoch"]),
        (&json!(true), steps + 4, &json!(2))
    );
    let infos = got["infos"].as_array().unwrap();
    for info in infos {
        assert!(info["imagesPerSecond"].as_f64() > Some(0.0) && info["heads"][1]["name"] == "sum", "{info}");
    }
    let last = infos.last().unwrap();
    assert_eq!((&last["step"], &last["images"]), (&got["last"]["step"], &got["last"]["images"]));
    let loss = |when: &str| got[when]["loss"].as_f64().unwrap();
    assert!(loss("after") < loss("before") - 0.005, "{} after {}", loss("after"), loss("before"));
    assert_eq!((&got["differ"], &got["same"]), (&json!(true), &json!(true)));
    assert!(got["diverged"].as_str().unwrap().contains("diverged"), "{}", got["diverged"]);
    Ok(())
}

fn replaced(page: &mut Page, _: &str) -> Result<(), Failed> {
    let got = page.run(include_str!("replace.js"), &Value::Null)?;
    let wrong = &got["wrong"];
    assert_eq!((&wrong["line"], &wrong["type"]), (&got["line"], &json!("error")), "{wrong}");
    assert!(wrong["message"].as_str().unwrap().contains("nothing"), "{wrong}");
    for case in ["workgroup", "constant", "binding", "entry", "partly"] {
        let refusal = &got[case];
        assert!(refusal["type"] == "error" && refusal["message"].as_str() != Some(""), "{case}: {refusal}");
    }
    assert_eq!(got["unchanged"], json!(true), "{got}");
    assert_eq!(got["changed"], json!(true), "{got}");
    assert_eq!(got["back"], json!(true), "{got}");
    Ok(())
}

fn weights(page: &mut Page, _: &str) -> Result<(), Failed> {
    let network = network();
    let got = page.run(include_str!("weights.js"), &Value::Null)?;
    let file = STANDARD.decode(got["file"].as_str().unwrap())?;
    let model = model_file::from_bytes("from the page", &file, &network)?;
    assert_eq!(model.parameters, model_file::shipped(&network)?.parameters);
    let about = model.about.unwrap();
    assert_eq!((about.trained_epochs, about.recipe.seed), (Some(3), 7));
    assert_eq!(got["same"], json!(true));
    for (refusal, words) in got["refusals"].as_array().unwrap().iter().zip([
        "not a whole safetensors file",
        "not a whole safetensors file",
        "`conv1.weight` is missing",
        "`more` is not one of",
        "`conv1.bias` is F16",
        "`conv1.bias` has shape [2,3], not [6]",
        "`conv1.bias` is not whole",
        "`conv1.bias` holds NaN",
    ]) {
        assert!(refusal.as_str().unwrap_or_default().contains(words), "{refusal}: {words}");
    }
    Ok(())
}

fn without_webgpu(page: &mut Page, _: &str) -> Result<(), Failed> {
    let got = page.run(include_str!("without_webgpu.js"), &Value::Null)?;
    for (message, words) in got.as_array().unwrap().iter().zip(["no WebGPU", "no adapter"]) {
        let message = message.as_str().unwrap_or_default();
        assert!(message.contains(words) && message.contains("Use Chrome"), "{message}");
    }
    Ok(())
}
