//! Hot reload: changed shaders take over between two submissions, all of them or none.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::GpuEngine;
use crate::gpu::{Kernels, Replay};
use crate::program::Dispatch;
use crate::selftest::recheck;
use crate::wgsl::compatibility::{self, set_by_host};
use crate::wgsl::watch::Watch;
use crate::wgsl::{Library, SHADERS, Texts, library, lower};
use crate::{Error, Result};

/// What a change of the shaders is compared with.
pub(super) struct HotReload {
    watch: Watch,
    /// The texts in use.
    current: Texts,
    /// The texts that were rejected and are still there; each is reported once.
    rejected: Texts,
    /// The files without a text, and why; each is reported once.
    missing: BTreeMap<&'static str, String>,
    /// The last reload, as it was reported.
    last: Option<String>,
}

impl GpuEngine {
    /// Takes the shaders from a folder, now and whenever one of them changes while the engine works.
    /// All of them keep the driver's bounds checks: one shader may write what another uses as an index.
    ///
    /// # Errors
    /// Shaders that are rejected.
    pub fn watch(&mut self, watch: Watch) -> Result<()> {
        let current = watch.texts();
        let library = Library::Texts(current.clone());
        let Self { gpu, programs, train, changes, validation, test, .. } = self;
        let mut dispatches = programs.program(train.purpose, train.batch)?.dispatches;
        dispatches.extend(programs.program(test.purpose, test.batch)?.dispatches);
        dispatches.extend(changes.iter().flat_map(|changes| changes.program().dispatches));
        for shipped in SHADERS {
            compatibility::check(shipped.name, shipped.text, &library, &dispatches)?;
        }
        (programs.kernels, programs.library) = (Kernels::new(true), library);
        // All replays exist from now on, so that a change is tried on all of them.
        if let Some(changes) = changes {
            changes.replay = None;
            changes.prepare(gpu, programs, &train.buffers)?;
        }
        for split in [train, validation, test] {
            split.replay = None;
            if split.images > 0 {
                split.prepare(gpu, programs)?;
            }
        }
        let (rejected, missing, last) = Default::default();
        self.hot_reload = Some(HotReload { watch, current, rejected, missing, last });
        Ok(())
    }

    /// Takes over the shaders that have changed, to compute from the training step `step` on. A failure
    /// keeps the old ones and is reported, not returned. Returns whether there was a change, which takes
    /// time.
    pub(super) fn look_for_changes(&mut self, step: u32) -> bool {
        let Some(mut hot) = self.hot_reload.take() else { return false };
        let changed = hot.watch.look();
        if changed {
            self.take_over(&mut hot, step);
        }
        self.hot_reload = Some(hot);
        changed
    }

    fn take_over(&mut self, hot: &mut HotReload, step: u32) {
        let start = Instant::now();
        let texts = hot.texts();
        let changed: Vec<&'static str> =
            texts.iter().filter(|(name, text)| hot.current[*name] != **text).map(|(name, _)| *name).collect();
        hot.report_files(&changed);
        if changed.is_empty() {
            return;
        }
        let library = Library::Texts(texts.clone());
        let dispatches: Vec<Dispatch> =
            self.replays().flat_map(|replay| &replay.program.dispatches).cloned().collect();
        let check = |name| compatibility::check(name, &hot.current[name], &library, &dispatches);
        let rejected: Vec<(&'static str, Error)> =
            changed.iter().filter_map(|&name| Some((name, check(name).err()?))).collect();
        if !rejected.is_empty() {
            return hot.reject(&changed, rejected, &texts);
        }
        let pipelines = match self.swap(&library) {
            Ok(pipelines) => pipelines,
            Err(error) => return hot.watch.say(&format!("{error}\n{OLD_ONES}")),
        };
        let before = std::mem::replace(&mut hot.current, texts);
        hot.rejected.clear();
        hot.report_reload(&changed, pipelines, start.elapsed(), step);
        if self.changes.is_some() && changed.contains(&"augment") {
            hot.watch.say(
                "the images of this epoch have been changed already: augment.wgsl counts from the next on",
            );
        }
        for name in changed {
            for constant in set_by_host(name, &before[name], &hot.current[name], &dispatches) {
                let path = library::path(name);
                hot.watch
                    .say(&format!("{path}: the host sets {constant}; its value in the file has no effect"));
            }
            let found = recheck::check(&self.gpu, &library, name);
            hot.watch.say(
                &found.unwrap_or_else(|error| format!("{} was not checked: {error}", library::path(name))),
            );
        }
    }

    /// Swaps the kernels of all replays for those of another library, or none of them, and returns the number
    /// of pipelines made.
    fn swap(&mut self, library: &Library) -> Result<usize> {
        let mut kernels = self.programs.kernels.clone();
        let mut made = Vec::new();
        for replay in self.replays() {
            let schedule = lower(&replay.program, library)?;
            let steps = replay.compile(&self.gpu, &mut kernels, &schedule)?;
            made.push((schedule, steps));
        }
        let pipelines = kernels.count() - self.programs.kernels.count();
        for (replay, (schedule, steps)) in self.replays_mut().zip(made) {
            replay.swap(schedule, steps);
        }
        (self.programs.kernels, self.programs.library) = (kernels, library.clone());
        self.programs.kernels.drop_unused();
        Ok(pipelines)
    }

    /// Adds to a device's failure that a reload may be the cause: a driver may compile, or hang, only later.
    pub(super) fn after_reload(&self, error: Error) -> Error {
        match (error, self.hot_reload.as_ref().and_then(|hot| hot.last.as_ref())) {
            (Error::Device(what), Some(last)) => Error::Device(format!("{what}\nafter this: {last}")),
            (error, _) => error,
        }
    }

    fn replays(&self) -> impl Iterator<Item = &Replay> {
        let Self { train, validation, test, changes, .. } = self;
        let splits = [train, validation, test].into_iter().filter_map(|split| split.replay.as_ref());
        splits.chain(changes.as_ref().and_then(|changes| changes.replay.as_ref()))
    }

    /// The same, in the same order.
    fn replays_mut(&mut self) -> impl Iterator<Item = &mut Replay> {
        let Self { train, validation, test, changes, .. } = self;
        let splits = [train, validation, test].into_iter().filter_map(|split| split.replay.as_mut());
        splits.chain(changes.as_mut().and_then(|changes| changes.replay.as_mut()))
    }
}

const OLD_ONES: &str = "the shaders from before the change stay in use";

impl HotReload {
    /// What the files hold; for a missing one, its last good text.
    fn texts(&self) -> Texts {
        let mut texts = self.current.clone();
        texts.extend(self.watch.texts());
        texts
    }

    /// Reports which files are gone or back, and forgets rejected texts that are no longer there.
    fn report_files(&mut self, changed: &[&str]) {
        let mut messages = Vec::new();
        for (name, file) in self.watch.files() {
            let path = library::path(name);
            match file {
                Err(reason) if self.missing.get(name) != Some(reason) => {
                    messages.push(format!("{path} {reason}; its last good text stays in use"));
                    self.missing.insert(name, reason.clone());
                }
                Ok(_) if self.missing.remove(name).is_some() => messages.push(format!("{path} is back")),
                _ => {}
            }
            if file.is_ok() && !changed.contains(&name) && self.rejected.remove(name).is_some() {
                messages.push(format!("{path} matches the text in use again"));
            }
        }
        for message in messages {
            self.watch.say(&message);
        }
    }

    fn report_reload(&mut self, changed: &[&str], pipelines: usize, took: Duration, step: u32) {
        let pipelines = match pipelines {
            0 => "no pipelines, as no kernel of this plan has another text".to_string(),
            1 => "1 pipeline".to_string(),
            n => format!("{n} pipelines"),
        };
        let files = files(changed);
        let report =
            format!("reloaded {files}: {pipelines}, {:.0} ms, from step {step}", took.as_secs_f64() * 1e3);
        self.watch.say(&report);
        self.last = Some(report);
    }

    fn reject(&mut self, changed: &[&'static str], rejected: Vec<(&'static str, Error)>, texts: &Texts) {
        let bad: Vec<&'static str> = rejected.iter().map(|(name, _)| *name).collect();
        let before = std::mem::take(&mut self.rejected);
        for (name, error) in rejected {
            if before.get(name) != Some(&texts[name]) {
                self.watch.say(&format!("{}\n{OLD_ONES}", error.to_string().trim_end()));
            }
            self.rejected.insert(name, texts[name].clone());
        }
        let good: Vec<&'static str> = changed.iter().copied().filter(|name| !bad.contains(name)).collect();
        if !good.is_empty() {
            let wait = if good.len() == 1 { "waits" } else { "wait" };
            self.watch.say(&format!("{} {wait} for {}: all or none", files(&good), files(&bad)));
        }
    }
}

/// `adam.wgsl, fused/conv_pool.wgsl`
fn files(names: &[&str]) -> String {
    names.iter().map(|name| library::path(name)).collect::<Vec<_>>().join(", ")
}
