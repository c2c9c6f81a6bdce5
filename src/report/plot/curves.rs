//! The curves of one run over its epochs.

use super::panel::{Axis, Curve, Panel, Stroke, stack};
use super::{BLUE, Drawing, GREEN, ORANGE, PURPLE, SKY, VERMILION};
use crate::train::Metrics;
use crate::train::run::EpochRecord;

const HEADS: [&str; 5] = [VERMILION, GREEN, PURPLE, ORANGE, SKY];

/// Where all heads end at this accuracy in percent or above, their errors are drawn in its place.
const GOOD: f64 = 90.0;

/// The loss over the epochs on a logarithmic axis, on the training images and, where there is one, on the
/// held-out and the test images. `test` is the result after the last epoch.
pub(crate) fn loss(records: &[EpochRecord], test: Option<&Metrics>, title: &str) -> Drawing {
    stack(&[loss_panel(records, test)], epochs(records), title)
}

/// How good each head is over the epochs: the accuracy while one ends below 90 %, and from there on the error,
/// on a logarithmic axis, as 99 % and 99.9 % look the same otherwise.
pub(crate) fn accuracy(records: &[EpochRecord], test: Option<&Metrics>, title: &str) -> Drawing {
    stack(&[accuracy_panel(records, test)], epochs(records), title)
}

/// The learning rate of the last step of each epoch.
pub(crate) fn learning_rate(records: &[EpochRecord], title: &str) -> Drawing {
    let points = records.iter().map(|record| (f64::from(record.epoch), f64::from(record.learning_rate)));
    let points: Vec<_> = points.collect();
    let highest = points.iter().map(|point| point.1).filter(|rate| rate.is_finite()).fold(0.0, f64::max);
    let high = if highest > 0.0 { 1.1 * highest } else { 1.0 };
    let panel = Panel {
        label: "learning rate".into(),
        axis: Axis::Linear { low: 0.0, high, step: None },
        curves: vec![Curve {
            name: String::new(),
            points,
            mark: None,
            color: BLUE.into(),
            stroke: Stroke::Solid,
        }],
        legend: false,
    };
    stack(&[panel], epochs(records), title)
}

/// The first and the last epoch.
pub(super) fn epochs(records: &[EpochRecord]) -> (u32, u32) {
    let epochs = || records.iter().map(|record| record.epoch);
    (epochs().min().unwrap_or(1), epochs().max().unwrap_or(1))
}

/// The results on one set of images.
pub(super) struct Results<'a> {
    /// The set's name.
    pub(super) set: &'static str,
    /// After these epochs.
    pub(super) epochs: Vec<(f64, &'a Metrics)>,
    /// Whether the last one is that of the whole run.
    is_final: bool,
    /// Whether they are those of the averaged weights.
    averaged: bool,
}

impl<'a> Results<'a> {
    /// On the training images.
    pub(super) fn train(records: &'a [EpochRecord]) -> Self {
        Self::of("train", records, |record| Some(&record.train))
    }

    /// On the held-out images; of the averaged weights, where there are such.
    pub(super) fn validation(records: &'a [EpochRecord]) -> Self {
        let averaged = records.iter().any(|record| record.averaged_validation.is_some());
        Self { averaged, ..Self::of("validation", records, EpochRecord::judged_validation) }
    }

    /// On the test images, after some epochs and, with `last`, after the last one; of the averaged weights, where
    /// there are such.
    pub(super) fn test(records: &'a [EpochRecord], last: Option<&'a Metrics>) -> Self {
        let averaged = records.iter().any(|record| record.averaged_test.is_some());
        let mut results = Self { averaged, ..Self::of("test", records, EpochRecord::judged_test) };
        if let Some(metrics) = last {
            let epoch = f64::from(epochs(records).1);
            results.epochs.retain(|(other, _)| *other < epoch);
            results.epochs.push((epoch, metrics));
            results.is_final = true;
        }
        results
    }

    fn of(
        set: &'static str,
        records: &'a [EpochRecord],
        pick: impl Fn(&'a EpochRecord) -> Option<&'a Metrics>,
    ) -> Self {
        let epochs = records.iter().filter_map(|record| Some((f64::from(record.epoch), pick(record)?)));
        Self { set, epochs: epochs.collect(), is_final: false, averaged: false }
    }

    /// The set's name, with what is told apart from the weights of each step.
    pub(super) fn label(&self) -> String {
        let averaged = if self.averaged { " (averaged)" } else { "" };
        format!("{}{averaged}", self.set)
    }

    /// A curve of a value of the results.
    pub(super) fn curve(
        &self,
        name: String,
        color: String,
        value: impl Fn(&Metrics) -> Option<f64>,
    ) -> Curve {
        let points = self.epochs.iter().filter_map(|&(epoch, metrics)| Some((epoch, value(metrics)?)));
        let points: Vec<_> = points.collect();
        let mark = if self.is_final { points.last().copied() } else { None };
        let stroke = match self.set {
            "train" => Stroke::Solid,
            "test" => Stroke::Dashed,
            _ => Stroke::Dotted,
        };
        Curve { name, points, mark, color, stroke }
    }
}

/// Those sets that have results.
fn results<'a>(records: &'a [EpochRecord], test: Option<&'a Metrics>) -> Vec<Results<'a>> {
    let mut all = vec![Results::train(records), Results::validation(records), Results::test(records, test)];
    all.retain(|results| !results.epochs.is_empty());
    all
}

fn loss_panel(records: &[EpochRecord], test: Option<&Metrics>) -> Panel {
    let color = |set| match set {
        "train" => BLUE,
        "test" => VERMILION,
        _ => GREEN,
    };
    let curve = |results: &Results| {
        results.curve(results.label(), color(results.set).into(), |metrics| Some(metrics.loss))
    };
    let curves: Vec<Curve> = results(records, test).iter().map(curve).collect();
    Panel { label: "loss".into(), axis: Axis::log(&curves, f64::INFINITY), curves, legend: true }
}

fn accuracy_panel(records: &[EpochRecord], test: Option<&Metrics>) -> Panel {
    let last = records.last().map(|record| &record.train);
    let heads = last.map_or(&[][..], |metrics| &metrics.heads);
    let is_good = |head: &str| {
        let error = last.and_then(|metrics| error(metrics, head));
        error.is_some_and(|error| error <= 100.0 - GOOD)
    };
    let as_error = !heads.is_empty() && heads.iter().all(|head| is_good(&head.head));
    let results = results(records, test);
    let mut curves = Vec::new();
    for (head, color) in heads.iter().zip(HEADS.iter().cycle()) {
        for results in &results {
            let value = |metrics: &Metrics| {
                let error = error(metrics, &head.head)?;
                Some(if as_error { error } else { 100.0 - error })
            };
            let name = format!("{}, {}", head.head, results.label());
            curves.push(results.curve(name, lighter(color, results.set), value));
        }
    }
    if as_error {
        let axis = Axis::log(&curves, share(&results));
        return Panel { label: "error (%)".into(), axis, curves, legend: true };
    }
    let lowest = curves.iter().flat_map(|curve| &curve.points).map(|point| point.1).fold(100.0, f64::min);
    // The lowest point is to stand clear of the axis.
    let low = ((lowest - 2.0) / 10.0).floor().clamp(0.0, 9.0) * 10.0;
    let step = if low >= 80.0 { 5.0 } else { 10.0 };
    let axis = Axis::Linear { low, high: 100.0, step: Some(step) };
    Panel { label: "accuracy (%)".into(), axis, curves, legend: true }
}

/// A head's colour for one of its sets. A long run's PNG may show no dashes, so these cannot be all that tells the
/// sets apart.
fn lighter(color: &str, set: &str) -> String {
    let white = match set {
        "train" => 0.0,
        "test" => 0.35,
        _ => 0.5,
    };
    let channel = |at: usize| {
        let value = color.get(at..at + 2).and_then(|hex| u8::from_str_radix(hex, 16).ok()).unwrap_or(0);
        (f64::from(value) + white * f64::from(255 - value)).round() as u8
    };
    format!("#{:02X}{:02X}{:02X}", channel(1), channel(3), channel(5))
}

/// The share of images that a head was wrong about, in percent.
pub(super) fn error(metrics: &Metrics, head: &str) -> Option<f64> {
    let head = metrics.heads.iter().find(|known| known.head == head)?;
    let images = metrics.images.max(1);
    Some(100.0 * images.saturating_sub(head.correct) as f64 / images as f64)
}

/// The smallest share of a set that one image is, in percent.
pub(super) fn share<'a>(results: impl IntoIterator<Item = &'a Results<'a>>) -> f64 {
    let all = results.into_iter().flat_map(|results| &results.epochs);
    all.map(|(_, metrics)| 100.0 / metrics.images.max(1) as f64).fold(100.0, f64::min)
}
