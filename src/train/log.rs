//! The running loss, at an interval of steps.

use std::time::Instant;

use serde::{Deserialize, Serialize};

/// What is reported at each interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Line {
    /// Steps of the training so far.
    pub step: usize,
    /// Mean loss per image since the last line, each with the weights of its own step.
    pub loss: f64,
    /// Images trained on since the last line, per second.
    pub images_per_second: f64,
}

/// What has been added up since the last line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Running {
    /// Steps of the training so far.
    pub step: usize,
    /// Images since the last line.
    pub images: usize,
    /// Their summed loss.
    pub loss: f64,
}

/// Adds up the losses of steps and reports their mean at intervals. An engine hands it what it computes
/// anyway; the numbers do not depend on when it does so; only the speed is taken from the clock.
pub struct StepLog {
    every: usize,
    running: Running,
    /// Images since `since`: fewer than in `running` where a training is continued between two lines.
    timed: usize,
    since: Instant,
    tell: Box<dyn FnMut(Line) + Send>,
}

impl StepLog {
    /// Calls `tell` after every `every` steps; continues from what has been added up so far.
    pub fn new(every: usize, running: Running, tell: impl FnMut(Line) + Send + 'static) -> Self {
        Self { every: every.max(1), running, timed: 0, since: Instant::now(), tell: Box::new(tell) }
    }

    /// What has been added up since the last line.
    pub fn running(&self) -> Running {
        self.running
    }

    /// Of `steps` further steps after the `ahead` that are not added yet, how many to take until a line is
    /// due.
    pub fn until_line(&self, ahead: usize, steps: usize) -> usize {
        steps.min(self.every - (self.running.step + ahead) % self.every)
    }

    /// Whether a line is due after `steps` further steps.
    pub fn is_due(&self, steps: usize) -> bool {
        self.running.step % self.every + steps >= self.every
    }

    /// Adds a step on `images` images, whose losses sum to `loss`.
    pub fn add(&mut self, images: usize, loss: f64) {
        let Self { every, running, timed, since, tell } = self;
        running.step += 1;
        running.images += images;
        running.loss += loss;
        *timed += images;
        if running.step.is_multiple_of(*every) {
            let seconds = since.elapsed().as_secs_f64().max(1e-9);
            tell(Line {
                step: running.step,
                loss: running.loss / running.images as f64,
                images_per_second: *timed as f64 / seconds,
            });
            (running.images, running.loss, *timed, *since) = (0, 0.0, 0, Instant::now());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;

    #[test]
    fn a_line_has_the_mean_of_its_images() {
        let (sender, told) = channel();
        let mut log =
            StepLog::new(2, Running::default(), move |line| sender.send((line.step, line.loss)).unwrap());
        assert_eq!((log.until_line(0, 9), log.until_line(1, 9), log.until_line(1, 0)), (2, 1, 0));
        for (images, loss) in [(64, 128.0), (32, 16.0), (64, 64.0)] {
            assert!(!log.is_due(0));
            log.add(images, loss);
        }
        assert!(log.is_due(1) && log.until_line(0, 9) == 1);
        log.add(16, 16.0);
        assert_eq!(told.try_iter().collect::<Vec<_>>(), [(2, 1.5), (4, 1.0)]);
    }
}
