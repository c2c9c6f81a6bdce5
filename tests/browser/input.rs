//! Hands for a page: a mouse, a finger, a pen and a keyboard, as the browser gets them from the system.

use serde_json::{Value, json};

use crate::chrome::Page;

type Answer<T> = Result<T, String>;

/// How long the page may take for what it does by itself, in milliseconds: shaders compile, a busy core trains.
const PATIENCE: u64 = 120_000;

/// What touches the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hand {
    Mouse,
    Finger,
    Pen,
}

/// A seven, in places over the width of the drawing area.
pub const SEVEN: [[f64; 2]; 4] = [[0.28, 0.2], [0.74, 0.2], [0.6, 0.5], [0.46, 0.85]];
/// A three.
pub const THREE: [[f64; 2]; 9] = [
    [0.3, 0.2],
    [0.5, 0.12],
    [0.68, 0.22],
    [0.66, 0.38],
    [0.5, 0.47],
    [0.68, 0.56],
    [0.7, 0.74],
    [0.5, 0.87],
    [0.3, 0.8],
];

/// Waits until an expression of the page holds.
pub fn until(page: &mut Page, holds: &str) -> Answer<()> {
    let body = format!(
        "const end = performance.now() + {PATIENCE};
         while (!({holds})) {{
             if (performance.now() > end) throw new Error(args + \"\\n\" + document.body.innerText);
             await new Promise((done) => setTimeout(done, 30));
         }}"
    );
    page.run(&body, &json!(format!("the page never had: {holds}"))).map(|_| ())
}

/// The value of an expression of the page.
pub fn value(page: &mut Page, expression: &str) -> Answer<Value> {
    page.run(&format!("return {expression};"), &Value::Null)
}

/// The text of the element that a selector finds.
pub fn text(page: &mut Page, selector: &str) -> Answer<String> {
    let found = page.run("return document.querySelector(args).textContent.trim();", &json!(selector))?;
    Ok(found.as_str().unwrap_or_default().into())
}

/// Draws a stroke on the drawing area.
pub fn stroke(page: &mut Page, hand: Hand, places: &[[f64; 2]]) -> Answer<()> {
    let area = page.run(
        "const area = document.querySelector('#pad');
         area.scrollIntoView({ block: 'center' });
         const { left, top, width } = area.getBoundingClientRect();
         return [left, top, width];",
        &Value::Null,
    )?;
    let part = |i: usize| area[i].as_f64().unwrap_or_default();
    let points: Vec<[f64; 2]> =
        places.iter().map(|[x, y]| [part(0) + x * part(2), part(1) + y * part(2)]).collect();
    for (i, point) in points.iter().enumerate() {
        touch(page, hand, if i == 0 { "down" } else { "move" }, *point)?;
    }
    touch(page, hand, "up", points[points.len() - 1])
}

fn touch(page: &mut Page, hand: Hand, what: &str, [x, y]: [f64; 2]) -> Answer<()> {
    let (method, event) = match hand {
        Hand::Finger => {
            let kind = ["touchStart", "touchMove", "touchEnd"]
                [usize::from(what != "down") + usize::from(what == "up")];
            let points = if what == "up" { json!([]) } else { json!([{ "x": x, "y": y }]) };
            ("Input.dispatchTouchEvent", json!({ "type": kind, "touchPoints": points }))
        }
        Hand::Mouse | Hand::Pen => {
            let kind = ["mousePressed", "mouseMoved", "mouseReleased"]
                [usize::from(what != "down") + usize::from(what == "up")];
            let pointer = if hand == Hand::Pen { "pen" } else { "mouse" };
            let event = json!({
                "type": kind, "x": x, "y": y, "button": "left", "buttons": i32::from(what != "up"),
                "clickCount": 1, "pointerType": pointer, "force": 0.5,
            });
            ("Input.dispatchMouseEvent", event)
        }
    };
    page.send(method, &event).map(|_| ())
}

/// Clicks in the middle of what a selector finds.
pub fn click(page: &mut Page, selector: &str) -> Answer<()> {
    // A view is shown a moment after its link was clicked: what is not there to be hit is waited for.
    let body = format!(
        "const end = performance.now() + {PATIENCE};
         while (performance.now() < end) {{
             const found = document.querySelector(args);
             found?.scrollIntoView({{ block: 'center' }});
             const {{ left, top, width, height }} = found?.getBoundingClientRect() ?? {{ width: 0 }};
             const place = [left + width / 2, top + height / 2];
             if (width > 0 && found.contains(document.elementFromPoint(...place))) return place;
             await new Promise((done) => setTimeout(done, 30));
         }}
         throw new Error(`there is no ${{args}} to click`);"
    );
    let place = page.run(&body, &json!(selector))?;
    let place = [place[0].as_f64().unwrap_or_default(), place[1].as_f64().unwrap_or_default()];
    touch(page, Hand::Mouse, "down", place)?;
    touch(page, Hand::Mouse, "up", place)
}

/// Presses keys by their names, one after the other; `Shift+` before a name holds that key.
pub fn keys(page: &mut Page, names: &[&str]) -> Answer<()> {
    for name in names {
        let (shift, key) = name.strip_prefix("Shift+").map_or((0, *name), |key| (8, key));
        let code = match key {
            "Tab" => 9,
            "Enter" => 13,
            "Escape" => 27,
            " " => 32,
            "PageUp" => 33,
            "PageDown" => 34,
            "End" => 35,
            "Home" => 36,
            "ArrowLeft" => 37,
            "ArrowUp" => 38,
            "ArrowRight" => 39,
            "ArrowDown" => 40,
            "Delete" => 46,
            "Backspace" => 8,
            _ => u32::from(key.as_bytes().first().copied().unwrap_or_default()),
        };
        let mut event =
            json!({ "type": "keyDown", "key": key, "windowsVirtualKeyCode": code, "modifiers": shift });
        if key.len() == 1 {
            event["text"] = key.into();
        } else if key == "Enter" {
            event["text"] = "\r".into();
        }
        page.send("Input.dispatchKeyEvent", &event)?;
        let up = json!({ "type": "keyUp", "key": key, "windowsVirtualKeyCode": code, "modifiers": shift });
        page.send("Input.dispatchKeyEvent", &up)?;
    }
    Ok(())
}

/// Goes on by the tabulator until what has the focus matches a selector.
pub fn tab_to(page: &mut Page, selector: &str) -> Answer<()> {
    for _ in 0..100 {
        keys(page, &["Tab"])?;
        let found = page.run("return document.activeElement.matches(args);", &json!(selector))?;
        if found == json!(true) {
            return Ok(());
        }
    }
    Err(format!("the tabulator never comes to {selector}"))
}
