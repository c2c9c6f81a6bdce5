//! Runs side by side.

use super::curves::{Results, epochs, error, share};
use super::panel::{Axis, Curve, Panel, Stroke, stack};
use super::{BLACK, BLUE, Drawing, GREEN, MUTED, ORANGE, PURPLE, SKY, VERMILION};
use crate::train::run::EpochRecord;

/// One for each run; Okabe and Ito's without their yellow, which is hard to see on white, and three that differ
/// in lightness too.
const RUNS: [&str; 10] = [BLUE, VERMILION, GREEN, ORANGE, PURPLE, SKY, BLACK, "#8C510A", MUTED, "#7B3294"];

/// Longer names lose their beginning, which runs have in common more often than their end.
const MOST_LETTERS: usize = 32;

/// The loss and each head's error over the epochs, run by run: on the test images, else on the held-out ones,
/// else on the training images.
pub(crate) fn draw(runs: &[(&str, &[EpochRecord])], title: &str) -> Drawing {
    let results: Vec<Results> = runs.iter().map(|(_, records)| best_known(records)).collect();
    let set = results.first().map_or_else(String::new, Results::label);
    let same = results.iter().all(|results| results.label() == set);
    let names: Vec<String> = runs.iter().zip(&results).map(|((name, _), of)| named(name, of, same)).collect();
    let curves = |value: &dyn Fn(&crate::train::Metrics) -> Option<f64>| -> Vec<Curve> {
        let curve = |(index, results): (usize, &Results)| {
            let curve = results.curve(names[index].clone(), RUNS[index % RUNS.len()].into(), value);
            let stroke = if index % 2 == 0 { Stroke::Solid } else { Stroke::Dashed };
            Curve { stroke, ..curve }
        };
        results.iter().enumerate().map(curve).collect()
    };
    let label = |what: String| if same && !set.is_empty() { format!("{set} {what}") } else { what };

    let loss = curves(&|metrics| Some(metrics.loss));
    let axis = Axis::log(&loss, f64::INFINITY);
    let mut panels = vec![Panel { label: label("loss".into()), axis, curves: loss, legend: true }];
    for head in heads(runs) {
        let curves = curves(&|metrics| error(metrics, head));
        let axis = Axis::log(&curves, share(&results));
        let label = label(format!("error of {head} (%)"));
        panels.push(Panel { label, axis, curves, legend: false });
    }
    let ends = runs.iter().map(|(_, records)| epochs(records));
    let ends = ends.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1))).unwrap_or((1, 1));
    stack(&panels, ends, title)
}

/// The results that say most about a run.
fn best_known(records: &[EpochRecord]) -> Results<'_> {
    let sets = [Results::test(records, None), Results::validation(records)];
    let known = sets.into_iter().find(|results| !results.epochs.is_empty());
    known.unwrap_or_else(|| Results::train(records))
}

/// A run's name in the legend; with the set where the runs' differ.
fn named(name: &str, results: &Results, same: bool) -> String {
    let letters = name.chars().count();
    let mut text: String = name.chars().skip(letters.saturating_sub(MOST_LETTERS)).collect();
    if letters > MOST_LETTERS {
        text.insert(0, '…');
    }
    if same { text } else { format!("{text} ({})", results.label()) }
}

/// The heads of all runs, each once.
fn heads<'a>(runs: &[(&str, &'a [EpochRecord])]) -> Vec<&'a str> {
    let mut heads: Vec<&str> = Vec::new();
    for head in runs.iter().filter_map(|(_, records)| records.last()).flat_map(|last| &last.train.heads) {
        if !heads.contains(&head.head.as_str()) {
            heads.push(&head.head);
        }
    }
    heads
}
