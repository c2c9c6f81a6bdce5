//! The lines and the progress bar that a run prints. Whatever comes from outside is in them without control
//! characters.

use std::io::{ErrorKind, IsTerminal, Write};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

use super::accuracy::Accuracy;
use crate::network::Network;
use crate::train::{HeadMetrics, Metrics, log::Line, run::EpochRecord};
use crate::{Error, Result, escape};

/// Writes a result line to stdout. A reader that has gone away (`| head`) is not an error: the rest
/// of the work may still be wanted.
///
/// # Errors
///
/// [`Error::Data`] when stdout cannot be written to, as on a full disk.
pub(crate) fn print(line: &str) -> Result<()> {
    let mut stdout = std::io::stdout().lock();
    match writeln!(stdout, "{}", escape::lines(line)).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Error::Data(format!("cannot write to standard output: {error}")))
        }
        _ => Ok(()),
    }
}

/// Writes an object to stdout, on a line of its own.
///
/// # Errors
///
/// As [`print`].
pub(crate) fn print_json(value: &impl serde::Serialize) -> Result<()> {
    let line = serde_json::to_string(value).map_err(|error| Error::Data(error.to_string()))?;
    print(&line)
}

/// Writes a message to stderr; if that fails, there is nowhere to report it.
pub(crate) fn say(message: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{}", escape::lines(message));
}

/// Writes a message to stderr where a progress bar may be, which redraws itself below.
pub(crate) fn interject(message: &str) {
    let clear_line = if std::io::stderr().is_terminal() { "\r\x1b[2K" } else { "" };
    let _ = writeln!(std::io::stderr().lock(), "{clear_line}{}", escape::lines(message));
}

/// `epoch 1 => loss 1.0330, correct digits 53546, correct sums 22760 (89.24 %, 37.93 %), 12345 images/s`,
/// and of each held-out set that was run after it, `; test 9851 and 9779 of 10000 (98.51 %, 97.79 %), loss 0.0591`,
/// with the averaged weights too `, averaged 98.60 %, 97.91 %, loss 0.0566`.
pub(crate) fn epoch_line(network: &Network, record: &EpochRecord) -> String {
    let held_out = |name: &str, results: &Option<Metrics>, averaged: &Option<Metrics>| {
        let raw = results.as_ref().map_or_else(String::new, |results| {
            let (counts, shares) = (counts(results), percentages(results));
            format!("; {name} {counts} of {} ({shares}), loss {:.4}", results.images, results.loss)
        });
        averaged.as_ref().map_or(raw.clone(), |averaged| {
            format!("{raw}, averaged {}, loss {:.4}", percentages(averaged), averaged.loss)
        })
    };
    let validation = held_out("validation", &record.validation, &record.averaged_validation);
    let test = held_out("test", &record.test, &record.averaged_test);
    let correct = network.heads().iter().zip(&record.train.heads);
    let correct = correct.map(|(head, metrics)| format!("correct {} {}", head.plural(), metrics.correct));
    format!(
        "epoch {} => loss {:.4}, {} ({}), {:.0} images/s{validation}{test}",
        record.epoch,
        record.train.loss,
        correct.collect::<Vec<_>>().join(", "),
        percentages(&record.train),
        record.train.images as f64 / record.seconds.max(1e-9),
    )
}

/// `98.51 %, 97.79 %`
fn percentages(metrics: &Metrics) -> String {
    let percent = |correct| format!("{:.2} %", Accuracy::new(correct, metrics.images).percent);
    metrics.heads.iter().map(|head| percent(head.correct)).collect::<Vec<_>>().join(", ")
}

/// `9851 and 9779`
fn counts(metrics: &Metrics) -> String {
    let counts: Vec<String> = metrics.heads.iter().map(|head| head.correct.to_string()).collect();
    match counts.split_last() {
        Some((last, others)) if !others.is_empty() => format!("{} and {last}", others.join(", ")),
        _ => counts.concat(),
    }
}

/// `step 300: loss 0.7312, 11876 images/s`
pub(crate) fn step_line(line: &Line) -> String {
    format!("step {}: loss {:.4}, {:.0} images/s", line.step, line.loss, line.images_per_second)
}

/// `test => digit 98.51 ± 0.12 %  sum 97.79 ± 0.15 % (9851 and 9779 of 10000 right, loss 0.0591)`
pub(crate) fn test_line(metrics: &Metrics) -> String {
    result_line("test", metrics, 2)
}

/// The line of a test of some name, its shares with so many decimals.
pub(crate) fn result_line(name: &str, metrics: &Metrics, decimals: usize) -> String {
    result_line_of(name, metrics, decimals, metrics.images)
}

/// The same where only so many of the answers are independent.
pub(crate) fn result_line_of(name: &str, metrics: &Metrics, decimals: usize, independent: usize) -> String {
    let accuracy =
        |head: &HeadMetrics| Accuracy::new(head.correct, metrics.images).of_independent(independent);
    let head = |head: &HeadMetrics| format!("{} {:.decimals$}", head.head, accuracy(head));
    format!(
        "{name} => {} ({} of {} right, loss {:.4})",
        metrics.heads.iter().map(head).collect::<Vec<_>>().join("  "),
        counts(metrics),
        metrics.images,
        metrics.loss,
    )
}

/// The progress bar inside an epoch; silent unless stderr is a terminal.
pub(crate) struct EpochBar {
    bar: ProgressBar,
    epochs: u32,
    epoch: u32,
}

impl EpochBar {
    /// A bar for `epochs` epochs of `images` images.
    pub(crate) fn new(epochs: u32, images: usize) -> Self {
        let bar = ProgressBar::with_draw_target(Some(images as u64), ProgressDrawTarget::stderr_with_hz(10));
        let columns = terminal_size::terminal_size_of(std::io::stderr()).map_or(80, |(width, _)| width.0);
        // A bar that does not fit on a line cannot be taken back.
        let template = match columns {
            72.. => "{msg} {wide_bar} {human_pos}/{human_len} images, {rate} images/s, {eta} left",
            _ => "{msg} {percent} %",
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            let rate = |state: &ProgressState, to: &mut dyn std::fmt::Write| {
                let _ = write!(to, "{:.0}", state.per_sec());
            };
            bar.set_style(style.with_key("rate", rate));
        }
        Self { bar, epochs, epoch: 0 }
    }

    /// Shows that `images` of `epoch` are done.
    pub(crate) fn show(&mut self, epoch: u32, images: usize) {
        if epoch != self.epoch {
            self.epoch = epoch;
            self.bar.reset();
            self.bar.set_message(format!("epoch {epoch}/{}", self.epochs));
        }
        self.bar.set_position(images as u64);
    }

    /// Takes the bar off the terminal, to make room for a line.
    pub(crate) fn clear(&self) {
        self.bar.finish_and_clear();
    }
}

impl Drop for EpochBar {
    fn drop(&mut self) {
        self.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::Sizes;

    fn metrics(images: usize, loss: f64, [digits, sums]: [usize; 2]) -> Metrics {
        let head = |head: &str, correct| HeadMetrics { head: head.into(), loss, correct };
        Metrics::new(images, vec![head("digit", digits), head("sum", sums)])
    }

    #[test]
    fn epoch_line_has_the_published_form() {
        let network = Sizes::default().network().unwrap();
        let train = metrics(60_000, 1.03296, [53_546, 22_760]);
        let mut record = EpochRecord {
            epoch: 1,
            step: 1,
            learning_rate: 1e-3,
            train,
            seconds: 4.0,
            ..EpochRecord::default()
        };
        let line = "epoch 1 => loss 1.0330, correct digits 53546, correct sums 22760 (89.24 %, 37.93 %), 15000 images/s";
        assert_eq!(epoch_line(&network, &record), line);
        record.test = Some(metrics(10_000, 0.0591, [9851, 9779]));
        assert_eq!(
            epoch_line(&network, &record),
            format!("{line}; test 9851 and 9779 of 10000 (98.51 %, 97.79 %), loss 0.0591")
        );
        record.validation = Some(metrics(5000, 0.05, [4900, 4800]));
        let validation =
            "images/s; validation 4900 and 4800 of 5000 (98.00 %, 96.00 %), loss 0.0500; test 9851";
        assert!(epoch_line(&network, &record).contains(validation));
        record.averaged_validation = Some(metrics(5000, 0.04, [4950, 4850]));
        let averaged = "loss 0.0500, averaged 99.00 %, 97.00 %, loss 0.0400; test 9851";
        assert!(epoch_line(&network, &record).contains(averaged));
    }

    #[test]
    fn test_line_gives_standard_errors() {
        assert_eq!(
            test_line(&metrics(10_000, 0.0591, [9851, 9779])),
            "test => digit 98.51 ± 0.12 %  sum 97.79 ± 0.15 % (9851 and 9779 of 10000 right, loss 0.0591)"
        );
    }
}
