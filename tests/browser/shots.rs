//! Pictures of all views: light, dark, and as wide as a phone.
//!
//! `SCREENSHOTS` names a folder to keep them in, to be looked at.

use std::collections::HashSet;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use libtest_mimic::{Failed, Trial};
use serde_json::{Value, json};

use crate::Setup;
use crate::chrome::Page;
use crate::edit::choose;
use crate::input::{Hand, THREE, click, stroke, until, value};
use crate::look::{ANSWERED, LOSS_CURVE, READY};
use crate::site::PAGE;

/// Name, colours and width.
const LOOKS: [(&str, &str, u32); 3] =
    [("light", "light", 1200), ("dark", "dark", 1200), ("phone", "light", 390)];
/// More colours than one without contents would have.
const COLOURS: usize = 50;

pub fn trials(setup: &Setup) -> Vec<Trial> {
    vec![setup.trial("all_views_show_something_in_light_in_dark_and_on_a_phone", PAGE, looked_at)]
}

fn looked_at(page: &mut Page, _: &str) -> Result<(), Failed> {
    let temporary = tempfile::tempdir()?;
    let folder = std::env::var_os("SCREENSHOTS").map_or(temporary.path().to_path_buf(), PathBuf::from);
    std::fs::create_dir_all(&folder)?;
    until(page, READY)?;
    stroke(page, Hand::Mouse, &THREE)?;
    click(page, "#numbers label:nth-of-type(6)")?;
    until(page, ANSWERED)?;
    choose(page, "predict", "conv2d")?;
    click(page, "a[href='#learn']")?;
    click(page, "#start")?;
    until(page, &format!("{LOSS_CURVE}.split(' ').length > 4"))?;
    click(page, "#stop")?;
    until(page, "document.querySelector('#learn-said').textContent.startsWith('Stopped')")?;
    page.run("const weights = document.querySelector('#weights'); weights.value = 'shipped'; weights.dispatchEvent(new Event('change'));", &Value::Null)?;
    until(page, "document.querySelector('#digit-answer').textContent === '3'")?;
    for (look, colours, width) in LOOKS {
        let feature = json!({ "name": "prefers-color-scheme", "value": colours });
        page.send("Emulation.setEmulatedMedia", &json!({ "features": [feature] }))?;
        let size = json!({ "width": width, "height": 844, "deviceScaleFactor": 1, "mobile": width < 500 });
        page.send("Emulation.setDeviceMetricsOverride", &size)?;
        for view in ["draw", "learn", "machine"] {
            page.run("location.hash = args;", &json!(view))?;
            until(page, &format!("!document.querySelector('#{view}').hidden"))?;
            let png = taken(page, width)?;
            std::fs::write(folder.join(format!("{view}-{look}.png")), &png)?;
            seen(&png, width, colours == "dark").map_err(|error| format!("{view}, {look}: {error}"))?;
        }
    }
    Ok(())
}

/// The whole page as a PNG, not only what fits the window.
fn taken(page: &mut Page, width: u32) -> Result<Vec<u8>, Failed> {
    // What has changed its size draws itself anew in the next frame.
    page.run(
        "for (let frame = 0; frame < 3; frame++) await new Promise((done) => requestAnimationFrame(done));",
        &Value::Null,
    )?;
    let height = value(page, "document.documentElement.scrollHeight")?;
    let clip = json!({ "x": 0, "y": 0, "width": width, "height": height, "scale": 1 });
    let wishes = json!({ "format": "png", "captureBeyondViewport": true, "clip": clip });
    let shot = page.send("Page.captureScreenshot", &wishes)?;
    Ok(STANDARD.decode(shot["data"].as_str().ok_or("no picture")?)?)
}

/// Checks a picture: as wide as it should be, not blank, and dark where it should be.
fn seen(png: &[u8], width: u32, is_dark: bool) -> Result<(), String> {
    let picture = image::load_from_memory(png).map_err(|error| error.to_string())?.to_rgb8();
    if picture.width() != width {
        return Err(format!("{} pixels wide", picture.width()));
    }
    let colours: HashSet<_> = picture.pixels().map(|pixel| pixel.0).collect();
    if colours.len() < COLOURS {
        return Err(format!("only {} colours", colours.len()));
    }
    let sum: u64 = picture.pixels().flat_map(|pixel| pixel.0).map(u64::from).sum();
    let mean = sum / (3 * u64::from(picture.width()) * u64::from(picture.height()));
    if is_dark == (mean < 85) && is_dark != (mean > 170) { Ok(()) } else { Err(format!("a mean of {mean}")) }
}
