//! The program under a Vulkan layer that loses its device.

use std::fs::File;
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use tempfile::TempDir;

const NAME: &str = "VK_LAYER_DIGIT_ADDER_lost";

/// Longer than anything here takes, whatever else the machine does.
const PATIENCE: Duration = Duration::from_secs(600);

/// Where the device is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The driver refuses a submission.
    Submission,
    /// It takes the submission, and the wait for it fails.
    Wait,
}

/// A run of the program that has ended.
pub struct Ended {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

/// The folder of the layer, which is built once: whoever builds Rust programs has a linker of this name.
fn layer() -> &'static Path {
    static BUILT: OnceLock<TempDir> = OnceLock::new();
    let built = BUILT.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/lost/layer.c");
        let mut cc = Command::new("cc");
        cc.args(["-shared", "-fPIC", "-Wall", "-Wextra", "-Werror", "-o"]).arg(folder.path().join("lost.so"));
        assert!(cc.arg(source).status().unwrap().success());
        let manifest = format!(
            r#"{{"file_format_version": "1.1.2", "layer": {{"name": "{NAME}", "type": "GLOBAL",
            "library_path": "./lost.so", "api_version": "1.3.0", "implementation_version": "1",
            "description": "loses the device"}}}}"#
        );
        std::fs::write(folder.path().join("lost.json"), manifest).unwrap();
        folder
    });
    built.path()
}

/// Runs the program in a folder; its device is lost after so many submissions, if at all.
///
/// # Panics
///
/// Where it does not end, or panics itself.
pub fn run(home: &Path, lost: Option<(usize, Place)>, arguments: &[&str]) -> Ended {
    let mut command = Command::new(env!("CARGO_BIN_EXE_digit-adder"));
    for variable in ["MNIST_DIR", "WGPU_ADAPTER_NAME", "WGPU_BACKEND", "WGPU_POWER_PREF"] {
        command.env_remove(variable);
    }
    if let Some((after, place)) = lost {
        let place = if place == Place::Wait { "wait" } else { "submit" };
        command.env("VK_LAYER_PATH", layer()).env("VK_INSTANCE_LAYERS", NAME);
        command.env("LOSE_AFTER", after.to_string()).env("LOSE_IN", place);
    }
    let [out, err] = ["stdout", "stderr"].map(|name| home.join(name));
    command.current_dir(home).args(arguments);
    command.stdout(File::create(&out).unwrap()).stderr(File::create(&err).unwrap());
    let mut child = command.spawn().unwrap();
    let start = Instant::now();
    let status = loop {
        match child.try_wait().unwrap() {
            Some(status) => break status,
            None if start.elapsed() < PATIENCE => std::thread::sleep(Duration::from_millis(10)),
            None => {
                child.kill().unwrap();
                child.wait().unwrap();
                panic!("{arguments:?} does not end, lost {lost:?}: {}", read(&err));
            }
        }
    };
    let ended = Ended { code: status.code(), out: read(&out), err: read(&err) };
    let whole = ended.code.is_some() && !ended.err.contains("panicked");
    assert!(whole, "{arguments:?}, lost {lost:?}: {status}: {}", ended.err);
    ended
}

fn read(path: &Path) -> String {
    String::from_utf8(std::fs::read(path).unwrap()).unwrap()
}
