//! The running loss, at an interval of steps.

use std::time::Instant;

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

/// Adds up the losses of steps and reports their mean at intervals. An engine hands it what it computes
/// anyway; the numbers do not depend on when it does so; only the speed is taken from the clock.
pub struct StepLog {
    every: usize,
    step: usize,
    images: usize,
    loss: f64,
    since: Instant,
    tell: Box<dyn FnMut(Line)>,
}

impl StepLog {
    /// Calls `tell` after every `every` steps.
    pub fn new(every: usize, tell: impl FnMut(Line) + 'static) -> Self {
        let (step, images, loss) = Default::default();
        Self { every: every.max(1), step, images, loss, since: Instant::now(), tell: Box::new(tell) }
    }

    /// Of `steps` further steps after the `ahead` that are not added yet, how many to take until a line is
    /// due.
    pub fn until_line(&self, ahead: usize, steps: usize) -> usize {
        steps.min(self.every - (self.step + ahead) % self.every)
    }

    /// Whether a line is due after `steps` further steps.
    pub fn is_due(&self, steps: usize) -> bool {
        self.step % self.every + steps >= self.every
    }

    /// Adds a step on `images` images, whose losses sum to `loss`.
    pub fn add(&mut self, images: usize, loss: f64) {
        self.step += 1;
        self.images += images;
        self.loss += loss;
        if self.step.is_multiple_of(self.every) {
            let seconds = self.since.elapsed().as_secs_f64().max(1e-9);
            let images = self.images as f64;
            (self.tell)(Line {
                step: self.step,
                loss: self.loss / images,
                images_per_second: images / seconds,
            });
            (self.images, self.loss, self.since) = (0, 0.0, Instant::now());
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
        let mut log = StepLog::new(2, move |line| sender.send((line.step, line.loss)).unwrap());
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
