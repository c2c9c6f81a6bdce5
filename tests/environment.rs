//! What the program does with wgpu's environment variables: taken or refused by name, never passed over.

use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

fn run(folder: &Path, variable: (&str, &str), arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_digit-adder"));
    for known in ["WGPU_ADAPTER_NAME", "WGPU_BACKEND", "WGPU_POWER_PREF"] {
        command.env_remove(known);
    }
    command.current_dir(folder).env(variable.0, variable.1).args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn unknown_words_end_with_code_2() {
    let folder = TempDir::new().unwrap();
    let refused = |variable, arguments: &[&str], words: &[&str]| {
        let output = run(folder.path(), variable, arguments);
        let message = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{variable:?} {arguments:?}: {message}");
        assert!(words.iter().all(|word| message.contains(word)), "{variable:?}: no {words:?} in {message}");
        assert!(output.stdout.is_empty() && folder.path().read_dir().unwrap().next().is_none());
    };
    let train = ["train", "--dataset", "drawn"];
    for command in [&["adapters"][..], &train, &["bench"], &["selftest"]] {
        refused(("WGPU_BACKEND", "vulkan,cuda"), command, &["WGPU_BACKEND", "`cuda`", "vulkan", "dx12"]);
    }
    refused(("WGPU_BACKEND", "noop"), &["adapters"], &["`noop`"]);
    refused(("WGPU_POWER_PREF", "medium"), &train, &["WGPU_POWER_PREF", "`medium`", "low, high or none"]);
}

#[cfg(target_os = "linux")]
#[test]
fn backends_of_other_systems_end_with_code_2() {
    let output = run(Path::new("."), ("WGPU_BACKEND", "metal, dx12"), &["adapters"]);
    let message = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{message}");
    assert!(message.contains("`metal, dx12`") && message.contains("vulkan, gl"), "{message}");
}

#[test]
fn empty_is_unset_and_lists_are_taken() {
    let adapters = |value| {
        let output = run(Path::new("."), ("WGPU_BACKEND", value), &["adapters"]);
        assert!(output.status.success(), "`{value}`: {}", text(&output.stderr));
        text(&output.stdout)
    };
    let all = adapters("all");
    for value in ["", " ", "vulkan,metal,dx12,gl", "Primary, Secondary"] {
        assert_eq!(adapters(value), all, "`{value}`");
    }
}

/// Where there is a GPU only the words can be refused.
#[test]
fn a_software_driver_is_no_hardware() {
    let folder = TempDir::new().unwrap();
    let of = |arguments: &[&str]| run(folder.path(), ("WGPU_BACKEND", ""), arguments);
    let found: serde_json::Value = serde_json::from_slice(&of(&["adapters", "--json"]).stdout).unwrap();
    let drivers = || found.as_array().unwrap().iter().filter(|adapter| !adapter["index"].is_null());
    let hardware = drivers().any(|adapter| adapter["software"] == false);
    // Ends at the data, which come after the adapter.
    let train = |more: &[&str]| {
        let output = of(&[&["train", "--data-dir", "nowhere"], more].concat());
        (output.status.code().unwrap(), text(&output.stderr))
    };
    let there = if drivers().next().is_some() { 4 } else { 3 };
    for any in ["--require-gpu", "--require-gpu=any"] {
        assert_eq!(train(&[any]).0, there, "{any}");
    }
    let (code, message) = train(&["--require-gpu=hardware"]);
    assert_eq!(code, if hardware { 4 } else { 3 }, "{message}");
    assert!(hardware || there == 3 || message.contains("software driver"), "{message}");
    let (code, message) = train(&["--require-gpu=hardware", "--adapter", "cpu"]);
    assert!(code == 2 && message.contains("contradict"), "{message}");
    let (code, message) = train(&["--require-gpu=yes"]);
    assert!(code == 2 && message.contains("any, hardware"), "{message}");
    for (setting, code) in
        [("true", there), ("'any'", there), ("'hardware'", train(&["--require-gpu=hardware"]).0)]
    {
        std::fs::write(folder.path().join("run.toml"), format!("require_gpu = {setting}")).unwrap();
        assert_eq!(train(&["--config", "run.toml"]).0, code, "{setting}");
    }
}

#[test]
fn flags_come_before_variables() {
    let folder = TempDir::new().unwrap();
    // Ends at the data, which come after the adapter.
    let train = ["train", "--data-dir", "nowhere", "--adapter", "cpu"];
    for variable in [("WGPU_POWER_PREF", "medium"), ("WGPU_POWER_PREF", ""), ("WGPU_BACKEND", "cuda")] {
        let output = run(folder.path(), variable, &train);
        assert_eq!(output.status.code(), Some(4), "{variable:?}: {}", text(&output.stderr));
    }
}

/// Where there is no such driver, there is nothing to see.
#[test]
fn a_software_driver_through_opengl_is_told_of_vulkan() {
    let folder = TempDir::new().unwrap();
    // Ends after the adapter is opened and before anything is compiled.
    let shaders = concat!(env!("CARGO_MANIFEST_DIR"), "/shaders");
    let train =
        ["train", "--data-dir", "nowhere", "--hot-reload", "--shader-dir", shaders, "--adapter", "llvmpipe"];
    let told = |backend| {
        let output = run(folder.path(), ("WGPU_BACKEND", backend), &train);
        let message = text(&output.stderr);
        let opened = output.status.code() == Some(4);
        opened.then(|| message.contains("OpenGL") && message.contains("mesa-vulkan-drivers"))
    };
    assert_ne!(told("gl"), Some(false));
    assert_ne!(told("vulkan"), Some(true));
}
