//! The commands around training: `data`, `summary`, `completions`, `adapters --json`; and manners: what is
//! printed where, on terminals of any width, without colours, and when stdout is full or closed.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use digit_adder::Error;
use digit_adder::data::inspect::{self, Fetched};
use digit_adder::data::{MEMBERS, Sources};
use digit_adder::network::Sizes;
use digit_adder::train::Recipe;
use digit_adder::train::model_file::{self, About};
use serde_json::Value;
use tempfile::TempDir;

mod idx_files;
use idx_files::{blank_set, gzip, serve};

mod common;
use common::program::{err, out, refused, run};

/// A run whose user has a folder of her own, and these variables.
fn at_home(folder: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_digit-adder"))
        .env_remove("MNIST_DIR")
        .env("HOME", folder)
        .env("XDG_CACHE_HOME", folder.join("cache"))
        .envs(variables.iter().copied())
        .current_dir(folder)
        .args(arguments)
        .output()
        .unwrap()
}

#[track_caller]
fn json(output: &Output) -> Value {
    assert!(output.status.success(), "{}", err(output));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn data_path_prints_the_folder_that_would_be_used() {
    let (home, set) = (TempDir::new().unwrap(), blank_set(true));
    let place = set.path().to_str().unwrap();
    let output = at_home(home.path(), &["data", "path"], &[]);
    assert_eq!((output.status.code(), out(&output).as_str()), (Some(4), ""));
    for words in ["MNIST was not found", "./data/mnist", "`digit-adder data fetch` downloads it"] {
        assert!(err(&output).contains(words), "{}", err(&output));
    }
    let told = |arguments: &[&str], variables: &[(&str, &str)]| {
        let output = at_home(home.path(), arguments, variables);
        assert_eq!((output.status.code(), err(&output).as_str()), (Some(0), ""));
        out(&output)
    };
    assert_eq!(told(&["data", "path", "--data-dir", place], &[]), format!("{place}\n"));
    assert_eq!(told(&["data", "path"], &[("MNIST_DIR", place)]), format!("{place}\n"));
    let text = told(&["data", "path", "--json"], &[("MNIST_DIR", place)]);
    assert_eq!(serde_json::from_str::<Value>(&text).unwrap()["folder"], place);
    refused(home.path(), &["data", "path", "--data-dir", "none"], 4, &["none does not exist"]);
    let output = run(home.path(), &["data"]);
    assert_eq!((output.status.code(), out(&output).as_str()), (Some(2), ""));
    assert!(err(&output).contains("verify"), "{}", err(&output));
}

#[test]
fn data_verify_tells_file_by_file() {
    let set = blank_set(true);
    let place = set.path().to_str().unwrap();
    let verify = |more: &[&str]| run(set.path(), &[&["data", "verify", "--data-dir", place], more].concat());
    let output = verify(&[]);
    assert!(output.status.success(), "{}", err(&output));
    assert_eq!(out(&output).matches("sound, but not the official file").count(), 4);
    assert!(out(&output).contains("train-images-idx3-ubyte.gz, ") && out(&output).contains(", 60000 images"));
    let report = json(&verify(&["--json"]));
    assert_eq!((&report["sound"], &report["official"]), (&true.into(), &false.into()));
    assert_eq!(report["files"][3]["sha256"].as_str().map(str::len), Some(64));

    std::fs::write(set.path().join(MEMBERS[1].name), b"half a file").unwrap();
    std::fs::remove_file(set.path().join(format!("{}.gz", MEMBERS[2].name))).unwrap();
    std::fs::write(set.path().join(format!("{}.gz", MEMBERS[3].name)), gzip(b"something else")).unwrap();
    let output = verify(&[]);
    assert_eq!(output.status.code(), Some(4));
    // A broken file beside a sound one is told, and harms nobody.
    assert!(out(&output).contains("train-labels-idx1-ubyte: sound"), "{}", out(&output));
    for words in
        ["t10k-images-idx3-ubyte: MISSING", "t10k-labels-idx1-ubyte: WRONG", "train-labels-idx1-ubyte: "]
    {
        assert!(out(&output).contains(words), "no `{words}` in {}", out(&output));
    }
    let wrong = "missing or wrong: t10k-images-idx3-ubyte, t10k-labels-idx1-ubyte";
    assert!(
        err(&output).contains(wrong) && err(&output).contains("data fetch --data-dir"),
        "{}",
        err(&output)
    );
    let output = verify(&["--json"]);
    assert_eq!(output.status.code(), Some(4));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let sound: Vec<&Value> = report["files"].as_array().unwrap().iter().map(|file| &file["sound"]).collect();
    assert_eq!(sound, [true, true, false, false]);
    assert_eq!((&report["files"][2]["path"], &report["files"][2]["sha256"]), (&Value::Null, &Value::Null));
}

#[test]
fn a_fetch_that_fails_is_told_and_leaves_foreign_files_alone() {
    let home = TempDir::new().unwrap();
    let mirror = serve(|name| name.contains("labels").then(|| gzip(b"something else")));
    let output = at_home(home.path(), &["data", "fetch", "--mirror", &mirror], &[]);
    assert_eq!((output.status.code(), out(&output).as_str()), (Some(4), ""));
    for words in ["downloading http://127.0.0.1", "could not be downloaded (127.0.0.1", "404"] {
        assert!(err(&output).contains(words), "no `{words}` in {}", err(&output));
    }
    let set = blank_set(false);
    let fetch = ["data", "fetch", "--mirror", &mirror, "--data-dir", set.path().to_str().unwrap()];
    refused(
        home.path(),
        &fetch,
        4,
        &["train-images-idx3-ubyte is sound, but not MNIST's own", "not replaced"],
    );
    std::fs::write(home.path().join("file"), "").unwrap();
    refused(home.path(), &["data", "fetch", "--data-dir", "file"], 4, &["file: is not a folder"]);
    let nowhere = Sources { cache: None, ..Sources::default() };
    assert!(matches!(inspect::fetch(&nowhere, None, &mut |_| ()), Err(Error::Data(_))));
}

#[test]
fn the_first_place_with_files_must_have_them_all() {
    let (set, empty) = (blank_set(true), TempDir::new().unwrap());
    let mut sources =
        Sources { nearby: vec![empty.path().into()], cache: Some(set.path().into()), ..Sources::default() };
    assert_eq!(inspect::place(&sources, None).unwrap(), set.path());
    std::fs::remove_file(set.path().join(format!("{}.gz", MEMBERS[0].name))).unwrap();
    // Half a cache would be completed, half a folder is an error.
    let error = |sources: &Sources| inspect::place(sources, None).unwrap_err().to_string();
    assert!(error(&sources).contains("MNIST was not found"));
    sources.nearby.push(set.path().into());
    assert!(error(&sources).contains("lacks train-images-idx3-ubyte"));
    let (folder, files) = inspect::verify(&sources, None).unwrap();
    assert_eq!(
        (folder.as_path(), files.each_ref().map(inspect::Checked::is_sound)),
        (set.path(), [false, true, true, true])
    );
}

#[test]
#[ignore = "needs MNIST's .gz files: MNIST_DIR=<folder> cargo test --test commands -- --ignored"]
fn mnist_is_fetched_once_and_mended() {
    let folder = std::path::PathBuf::from(std::env::var_os("MNIST_DIR").expect("MNIST_DIR is not set"));
    let mirror = serve(move |name| std::fs::read(folder.join(name)).ok());
    let home = TempDir::new().unwrap();
    let fetch = |more: &[&str]| {
        let output = at_home(home.path(), &[&["data", "fetch", "--mirror", &mirror], more].concat(), &[]);
        assert!(output.status.success(), "{}", err(&output));
        (out(&output), err(&output).matches("downloading").count())
    };
    let (told, downloads) = fetch(&[]);
    assert!(told.starts_with("MNIST is now in ") && told.trim_end().ends_with("mnist"), "{told}");
    assert_eq!(downloads, 4);
    assert_eq!(fetch(&[]).1, 0);
    let place = out(&at_home(home.path(), &["data", "path"], &[]));
    assert!(told.ends_with(&place), "{told} {place}");
    assert_eq!(json(&at_home(home.path(), &["data", "verify", "--json"], &[]))["official"], true);
    std::fs::write(Path::new(place.trim_end()).join(MEMBERS[3].name), b"half a file").unwrap();
    assert_eq!(fetch(&[]).1, 1);
    let output = at_home(home.path(), &["data", "fetch", "--mirror", &mirror, "--data-dir", "here"], &[]);
    assert!(
        err(&output).contains("note: train takes it from there with --data-dir here"),
        "{}",
        err(&output)
    );
    let sources = Sources { cache: Some(home.path().join("here")), ..Sources::default() };
    assert_eq!(inspect::fetch(&sources, None, &mut |_| ()).unwrap().1, Fetched::Before);
}

/// A file of weights, as `train` leaves it.
fn saved(folder: &Path) {
    let network = Sizes::default().network().unwrap();
    let mut flat = network.initial_parameters(1);
    let bias = network.parameter("out1.bias").unwrap().range();
    flat[bias.clone()].fill(0.0);
    flat[bias.start] = 0.5;
    let about = About {
        version: "0.0.9".into(),
        recipe: Recipe { batch_size: 32, ..Recipe::default() },
        trained_epochs: Some(7),
        dataset: "MNIST from a shelf".into(),
        test_sha256: None,
        averaged: false,
    };
    model_file::save(&folder.join("model.safetensors"), &network, &flat, &about).unwrap();
}

#[test]
fn summary_tells_layers_origin_and_tensors() {
    let folder = TempDir::new().unwrap();
    saved(folder.path());
    let output = run(folder.path(), &["summary", "model.safetensors"]);
    assert_eq!((output.status.code(), err(&output).as_str()), (Some(0), ""));
    let text = out(&output);
    for words in [
        "(conv1): Conv2d(1, 6, kernel_size=(5, 5), stride=(1, 1))",
        "45,709",
        "trained by version: 0.0.9\ndata set: MNIST from a shelf\nepochs trained: 7\n",
        "batch size: 32\n",
        "learning rate: 0.001\n",
        "parameters sha256 ",
        "out1.bias     [10]",
        "90.0 %",
    ] {
        assert!(text.contains(words), "no `{words}` in {text}");
    }
    let report = json(&run(folder.path(), &["summary", "model.safetensors", "--json"]));
    assert_eq!((&report["parameters"], &report["about"]["trained_epochs"]), (&45_709.into(), &7.into()));
    assert_eq!(report["layers"][0]["output"], serde_json::json!([6, 24, 24]));
    assert_eq!(report["layers"].as_array().map(Vec::len), Some(15));
    let tensor = |name: &str| {
        let tensors = report["tensors"].as_array().unwrap();
        tensors.iter().find(|tensor| tensor["name"] == name).unwrap()
    };
    let bias = tensor("out1.bias");
    assert_eq!(
        (&bias["min"], &bias["max"], &bias["shape"]),
        (&0.0.into(), &0.5.into(), &serde_json::json!([10]))
    );
    for (key, value) in [("mean", 0.05), ("standard_deviation", 0.15), ("zeros", 0.9)] {
        assert!((bias[key].as_f64().unwrap() - value).abs() <= 1e-9, "{key}: {bias}");
    }
    assert!(text.contains(report["parameters_sha256"].as_str().unwrap()));
    refused(folder.path(), &["summary", "none"], 4, &["none"]);
    let output = run(folder.path(), &["summary", "--json"]);
    assert_eq!(err(&output), "weights: those that ship with the program (assets/digit-adder.safetensors)\n");
    assert_eq!(json(&output)["model"], Value::Null);
}

#[test]
fn adapters_are_listed_as_data_too() {
    let folder = TempDir::new().unwrap();
    let text = out(&run(folder.path(), &["adapters"]));
    let list = json(&run(folder.path(), &["adapters", "--json"]));
    let list = list.as_array().unwrap();
    assert_eq!(list.len(), text.lines().count());
    for (adapter, line) in list.iter().zip(text.lines()) {
        let place = match adapter["index"].as_u64() {
            Some(index) => index.to_string(),
            None => if adapter["type"] == "engine" { "cpu" } else { "reference" }.into(),
        };
        assert!(line.starts_with(&format!("{place}: {}", adapter["name"].as_str().unwrap())), "{line}");
        for key in ["driver", "backend", "type"] {
            assert!(adapter[key].as_str().is_some_and(|text| !text.is_empty()), "{key}: {adapter}");
        }
    }
    for (own, name) in list[list.len() - 2..].iter().zip(["engine", "reference"]) {
        assert_eq!((&own["type"], &own["software"]), (&name.into(), &true.into()));
    }
}

#[test]
fn completions_know_commands_and_flags() {
    let folder = TempDir::new().unwrap();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let output = run(folder.path(), &["completions", shell]);
        assert!(output.status.success(), "{shell}: {}", err(&output));
        for word in ["train", "summary", "completions", "batch-size", "config"] {
            assert!(out(&output).contains(word), "{shell}: no {word}");
        }
        std::fs::write(folder.path().join(shell), out(&output)).unwrap();
        // Those that may be missing here.
        if ["zsh", "fish"].contains(&shell)
            && let Ok(checked) = Command::new(shell).current_dir(folder.path()).args(["-n", shell]).output()
        {
            assert!(checked.status.success(), "{shell}: {}", err(&checked));
        }
    }
    refused(folder.path(), &["completions", "cmd"], 2, &["bash", "powershell"]);
    refused(folder.path(), &["completions"], 2, &["<SHELL>"]);
}

/// A script, run by bash in a folder where `$PROGRAM` is the program.
#[cfg(target_os = "linux")]
fn bash(folder: &Path, script: &str) -> Output {
    let program = env!("CARGO_BIN_EXE_digit-adder");
    let mut bash = Command::new("bash");
    bash.env("PROGRAM", program).env_remove("NO_COLOR").env("TERM", "xterm");
    bash.current_dir(folder).args(["-c", script]).stdin(Stdio::null()).output().unwrap()
}

#[test]
#[cfg(target_os = "linux")]
fn bash_completes() {
    let folder = TempDir::new().unwrap();
    let complete = r#"
        source <("$PROGRAM" completions bash) && complete -p digit-adder
        completed() {
            COMP_WORDS=(digit-adder "$@") COMP_CWORD=$# COMPREPLY=()
            "$(complete -p digit-adder | sed 's/.*-F \([^ ]*\) .*/\1/')" digit-adder "${!#}" "${COMP_WORDS[COMP_CWORD-1]}"
            echo "${COMPREPLY[@]}"
        }
        completed tr; completed train --batch; completed train --loss d; completed data ver"#;
    let output = bash(folder.path(), complete);
    let told = out(&output);
    let lines: Vec<&str> = told.lines().skip(1).collect();
    assert_eq!(lines, ["train", "--batch-size", "double-softmax", "verify"], "{told}{}", err(&output));
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_is_told_and_a_closed_pipe_is_not() {
    let folder = TempDir::new().unwrap();
    for arguments in
        ["--help", "train --help", "--version", "help eval", "completions zsh", "adapters --json"]
    {
        let output = bash(folder.path(), &format!("\"$PROGRAM\" {arguments} > /dev/full"));
        assert_eq!(output.status.code(), Some(4), "{arguments}");
        assert!(
            err(&output).contains("error: cannot write to standard output"),
            "{arguments}: {}",
            err(&output)
        );
        // The reader is gone before the first byte.
        let script = format!("\"$PROGRAM\" {arguments} | true; echo ${{PIPESTATUS[0]}}");
        let output = bash(folder.path(), &script);
        assert_eq!((out(&output).as_str(), err(&output).as_str()), ("0\n", ""), "{arguments}");
    }
}

/// Whether a text for a terminal changes colours or weights, which end with an `m`; a bar moves the cursor.
#[cfg(target_os = "linux")]
fn coloured(text: &str) -> bool {
    let end = |sequence: &str| {
        sequence.find(|c: char| !c.is_ascii_digit() && c != ';').map(|at| sequence[at..].starts_with('m'))
    };
    text.split("\x1b[").skip(1).any(|sequence| end(sequence) == Some(true))
}

#[test]
#[cfg(target_os = "linux")]
fn colours_are_for_terminals_and_can_be_turned_off() {
    let folder = TempDir::new().unwrap();
    let terminal = |setting: &str, arguments: &str| {
        let run = format!("{setting} script -qec 'stty rows 50 cols 20; \"$PROGRAM\" {arguments}' /dev/null");
        out(&bash(folder.path(), &run))
    };
    for arguments in ["--help", "train --epochs 0"] {
        assert!(coloured(&terminal("", arguments)), "{arguments}");
        assert!(!terminal("NO_COLOR=1", arguments).contains("\x1b["), "{arguments}");
    }
    let plain = bash(folder.path(), "\"$PROGRAM\" --help; \"$PROGRAM\" train --epochs 0");
    assert!(!out(&plain).contains('\x1b') && !err(&plain).contains('\x1b'));
    // The bar is drawn, and without colours.
    let train = "train --adapter cpu --dataset drawn --limit 2000 --epochs 1 --out run";
    let bar = terminal("NO_COLOR=1", train);
    let percent = |rest: &str| rest.split_once(" %").is_some_and(|(share, _)| share.parse::<u8>().is_ok());
    assert!(bar.split("epoch 1/1 ").skip(1).any(percent) && !coloured(&bar), "{bar}");
}

#[test]
#[cfg(target_os = "linux")]
fn help_fits_a_narrow_terminal() {
    let folder = TempDir::new().unwrap();
    for arguments in ["--help", "train --help", "data verify --help", "summary -h"] {
        let script =
            format!("NO_COLOR=1 script -qec 'stty rows 50 cols 20; \"$PROGRAM\" {arguments}' /dev/null");
        let help = out(&bash(folder.path(), &script));
        assert!(help.contains("Usage: digit-adder"), "{help}");
        // Names of flags are not cut. Of all that can be wrapped a word is left a line, and that may be longer.
        let long = |line: &&str| line.trim_end().len() > 40 && !line.contains("Usage:");
        assert_eq!(help.lines().filter(long).collect::<Vec<_>>(), [""; 0], "{help}");
        assert!(help.lines().count() > 20, "{help}");
    }
}

#[test]
fn near_misses_are_suggested() {
    let folder = TempDir::new().unwrap();
    refused(folder.path(), &["tran"], 2, &["'train'"]);
    refused(folder.path(), &["sumary", "x"], 2, &["'summary'"]);
    refused(folder.path(), &["data", "verfy"], 2, &["'verify'"]);
    refused(folder.path(), &["train", "--batchsize", "1"], 2, &["'--batch-size'"]);
    refused(folder.path(), &["train", "--loss", "logit"], 2, &["'logits'"]);
}
