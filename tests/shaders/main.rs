//! Every shader, as it stands in its file and with every set of constants that the network uses: valid
//! without optional features, except for immediate data and the subgroup operations that the host asks for
//! where a device has them, inside the limits of every device, translatable for every backend. No GPU.

mod loop_variables;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use digit_adder::data::Augment;
use digit_adder::network::{Loss, Sizes};
use digit_adder::ops::adam::Adam;
use digit_adder::plans::{Kind, augmented, tiles::CANDIDATES, tiles::Tiles};
use digit_adder::program::limits::{LANES, LIMITS};
use digit_adder::program::schedule::{Access, Kernel, Slot};
use digit_adder::program::{Cursor, Schedule};
use digit_adder::selftest::{self, Depth};
use digit_adder::wgsl::{Library, SHADERS, YARDSTICKS, dead_code, interface, loop_bounds, lower};
use naga::AddressSpace;
use naga::valid::{Capabilities, ModuleInfo, ValidationFlags, Validator};
use naga::{Module, back};

/// Storage buffers that an entry may use: WebGPU's own default, on every device.
const STORAGE_BUFFERS: usize = 8;

/// lavapipe silently ends all loops of an invocation after 65,535 iterations: this leaves a margin.
const ITERATIONS: u64 = 60_000;

/// Batches of training steps: the default, a tail, the smallest, uneven and large ones, up to the largest that
/// `train` takes.
const TRAINING: [usize; 8] = [64, 32, 500, 1, 7, 65, 1000, 4096];
/// Batches of evaluation steps.
const EVALUATION: [usize; 5] = [500, 64, 32, 7, 1];

/// A shader that was parsed and found valid.
struct Shader {
    name: String,
    module: Module,
    info: ModuleInfo,
}

impl Shader {
    fn new(name: String, text: &str) -> Self {
        let mut module = naga::front::wgsl::parse_str(text)
            .unwrap_or_else(|error| panic!("{}", error.emit_to_string_with_path(text, &name)));
        let validate = |module: &Module, capabilities| {
            let checked = Validator::new(ValidationFlags::all(), capabilities).validate(module);
            checked.unwrap_or_else(|error| panic!("{}", error.emit_to_string_with_path(text, &name)))
        };
        validate(&module, interface::CAPABILITIES);
        dead_code::drop_dead_branches(&mut module);
        // Only kernels whose neighbours share what they load may ask for subgroup operations.
        let lanes = text.contains(&format!("\nconst LANES: u32 = {LANES}u;"));
        let capabilities = if lanes { interface::CAPABILITIES } else { Capabilities::IMMEDIATES };
        let info = validate(&module, capabilities);
        Self { name, module, info }
    }

    /// The entries' use of bindings, workgroup memory, invocations and loops.
    fn stays_inside_the_limits(&self) {
        let mut layouter = naga::proc::Layouter::default();
        layouter.update(self.module.to_ctx()).unwrap();
        for (index, entry) in self.module.entry_points.iter().enumerate() {
            let name = format!("{}, {}", self.name, entry.name);
            let uses = self.info.get_entry_point(index);
            let (mut storage, mut workgroup) = (0, 0);
            for (handle, variable) in self.module.global_variables.iter() {
                if uses[handle].is_empty() {
                    continue;
                }
                let bytes = layouter[variable.ty].size;
                match variable.space {
                    AddressSpace::Storage { .. } => storage += 1,
                    AddressSpace::WorkGroup => workgroup += bytes,
                    AddressSpace::Uniform => {
                        assert!(
                            u64::from(bytes) <= LIMITS.max_uniform_buffer_binding_size,
                            "{name}: {variable:?}"
                        );
                    }
                    AddressSpace::Immediate => {
                        assert!(
                            bytes <= LIMITS.max_immediate_size,
                            "{name}: {bytes} bytes of immediate data"
                        );
                    }
                    AddressSpace::Private => {}
                    other => panic!("{name}: a variable in {other:?}"),
                }
            }
            assert!(storage <= STORAGE_BUFFERS, "{name}: {storage} storage buffers");
            assert!(workgroup <= LIMITS.max_compute_workgroup_storage_size, "{name}: {workgroup} bytes");
            let [x, y, z] = entry.workgroup_size;
            assert!(x * y * z <= LIMITS.max_compute_invocations_per_workgroup, "{name}: {x} x {y} x {z}");
            assert!(x <= LIMITS.max_compute_workgroup_size_x, "{name}: {x} in x");
            assert!(y <= LIMITS.max_compute_workgroup_size_y, "{name}: {y} in y");
            assert!(z <= LIMITS.max_compute_workgroup_size_z, "{name}: {z} in z");
        }
    }

    /// Loop iterations of one invocation of an entry, at most.
    fn iterations(&self, entry: &str) -> u64 {
        let found = self.module.entry_points.iter().find(|found| found.name == entry).expect(entry);
        loop_bounds::iterations(&self.module, &found.function)
            .unwrap_or_else(|error| panic!("{}, {entry}: {error}", self.name))
    }

    /// To the languages of Metal and Direct3D, and to SPIR-V, which is returned.
    fn translates(&self) -> Vec<u32> {
        let Self { name, module, info } = self;
        let options = back::msl::Options { lang_version: (2, 0), ..Default::default() };
        let (text, translated) = back::msl::write_string(module, info, &options, &Default::default())
            .unwrap_or_else(|error| panic!("{name} in MSL: {error}"));
        assert_eq!(translated.entry_point_names.len(), module.entry_points.len());
        for entry in &translated.entry_point_names {
            let entry = entry.as_ref().unwrap_or_else(|error| panic!("{name} in MSL: {error}"));
            assert!(text.contains(entry.as_str()), "{name} in MSL: no {entry}");
        }

        let options = back::hlsl::Options {
            shader_model: back::hlsl::ShaderModel::V6_0,
            immediates_target: Some(Default::default()),
            ..Default::default()
        };
        let (mut text, pipeline) = (String::new(), Default::default());
        let translated = back::hlsl::Writer::new(&mut text, &options, &pipeline)
            .write(module, info, None)
            .unwrap_or_else(|error| panic!("{name} in HLSL: {error}"));
        assert_eq!(translated.entry_point_names.len(), module.entry_points.len());
        for entry in &translated.entry_point_names {
            let entry = entry.as_ref().unwrap_or_else(|error| panic!("{name} in HLSL: {error}"));
            assert!(text.contains(entry.as_str()), "{name} in HLSL: no {entry}");
        }

        let words = back::spv::write_vec(
            module,
            info,
            &back::spv::Options { lang_version: (1, 3), ..Default::default() },
            None,
        )
        .unwrap_or_else(|error| panic!("{name} in SPIR-V: {error}"));
        assert!(words.len() > 5, "{name} in SPIR-V: nothing but a header");
        words
    }
}

/// The schedules of both plans and losses, with their names.
fn schedules() -> Vec<(String, Schedule)> {
    let network = Sizes::default().network().unwrap();
    let mut all = Vec::new();
    for loss in [Loss::Logits, Loss::DoubleSoftmax] {
        let fused = CANDIDATES.map(|(name, tiles)| (format!("{name} fused"), Kind::Fused, tiles));
        let clipped = Adam { clip_norm: Some(1.0), ema: Some(0.9), ..Adam::default() };
        let plain = fused.into_iter().chain([("layered".into(), Kind::Layered, Tiles::FAT)]);
        let plans = plain.map(|(plan, kind, tiles)| (plan, kind, tiles, Adam::default()));
        let clipped = ("clipped and averaged thin fused".into(), Kind::Fused, Tiles::THIN, clipped);
        for (plan, kind, tiles, adam) in plans.chain([clipped]) {
            let programs = kind.programs(&network, loss, adam, tiles);
            let mut add = |what: String, program| {
                all.push((format!("{plan} {what}, {loss:?}"), lower(&program, &Library::Embedded).unwrap()));
            };
            for batch in TRAINING {
                add(format!("training of {batch}"), programs.training(batch).unwrap());
            }
            for batch in EVALUATION {
                add(format!("evaluation of {batch}"), programs.evaluation(batch).unwrap());
            }
        }
    }
    for amount in [Augment::LIGHT, Augment::FULL] {
        let schedule = lower(&augmented::program(&amount), &Library::Embedded).unwrap();
        all.push((format!("augment {amount}"), schedule));
    }
    all
}

/// The different texts that the schedules run, each with its name and the entries in use.
fn texts() -> BTreeMap<String, (String, BTreeMap<String, Kernel>)> {
    let mut all = BTreeMap::new();
    for (name, schedule) in schedules() {
        for kernel in schedule.kernels {
            let name = format!("{}.wgsl in {name}", kernel.shader);
            let (_, entries) = all.entry(kernel.text.as_str().to_string()).or_insert((name, BTreeMap::new()));
            entries.insert(kernel.entry.clone(), kernel);
        }
    }
    all
}

/// Fails unless spirv-val accepts the module; if it is not installed, that is reported once.
fn validate(name: &str, words: &[u32]) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("shader.spv");
    std::fs::write(&path, bytemuck::cast_slice(words)).unwrap();
    match Command::new("spirv-val").args(["--target-env", "vulkan1.1"]).arg(&path).output() {
        Ok(output) => {
            assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
        }
        Err(error) => {
            let required = std::env::var("REQUIRE_SPIRV_VAL").is_ok_and(|value| value == "1");
            assert!(!required, "spirv-val (package spirv-tools) cannot be run: {error}");
            static SAID: std::sync::Once = std::sync::Once::new();
            SAID.call_once(|| eprintln!("spirv-val cannot be run, so the SPIR-V is not validated: {error}"));
        }
    }
}

#[test]
fn each_file_stands_alone() {
    for source in SHADERS.iter().chain(YARDSTICKS) {
        let name = source.name;
        let shader = Shader::new(format!("{name}.wgsl"), source.text);
        shader.stays_inside_the_limits();
        assert!(!shader.module.entry_points.is_empty(), "{name}.wgsl has no entry");
        for entry in &shader.module.entry_points {
            let iterations = shader.iterations(&entry.name);
            assert!(iterations <= ITERATIONS, "{name}.wgsl, {}: {iterations} iterations", entry.name);
        }
        validate(name, &shader.translates());
    }
}

#[test]
fn every_use_is_valid_on_every_device() {
    for (text, (name, _)) in texts() {
        let shader = Shader::new(name, &text);
        shader.stays_inside_the_limits();
        validate(&shader.name, &shader.translates());
    }
}

#[test]
fn no_invocation_loops_too_long() {
    let mut most: BTreeMap<String, (u64, String)> = BTreeMap::new();
    for (text, (name, entries)) in texts() {
        let shader = Shader::new(name, &text);
        for (entry, kernel) in entries {
            let iterations = shader.iterations(&entry);
            let longest = most.entry(kernel.name()).or_default();
            *longest = std::mem::take(longest).max((iterations, shader.name.clone()));
        }
    }
    for (entry, (iterations, name)) in &most {
        println!("{entry}: {iterations} iterations at most, {name}");
    }
    let (iterations, name) = most.values().max().unwrap();
    assert!(*iterations <= ITERATIONS, "{name}: {iterations} iterations");
}

/// Values and calls whose number doubles with every line: nothing may follow each of them.
#[test]
fn what_doubles_with_every_line_is_seen_through_at_once() {
    let counted = |lines: &str, functions: &str| {
        let text = format!(
            "{functions} @compute @workgroup_size(1) fn main(@builtin(local_invocation_index) n0: u32) {{ {lines} }}"
        );
        let shader = Shader::new("test.wgsl".into(), &text);
        let counted = loop_bounds::iterations(&shader.module, &shader.module.entry_points[0].function);
        counted.unwrap_err().to_string()
    };
    let sums: String = (0..64).map(|n| format!("let n{} = n{n} + n{n};\n", n + 1)).collect();
    let said = counted(&format!("{sums} for (var i = 0u; i < n64; i++) {{ }}"), "");
    assert!(said.contains("counts to a bound that may be anything"), "{said}");
    let calls = (0..64).map(|n| format!("fn f{}() {{ f{n}(); f{n}(); }}\n", n + 1));
    let said =
        counted("last();", &format!("fn f0() {{ }}\n{}", calls.collect::<String>()).replace("f64", "last"));
    assert!(said.contains("calls more than 10000 functions"), "{said}");
}

#[test]
fn loops_that_cannot_be_bounded_are_refused() {
    let counted = |lines: &str| {
        let text = format!(
            "@group(0) @binding(0) var<uniform> u: vec4<u32>;
            @group(0) @binding(1) var<storage, read_write> s: array<u32>;
            fn twice(n: u32) {{ for (var i = 0u; i < 2u; i++) {{ for (var j = 1u; j < n; j += 2u) {{ s[j] = i; }} }} }}
            @compute @workgroup_size(1) fn main(@builtin(local_invocation_index) id: u32) {{ {lines} }}"
        );
        let shader = Shader::new("test.wgsl".into(), &text);
        loop_bounds::iterations(&shader.module, &shader.module.entry_points[0].function)
            .map_err(|error| error.to_string())
    };
    assert_eq!(counted("for (var i = 0u; i < 10u; i += 3u) { s[i] = 0u; }"), Ok(4));
    assert_eq!(counted("for (var i = id; i < 64u; i += 64u) { s[i] = 0u; }"), Ok(1));
    assert_eq!(counted("twice(6u); twice(10u); if (id > 3u) { twice(4u); }"), Ok(2 * 4 + 2 * 6 + 2 * 3));
    assert_eq!(counted("for (var i = 0u; i < 5u; i++) { twice(4u); }"), Ok(5 * 7));
    assert_eq!(counted("for (var i = 5; i < 9; i++) { s[0] = 0u; }"), Ok(4));
    assert_eq!(
        counted("let n = select(0u, 7u, id < u.x); for (var i = 0u; i < n; i++) { s[i] = 0u; }"),
        Ok(7)
    );
    assert_eq!(counted("var i = 5u; for (; i < 9u; i++) { s[0] = 0u; }"), Ok(4));
    // What a branch or a loop before may have changed is no longer known.
    assert_eq!(
        counted("var i = 100u; if (id > 3u) { i = 0u; } for (; i < 105u; i++) { s[i] = 0u; }"),
        Ok(105)
    );
    assert_eq!(
        counted("var i = 4u; for (var j = 0u; j < 3u; j++) { for (; i < 9u; i++) { s[i] = 0u; } i = 0u; }"),
        Ok(3 * (9 + 1))
    );
    for endless in [
        "for (var i = 0u; i < u.x; i++) { s[i] = 0u; }",
        "for (var i = 0u; i < min(u.x, 9u); i++) { s[i] = 0u; }",
        "for (var i = 0u; i < s[0]; i++) { s[i] = 0u; }",
        "for (var i = 0u; i < select(3u, u.x, id < 3u); i++) { s[i] = 0u; }",
        "for (var i = 0u; i < id; i++) { s[i] = 0u; }",
        "for (var i = 0u; i < 9u; i += id) { s[i] = 0u; }",
        "for (var i = 0u; i < 9u; i++) { s[i] = 0u; i = 0u; }",
        "for (var i = 0u; i != 9u; i++) { s[i] = 0u; }",
        "twice(u.y);",
        "var n = u.x; for (var i = 0u; i < n; i++) { s[i] = 0u; }",
        "var k = 0u; loop { if (k < 10u) {} else { break; } continuing { k = k + 1u; k = k - 1u; } }",
        "var k = 0u; loop { if (k < 10u) {} else { break; } continuing { k = k + 1u; twice(4u); } }",
        "var k = 0u; loop { if (id < 9u) { continue; } if (k < 10u) {} else { break; } continuing { k = k + 1u; } }",
        "var k = 0u; let was = k; loop { if (was < 10u) {} else { break; } continuing { k = k + 1u; } }",
        "var k = 0u; let was = k; loop { if (k < 10u) {} else { break; } continuing { k = was + 1u; } }",
        "for (var k = -2000000000; k < 0; k++) { s[0] = 0u; }",
        "for (var k = i32(id); k < 9; k++) { s[0] = 0u; }",
        "for (var k = 0; k < min(i32(id), 9); k++) { s[0] = 0u; }",
        "for (var k = 0; k < 2147483647; k += 2) { s[0] = 0u; }",
        "var k = 0; if (id > 3u) { k = -2000000000; } for (; k < 9; k++) { s[0] = 0u; }",
        "loop { if (s[0] == 1u) { break; } }",
        "while (s[0] < 9u) { s[0] += 1u; }",
    ] {
        assert!(counted(endless).is_err(), "{endless}: {:?}", counted(endless));
    }
}

#[test]
fn steps_bind_what_their_entries_use() {
    for (name, schedule) in schedules() {
        for step in &schedule.steps {
            let kernel = &schedule.kernels[step.kernel];
            let what = format!("{name}: {} {}", step.layer, kernel.name());
            let used: Vec<&str> = kernel.slots.iter().map(|slot| slot.name.as_str()).collect();
            let bound: Vec<&str> = step.bindings.iter().map(|bound| bound.variable.as_str()).collect();
            assert_eq!(used, bound, "{what}");
            assert!(kernel.immediate_bytes as usize <= size_of::<Cursor>(), "{what}");
            // A browser counts what branches name that are ruled out.
            let is_storage = |slot: &&Slot| matches!(slot.access, Access::Read | Access::ReadWrite);
            let storage = kernel.slots.iter().chain(&kernel.ruled_out).filter(is_storage).count();
            assert!(storage <= STORAGE_BUFFERS, "{what}: {storage} storage buffers");
            let written = kernel.slots.iter().filter(|slot| slot.access == Access::ReadWrite);
            assert!(written.count() > 0, "{what} writes nothing");
            for groups in step.workgroups {
                let limit = LIMITS.max_compute_workgroups_per_dimension;
                assert!((1..=limit).contains(&groups), "{what}: {groups} workgroups");
            }
        }
    }
}

#[test]
fn every_entry_is_used() {
    let kernels = schedules().into_iter().flat_map(|(_, schedule)| schedule.kernels);
    let used: BTreeSet<String> = kernels.map(|kernel| kernel.name()).collect();
    for shader in SHADERS {
        for entry in interface::read(shader.name, shader.text).unwrap() {
            let name = format!("{}.{}", shader.name, entry.name);
            assert!(used.contains(&name), "no plan uses {name}");
        }
    }
}

/// One name, four places: the shader, the op that schedules it, the reference, and a check.
#[test]
fn each_op_has_shader_schedule_reference_and_check() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let stems = |folder: &str| -> BTreeSet<String> {
        let files =
            |folder: &str| std::fs::read_dir(root.join(folder)).unwrap().map(|file| file.unwrap().path());
        let both = files(folder).chain(files(&format!("{folder}/fused"))).filter(|path| path.is_file());
        both.map(|path| path.file_stem().unwrap().to_str().unwrap().to_string()).collect()
    };
    let embedded: BTreeSet<String> = SHADERS.iter().map(|shader| shader.name.to_string()).collect();
    assert_eq!(embedded.len(), SHADERS.len(), "a shader is embedded twice");
    let yardsticks = YARDSTICKS.iter().map(|shader| shader.name.to_string()).collect();
    assert_eq!(stems("shaders"), &embedded | &yardsticks, "the files in shaders/ and the embedded ones");
    let missing = |there: BTreeSet<String>| -> Vec<String> { embedded.difference(&there).cloned().collect() };
    assert_eq!(missing(stems("src/ops")), [""; 0], "shaders without a file in src/ops");
    assert_eq!(missing(stems("src/reference")), [""; 0], "shaders without a file in src/reference");
    let checked = selftest::all(Depth::Quick, 1).unwrap().iter().map(|check| check.op.to_string()).collect();
    assert_eq!(missing(checked), [""; 0], "shaders without a check");
}
