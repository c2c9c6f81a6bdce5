//! From a drawing to the answer: the same as the program's.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use digit_adder::data::{Addend, Dataset, Image, Split, picture};
use digit_adder::engine::cpu::CpuEngine;
use digit_adder::network::Sizes;
use digit_adder::train::{Engine, Recipe, model_file};
use image::{ImageFormat, RgbaImage};
use libtest_mimic::{Failed, Trial};
use serde_json::{Value, json};

use crate::chrome::Page;
use crate::input::{Hand, SEVEN, THREE, click, stroke, text, until, value};
use crate::look::{ANSWERED, READY, inked, kept, said, shown, until_again, until_other};
use crate::site::{BLANK, PAGE};
use crate::{Setup, pictures};

pub fn trials(setup: &Setup) -> Vec<Trial> {
    vec![
        setup.trial("drawings_are_prepared_as_by_predict", BLANK, prepared),
        setup.trial("plain_javascript_predicts_as_the_program", BLANK, plain),
        setup.trial("a_drawn_stroke_changes_the_answer", PAGE, drawn),
        setup.trial("a_saved_drawing_gets_the_same_answer_from_the_program", PAGE, saved),
        setup.trial("fingers_and_pens_draw", PAGE, touched),
    ]
}

/// The program's own answer: a probability for each class of each head.
fn answers(pixels: &[u8], number: u8) -> Vec<Vec<f32>> {
    let network = Sizes::default().network().unwrap();
    let parameters = model_file::shipped(&network).unwrap().parameters;
    let none = Split::default();
    let dataset =
        Dataset { origin: "none".into(), train: none.clone(), validation: none.clone(), test: none };
    let mut engine = CpuEngine::new(network, Recipe::default(), parameters, Arc::new(dataset)).unwrap();
    let predicted = engine.predict(&Image::new(pixels).unwrap(), Addend::new(number).unwrap()).unwrap();
    predicted.heads.into_iter().map(|head| head.probabilities).collect()
}

fn assert_close(got: &Value, want: &[Vec<f32>], within: f32) {
    let got = got.as_array().unwrap();
    assert_eq!(got.len(), want.len());
    for (got, want) in got.iter().zip(want) {
        let got: Vec<f32> = serde_json::from_value(got.clone()).unwrap();
        assert_eq!(got.len(), want.len());
        assert!(
            got.iter().zip(want).all(|(got, want)| (got - want).abs() <= within),
            "{got:?}, not {want:?}"
        );
    }
}

fn png(image: &RgbaImage) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    image.write_to(&mut bytes, ImageFormat::Png).unwrap();
    bytes.into_inner()
}

/// The largest difference of two pictures, in grey values.
fn apart(got: &Value, want: &[u8]) -> u8 {
    let got: Vec<u8> = serde_json::from_value(got.clone()).unwrap();
    assert_eq!(got.len(), want.len());
    got.iter().zip(want).map(|(a, b)| a.abs_diff(*b)).max().unwrap()
}

fn prepared(page: &mut Page, _: &str) -> Result<(), Failed> {
    let (mut most, mut doubtful) = (0, 0);
    for (name, image) in pictures::all().into_iter().chain([("two".into(), pictures::two())]) {
        let want = picture::from_bytes(&name, &png(&image))?;
        let (width, height) = image.dimensions();
        let args = json!({ "rgba": STANDARD.encode(image.as_raw()), "width": width, "height": height });
        let got = page.run(include_str!("prepare.js"), &args)?;
        let difference = apart(&got["image"], &want.pixels);
        assert!(difference <= 1, "{name}: {difference} grey values apart");
        let steps: Vec<Value> =
            want.steps.iter().map(|step| json!({ "name": step.name, "note": step.note })).collect();
        // The first one is of the file, which the page does not have.
        assert_eq!(got["steps"], json!(steps[1..]), "{name}");
        assert_eq!(got["doubts"], json!(want.warnings), "{name}");
        most = most.max(difference);
        doubtful += usize::from(!want.warnings.is_empty());
    }
    assert!(doubtful > 0, "no doubt was compared");
    println!("51 drawings are at most {most} grey values apart");
    let blank = json!({ "rgba": STANDARD.encode([0; 400]), "width": 10, "height": 10 });
    assert_eq!(page.run(include_str!("prepare.js"), &blank)?, Value::Null);
    Ok(())
}

fn plain(page: &mut Page, _: &str) -> Result<(), Failed> {
    let pictures: Vec<Vec<u8>> = pictures::all()
        .iter()
        .step_by(2)
        .take(20)
        .map(|(name, image)| picture::from_bytes(name, &png(image)).unwrap().pixels)
        .collect();
    let images: Vec<Value> =
        pictures.iter().zip(0..).map(|(pixels, i)| json!({ "pixels": pixels, "number": i % 10 })).collect();
    let got = page.run(include_str!("plain.js"), &json!({ "images": images }))?;
    assert_eq!(got.as_array().map(Vec::len), Some(20));
    assert_eq!(got.as_array().unwrap().len(), pictures.len());
    for ((got, pixels), i) in got.as_array().unwrap().iter().zip(&pictures).zip(0..) {
        assert_close(&got["heads"], &answers(pixels, i % 10), 1e-5);
        assert_eq!(got["maps"], json!([[6, 24, 24], [12, 8, 8]]));
    }
    Ok(())
}

fn drawn(page: &mut Page, _: &str) -> Result<(), Failed> {
    until(page, READY)?;
    assert!(text(page, "#device")?.contains("WebGPU"), "{}", text(page, "#device")?);
    assert_eq!(said(page)?, ["–", "–"]);
    stroke(page, Hand::Mouse, &THREE)?;
    until(page, ANSWERED)?;
    assert_eq!(said(page)?, ["3", "3"]);
    assert!(inked(page, "#seen")? > 50 && inked(page, "#maps canvas")? > 300);
    assert_eq!(value(page, "document.querySelectorAll('#maps canvas').length")?, json!(18));
    click(page, "#numbers label:nth-of-type(9)")?;
    until(page, "document.querySelector('#sum-answer').textContent === '11'")?;
    until(page, ANSWERED)?;
    let before = shown(page)?;
    // A line through a three makes it something else, or at least less sure.
    stroke(page, Hand::Mouse, &[[0.3, 0.2], [0.28, 0.8]])?;
    until_other(page, &before)?;
    click(page, "#undo")?;
    until_again(page, &before)?;
    click(page, "#clear")?;
    until(page, "document.querySelector('#digit-answer').textContent === '–'")?;
    assert_eq!((inked(page, "#seen")?, inked(page, "#maps canvas")?), (0, 0));
    Ok(())
}

fn saved(page: &mut Page, _: &str) -> Result<(), Failed> {
    until(page, READY)?;
    stroke(page, Hand::Mouse, &SEVEN)?;
    click(page, "#numbers label:nth-of-type(5)")?;
    until(page, "document.querySelector('#sum-answer').textContent === '11'")?;
    until(page, ANSWERED)?;
    let seen = value(
        page,
        "[...document.querySelector('#seen').getContext('2d').getImageData(0, 0, 28, 28).data].filter((_, i) => i % 4 === 3)",
    )?;
    let bars = shown(page)?;
    let want = picture::from_bytes("drawing.png", &kept(page, "#save-drawing")?)?;
    assert!(apart(&seen, &want.pixels) <= 1);
    assert_close(&bars, &answers(&want.pixels, 4), 1e-5);
    Ok(())
}

fn touched(page: &mut Page, _: &str) -> Result<(), Failed> {
    until(page, READY)?;
    for hand in [Hand::Finger, Hand::Pen] {
        page.run("window.kinds = []; document.querySelector('#pad').onpointerdown = (event) => kinds.push(event.pointerType);", &Value::Null)?;
        stroke(page, hand, &SEVEN)?;
        until(page, "document.querySelector('#digit-answer').textContent === '7'")?;
        let kind = if hand == Hand::Pen { "pen" } else { "touch" };
        assert_eq!(value(page, "window.kinds")?, json!([kind]));
        assert_eq!(
            value(page, "scrollY")?,
            value(page, "(document.querySelector('#pad').scrollIntoView({ block: 'center' }), scrollY)")?
        );
        click(page, "#clear")?;
        until(page, "document.querySelector('#digit-answer').textContent === '–'")?;
    }
    Ok(())
}
