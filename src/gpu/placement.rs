//! Which CPU each thread of a software driver runs on.
//!
//! Such a driver has a thread for each CPU and wakes them all for every dispatch. A dispatch may take less than a
//! millisecond, and Linux likes to start a thread where the one that wakes it runs, so for much of the time two share a
//! CPU and another is idle. Where that is seen, each thread is given a CPU of its own. Where they wait all the same, other
//! programs want the CPUs too, and the kernel is free to place them again.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::thread::{CpuSet, Pid, sched_getaffinity, sched_setaffinity};

use crate::bounded;

/// How often it is looked at.
const WINDOW: Duration = Duration::from_millis(250);
/// A thread of the driver computes for at least this share of a window.
const BUSY: f64 = 0.25;
/// How long the threads may wait for a CPU, together and as a share of a window, before each is given its own.
const CROWDED: f64 = 0.1;
/// The same, before they are set free again.
const CONTENDED: f64 = 0.3;
/// Windows until it is tried again after that: at first, and at most. Each time it takes twice as many.
const REST: [u32; 2] = [40, 1200];

static ALLOWED: AtomicBool = AtomicBool::new(false);

/// Allows it for the devices that are opened from now on. A driver does not say which threads are its own, so all of
/// the process must be this program's.
pub(super) fn allow() {
    ALLOWED.store(true, Ordering::Relaxed);
}

/// Watches over the threads of this process until it is dropped.
pub(super) struct Placement {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Placement {
    /// Begins to watch, where that is allowed and there is more than one CPU to place threads on.
    pub(super) fn start() -> Option<Self> {
        if !ALLOWED.load(Ordering::Relaxed) {
            return None;
        }
        let whole = sched_getaffinity(None).ok()?;
        let cpus: Vec<usize> = (0..CpuSet::MAX_CPU).filter(|&cpu| whole.is_set(cpu)).collect();
        if cpus.len() < 2 {
            return None;
        }
        let (stop, stopped) = channel();
        let watch =
            move || Watch { whole, cpus, placed: Vec::new(), rest: 0, next_rest: REST[0] }.run(&stopped);
        let thread = std::thread::Builder::new().name("placement".into()).spawn(watch).ok()?;
        Some(Self { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Placement {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

struct Watch {
    /// The CPUs that the process may use: as the kernel takes them, and one by one.
    whole: CpuSet,
    cpus: Vec<usize>,
    /// The threads that have a CPU of their own, if any.
    placed: Vec<Pid>,
    /// Windows that are left before threads may be placed.
    rest: u32,
    next_rest: u32,
}

impl Watch {
    fn run(mut self, stopped: &Receiver<()>) {
        let mut before = (Instant::now(), times());
        while stopped.recv_timeout(WINDOW) == Err(RecvTimeoutError::Timeout) {
            let now = (Instant::now(), times());
            let window = (now.0 - before.0).as_secs_f64();
            let busy = now.1.iter().filter_map(|(&thread, now)| {
                let share = now.since(before.1.get(&thread)?, window);
                (share.ran >= BUSY).then_some((thread, share))
            });
            self.look(busy.collect());
            before = now;
        }
        self.free();
    }

    /// Decides by what the busy threads did in a window.
    fn look(&mut self, mut busy: Vec<(Pid, Share)>) {
        self.rest = self.rest.saturating_sub(1);
        // Fewer are idle for a reason; more are not the driver's alone.
        if busy.len() != self.cpus.len() {
            return;
        }
        busy.sort_by_key(|(thread, _)| thread.as_raw_nonzero());
        let threads: Vec<Pid> = busy.iter().map(|(thread, _)| *thread).collect();
        let waited: f64 = busy.iter().map(|(_, share)| share.waited).sum();
        if self.placed == threads {
            if waited > CONTENDED {
                self.free();
                self.rest = self.next_rest;
                self.next_rest = REST[1].min(2 * self.next_rest);
            }
        } else if waited > CROWDED && self.rest == 0 {
            self.free();
            self.place(threads);
        }
    }

    fn place(&mut self, threads: Vec<Pid>) {
        for (&thread, &cpu) in threads.iter().zip(&self.cpus) {
            let mut own = CpuSet::new();
            own.set(cpu);
            // It may have ended meanwhile.
            let _ = sched_setaffinity(Some(thread), &own);
        }
        self.placed = threads;
    }

    fn free(&mut self) {
        for thread in self.placed.drain(..) {
            // The number of one that has ended may be another program's by now.
            if folder(thread).exists() {
                let _ = sched_setaffinity(Some(thread), &self.whole);
            }
        }
    }
}

/// How long a thread has run, and how long it has waited for a CPU, in nanoseconds.
struct Times {
    ran: u64,
    waited: u64,
}

/// The same in a window, as shares of it.
struct Share {
    ran: f64,
    waited: f64,
}

impl Times {
    fn since(&self, before: &Self, window: f64) -> Share {
        let share = |now: u64, before: u64| now.saturating_sub(before) as f64 / 1e9 / window;
        Share { ran: share(self.ran, before.ran), waited: share(self.waited, before.waited) }
    }
}

/// The times of all threads but the first, which drives the device. None, where the kernel does not keep them.
fn times() -> HashMap<Pid, Times> {
    let Ok(tasks) = std::fs::read_dir("/proc/self/task") else { return HashMap::new() };
    let first = rustix::process::getpid();
    let of = |task: std::fs::DirEntry| {
        let thread = Pid::from_raw(task.file_name().to_str()?.parse().ok()?)?;
        let text = bounded::read_text(&folder(thread).join("schedstat"), 1000).ok()?;
        let mut numbers = text.split_whitespace().map_while(|number| number.parse().ok());
        let times = Times { ran: numbers.next()?, waited: numbers.next()? };
        Some((thread, times)).filter(|_| thread != first)
    };
    tasks.flatten().filter_map(of).collect()
}

/// Where the kernel tells of a thread of this process.
fn folder(thread: Pid) -> PathBuf {
    format!("/proc/self/task/{}", thread.as_raw_nonzero()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn watch() -> Watch {
        let whole = sched_getaffinity(None).unwrap();
        Watch { whole, cpus: vec![0, 1], placed: Vec::new(), rest: 0, next_rest: REST[0] }
    }

    /// Threads that do not exist: the kernel refuses to move them, which changes nothing here.
    fn threads(waited: &[f64]) -> Vec<(Pid, Share)> {
        let thread = |n: usize| Pid::from_raw(i32::MAX - n as i32).unwrap();
        waited.iter().enumerate().map(|(n, &waited)| (thread(n), Share { ran: 0.7, waited })).collect()
    }

    #[test]
    fn threads_that_wait_for_each_other_are_placed() {
        let mut watch = watch();
        watch.look(threads(&[0.02, 0.02]));
        assert!(watch.placed.is_empty());
        watch.look(threads(&[0.3]));
        watch.look(threads(&[0.3, 0.3, 0.3]));
        assert!(watch.placed.is_empty(), "not as many as CPUs");
        watch.look(threads(&[0.1, 0.05]));
        assert_eq!(watch.placed.len(), 2);
        watch.look(threads(&[0.1, 0.05]));
        assert_eq!(watch.placed.len(), 2);
    }

    #[test]
    fn threads_that_wait_for_other_programs_are_free_again_for_longer_and_longer() {
        let mut watch = watch();
        let crowded = || threads(&[0.3, 0.3]);
        for rest in [REST[0], 2 * REST[0], 4 * REST[0]] {
            watch.look(crowded());
            assert_eq!(watch.placed.len(), 2);
            watch.look(crowded());
            assert!(watch.placed.is_empty());
            for _ in 1..rest {
                watch.look(crowded());
                assert!(watch.placed.is_empty(), "of {rest}");
            }
        }
    }

    #[test]
    fn a_busy_thread_gets_the_cpu_that_it_is_given_and_all_of_them_back() {
        let whole = sched_getaffinity(None).unwrap();
        let cpus: Vec<usize> = (0..CpuSet::MAX_CPU).filter(|&cpu| whole.is_set(cpu)).collect();
        let (done, wait) = channel::<()>();
        let (tell, told) = channel();
        let thread = std::thread::spawn(move || {
            tell.send(rustix::thread::gettid()).unwrap();
            let _ = wait.recv();
        });
        let id = told.recv().unwrap();
        assert!(times().contains_key(&id));
        let mut watch = Watch { whole, cpus: cpus.clone(), ..watch() };
        watch.place(vec![id]);
        let own = sched_getaffinity(Some(id)).unwrap();
        assert!(own.is_set(cpus[0]) && own.count() == 1);
        watch.free();
        assert_eq!(sched_getaffinity(Some(id)).unwrap(), whole);
        drop(done);
        thread.join().unwrap();
    }
}
