//! Whether a changed shader may replace the one in use, as far as can be decided without a device.

use std::collections::{BTreeMap, BTreeSet};

use naga::{AddressSpace, Binding, BuiltIn, Span, TypeInner, WithSpan};

use super::interface::{self, Entry, Shader};
use super::library::{self, Library};
use super::loop_bounds;
use super::specialise::{PADDED, of_dispatch};
use crate::program::Dispatch;
use crate::program::limits::{ITERATIONS, LIMITS, VARIABLES};
use crate::program::schedule::{Access, Slot};
use crate::{Error, Result};

/// What is wrong with a shader that is valid WGSL.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Refusal(String);

fn refuse(what: String) -> WithSpan<Refusal> {
    WithSpan::new(Refusal(what))
}

/// Whether the shader `name` of `library` may replace the text `old` in those of `dispatches` that use it:
/// it is valid, its entries and their bindings are the same, it declares the constants that the host sets,
/// and with their values it keeps to the limits of every device and each of its loops ends. Workgroups,
/// except those that an entry counts, tiles and all that is inside may differ.
///
/// # Errors
/// [`Error::Device`] with file, line, column and the line itself, where there is a line to point at.
pub fn check(name: &str, old: &str, library: &Library, dispatches: &[Dispatch]) -> Result<()> {
    let new = library.text(name)?;
    let path = library::path(name);
    if new.trim().is_empty() {
        return Err(Error::Device(format!("{path} is empty")));
    }
    let shader = interface::parse(name, &new)?;
    let (mut idle, after) = (interface::read(name, old)?, shader.entries(name)?);
    let report = |text: &str, refusal: WithSpan<Refusal>| {
        let named = refusal.and_then(|Refusal(what)| refuse(format!("{path}: {what}")));
        Error::Device(named.emit_to_string_with_path(text, &path))
    };
    let in_use = Library::Replaced { name: name.into(), text: old.into() };
    let dispatches = || dispatches.iter().filter(|dispatch| dispatch.shader == name);
    // With the values that the host sets, where it sets any: they decide which branches are left.
    idle.retain(|entry| dispatches().all(|dispatch| dispatch.entry != entry.name));
    same_interface(&idle, &after, &shader).map_err(|refusal| report(&new, refusal))?;
    stays_inside_the_limits(&shader, &new, None, ITERATIONS).map_err(|refusal| report(&new, refusal))?;
    let mut seen = BTreeSet::new();
    for dispatch in dispatches() {
        let before = of_dispatch(&in_use, dispatch)?.entry;
        if !after.iter().any(|entry| entry.name == before.name) {
            return Err(report(&new, refuse(format!("entry `{}` is gone", before.name))));
        }
        let after = of_dispatch(library, dispatch)?;
        let text = after.text;
        if seen.insert((text.clone(), dispatch.entry)) {
            let shader = interface::parse(name, &text)?;
            same_interface(&[before], &[after.entry], &shader).map_err(|refusal| report(&text, refusal))?;
            // Where the text in use already loops longer, the new one may do so too.
            let iterations = iterations(&in_use, dispatch).unwrap_or(0).max(ITERATIONS);
            stays_inside_the_limits(&shader, &text, Some(dispatch.entry), iterations)
                .map_err(|refusal| report(&text, refusal))?;
        }
    }
    Ok(())
}

/// Iterations of an invocation of a dispatch, where they can be counted.
fn iterations(library: &Library, dispatch: &Dispatch) -> Option<u64> {
    let text = of_dispatch(library, dispatch).ok()?.text;
    let Shader { module, .. } = interface::parse(dispatch.shader, &text).ok()?;
    let entry = module.entry_points.iter().find(|found| found.name == dispatch.entry)?;
    loop_bounds::iterations(&module, &entry.function).ok()
}

/// The constants that the host sets in a shader and whose lines differ between two texts: whatever value
/// the file gives them, the host's takes its place.
pub fn set_by_host(name: &str, old: &str, new: &str, dispatches: &[Dispatch]) -> BTreeSet<&'static str> {
    let declared = |text: &str, constant: &str| {
        let head = format!("const {constant}: ");
        text.lines().find(|line| line.starts_with(&head)).map(|line| line.split(';').next().map(String::from))
    };
    let dispatches = dispatches.iter().filter(|dispatch| dispatch.shader == name);
    let constants = dispatches.flat_map(|dispatch| &dispatch.constants).map(|(constant, _)| *constant);
    constants.chain([PADDED]).filter(|constant| declared(old, constant) != declared(new, constant)).collect()
}

/// The buffers of those entries that the other side has too, by name; immediate data is given to every
/// entry that declares it.
fn buffers<'a>(entries: &'a [Entry], others: &[Entry]) -> BTreeMap<&'a str, &'a Slot> {
    let shared = entries.iter().filter(|entry| others.iter().any(|other| other.name == entry.name));
    let slots = shared.flat_map(|entry| &entry.slots);
    let buffers = slots.filter(|slot| slot.access != Access::Immediate);
    buffers.map(|slot| (slot.name.as_str(), slot)).collect()
}

/// What has changed between two interfaces, and the variables to point at.
#[derive(Default)]
struct Changes {
    words: Vec<String>,
    places: Vec<String>,
}

/// Reports all that has changed. The host finds a buffer by its variable's name: its number may change.
fn same_interface(
    old: &[Entry],
    new: &[Entry],
    shader: &Shader,
) -> std::result::Result<(), WithSpan<Refusal>> {
    let mut changes = Changes::default();
    let (was, is) = (buffers(old, new), buffers(new, old));
    changes.variables(&was, &is);
    for old in old {
        changes.entry(old, new, shader, |name| was.contains_key(name) && is.contains_key(name));
    }
    let Changes { words, places } = changes;
    if words.is_empty() {
        return Ok(());
    }
    let mut refusal = refuse(words.join("; "));
    for (handle, variable) in shader.module.global_variables.iter() {
        if variable.name.as_ref().is_some_and(|name| places.contains(name)) {
            refusal = refusal.with_span(shader.module.global_variables.get_span(handle), "here");
        }
    }
    Err(refusal)
}

impl Changes {
    /// Buffers that are renamed, new or gone, or used differently.
    fn variables(&mut self, was: &BTreeMap<&str, &Slot>, is: &BTreeMap<&str, &Slot>) {
        let mut renamed = BTreeSet::new();
        for (name, old) in was {
            let slot = old.slot;
            if let Some(now) = is.get(name) {
                if now.access != old.access {
                    let [from, to] = [old.access, now.access].map(spelled);
                    self.words.push(format!("access of `{name}` changed from {from} to {to}"));
                    self.places.push((*name).into());
                }
            } else if let Some(now) =
                is.values().find(|now| now.slot == slot && !was.contains_key(&*now.name))
            {
                self.words.push(format!("binding {slot} `{name}` was renamed to `{}`", now.name));
                self.places.push(now.name.clone());
                renamed.insert(now.name.as_str());
            } else {
                self.words.push(format!("no entry uses binding {slot} `{name}` any more"));
            }
        }
        for (name, slot) in is {
            if !was.contains_key(name) && !renamed.contains(name) {
                self.words
                    .push(format!("binding {} `{name}` is new, and the host binds nothing to it", slot.slot));
                self.places.push((*name).into());
            }
        }
    }

    /// What has changed in one entry: that it is gone, the workgroup that its grid depends on, the use of the
    /// buffers that both sides have.
    fn entry(&mut self, old: &Entry, new: &[Entry], shader: &Shader, both_have: impl Fn(&str) -> bool) {
        let name = &old.name;
        let Some(new) = new.iter().find(|new| new.name == *name) else {
            return self.words.push(format!("entry `{name}` is gone"));
        };
        if new.workgroup != old.workgroup && counts_workgroups(shader, name) {
            let [x, y, z] = old.workgroup;
            self.words.push(format!(
                "entry `{name}` asks for its workgroup_id, so its workgroup must stay {x} x {y} x {z}"
            ));
        }
        let variables = |entry: &Entry| -> BTreeSet<String> {
            entry.slots.iter().map(|slot| slot.name.clone()).filter(|name| both_have(name)).collect()
        };
        let (before, after) = (variables(old), variables(new));
        for variable in before.difference(&after) {
            self.words.push(format!("entry `{name}` does not use `{variable}` any more"));
        }
        for variable in after.difference(&before) {
            self.words
                .push(format!("entry `{name}` uses `{variable}` now, and the host does not bind it there"));
        }
    }
}

/// Whether what an entry computes depends on the number of its workgroup: then the grid that the host
/// computes fits only workgroups of one size.
fn counts_workgroups(shader: &Shader, name: &str) -> bool {
    let types = &shader.module.types;
    let is = |binding: &Option<Binding>| *binding == Some(Binding::BuiltIn(BuiltIn::WorkGroupId));
    let entry = shader.module.entry_points.iter().find(|entry| entry.name == name);
    entry.is_some_and(|entry| {
        entry.function.arguments.iter().any(|argument| match &types[argument.ty].inner {
            TypeInner::Struct { members, .. } => members.iter().any(|member| is(&member.binding)),
            _ => is(&argument.binding),
        })
    })
}

fn spelled(access: Access) -> &'static str {
    match access {
        Access::Uniform => "uniform",
        Access::Read => "read",
        Access::ReadWrite => "read_write",
        Access::Immediate => "immediate",
    }
}

/// Bytes of the variables in an entry or in any function of its shader, whichever has the most.
fn local_bytes(shader: &Shader, entry: &naga::Function) -> u64 {
    let bytes = |function: &naga::Function| -> u64 {
        function.local_variables.iter().map(|(_, variable)| u64::from(shader.sizes[variable.ty].size)).sum()
    };
    let functions = shader.module.functions.iter().map(|(_, function)| bytes(function));
    functions.chain([bytes(entry)]).max().unwrap_or(0)
}

/// Checks one entry, or all: with the constants of another's dispatch an entry may be anything.
fn stays_inside_the_limits(
    shader: &Shader,
    text: &str,
    only: Option<&str>,
    most_iterations: u64,
) -> std::result::Result<(), WithSpan<Refusal>> {
    for (index, entry) in shader.module.entry_points.iter().enumerate() {
        let name = &entry.name;
        if only.is_some_and(|only| only != name) {
            continue;
        }
        let head = text
            .find(&format!("fn {name}("))
            .map_or(Span::UNDEFINED, |at| Span::from(at..at + "fn ".len() + name.len()));
        let refuse = |what: String| Err(refuse(what).with_span(head, "this entry"));
        let uses = shader.info.get_entry_point(index);
        let (mut storage, mut bytes, mut private) = (0, 0u64, 0u64);
        for (handle, variable) in shader.module.global_variables.iter() {
            match variable.space {
                _ if uses[handle].is_empty() => {}
                AddressSpace::Storage { .. } => storage += 1,
                AddressSpace::WorkGroup => bytes += u64::from(shader.sizes[variable.ty].size),
                AddressSpace::Private => private += u64::from(shader.sizes[variable.ty].size),
                _ => {}
            }
        }
        let most = LIMITS.max_storage_buffers_per_shader_stage;
        if storage > most {
            return refuse(format!("`{name}` uses {storage} storage buffers, but only {most} are allowed"));
        }
        let most = LIMITS.max_compute_workgroup_storage_size;
        if bytes > u64::from(most) {
            return refuse(format!(
                "`{name}` uses {bytes} bytes of workgroup memory, but only {most} are allowed"
            ));
        }
        if private.max(local_bytes(shader, &entry.function)) > VARIABLES {
            return refuse(format!(
                "`{name}` has more than {VARIABLES} bytes of private variables, or in a function"
            ));
        }
        let most = LIMITS.max_compute_invocations_per_workgroup;
        let invocations: u64 = entry.workgroup_size.iter().map(|&size| u64::from(size)).product();
        if invocations > u64::from(most) || entry.workgroup_size[2] > LIMITS.max_compute_workgroup_size_z {
            let [x, y, z] = entry.workgroup_size;
            return refuse(format!(
                "`{name}` has a workgroup of {x} x {y} x {z}: {most} invocations are allowed, {} in z",
                LIMITS.max_compute_workgroup_size_z
            ));
        }
        let iterations = loop_bounds::iterations(&shader.module, &entry.function)
            .map_err(|endless| endless.and_then(|endless| self::refuse(endless.to_string())))?;
        if iterations > most_iterations {
            return refuse(format!(
                "an invocation of `{name}` may loop {iterations} times, \
                 but only {most_iterations} are allowed"
            ));
        }
    }
    Ok(())
}
