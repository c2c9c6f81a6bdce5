//! A few small checks of one op, for a shader that has just been changed.

use std::collections::BTreeSet;
use std::time::Instant;

use super::check::Check;
use super::{Depth, conv_pool, convolution, layers, linear_layers, steps};
use crate::Result;
use crate::gpu::{Gpu, Kernels};
use crate::program::schedule::Access;
use crate::program::{Dispatch, Program, Tensor};
use crate::random::{Purpose, Random};
use crate::wgsl::{Library, SHADERS, interface};

/// Compares the op `name` of a library with the reference, in buffers of its own, and returns the outcome.
///
/// # Errors
/// What keeps a check from being run.
pub fn check(gpu: &Gpu, library: &Library, name: &str) -> Result<String> {
    let start = Instant::now();
    let mut kernels = Kernels::new(true);
    let checks = few(name, gpu.lanes)?;
    for check in &checks {
        let verdict = check.run(gpu, &mut kernels, library)?;
        if let Some(failure) = verdict.failure {
            let entry = verdict.tensor.and_then(|tensor| culprit(&check.program, tensor, name));
            let entry = entry.map_or_else(String::new, |entry| format!(".{entry}"));
            return Ok(format!("{name}{entry} differs from the reference: {failure}"));
        }
    }
    let (programs, seconds) = (checks.len(), start.elapsed().as_secs_f64());
    let programs = if programs == 1 { "1 program".into() } else { format!("{programs} programs") };
    Ok(format!("{name} agrees with the reference ({programs}, {seconds:.1} s)"))
}

/// Small checks that together run every entry of a shader that is ever dispatched, with all that it binds.
///
/// # Errors
/// A shape that an op refuses, which would be a mistake in the check.
pub fn few(name: &str, lanes: usize) -> Result<Vec<Check>> {
    let mut sizes = Random::new(4, Purpose::Test, 0);
    let mut checks = layers::checks(7, 33, 13, 0)?;
    checks.extend(steps::checks(33, 0)?);
    checks.extend(convolution::random(7, 4, &mut sizes, 0)?);
    checks.extend(conv_pool::random(7, 4, lanes, &mut sizes, 0)?);
    if name.starts_with("linear_layers") {
        checks.extend(linear_layers::checks(Depth::Quick, lanes)?);
    }
    // Constants decide what an entry binds, and so which of its branches are left.
    let entry = |d: &Dispatch| (d.entry, d.bindings.iter().map(|(name, _)| *name).collect::<BTreeSet<_>>());
    let mut run = BTreeSet::new();
    checks.retain(|check| {
        let dispatches = check.program.dispatches.iter();
        check.op == name
            && dispatches.filter(|d| d.shader == name).fold(false, |new, d| run.insert(entry(d)) | new)
    });
    Ok(checks)
}

/// The last entry of the shader `name` that a tensor's words come from.
fn culprit(program: &Program, tensor: Tensor, name: &str) -> Option<&'static str> {
    let mut sources = BTreeSet::from([tensor]);
    program.dispatches.iter().rev().find_map(|dispatch| {
        let shader = SHADERS.iter().find(|shader| shader.name == dispatch.shader)?;
        let entries = interface::read(shader.name, shader.text).ok()?;
        let entry = entries.iter().find(|entry| entry.name == dispatch.entry)?;
        let writes = |variable: &str| {
            entry.slots.iter().any(|slot| slot.name == variable && slot.access == Access::ReadWrite)
        };
        if !dispatch.bindings.iter().any(|(variable, tensor)| writes(variable) && sources.contains(tensor)) {
            return None;
        }
        sources.extend(dispatch.bindings.iter().map(|(_, tensor)| *tensor));
        (dispatch.shader == name).then_some(dispatch.entry)
    })
}
