//! What a person does on the page, in all of its views.

use digit_adder::network::Sizes;
use digit_adder::train::model_file;
use libtest_mimic::{Failed, Trial};
use serde_json::{Value, json};

use crate::Setup;
use crate::chrome::Page;
use crate::input::{Hand, SEVEN, THREE, click, keys, stroke, tab_to, text, until, value};
use crate::look::{ANSWERED, READY, inked, kept, said, shown, until_again, until_other};
use crate::site::{BLANK, PAGE};

pub fn trials(setup: &Setup) -> Vec<Trial> {
    vec![
        setup.trial("the_keyboard_alone_is_enough", PAGE, typed),
        setup.trial("a_shader_is_edited_wrongly_and_rightly", PAGE, edited),
        setup.trial("the_page_learns_and_goes_back", PAGE, learned),
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

/// Puts a text in the place of the shader's.
fn write(page: &mut Page, change: &str) -> Result<(), String> {
    page.run("document.querySelector('#editor textarea').select();", &Value::Null)?;
    page.run("document.querySelector('#editor textarea').focus();", &Value::Null)?;
    let text = value(page, "document.querySelector('#editor textarea').value")?;
    let changed = text.as_str().unwrap_or_default().replacen("max(x[i], 0.0)", change, 1);
    page.send("Input.insertText", &json!({ "text": changed })).map(|_| ())
}

fn edited(page: &mut Page, url: &str) -> Result<(), Failed> {
    until(page, READY)?;
    stroke(page, Hand::Mouse, &THREE)?;
    until(page, ANSWERED)?;
    let before = shown(page)?;
    click(page, "a[href='#machine']")?;
    page.run(
        "[...document.querySelectorAll('#dispatches button')]
            .find((button) => button.textContent.startsWith('relu.forward')).click();",
        &Value::Null,
    )?;
    let line = value(
        page,
        "1 + document.querySelector('#editor textarea').value.split('\\n').findIndex((line) => line.includes('= max(x[i], 0.0)'))",
    )?;

    write(page, "maximum(x[i], 0.0)")?;
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
    write(page, "max(x[i], 0.5)")?;
    until(page, "document.querySelector('#edited-names').textContent.includes('relu (prediction)')")?;
    assert_eq!(text(page, "#compiled")?, "Compiled: prediction runs your text.");
    until_other(page, &before)?;
    click(page, "#revert-all")?;
    until(page, "document.querySelector('#edited').hidden")?;
    until_again(page, &before)?;
    assert!(page.faults(url)?.is_empty());
    Ok(())
}

fn learned(page: &mut Page, _: &str) -> Result<(), Failed> {
    until(page, READY)?;
    stroke(page, Hand::Mouse, &SEVEN)?;
    until(page, ANSWERED)?;
    let shipped = shown(page)?;
    click(page, "a[href='#learn']")?;
    assert!(text(page, "#learn-slow")?.contains("slow"), "a fallback adapter is not called slow");
    click(page, "#start")?;
    until(page, "/step [1-9]/.test(document.querySelector('#weights').selectedOptions[0].text)")?;
    until(page, "document.querySelectorAll('#loss-chart polyline')[0].getAttribute('points').includes(' ')")?;
    assert!(text(page, "#figures")?.contains("Images/s"));
    until_other(page, &shipped)?;
    click(page, "#stop")?;
    until(page, "document.querySelector('#learn-said').textContent.startsWith('Stopped')")?;
    let network = Sizes::default().network()?;
    let file = kept(page, "#save-weights")?;
    let model = model_file::from_bytes("from the page", &file, &network)?;
    assert_ne!(model.parameters, model_file::shipped(&network)?.parameters);

    page.run("const weights = document.querySelector('#weights'); weights.value = 'shipped'; weights.dispatchEvent(new Event('change'));", &Value::Null)?;
    until_again(page, &shipped)?;

    let folder = tempfile::tempdir()?;
    let path = folder.path().join("mine.safetensors");
    for (bytes, words) in
        [(&file[..100], "mine.safetensors: not a whole safetensors file"), (&file[..], "Loaded mine")]
    {
        std::fs::write(&path, bytes)?;
        let document = page.send("DOM.getDocument", &json!({}))?;
        let selector = json!({ "nodeId": document["root"]["nodeId"], "selector": "#weights-file" });
        let node = page.send("DOM.querySelector", &selector)?["nodeId"].clone();
        page.send("DOM.setFileInputFiles", &json!({ "nodeId": node, "files": [path] }))?;
        until(page, &format!("document.querySelector('#learn-said').textContent.startsWith('{words}')"))?;
    }
    // The tables may have lagged behind the last step: what the file holds is the truth.
    until_other(page, &shipped)?;
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
