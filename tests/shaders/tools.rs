//! What naga makes of every entry, at every set of constants that the plans use, in tools that are not naga's: DXC
//! reads its HLSL, SPIRV-Cross its SPIR-V.
//!
//! Where a tool is missing its trials are shown as ignored. With `REQUIRE_SHADER_TOOLS=1` those of SPIRV-Cross (Debian's
//! package `spirv-cross`) fail, and where `DXC` names a compiler those of DXC do.

mod every;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::{Command, ExitCode, Output};

use digit_adder::program::schedule::Access;
use digit_adder::wgsl::{SHADERS, YARDSTICKS, interface};
use every::{Checks, Shader, texts};
use libtest_mimic::{Arguments, Trial};
use serde_json::Value;
use tempfile::TempDir;

/// A tool: the name of its trials, the command that shows that it is there, and what it makes of an entry.
struct Tool {
    name: &'static str,
    probe: Vec<String>,
    is_required: bool,
    accepts: fn(&Entry) -> Result<(), String>,
}

/// An entry of a text, and a folder to work in.
struct Entry<'a> {
    shader: &'a Shader,
    text: &'a str,
    name: &'a str,
    checks: Checks,
    folder: &'a Path,
}

fn tools() -> Vec<Tool> {
    let is_required = std::env::var("REQUIRE_SHADER_TOOLS").is_ok_and(|value| value == "1");
    let tool = |name, probe: &[&str], is_required, accepts| Tool {
        name,
        probe: probe.iter().map(ToString::to_string).collect(),
        is_required,
        accepts,
    };
    let spirv_cross = ["spirv-cross", "--revision"];
    vec![
        tool("HLSL in DXC", &[&dxc_command(), "--version"], std::env::var_os("DXC").is_some(), dxc),
        tool("SPIR-V in SPIRV-Cross to MSL", &spirv_cross, is_required, to_msl),
        tool("SPIR-V in SPIRV-Cross to HLSL", &spirv_cross, is_required, to_hlsl),
        tool("interface in SPIRV-Cross", &spirv_cross, is_required, same_interface),
    ]
}

fn main() -> ExitCode {
    let texts = by_shader();
    let mut trials = Vec::new();
    for tool in tools() {
        let [program, arguments @ ..] = &tool.probe[..] else { continue };
        let missing = run(Command::new(program).args(arguments)).err();
        if let Some(reason) = &missing {
            eprintln!("{} is ignored: {reason}", tool.name);
        }
        for (shader, texts) in &texts {
            let texts = texts.clone();
            let trial = Trial::test(format!("{}: {shader}", tool.name), move || {
                Ok(every_entry(&texts, tool.accepts)?)
            });
            trials.push(trial.with_ignored_flag(missing.is_some() && !tool.is_required));
        }
    }
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

/// A text, where it is used, and the entries in use.
#[derive(Clone)]
struct Used {
    name: String,
    text: String,
    entries: BTreeSet<String>,
}

/// For each shader its text as it stands, all entries of it, and the texts that the plans make of it.
fn by_shader() -> BTreeMap<&'static str, Vec<Used>> {
    let mut all = BTreeMap::new();
    for source in SHADERS.iter().chain(YARDSTICKS) {
        let name = format!("{}.wgsl", source.name);
        let entries = Shader::new(name.clone(), source.text).entries().into_iter().collect();
        all.insert(source.name, vec![Used { name, text: source.text.into(), entries }]);
    }
    for (text, (name, kernels)) in texts() {
        let shader = kernels.values().next().map(|kernel| kernel.shader.as_str()).unwrap_or_default();
        let entries = kernels.keys().cloned().collect();
        all.get_mut(shader).unwrap().push(Used { name, text, entries });
    }
    all
}

/// Gives a tool every entry, with checks and without.
fn every_entry(texts: &[Used], accepts: fn(&Entry) -> Result<(), String>) -> Result<(), String> {
    let folder = TempDir::new().unwrap();
    for Used { name, text, entries } in texts {
        let shader = Shader::new(name.clone(), text);
        for entry in entries {
            for checks in Checks::BOTH {
                let given = Entry { shader: &shader, text, name: entry, checks, folder: folder.path() };
                accepts(&given).map_err(|error| format!("{name}, {entry}, checks {checks:?}: {error}"))?;
            }
        }
    }
    Ok(())
}

/// Runs a command to its end, or tells why it failed.
fn run(command: &mut Command) -> Result<Output, String> {
    let program = command.get_program().display().to_string();
    let output = command.output().map_err(|error| format!("{program}: {error}"))?;
    let said = || [&output.stdout[..], &output.stderr].map(String::from_utf8_lossy).concat();
    if output.status.success() {
        Ok(output)
    } else {
        Err(format!("{program}, {}: {}", output.status, said()))
    }
}

/// A file in the folder.
fn written(entry: &Entry, name: &str, content: &[u8]) -> std::path::PathBuf {
    let path = entry.folder.join(name);
    std::fs::write(&path, content).unwrap();
    path
}

fn dxc_command() -> String {
    std::env::var("DXC").unwrap_or_else(|_| "dxc".into())
}

/// To DXIL, which DXC validates, with the flags that wgpu gives it.
fn dxc(entry: &Entry) -> Result<(), String> {
    let (text, name) = entry.shader.hlsl(entry.name, entry.checks);
    let path = written(entry, "shader.hlsl", text.as_bytes());
    let arguments = ["-T", "cs_6_0", "-E", &name, "-HV", "2018", "-no-warnings"];
    run(Command::new(dxc_command())
        .args(arguments)
        .arg("-Fo")
        .arg(entry.folder.join("shader.dxil"))
        .arg(path))?;
    Ok(())
}

/// What SPIRV-Cross prints for an entry's SPIR-V.
fn spirv_cross(entry: &Entry, arguments: &[&str]) -> Result<String, String> {
    let words = entry.shader.spirv(Some(entry.name), entry.checks);
    let path = written(entry, "shader.spv", bytemuck::cast_slice(&words));
    // The file first: `--reflect` takes what follows it for its format.
    let output = run(Command::new("spirv-cross").arg(path).args(arguments))?;
    Ok(String::from_utf8(output.stdout).unwrap())
}

fn to_msl(entry: &Entry) -> Result<(), String> {
    let text = spirv_cross(entry, &["--msl", "--msl-version", "20000"])?;
    if text.contains("kernel void") { Ok(()) } else { Err(format!("no kernel in {text}")) }
}

fn to_hlsl(entry: &Entry) -> Result<(), String> {
    let text = spirv_cross(entry, &["--hlsl", "--shader-model", "60"])?;
    if text.contains("[numthreads(") { Ok(()) } else { Err(format!("no entry in {text}")) }
}

/// Bindings, how they are used, and the workgroup's size are those that the host reads out of the WGSL.
fn same_interface(entry: &Entry) -> Result<(), String> {
    let reflected: Value = serde_json::from_str(&spirv_cross(entry, &["--reflect"])?).unwrap();
    let entries = interface::read("shader", entry.text).map_err(|error| error.to_string())?;
    let ours = entries.into_iter().find(|ours| ours.name == entry.name).ok_or("no such entry")?;
    let mut want: BTreeSet<(String, u64)> = BTreeSet::new();
    for slot in &ours.slots {
        let kind = match slot.access {
            Access::Read => "ssbos, readonly",
            Access::ReadWrite => "ssbos",
            Access::Uniform => "ubos",
            Access::Immediate => "push_constants",
        };
        want.insert((kind.into(), u64::from(slot.slot)));
    }
    let mut found = BTreeSet::new();
    for kind in ["ssbos", "ubos", "push_constants"] {
        for resource in reflected[kind].as_array().into_iter().flatten() {
            let is_read_only = resource["readonly"].as_bool().unwrap_or_default();
            let kind = if is_read_only { format!("{kind}, readonly") } else { kind.into() };
            if resource["set"].as_u64().unwrap_or_default() != 0 {
                return Err(format!("not in group 0: {resource}"));
            }
            found.insert((kind, resource["binding"].as_u64().unwrap_or_default()));
        }
    }
    let workgroup: Vec<u32> =
        serde_json::from_value(reflected["entryPoints"][0]["workgroup_size"].clone()).unwrap();
    if found != want || workgroup != ours.workgroup {
        return Err(format!(
            "found {found:?} in groups of {workgroup:?}, not {want:?} in {:?}",
            ours.workgroup
        ));
    }
    Ok(())
}
