//! A run as a trace that chrome://tracing and Perfetto load: what the host did when, which submission the
//! device worked on, and the dispatches of one training step.

use std::path::Path;
use std::time::Duration;

use serde::Serialize;
use serde_json::{Value, json};

use crate::escape::Shown;
use crate::gpu::spans::{Span, Track};
use crate::program::times::StepTimes;
use crate::{Error, Result, atomic};

/// The name of the span that holds the timing of a step; the step's dispatches are drawn from its start.
pub(crate) const PROFILE: &str = "profile";

/// A row of the trace.
#[derive(Clone, Copy)]
enum Row {
    Host = 1,
    Submissions,
    Dispatches,
}

/// A complete event of the trace event format; times are in microseconds.
#[derive(Serialize)]
struct Event<'a> {
    name: &'a str,
    ph: &'static str,
    ts: f64,
    dur: f64,
    pid: u32,
    tid: u32,
    args: Value,
}

/// Fails early if the file cannot be written.
///
/// # Errors
/// [`Error::Usage`] naming the file.
pub(crate) fn refuse_unwritable(file: &Path) -> Result<()> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    let problem = if file.is_dir() {
        "is a folder"
    } else if folder.is_some_and(|folder| !folder.is_dir()) {
        "is in a folder that does not exist"
    } else {
        return Ok(());
    };
    Err(Error::Usage(format!("--profile: {} {problem}: give the trace another name", file.shown())))
}

/// Writes the trace.
///
/// # Errors
/// [`Error::Data`] naming the file.
pub(crate) fn write(file: &Path, spans: &[Span], step: Option<&StepTimes>) -> Result<()> {
    let text = serde_json::to_string(&events(spans, step))
        .map_err(|error| Error::Data(format!("cannot write {}: {error}", file.shown())))?;
    atomic::write_named(file, text.as_bytes())
}

fn events(spans: &[Span], step: Option<&StepTimes>) -> Vec<Value> {
    let mut all = vec![name(Row::Host, "host"), name(Row::Submissions, "device: submissions")];
    for span in spans {
        let row = match span.track {
            Track::Host => Row::Host,
            Track::Submissions => Row::Submissions,
        };
        all.push(event(row, span.name, span.start, span.length, json!({})));
    }
    let start = spans.iter().find(|span| span.name == PROFILE).map(|span| span.start);
    if let (Some(StepTimes { program, times }), Some(mut start)) = (step, start) {
        let head = format!("device: one step of {} images, by {}", program.batch, times.method);
        all.push(name(Row::Dispatches, &head));
        for (dispatch, &seconds) in program.dispatches.iter().zip(&times.dispatches) {
            let length = Duration::from_secs_f64(seconds);
            let args =
                json!({ "layer": dispatch.layer, "flops": dispatch.flops, "bytes": program.bytes(dispatch) });
            all.push(event(Row::Dispatches, &dispatch.kernel(), start, length, args));
            start += length;
        }
    }
    all
}

fn event(row: Row, name: &str, start: Duration, length: Duration, args: Value) -> Value {
    let [ts, dur] = [start, length].map(|time| time.as_nanos() as f64 / 1e3);
    json!(Event { name, ph: "X", ts, dur, pid: 1, tid: row as u32, args })
}

/// A row's name, as the format requires it.
fn name(row: Row, name: &str) -> Value {
    json!({ "name": "thread_name", "ph": "M", "pid": 1, "tid": row as u32, "args": { "name": name } })
}
