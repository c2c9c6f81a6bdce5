//! What a person does on the page: by keys alone, without WebGPU, on a phone.

use libtest_mimic::{Failed, Trial};
use serde_json::json;

use crate::Setup;
use crate::chrome::Page;
use crate::input::{Hand, SEVEN, THREE, keys, stroke, tab_to, text, until, value};
use crate::look::{ANSWERED, READY, inked, said};
use crate::site::{BLANK, PAGE};

pub fn trials(setup: &Setup) -> Vec<Trial> {
    vec![
        setup.trial("the_keyboard_alone_is_enough", PAGE, typed),
        setup.trial("without_webgpu_the_page_predicts_and_says_so", BLANK, without),
        setup.trial("a_phone_shows_all_without_scrolling_sideways", PAGE, narrow),
    ]
}

/// Draws, adds, changes the view, and edits a shader, all without a pointer.
fn typed(page: &mut Page, _: &str) -> Result<(), Failed> {
    until(page, READY)?;
    tab_to(page, "#pad")?;
    assert_eq!(value(page, "document.querySelector('#pen').hidden")?, json!(false));
    let go = |page: &mut Page, key: &str, times: usize| keys(page, &vec![key; times]);
    go(page, "ArrowLeft", 5)?;
    go(page, "ArrowUp", 2)?;
    go(page, " ", 1)?;
    go(page, "Shift+ArrowRight", 2)?;
    go(page, "ArrowRight", 2)?;
    go(page, "End", 5)?;
    go(page, "ArrowDown", 7)?;
    assert_eq!(text(page, "#pad-said")?, "column 13, row 17, pen down");
    go(page, " ", 1)?;
    keys(page, &["4"])?;
    until(page, "document.querySelector('#sum-answer').textContent === '11'")?;
    until(page, "document.querySelector('#answer').textContent.startsWith('Digit 7, ')")?;
    go(page, "Backspace", 1)?;
    until(page, "document.querySelector('#digit-answer').textContent === '–'")?;
    tab_to(page, "#numbers input")?;
    go(page, "ArrowRight", 2)?;
    until(page, "document.querySelector('#number-answer').textContent === '6'")?;

    tab_to(page, "a[href='#machine']")?;
    keys(page, &["Enter"])?;
    until(
        page,
        "!document.querySelector('#machine').hidden && document.activeElement.id === 'machine-title'",
    )?;
    tab_to(page, ".skip")?;
    keys(page, &["Enter"])?;
    until(page, "location.hash === '#main'")?;
    assert_eq!(value(page, "document.querySelector('#machine').hidden")?, json!(false));
    tab_to(page, "#dispatches li:nth-of-type(5) button")?;
    keys(page, &["Enter"])?;
    until(page, "document.querySelector('#kernel-title').textContent.startsWith('conv2d')")?;
    tab_to(page, "#editor textarea")?;
    page.send("Input.insertText", &json!({ "text": "nonsense" }))?;
    until(page, "document.querySelector('#errors li')")?;
    // The tabulator leaves the text: nobody is caught in it.
    keys(page, &["Shift+Tab"])?;
    assert_eq!(value(page, "document.activeElement.tagName")?, json!("BUTTON"));
    Ok(())
}

fn without(page: &mut Page, url: &str) -> Result<(), Failed> {
    let script = "Object.defineProperty(Navigator.prototype, 'gpu', { value: undefined });";
    page.send("Page.addScriptToEvaluateOnNewDocument", &json!({ "source": script }))?;
    page.go(url)?;
    until(page, READY)?;
    let notice = text(page, "#notice")?;
    assert!(notice.contains("no WebGPU") && notice.contains("plain JavaScript"), "{notice}");
    stroke(page, Hand::Mouse, &SEVEN)?;
    until(page, ANSWERED)?;
    assert_eq!(said(page)?, ["7", "7"]);
    assert!(inked(page, "#maps canvas")? > 300);
    for off in ["#start", "#compile", "#revert"] {
        assert_eq!(
            page.run("return document.querySelector(args).disabled;", &json!(off))?,
            json!(true),
            "{off}"
        );
    }
    assert_eq!(value(page, "document.querySelector('#editor textarea').readOnly")?, json!(true));
    assert!(value(page, "document.querySelectorAll('#dispatches li').length")?.as_u64() > Some(10));
    assert!(
        value(page, "document.querySelector('#editor textarea').value")?
            .as_str()
            .unwrap()
            .contains("@compute")
    );
    Ok(())
}

fn narrow(page: &mut Page, _: &str) -> Result<(), Failed> {
    let phone = json!({ "width": 390, "height": 844, "deviceScaleFactor": 2, "mobile": true });
    page.send("Emulation.setDeviceMetricsOverride", &phone)?;
    until(page, READY)?;
    stroke(page, Hand::Finger, &THREE)?;
    until(page, ANSWERED)?;
    for view in ["draw", "learn", "machine"] {
        page.run("location.hash = args;", &json!(view))?;
        until(page, &format!("!document.querySelector('#{view}').hidden"))?;
        assert_eq!(
            value(page, "[innerWidth, document.documentElement.scrollWidth]")?,
            json!([390, 390]),
            "{view}"
        );
    }
    Ok(())
}
