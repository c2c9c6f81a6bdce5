//! Shaders that change while a training runs.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use digit_adder::network::{Loss, Sizes};
use digit_adder::ops::adam::Adam;
use digit_adder::plans::{Kind, tiles::Tiles};
use digit_adder::program::Program;
use digit_adder::program::limits::{ITERATIONS, LIMITS};
use digit_adder::program::schedule::{self, Access, Schedule};
use digit_adder::wgsl::{Library, SHADERS, Shader, compatibility, dead_code, interface, loop_bounds, lower};
use naga::back::spv;
use naga::proc::{BoundsCheckPolicies, BoundsCheckPolicy};
use naga::valid::{ValidationFlags, Validator};

/// How a text begins that replaces a shader: the next word is its name.
pub const HEAD: &str = "// in place of ";

/// A training step of each plan, each kernel once.
static PROGRAMS: LazyLock<[Program; 2]> = LazyLock::new(|| {
    let network = Sizes::default().network().unwrap();
    let adam = Adam { clip_norm: Some(1.0), ema: Some(0.999), ..Adam::default() };
    [Kind::Fused, Kind::Layered].map(|kind| {
        let mut program = kind.programs(&network, Loss::Logits, adam, Tiles::FAT).training(64).unwrap();
        let mut seen = BTreeSet::new();
        program.dispatches.retain(|dispatch| seen.insert(dispatch.kernel()));
        program
    })
});

/// A text that a reload takes has the interface of the one that it replaces, keeps to the limits, ends its loops, and
/// is lowered and translated to SPIR-V without a crash. Returns whether it was taken.
pub fn check(bytes: &[u8]) -> bool {
    let Ok(text) = str::from_utf8(bytes) else { return false };
    let Some(shader) = replaced(text) else { return false };
    let library = Library::Replaced { name: shader.name.into(), text: text.into() };
    let dispatches: Vec<_> = PROGRAMS.iter().flat_map(|program| program.dispatches.clone()).collect();
    let checked = compatibility::check(shader.name, shader.text, &library, &dispatches);
    match &checked {
        Ok(()) => PROGRAMS.iter().for_each(|program| taken(program, shader, &library)),
        Err(error) => {
            assert_eq!(error.exit_code(), 3, "{error}");
            assert!(error.to_string().contains(shader.path), "no file: {error}");
        }
    }
    checked.is_ok()
}

fn replaced(text: &str) -> Option<&'static Shader> {
    let name = text.strip_prefix(HEAD)?.split_whitespace().next()?;
    SHADERS.iter().find(|shader| shader.name == name)
}

/// What a reload does next with a text that is taken. It may still be refused, where its grid is too large.
fn taken(program: &Program, shader: &Shader, library: &Library) {
    let mut program = program.clone();
    program.dispatches.retain(|dispatch| dispatch.shader == shader.name);
    let before = lower(&program, &Library::Embedded).unwrap();
    let after = match lower(&program, library) {
        Ok(schedule) => schedule,
        Err(error) => return assert_eq!(error.exit_code(), 3, "{error}"),
    };
    assert_eq!(after.buffers, before.buffers);
    for (index, (was, is)) in before.steps.iter().zip(&after.steps).enumerate() {
        assert_eq!(bindings(&before, was), bindings(&after, is), "dispatch {index}");
    }
    for kernel in &after.kernels {
        assert!(!kernel.text.is_shipped());
        assert!(kernel.immediate_bytes <= LIMITS.max_immediate_size);
        let invocations: u32 = kernel.workgroup.iter().product();
        assert!((1..=LIMITS.max_compute_invocations_per_workgroup).contains(&invocations));
        translates(kernel);
    }
}

/// The tensors that a step binds, by variable and access.
fn bindings(schedule: &Schedule, step: &schedule::Step) -> BTreeSet<(String, String, bool)> {
    let slots = &schedule.kernels[step.kernel].slots;
    let bound = slots.iter().zip(&step.bindings);
    bound
        .map(|(slot, bound)| {
            assert_eq!(slot.name, bound.variable);
            assert!(bound.bytes.is_none_or(|bytes| bytes >= slot.min_bytes));
            (bound.variable.clone(), bound.tensor.clone(), slot.access == Access::ReadWrite)
        })
        .collect()
}

/// The kernel alone is valid, its loops end, and a driver can be given it.
fn translates(kernel: &schedule::Kernel) {
    let mut module = interface::parse(&kernel.shader, kernel.text.as_str()).unwrap().module;
    dead_code::keep_entry(&mut module, &kernel.entry);
    assert_eq!(module.entry_points.len(), 1);
    let iterations = loop_bounds::iterations(&module, &module.entry_points[0].function).unwrap();
    assert!(iterations <= ITERATIONS, "{iterations} iterations");
    let info = Validator::new(ValidationFlags::all(), interface::CAPABILITIES).validate(&module).unwrap();
    let restrict = BoundsCheckPolicy::Restrict;
    let options = spv::Options {
        lang_version: (1, 3),
        bounds_check_policies: BoundsCheckPolicies {
            index: restrict,
            buffer: restrict,
            ..Default::default()
        },
        ..Default::default()
    };
    assert!(spv::write_vec(&module, &info, &options, None).unwrap().len() > 5);
}
