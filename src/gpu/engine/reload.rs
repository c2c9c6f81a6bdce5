//! Hot reload: changed shaders take over between two submissions, all of them or none.

use std::collections::BTreeMap;
use std::time::Instant;

use super::GpuEngine;
use crate::gpu::kernel::Kernels;
use crate::gpu::plan::Plan;
use crate::gpu::review::{review, set_by_host};
use crate::gpu::shader::{EMBEDDED, Library, Texts};
use crate::gpu::watch::Watch;
use crate::program::Dispatch;
use crate::selftest::aside;
use crate::{Error, Result};

/// What a change of the shaders is compared with.
pub(super) struct HotReload {
    watch: Watch,
    /// The texts that compute.
    current: Texts,
    /// The texts that were refused and are still there, each of them told once.
    refused: Texts,
    /// The files without a text, and why; told once.
    missing: BTreeMap<&'static str, String>,
    /// The last reload, as it was told.
    last: Option<String>,
}

impl GpuEngine {
    /// Takes the shaders from a folder, now and whenever one of them changes while the engine works.
    /// All of them keep the driver's bounds checks: one shader may write what another takes as an index.
    ///
    /// # Errors
    /// Shaders that are refused.
    pub fn watch(&mut self, watch: Watch) -> Result<()> {
        let current = watch.texts();
        let library = Library::Texts(current.clone());
        let mut dispatches = self.programs.training(self.train.batch)?.dispatches;
        dispatches.extend(self.programs.evaluation(self.test.batch)?.dispatches);
        for (name, shipped) in EMBEDDED {
            review(name, shipped, &library, &dispatches)?;
        }
        let Self { gpu, kernels, programs, train, test, .. } = self;
        *kernels = Kernels::new(library, true);
        // All plans are there from now on, so that a change is tried on all of them.
        (train.plan, test.plan) = (None, None);
        train.prepare(gpu, kernels, train.images, |batch| programs.training(batch))?;
        test.prepare(gpu, kernels, test.images, |batch| programs.evaluation(batch))?;
        let (refused, missing, last) = Default::default();
        self.hot_reload = Some(HotReload { watch, current, refused, missing, last });
        Ok(())
    }

    /// Takes over the shaders that have changed, to compute from the training step `step` on. A failure
    /// keeps the old ones and is told, not returned. Says whether there was a change, which takes its time.
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
        hot.told_and_gone(&changed);
        if changed.is_empty() {
            return;
        }
        let library = Library::Texts(texts.clone());
        let dispatches: Vec<Dispatch> =
            self.plans().flat_map(|plan| &plan.program.dispatches).cloned().collect();
        let refused: Vec<(&'static str, Error)> = changed
            .iter()
            .filter_map(|&name| Some((name, review(name, &hot.current[name], &library, &dispatches).err()?)))
            .collect();
        if !refused.is_empty() {
            return hot.refuse(&changed, refused, &texts);
        }
        let pipelines = match self.swap(&library, &changed) {
            Ok(pipelines) => pipelines,
            Err(error) => return hot.watch.say(&format!("{error}\n{OLD_ONES}")),
        };
        let before = std::mem::replace(&mut hot.current, texts);
        hot.refused.clear();
        let told = format!(
            "reloaded {}: {}, {:.0} ms, from step {step}",
            files(&changed),
            match pipelines {
                0 => "no pipeline, as this plan does not use what has changed".to_string(),
                1 => "1 pipeline".to_string(),
                n => format!("{n} pipelines"),
            },
            start.elapsed().as_secs_f64() * 1e3
        );
        hot.watch.say(&told);
        hot.last = Some(told);
        for name in changed {
            for constant in set_by_host(name, &before[name], &hot.current[name], &dispatches) {
                hot.watch.say(&format!(
                    "{name}.wgsl: {constant} is set by the host, its value in the file changes nothing"
                ));
            }
            let found = aside::check(&self.gpu, &library, name);
            hot.watch.say(&found.unwrap_or_else(|error| format!("{name}.wgsl was not checked: {error}")));
        }
    }

    /// Swaps the kernels of all plans for those of another library, or none of them, and gives the number
    /// of pipelines that were made.
    fn swap(&mut self, library: &Library, changed: &[&str]) -> Result<usize> {
        let mut kernels = self.kernels.with_library(library.clone());
        let mut made = Vec::new();
        for plan in self.plans() {
            made.push(plan.compile(&self.gpu, &mut kernels, changed)?);
        }
        let pipelines = kernels.count() - self.kernels.count();
        for (plan, steps) in self.train.plan.iter_mut().chain(&mut self.test.plan).zip(made) {
            plan.swap(steps);
        }
        self.kernels = kernels;
        self.kernels.drop_unused();
        Ok(pipelines)
    }

    /// Adds to a device's failure that a reload may be the cause: a driver may compile, or hang, later.
    pub(super) fn after_reload(&self, error: Error) -> Error {
        match (error, self.hot_reload.as_ref().and_then(|hot| hot.last.as_ref())) {
            (Error::Device(what), Some(last)) => Error::Device(format!("{what}\nafter this: {last}")),
            (error, _) => error,
        }
    }

    fn plans(&self) -> impl Iterator<Item = &Plan> {
        self.train.plan.iter().chain(&self.test.plan)
    }
}

const OLD_ONES: &str = "the shaders before the change go on";

impl HotReload {
    /// What the files hold; of one that is missing, its last good text.
    fn texts(&self) -> Texts {
        let mut texts = self.current.clone();
        texts.extend(self.watch.texts());
        texts
    }

    /// Tells which files are gone or back, and forgets refused texts that are no longer there.
    fn told_and_gone(&mut self, changed: &[&str]) {
        let mut words = Vec::new();
        for (name, file) in self.watch.files() {
            match file {
                Err(reason) if self.missing.get(name) != Some(reason) => {
                    words.push(format!("{name}.wgsl {reason}; the last good text goes on"));
                    self.missing.insert(name, reason.clone());
                }
                Ok(_) if self.missing.remove(name).is_some() => words.push(format!("{name}.wgsl is back")),
                _ => {}
            }
            if file.is_ok() && !changed.contains(&name) && self.refused.remove(name).is_some() {
                words.push(format!("{name}.wgsl is the text in use again"));
            }
        }
        for words in words {
            self.watch.say(&words);
        }
    }

    fn refuse(&mut self, changed: &[&'static str], refused: Vec<(&'static str, Error)>, texts: &Texts) {
        let bad: Vec<&'static str> = refused.iter().map(|(name, _)| *name).collect();
        let before = std::mem::take(&mut self.refused);
        for (name, error) in refused {
            if before.get(name) != Some(&texts[name]) {
                self.watch.say(&format!("{}\n{OLD_ONES}", error.to_string().trim_end()));
            }
            self.refused.insert(name, texts[name].clone());
        }
        let good: Vec<&'static str> = changed.iter().copied().filter(|name| !bad.contains(name)).collect();
        if !good.is_empty() {
            self.watch.say(&format!("{} waits for {}: all or none", files(&good), files(&bad)));
        }
    }
}

/// `adam.wgsl, dense.wgsl`
fn files(names: &[&str]) -> String {
    names.iter().map(|name| format!("{name}.wgsl")).collect::<Vec<_>>().join(", ")
}
