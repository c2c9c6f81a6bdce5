//! Folders of MNIST as users have them: however the files were unpacked, they are found, or the message
//! says what to do.

use std::path::Path;

use digit_adder::data::{Dataset, MEMBERS, Request, Sources, Wanted, load_from};

#[allow(dead_code)]
mod idx_files;
use idx_files::{blank_set, gzip};

/// Loads from one folder, with the messages.
fn load(folder: &Path) -> (Result<Dataset, String>, Vec<String>) {
    let mut messages = Vec::new();
    let request = Request { wanted: Wanted::Mnist, data_dir: Some(folder), ..Request::default() };
    let result = load_from(&Sources::default(), &request, &mut |m| messages.push(m.to_owned()));
    (result.map_err(|e| e.to_string()), messages)
}

/// Why a folder is refused.
#[track_caller]
fn assert_refused(folder: &Path, words: &[&str]) {
    let message = load(folder).0.expect_err("accepted");
    let folder = folder.to_string_lossy();
    for word in words.iter().chain(&[&*folder]) {
        assert!(message.contains(word), "{message:?} does not say {word:?}");
    }
}

fn rename(folder: &Path, from: &str, to: &str) {
    let to = folder.join(to);
    std::fs::create_dir_all(to.parent().unwrap()).unwrap();
    std::fs::rename(folder.join(from), to).unwrap();
}

#[test]
fn torchvisions_root_and_the_folder_in_it_are_found() {
    let set = blank_set(true);
    for member in &MEMBERS {
        let name = format!("{}.gz", member.name);
        rename(set.path(), &name, &format!("MNIST/raw/{name}"));
    }
    for folder in [set.path().to_path_buf(), set.path().join("MNIST"), set.path().join("MNIST/raw")] {
        let found = load(&folder).0.unwrap();
        assert!(
            found.origin.ends_with(&*Path::new("MNIST").join("raw").to_string_lossy()),
            "{}",
            found.origin
        );
    }
    std::fs::remove_file(set.path().join("MNIST/raw/t10k-labels-idx1-ubyte.gz")).unwrap();
    assert_refused(set.path(), &["raw lacks t10k-labels-idx1-ubyte:"]);
}

#[test]
fn files_in_folders_of_their_names_are_found() {
    let set = blank_set(false);
    let [a, b, c, d] = MEMBERS.each_ref().map(|member| member.name);
    rename(set.path(), a, "kept");
    rename(set.path(), "kept", &format!("{a}/{a}"));
    rename(set.path(), b, "train-labels.idx1-ubyte/train-labels.idx1-ubyte");
    rename(set.path(), c, "kept");
    rename(set.path(), "kept", &format!("{c}/t10k-images.idx3-ubyte"));
    rename(set.path(), d, "t10k-labels.idx1-ubyte");
    load(set.path()).0.unwrap();
    std::fs::remove_file(set.path().join(c).join("t10k-images.idx3-ubyte")).unwrap();
    assert_refused(set.path(), &["lacks t10k-images-idx3-ubyte:"]);
}

#[test]
fn a_whole_file_beside_a_broken_one_is_taken_and_told() {
    let set = blank_set(true);
    let raw = set.path().join(MEMBERS[3].name);
    std::fs::write(&raw, [0, 0, 8, 1, 0, 0, 0x27, 0x10, 7]).unwrap();
    let (result, messages) = load(set.path());
    assert!(result.unwrap().test.labels().iter().take(3).eq(&[0, 1, 2]));
    let raw = raw.display();
    let note =
        format!("note: using {raw}.gz, as another copy is broken: {raw}: truncated: 9999 of the 10008");
    assert!(messages[0].starts_with(&note), "{messages:?}");
    std::fs::write(set.path().join("t10k-labels-idx1-ubyte.gz"), gzip(b"7")).unwrap();
    assert_refused(set.path(), &["idx1-ubyte: truncated: 9999", "idx1-ubyte.gz: truncated: its 1 bytes"]);
}

#[test]
fn a_file_that_is_gzipped_twice_is_told() {
    let set = blank_set(true);
    let path = set.path().join("t10k-labels-idx1-ubyte.gz");
    std::fs::write(&path, gzip(&std::fs::read(&path).unwrap())).unwrap();
    assert_refused(set.path(), &["t10k-labels-idx1-ubyte.gz: gzipped twice: unpack it once, with `gunzip`"]);
}

#[test]
fn other_forms_of_mnist_are_named_with_the_cure() {
    let cure = "Get train-images-idx3-ubyte.gz, train-labels-idx1-ubyte.gz";
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("mnist_train.csv"), "label,1x1").unwrap();
    std::fs::write(folder.path().join("MNIST.NPZ"), "PK").unwrap();
    let names = "Not read: MNIST.NPZ (a NumPy archive), mnist_train.csv (CSV).";
    assert_refused(folder.path(), &["holds none of train-images", names, cure]);
    assert_refused(&folder.path().join("mnist_train.csv"), &["is not a folder", "Not read: CSV.", cure]);
}

#[test]
fn other_forms_under_mnists_names_are_told() {
    let set = blank_set(true);
    let path = set.path().join("t10k-labels-idx1-ubyte.gz");
    let cases = [
        ("label,1x1,1x2\n5,0,0\n", "as CSV does"),
        ("5,0,0,128\n", "as CSV does"),
        ("PK\u{3}\u{4}", "as a zip or npz archive does"),
        ("<html>", "as a web page does"),
    ];
    for (text, words) in cases {
        std::fs::write(&path, text).unwrap();
        assert_refused(set.path(), &["t10k-labels-idx1-ubyte.gz: neither", words, "fetch MNIST's own file"]);
    }
}
