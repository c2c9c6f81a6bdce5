//! Fetching MNIST into the user's cache from the first mirror that has it.

use std::fs;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use ureq::Agent;

use super::folder::copies;
use super::idx;
use super::mnist::{MEMBERS, Member, sha256};
use crate::atomic;
use crate::escape::Shown;

/// How long mirrors that do not answer may take in all, so that a machine without a network is not kept
/// waiting.
const PATIENCE: Duration = Duration::from_secs(9);
/// How long a mirror that has answered may pause, and how long a file may take.
const PAUSE: Duration = Duration::from_secs(10);
const FILE: Duration = Duration::from_secs(300);

/// Puts the four files, raw, into `folder`, keeping those that are there and whole, raw or gzipped. A file is
/// written under another name and renamed, so no reader ever sees half of one.
///
/// The error is a short account of what was tried.
pub(super) fn download(mirrors: &[String], folder: &Path, say: &mut dyn FnMut(&str)) -> Result<(), String> {
    fs::create_dir_all(folder).map_err(|e| format!("{} cannot be created ({e})", folder.shown()))?;
    let mut live: Vec<&String> = mirrors.iter().collect();
    let mut patience = PATIENCE;
    let mut failures = Vec::new();
    for member in &MEMBERS {
        let path = folder.join(member.name);
        let official = |copy: &PathBuf| {
            idx::read(copy, member.content, member.count).is_ok_and(|b| sha256(&[b]) == member.sha256)
        };
        if copies(member, folder).iter().any(official) {
            continue;
        }
        let bytes = loop {
            let Some(mirror) = live.first() else {
                return Err(failures.join("; "));
            };
            match fetch(mirror, member, &mut patience, say) {
                Ok(bytes) => break bytes,
                Err(why) => {
                    let host = mirror.split('/').nth(2).unwrap_or(mirror);
                    failures.push(format!("{host}: {why}"));
                    live.remove(0);
                }
            }
        };
        atomic::write(&path, &bytes).map_err(|e| e.to_string())?;
    }
    Ok(())
}

/// One file from one mirror, unpacked and verified to be the official one. The time that a mirror
/// without an answer takes comes out of `patience`.
fn fetch(
    mirror: &str,
    member: &Member,
    patience: &mut Duration,
    say: &mut dyn FnMut(&str),
) -> Result<Vec<u8>, String> {
    if patience.is_zero() {
        return Err("not tried, as the others took too long".into());
    }
    let url = format!("{mirror}/{}.gz", member.name);
    say(&format!("downloading {url}"));
    // Finding the host, connecting and waiting for an answer: three limits that add up.
    let limit = Some(*patience / 3);
    let agent: Agent = Agent::config_builder()
        .timeout_resolve(limit)
        .timeout_connect(limit)
        .timeout_recv_response(limit)
        .timeout_per_read(Some(PAUSE))
        .timeout_recv_body(Some(FILE))
        .build()
        .into();
    let start = Instant::now();
    let answer = agent.get(&url).call().inspect_err(|_| *patience = patience.saturating_sub(start.elapsed()));
    let body = answer.map_err(|e| e.to_string())?.into_body().into_reader();
    let bytes = idx::unpack(BufReader::new(body), member.content.file_len(member.count))?;
    if sha256(&[&bytes]) != member.sha256 {
        return Err(format!("its {} is not the official file", member.name));
    }
    Ok(bytes)
}
