//! What can be seen on the page.

use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use libtest_mimic::Failed;
use serde_json::{Value, json};

use crate::chrome::Page;
use crate::input::{click, text, value};

/// How long the page may take to show an answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// The page computes, on whatever it found.
pub const READY: &str = "/^Computes .*\\.$/.test(document.querySelector('#device').textContent)";
/// All that was drawn is answered, and an answer has been said.
pub const ANSWERED: &str = "document.querySelector('#distributions').ariaBusy === 'false'
    && /Digit .* Sum /.test(document.querySelector('#answer').textContent)";
/// The points of the first curve of losses; none until the page has drawn it, in a frame after the view is shown.
pub const LOSS_CURVE: &str = "(document.querySelector('#loss-chart polyline')?.getAttribute('points') ?? '')";

/// The probabilities that the tables show, as exactly as the bars are long.
pub fn shown(page: &mut Page) -> Result<Value, String> {
    value(
        page,
        "[...document.querySelectorAll('.bars')].map((table) => [...table.querySelectorAll('.bar')]
            .map((bar) => Number(bar.style.getPropertyValue('--share'))))",
    )
}

/// Waits until the tables show other probabilities than these, and returns them.
pub fn until_other(page: &mut Page, than: &Value) -> Result<Value, String> {
    until_shown(page, |shown| shown != than)
}

/// Waits until the tables show these probabilities.
pub fn until_again(page: &mut Page, before: &Value) -> Result<(), String> {
    until_shown(page, |shown| shown == before).map(|_| ())
}

fn until_shown(page: &mut Page, holds: impl Fn(&Value) -> bool) -> Result<Value, String> {
    let start = Instant::now();
    loop {
        let shown = shown(page)?;
        if holds(&shown) {
            return Ok(shown);
        }
        if start.elapsed() > PATIENCE {
            return Err(format!("the page goes on showing {shown}"));
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Digit and sum in large figures.
pub fn said(page: &mut Page) -> Result<[String; 2], String> {
    Ok([text(page, "#digit-answer")?, text(page, "#sum-answer")?])
}

/// How many pixels of the pictures that a selector finds have ink.
pub fn inked(page: &mut Page, selector: &str) -> Result<u64, String> {
    let count = page.run(
        "return [...document.querySelectorAll(args)].map((canvas) => canvas.getContext('2d')
            .getImageData(0, 0, canvas.width, canvas.height).data.filter((value, i) => i % 4 === 3 && value > 0).length)
            .reduce((a, b) => a + b, 0);",
        &json!(selector),
    )?;
    Ok(count.as_u64().unwrap_or_default())
}

/// Catches what the page offers to keep: downloads go nowhere here.
const CATCH: &str = "const made = URL.createObjectURL;
    window.kept = undefined;
    URL.createObjectURL = (blob) => { window.kept = blob; return made.call(URL, blob); };";
/// The bytes of it.
const KEPT: &str = "while (!window.kept) await new Promise((done) => setTimeout(done, 20));
    const bytes = new Uint8Array(await window.kept.arrayBuffer());
    return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''));";

/// The file that a button offers to keep.
pub fn kept(page: &mut Page, button: &str) -> Result<Vec<u8>, Failed> {
    page.run(CATCH, &Value::Null)?;
    page.send("Browser.setDownloadBehavior", &json!({ "behavior": "deny" }))?;
    click(page, button)?;
    let bytes = page.run(KEPT, &Value::Null)?;
    Ok(STANDARD.decode(bytes.as_str().unwrap())?)
}
