//! Files that are written while the training goes on.

use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use crate::{Error, Result};

type Job = Box<dyn FnOnce() -> Result<()> + Send>;

/// A thread that does one job after the other, in order. After a failure it does no more.
pub(crate) struct Background {
    jobs: Option<SyncSender<Job>>,
    failure: Arc<Mutex<Option<Error>>>,
    thread: Option<JoinHandle<()>>,
}

impl Background {
    /// An idle thread.
    pub(crate) fn new() -> Self {
        // One job may wait beside the one that is done: a disk that is slower than the training holds it up.
        let (jobs, to_do) = sync_channel::<Job>(1);
        let failure = Arc::new(Mutex::new(None));
        let told = failure.clone();
        let thread = std::thread::spawn(move || {
            for job in to_do {
                if let Err(error) = job() {
                    *told.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                    return;
                }
            }
        });
        Self { jobs: Some(jobs), failure, thread: Some(thread) }
    }

    /// Adds a job.
    ///
    /// # Errors
    ///
    /// The failure of a job before it.
    pub(crate) fn add(&mut self, job: impl FnOnce() -> Result<()> + Send + 'static) -> Result<()> {
        let taken = self.jobs.as_ref().is_some_and(|jobs| jobs.send(Box::new(job)).is_ok());
        if taken { Ok(()) } else { self.finish() }
    }

    /// Waits until all jobs are done.
    ///
    /// # Errors
    ///
    /// The failure of one of them.
    pub(crate) fn finish(&mut self) -> Result<()> {
        self.jobs = None;
        let panicked = self.thread.take().is_some_and(|thread| thread.join().is_err());
        match self.failure.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(error) => Err(error),
            None if panicked => Err(Error::Data("the thread that writes files has panicked".into())),
            None => Ok(()),
        }
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        let _ = self.finish();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;

    #[test]
    fn jobs_are_done_in_order_and_none_after_a_failure() {
        let (done, seen) = channel();
        let mut background = Background::new();
        for number in 0..5 {
            let done = done.clone();
            let send = move || {
                done.send(number).unwrap();
                Ok(())
            };
            background.add(send).unwrap();
        }
        background.finish().unwrap();
        assert_eq!(seen.try_iter().collect::<Vec<_>>(), [0, 1, 2, 3, 4]);

        let mut background = Background::new();
        background.add(|| Err(Error::Data("the disk is full".into()))).unwrap();
        let mut failures = Vec::new();
        for _ in 0..5 {
            let done = done.clone();
            let send = move || {
                done.send(9).unwrap();
                Ok(())
            };
            failures.extend(background.add(send).err());
        }
        failures.extend(background.finish().err());
        assert_eq!(failures.len(), 1);
        assert!(failures[0].to_string().contains("full") && seen.try_iter().count() == 0);
    }
}
