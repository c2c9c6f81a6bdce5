//! What a process holds: memory, open files, threads.

use std::fmt;
use std::path::PathBuf;

/// Part of a process's time after which its memory has settled, one in so many.
const WARM: usize = 4;

/// What a process holds at a moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    pub edits: usize,
    /// In kB.
    pub memory: usize,
    pub files: usize,
    pub threads: usize,
}

impl fmt::Display for Sample {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let Self { edits, memory, files, threads } = self;
        write!(f, "after {edits} edits {memory} kB, {files} files, {threads} threads")
    }
}

impl Sample {
    /// What a process holds now, where the system tells.
    pub fn of(process: u32, edits: usize) -> Option<Self> {
        let folder = PathBuf::from(format!("/proc/{process}"));
        let status = std::fs::read_to_string(folder.join("status")).ok()?;
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            line.split_whitespace().next()?.parse::<usize>().ok()
        };
        let files = folder.join("fd").read_dir().ok()?.count();
        Some(Self { edits, memory: field("VmRSS:")?, files, threads: field("Threads:")? })
    }
}

/// The least of each in the first warm part, and in the last part of the same length: what comes and goes, such as a
/// file that is being saved, is in neither.
pub fn growth(samples: &[Sample]) -> Option<[Sample; 2]> {
    let part = samples.len() / WARM;
    let least = |samples: &[Sample]| {
        let of = |field: fn(&Sample) -> usize| samples.iter().map(field).min();
        let memory = of(|sample| sample.memory)?;
        let files = of(|sample| sample.files)?;
        let threads = of(|sample| sample.threads)?;
        Some(Sample { edits: samples.last()?.edits, memory, files, threads })
    };
    Some([least(samples.get(part..2 * part)?)?, least(&samples[samples.len() - part..])?])
}
