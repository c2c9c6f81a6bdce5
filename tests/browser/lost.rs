//! Devices that are not as one would wish: lost, or without a description.

use libtest_mimic::{Failed, Trial};
use serde_json::{Value, json};

use crate::Setup;
use crate::chrome::Page;
use crate::edit::{RELU, choose, write};
use crate::input::{Hand, SEVEN, click, stroke, text, until, value};
use crate::look::{ANSWERED, READY, said};
use crate::site::BLANK;

pub fn trials(setup: &Setup) -> Vec<Trial> {
    vec![
        setup.trial("a_lost_device_switches_off_what_needs_it", BLANK, lost),
        setup.trial("an_adapter_without_a_description_computes", BLANK, undescribed),
    ]
}

/// Opens the page after a script of ours.
fn open_after(page: &mut Page, url: &str, script: &str) -> Result<(), Failed> {
    page.send("Page.addScriptToEvaluateOnNewDocument", &json!({ "source": script }))?;
    page.go(url)?;
    Ok(until(page, READY)?)
}

fn lost(page: &mut Page, url: &str) -> Result<(), Failed> {
    let script = "const request = GPUAdapter.prototype.requestDevice;
        GPUAdapter.prototype.requestDevice = async function (wishes) {
            return (window.opened = await request.call(this, wishes));
        };";
    open_after(page, url, script)?;
    stroke(page, Hand::Mouse, &SEVEN)?;
    until(page, ANSWERED)?;
    click(page, "a[href='#machine']")?;
    choose(page, "predict", "relu.forward")?;
    write(page, RELU, "max(x[i], 0.5)")?;
    click(page, "#compile")?;
    until(page, "!document.querySelector('#edited').hidden")?;
    click(page, "a[href='#learn']")?;
    click(page, "#start")?;
    until(page, "/step [1-9]/.test(document.querySelector('#weights').selectedOptions[0].text)")?;

    page.run("window.opened.destroy();", &Value::Null)?;
    until(
        page,
        "document.querySelector('#learn-said').textContent === 'The device is lost: training is off.'",
    )?;
    assert_eq!(text(page, "#device")?, "Computes in plain JavaScript: the device is lost.");
    let off =
        "['start', 'stop', 'compile', 'revert', 'epochs'].map((id) => document.getElementById(id).disabled)";
    assert_eq!(value(page, off)?, json!([true, true, true, true, true]));
    assert_eq!(value(page, "document.querySelector('#editor textarea').readOnly")?, json!(true));
    assert_eq!(value(page, "document.querySelector('#edited').hidden")?, json!(true));
    page.run("const weights = document.querySelector('#weights'); weights.value = 'shipped'; weights.dispatchEvent(new Event('change'));", &Value::Null)?;
    click(page, "a[href='#draw']")?;
    click(page, "#numbers label:nth-of-type(3)")?;
    until(page, "document.querySelector('#sum-answer').textContent === '9'")?;
    assert_eq!(said(page)?, ["7", "9"]);
    assert!(text(page, "#notice")?.contains("load the page anew"));
    Ok(())
}

fn undescribed(page: &mut Page, url: &str) -> Result<(), Failed> {
    open_after(page, url, "Object.defineProperty(GPUAdapter.prototype, 'info', { value: undefined });")?;
    let device = text(page, "#device")?;
    assert!(device.contains("WebGPU on unnamed adapter"), "{device}");
    Ok(())
}
