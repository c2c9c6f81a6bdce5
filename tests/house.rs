//! The rooms of the house: each uses only rooms below it, so there is no upward arrow and no cycle.

use std::path::{Path, PathBuf};

/// From the ground up.
const ROOMS: [&str; 23] = [
    "random",
    "escape",
    "error",
    "bounded",
    "atomic",
    "program",
    "network",
    "wgsl",
    "gpu",
    "data",
    "ops",
    "reference",
    "plans",
    "lanes",
    "selftest",
    "train",
    "engine",
    "bench",
    "report",
    "onnx",
    "api",
    "web",
    "cli",
];

fn sources(folder: &Path) -> Vec<PathBuf> {
    let paths = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    paths.flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] }).collect()
}

/// The rooms that a text names after `crate::`, alone or in braces.
fn used(text: &str) -> Vec<&'static str> {
    let known = |name: &str| ROOMS.into_iter().find(|room| *room == name);
    text.split("crate::").skip(1).flat_map(|path| heads(path).into_iter().filter_map(known)).collect()
}

/// The first word of a path, or of each path in its outermost braces.
fn heads(path: &str) -> Vec<&str> {
    let word = |text: &'_ str| text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
    let Some(list) = path.strip_prefix('{') else { return vec![&path[..word(path)]] };
    let (mut depth, mut heads, mut start) = (0, Vec::new(), Some(0));
    for (at, c) in list.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => start = Some(at + 1),
            c if !c.is_whitespace() && start.is_some() => {
                heads.push(&list[at..at + word(&list[at..])]);
                start = None;
            }
            _ => {}
        }
    }
    heads
}

/// What may stand only where these files know how, so that there is one place for it: writing names that users give,
/// reading what may have no end, showing names that may be commands to a terminal.
const ONLY_IN: [(&str, &[&str]); 10] = [
    ("fs::read(", &[]),
    ("fs::read_to_string(", &[]),
    (".read_to_string(", &[]),
    // An IDX file is read up to the length that it must have.
    (".read_to_end(", &["bounded.rs", "data/idx.rs"]),
    ("File::open(", &["bounded.rs", "data/idx.rs", "atomic.rs"]),
    ("fs::write(", &[]),
    (" File::create(", &[]),
    (".persist(", &["atomic.rs"]),
    ("fs::rename(", &["report/run_folder/latest.rs"]),
    (".display()", &[]),
];

/// Where the library would print: a message belongs to whoever calls it.
const PRINTS: [&str; 5] = ["println!", "print!", "dbg!", "stdout()", "stderr()"];
/// What the program prints goes through the console; a file that a user names may be a standard stream.
const MAY_PRINT: [&str; 2] = ["report/console.rs", "atomic.rs"];

/// A source without its tests, which stand at the end.
fn without_tests(path: &Path) -> String {
    let text = std::fs::read_to_string(path).unwrap();
    let end = text.find("#[cfg(test)]\nmod tests {").unwrap_or(text.len());
    text[..end].into()
}

#[test]
fn what_must_have_one_place_has_one() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let of_tests = |path: &Path| path.iter().any(|part| part == "tests" || part == "tests.rs");
    for path in sources(&src) {
        let file = path.strip_prefix(&src).unwrap();
        if of_tests(file) {
            continue;
        }
        let (text, name) = (without_tests(&path), file.to_str().unwrap().replace('\\', "/"));
        for words in PRINTS {
            let may = MAY_PRINT.contains(&name.as_str()) || name.starts_with("cli/") || name == "main.rs";
            // What documentation shows is a program's.
            let mut code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
            assert!(may || !code.any(|line| line.contains(words)), "{words} stands in {name}");
        }
        for (words, places) in ONLY_IN {
            assert!(!text.contains(words) || places.contains(&name.as_str()), "{words} stands in {name}");
        }
    }
}

#[test]
fn rooms_use_only_rooms_below_them() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let height = |room: &str| ROOMS.iter().position(|known| *known == room);
    for path in sources(&src) {
        let room = path.strip_prefix(&src).unwrap().iter().next().unwrap().to_str().unwrap();
        let room = room.trim_end_matches(".rs");
        if ["lib", "main"].contains(&room) {
            continue;
        }
        let own = height(room).unwrap_or_else(|| panic!("{} is in no room", path.display()));
        let text = std::fs::read_to_string(&path).unwrap();
        let product = text.split("#[cfg(test)]").next().unwrap();
        for name in product.split("crate::").skip(1).flat_map(heads) {
            // The rest of the crate's root is for programs: it would hide which room is used.
            let of_root = name.starts_with(char::is_uppercase) && !["Error", "Result"].contains(&name);
            assert!(!of_root, "{}: {room} takes {name} from the root", path.display());
        }
        for used in used(product) {
            assert!(height(used) <= Some(own), "{}: {room} uses {used}, which is above it", path.display());
        }
    }
}

#[test]
fn an_arrow_is_seen_however_it_is_written() {
    let text = "use crate::train::Loss;\nuse crate::{Error, gpu::{Gpu, data}, plans};\nfn f(x: &crate::engine::Adapter) {}";
    assert_eq!(used(text), ["train", "gpu", "plans", "engine"]);
}
