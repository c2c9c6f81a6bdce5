//! The page learns: what it shows meanwhile, what it keeps, and what it runs.

use digit_adder::network::Sizes;
use digit_adder::train::model_file;
use libtest_mimic::{Failed, Trial};
use serde_json::{Value, json};

use crate::Setup;
use crate::chrome::Page;
use crate::edit::{choose, write};
use crate::input::{Hand, SEVEN, click, stroke, text, until, value};
use crate::look::{ANSWERED, LOSS_CURVE, READY, kept, shown, until_again, until_other};
use crate::site::PAGE;

pub fn trials(setup: &Setup) -> Vec<Trial> {
    vec![
        setup.trial("the_page_learns_and_goes_back", PAGE, learned),
        setup.trial("a_training_runs_edited_shaders", PAGE, trained_edited),
    ]
}

fn learned(page: &mut Page, _: &str) -> Result<(), Failed> {
    until(page, READY)?;
    stroke(page, Hand::Mouse, &SEVEN)?;
    until(page, ANSWERED)?;
    let shipped = shown(page)?;
    click(page, "a[href='#learn']")?;
    assert!(text(page, "#learn-slow")?.contains("slow"), "a fallback adapter is not called slow");
    click(page, "#start")?;
    // The shaders take seconds to compile.
    click(page, "#stop")?;
    until(page, "document.querySelector('#learn-said').textContent === 'Stopped before the first step.'")?;
    assert_eq!(value(page, "document.querySelector('#weights').options.length")?, json!(1));
    click(page, "#start")?;
    until(page, "/step [1-9]/.test(document.querySelector('#weights').selectedOptions[0].text)")?;
    until(page, &format!("{LOSS_CURVE}.includes(' ')"))?;
    assert!(text(page, "#figures")?.contains("Images/s"));
    until_other(page, &shipped)?;
    heard(page)?;
    click(page, "a[href='#learn']")?;
    click(page, "#stop")?;
    until(page, "document.querySelector('#learn-said').textContent.startsWith('Stopped')")?;
    let network = Sizes::default().network()?;
    let file = kept(page, "#save-weights")?;
    let model = model_file::from_bytes("from the page", &file, &network)?;
    assert_eq!(model.about.ok_or("no metadata")?.trained_epochs, Some(0));
    assert_ne!(model.parameters, model_file::shipped(&network)?.parameters);

    page.run("const weights = document.querySelector('#weights'); weights.value = 'shipped'; weights.dispatchEvent(new Event('change'));", &Value::Null)?;
    until_again(page, &shipped)?;

    let folder = tempfile::tempdir()?;
    let path = folder.path().join("mine.safetensors");
    let placeless = without_a_place(&file)?;
    for (bytes, words) in [
        (&file[..100], "mine.safetensors: not a whole safetensors file"),
        (&placeless[..], "mine.safetensors: tensor `"),
        (&vec![0; 64_000_001], "mine.safetensors: more than 64 MB"),
        (&file[..], "Loaded mine"),
    ] {
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

/// The file with something else where its first tensor lies.
fn without_a_place(file: &[u8]) -> Result<Vec<u8>, Failed> {
    let name = b"\"data_offsets\":";
    let start = file.windows(name.len()).position(|part| part == name).ok_or("no place")? + name.len();
    let end = start + file[start..].iter().position(|byte| *byte == b']').ok_or("no end")?;
    let mut changed = file.to_vec();
    changed[start..=end].fill(b'7');
    Ok(changed)
}

/// While the weights change, the answer to a change by the user is said, and no other.
fn heard(page: &mut Page) -> Result<(), Failed> {
    click(page, "a[href='#draw']")?;
    let weights = "document.querySelector('#weights').selectedOptions[0].text";
    let before = text(page, "#answer")?;
    click(page, "#numbers label:nth-of-type(5)")?;
    until(page, &format!("document.querySelector('#answer').textContent !== {}", json!(before)))?;
    let said = text(page, "#answer")?;
    for _ in 0..3 {
        let step = value(page, weights)?;
        until(page, &format!("{weights} !== {step}"))?;
    }
    assert_eq!(text(page, "#answer")?, said);
    assert_eq!(value(page, "document.querySelector('#stop').disabled")?, json!(false), "not heard meanwhile");
    click(page, "#numbers label:nth-of-type(1)")?;
    Ok(until(page, "document.querySelector('#number-answer').textContent === '0'")?)
}

/// The loss that the page shows; not a number where it shows none.
const LOSS: &str = "Number([...document.querySelectorAll('#figures div')]
    .find((figure) => figure.firstChild.textContent === 'Loss').lastChild.textContent)";

fn trained_edited(page: &mut Page, _: &str) -> Result<(), Failed> {
    let (as_shipped, edited) = (format!("0 < {LOSS} && {LOSS} < 10"), format!("{LOSS} > 40"));
    let edit = |page: &mut Page| -> Result<(), Failed> {
        write(page, "Record(digit.loss, ", "Record(digit.loss + 100.0, ")?;
        Ok(click(page, "#compile")?)
    };
    let named = "document.querySelector('#edited-names').textContent.includes('linear_layers (training)')";
    until(page, READY)?;
    click(page, "a[href='#machine']")?;
    choose(page, "train", "linear_layers.images")?;
    edit(page)?;
    // Nothing trains yet, so that a trainer is made for the edit; another one is wanted before it is there.
    click(page, "a[href='#learn']")?;
    click(page, "#start")?;
    until(page, &edited)?;
    until(page, named)?;
    click(page, "#revert-all")?;
    until(page, "document.querySelector('#edited').hidden")?;
    assert_eq!(text(page, "#compiled")?, "Training runs the text as shipped.");
    until(page, &as_shipped)?;

    click(page, "a[href='#machine']")?;
    edit(page)?;
    until(page, named)?;
    until(page, &edited)?;
    click(page, "a[href='#learn']")?;
    click(page, "#stop")?;
    until(page, "document.querySelector('#learn-said').textContent.startsWith('Stopped')")?;
    click(page, "#start")?;
    until(page, "document.querySelector('#learn-said').textContent === 'Training.'")?;
    until(page, &format!("{LOSS} > 0"))?;
    assert_eq!(value(page, &edited)?, json!(true), "the edit is lost");
    assert_eq!(value(page, "document.querySelector('#notice').hidden")?, json!(true));
    Ok(())
}
