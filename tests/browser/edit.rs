//! Shaders that are edited on the page.

use libtest_mimic::{Failed, Trial};
use serde_json::json;

use crate::Setup;
use crate::chrome::Page;
use crate::input::{Hand, THREE, click, stroke, text, until, value};
use crate::look::{ANSWERED, READY, said, shown, until_again, until_other};
use crate::site::PAGE;

pub fn trials(setup: &Setup) -> Vec<Trial> {
    vec![
        setup.trial("a_shader_is_edited_wrongly_and_rightly", PAGE, edited),
        setup.trial("what_is_not_a_number_is_said_so", PAGE, not_a_number),
    ]
}

/// What is edited here.
pub const RELU: &str = "max(x[i], 0.0)";
const EDITOR: &str = "document.querySelector('#editor textarea').value";

/// Chooses the first dispatch of a schedule that begins so.
pub fn choose(page: &mut Page, schedule: &str, begin: &str) -> Result<(), String> {
    page.run(
        "document.querySelector(`#schedules input[value=${args[0]}]`).click();
         [...document.querySelectorAll('#dispatches button')]
            .find((button) => button.textContent.startsWith(args[1])).click();",
        &json!([schedule, begin]),
    )?;
    Ok(())
}

/// Puts a text in the place of a part of the shader's, as by hand.
pub fn write(page: &mut Page, part: &str, change: &str) -> Result<(), String> {
    // A view is shown a moment after its link was clicked, and what is not shown takes no focus.
    until(
        page,
        "(() => {
            const area = document.querySelector('#editor textarea');
            area.focus();
            area.select();
            return document.activeElement === area;
        })()",
    )?;
    let text = value(page, EDITOR)?;
    let text = text.as_str().unwrap_or_default();
    if !text.contains(part) {
        return Err(format!("the shader has no {part}"));
    }
    page.send("Input.insertText", &json!({ "text": text.replacen(part, change, 1) })).map(|_| ())
}

fn edited(page: &mut Page, url: &str) -> Result<(), Failed> {
    until(page, READY)?;
    stroke(page, Hand::Mouse, &THREE)?;
    until(page, ANSWERED)?;
    let before = shown(page)?;
    click(page, "a[href='#machine']")?;
    choose(page, "predict", "relu.forward")?;
    let line = value(
        page,
        "1 + document.querySelector('#editor textarea').value.split('\\n').findIndex((line) => line.includes('= max(x[i], 0.0)'))",
    )?;

    write(page, RELU, "maximum(x[i], 0.0)")?;
    click(page, "#compile")?;
    until(page, "document.querySelector('#errors li')")?;
    let error = text(page, "#errors li")?;
    assert!(error.starts_with(&format!("line {line}: ")) && error.contains("maximum"), "{error}");
    assert!(text(page, "#compiled")?.starts_with("Not compiled"));
    let marked = value(
        page,
        "[...document.querySelectorAll('.line')].findIndex((line) => line.matches('.error')) + 1",
    )?;
    assert_eq!(marked, line);
    assert_eq!(shown(page)?, before);
    assert_eq!(value(page, "document.querySelector('#edited').hidden")?, json!(true));

    click(page, "#revert")?;
    until(page, "document.querySelector('#errors').hidden")?;
    // Nothing is pressed: it compiles after a pause.
    write(page, RELU, "max(x[i], 0.5)")?;
    until(page, "document.querySelector('#edited-names').textContent.includes('relu (prediction)')")?;
    assert_eq!(text(page, "#compiled")?, "Compiled: prediction runs your text.");
    until_other(page, &before)?;
    click(page, "#revert-all")?;
    until(page, "document.querySelector('#edited').hidden")?;
    until_again(page, &before)?;

    // Reverted while it compiles: the later wish holds.
    let original = value(page, EDITOR)?;
    write(page, RELU, "max(x[i], 0.25)")?;
    click(page, "#compile")?;
    click(page, "#revert")?;
    until(
        page,
        "document.querySelector('#compiled').textContent === 'Prediction runs the text as shipped.'",
    )?;
    assert_eq!(value(page, EDITOR)?, original);
    assert_eq!(value(page, "document.querySelector('#edited').hidden")?, json!(true));
    until_again(page, &before)?;
    assert!(page.faults(url)?.is_empty());
    Ok(())
}

fn not_a_number(page: &mut Page, _: &str) -> Result<(), Failed> {
    until(page, READY)?;
    stroke(page, Hand::Mouse, &THREE)?;
    until(page, ANSWERED)?;
    click(page, "a[href='#machine']")?;
    choose(page, "predict", "relu.forward")?;
    write(page, RELU, "sqrt(-1.0 - abs(x[i]))")?;
    click(page, "#compile")?;
    until(page, "document.querySelector('#doubts').textContent.includes('not a number')")?;
    assert_eq!(said(page)?, ["–", "–"]);
    assert_eq!(text(page, "#digit-sure")?, "digit, not a number");
    assert_eq!(value(page, "document.querySelectorAll('#doubts li').length")?, json!(1));
    click(page, "#revert-all")?;
    until(page, "document.querySelector('#digit-answer').textContent === '3'")?;
    Ok(())
}
