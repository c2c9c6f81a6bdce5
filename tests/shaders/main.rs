//! Every shader, as it stands in its file and with every set of constants that the network uses: valid
//! without optional features, except for immediate data and the subgroup operations that the host asks for
//! where a device has them, inside the limits of every device, translatable for every backend. No GPU.

mod every;
mod loop_variables;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use digit_adder::program::Cursor;
use digit_adder::program::limits::LIMITS;
use digit_adder::program::schedule::{Access, Slot};
use digit_adder::selftest::{self, Depth};
use digit_adder::wgsl::{SHADERS, YARDSTICKS, interface, loop_bounds};
use every::{Checks, Shader, schedules, texts};
use naga::AddressSpace;

/// Storage buffers that an entry may use: WebGPU's own default, on every device.
const STORAGE_BUFFERS: usize = 8;

/// lavapipe silently ends all loops of an invocation after 65,535 iterations: this leaves a margin.
const ITERATIONS: u64 = 60_000;

impl Shader {
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
        for entry in self.entries() {
            for (text, name) in [self.msl(&entry, Checks::On), self.hlsl(&entry, Checks::On)] {
                assert!(text.contains(&name), "{}: no {name} for {entry}", self.name);
            }
        }
        let words = self.spirv(None, Checks::On);
        assert!(words.len() > 5, "{} in SPIR-V: nothing but a header", self.name);
        words
    }
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
