//! The lines and the progress bar that a run prints.

use std::io::{ErrorKind, IsTerminal, Write};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use serde::Serialize;

use crate::train::{Metrics, log::Line, run::EpochRecord};
use crate::{Error, Result};

/// Writes a result line to stdout. A reader that has gone away (`| head`) is no error: the rest
/// of the work may still be wanted.
///
/// # Errors
///
/// [`Error::Data`] when stdout cannot be written to, as on a full disk.
pub fn print(line: &str) -> Result<()> {
    let mut stdout = std::io::stdout().lock();
    match writeln!(stdout, "{line}").and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Error::Data(format!("cannot write to standard output: {error}")))
        }
        _ => Ok(()),
    }
}

/// Writes a message to stderr; there is nobody to tell when that fails.
pub fn say(message: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{message}");
}

/// Writes a message to stderr where a progress bar may stand, which draws itself again below.
pub fn interject(message: &str) {
    let clear_line = if std::io::stderr().is_terminal() { "\r\x1b[2K" } else { "" };
    say(&format!("{clear_line}{message}"));
}

/// An accuracy with its standard error.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Accuracy {
    /// Share of right answers in percent.
    pub percent: f64,
    /// Binomial standard error in percent: `sqrt(p (1 - p) / n)`.
    pub standard_error: f64,
}

impl Accuracy {
    /// Of `correct` right answers among `images`. No images: 0 ± 0.
    pub fn new(correct: usize, images: usize) -> Self {
        let n = images.max(1) as f64;
        let p = correct as f64 / n;
        Self { percent: 100.0 * correct as f64 / n, standard_error: 100.0 * (p * (1.0 - p) / n).sqrt() }
    }
}

impl std::fmt::Display for Accuracy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:.2} ± {:.2} %", self.percent, self.standard_error)
    }
}

/// `epoch 1 => loss 1.0330, correct digits 53546, correct sums 22760 (89.24 %, 37.93 %), 12345 images/s`,
/// and where the test set was run after it, `; test 9851 and 9779 of 10000 (98.51 %, 97.79 %), loss 0.0591`.
pub fn epoch_line(record: &EpochRecord) -> String {
    let test = record.test.map_or_else(String::new, |test| {
        format!(
            "; test {} and {} of {} ({:.2} %, {:.2} %), loss {:.4}",
            test.correct_digits,
            test.correct_sums,
            test.images,
            Accuracy::new(test.correct_digits, test.images).percent,
            Accuracy::new(test.correct_sums, test.images).percent,
            test.loss,
        )
    });
    format!(
        "epoch {} => loss {:.4}, correct digits {}, correct sums {} ({:.2} %, {:.2} %), {:.0} images/s{test}",
        record.epoch,
        record.loss,
        record.correct_digits,
        record.correct_sums,
        Accuracy::new(record.correct_digits, record.images).percent,
        Accuracy::new(record.correct_sums, record.images).percent,
        record.images as f64 / record.seconds.max(1e-9),
    )
}

/// `step 300: loss 0.7312, 11876 images/s`
pub fn step_line(line: &Line) -> String {
    format!("step {}: loss {:.4}, {:.0} images/s", line.step, line.loss, line.images_per_second)
}

/// `test => digit 98.51 ± 0.12 %  sum 97.79 ± 0.15 % (9851 and 9779 of 10000 right, loss 0.0591)`
pub fn test_line(metrics: &Metrics) -> String {
    format!(
        "test => digit {}  sum {} ({} and {} of {} right, loss {:.4})",
        Accuracy::new(metrics.digits, metrics.images),
        Accuracy::new(metrics.sums, metrics.images),
        metrics.digits,
        metrics.sums,
        metrics.images,
        metrics.loss,
    )
}

/// The progress bar inside an epoch; silent unless stderr is a terminal.
pub struct EpochBar {
    bar: ProgressBar,
    epochs: u32,
    epoch: u32,
}

impl EpochBar {
    /// A bar for `epochs` epochs of `images` images.
    pub fn new(epochs: u32, images: usize) -> Self {
        let bar = ProgressBar::with_draw_target(Some(images as u64), ProgressDrawTarget::stderr_with_hz(10));
        let template = "{msg} {wide_bar} {human_pos}/{human_len} images, {rate} images/s, {eta} left";
        if let Ok(style) = ProgressStyle::with_template(template) {
            let rate = |state: &ProgressState, to: &mut dyn std::fmt::Write| {
                let _ = write!(to, "{:.0}", state.per_sec());
            };
            bar.set_style(style.with_key("rate", rate));
        }
        Self { bar, epochs, epoch: 0 }
    }

    /// Shows that `images` of `epoch` are done.
    pub fn show(&mut self, epoch: u32, images: usize) {
        if epoch != self.epoch {
            self.epoch = epoch;
            self.bar.reset();
            self.bar.set_message(format!("epoch {epoch}/{}", self.epochs));
        }
        self.bar.set_position(images as u64);
    }

    /// Takes the bar off the terminal, to make room for a line.
    pub fn clear(&self) {
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
    use crate::train::run::TestRecord;

    #[test]
    fn epoch_line_has_the_published_form() {
        let record = EpochRecord {
            epoch: 1,
            images: 60_000,
            loss: 1.03296,
            correct_digits: 53_546,
            correct_sums: 22_760,
            seconds: 4.0,
            test: None,
        };
        let line = "epoch 1 => loss 1.0330, correct digits 53546, correct sums 22760 (89.24 %, 37.93 %), 15000 images/s";
        assert_eq!(epoch_line(&record), line);
        let test = TestRecord { images: 10_000, loss: 0.0591, correct_digits: 9851, correct_sums: 9779 };
        assert_eq!(
            epoch_line(&EpochRecord { test: Some(test), ..record }),
            format!("{line}; test 9851 and 9779 of 10000 (98.51 %, 97.79 %), loss 0.0591")
        );
    }

    #[test]
    fn test_line_gives_standard_errors() {
        let metrics = Metrics { images: 10_000, loss: 0.0591, digits: 9851, sums: 9779 };
        assert_eq!(
            test_line(&metrics),
            "test => digit 98.51 ± 0.12 %  sum 97.79 ± 0.15 % (9851 and 9779 of 10000 right, loss 0.0591)"
        );
        assert_eq!(Accuracy::new(0, 0).to_string(), "0.00 ± 0.00 %");
        assert_eq!(Accuracy::new(7, 7).to_string(), "100.00 ± 0.00 %");
    }
}
