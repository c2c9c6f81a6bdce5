//! Edits of shaders: good ones, which change no numbers, and broken ones.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use digit_adder::network::{Loss, Sizes};
use digit_adder::ops::adam::Adam;
use digit_adder::plans::{Kind, tiles::Tiles};
use digit_adder::wgsl::{SHADERS, library};

use crate::program::Training;

const ENTRY: &str = "@compute";
const REFUSED: &str = "the shaders from before the change stay in use";
const MISSING: &str = "its last good text stays in use";
const AGREES: &str = "agrees with the reference";

/// What an edit leaves in a file's place.
enum Left {
    Text(String),
    NoText,
    Folder,
    Nothing,
}

/// A broken edit: its text, and what the program must say of it.
type Broken = (fn(&str) -> Left, &'static str, &'static str);

const BROKEN: [Broken; 13] = [
    (|text| Left::Text(in_entry(text, "let wrong = (1u;")), "expected", REFUSED),
    (|text| Left::Text(in_entry(text, "let wrong: u32 = 1.5f;")), "error: ", REFUSED),
    (|text| Left::Text(renamed(text, binding(text), "elsewhere")), "was renamed to `elsewhere`", REFUSED),
    (|text| Left::Text(text.replacen("var<storage>", "var<storage, read_write>", 1)), "access of `", REFUSED),
    (|text| Left::Text(renamed(text, entry(text), "elsewhere")), "is gone", REFUSED),
    (|text| Left::Text(in_entry(text, "var t = 1.0; while (t > 0.0) { t *= 2.0; }")), "a loop in `", REFUSED),
    (|text| Left::Text(text[..text.len() / 2].into()), "error: ", REFUSED),
    (|_| Left::Text(String::new()), "is empty", REFUSED),
    (|text| Left::Text(format!("{text}{text}")), "error: ", REFUSED),
    (|_| Left::Text("Not a shader at all.\n".into()), "error: ", REFUSED),
    (|_| Left::NoText, "is not UTF-8 text", MISSING),
    (|_| Left::Nothing, "is gone", MISSING),
    (|_| Left::Folder, "cannot be read", MISSING),
];

/// A good edit of the shipped text; the number makes it one of its own.
type Good = fn(&str, usize) -> String;

const GOOD: [Good; 5] = [
    |text, number| format!("{text}// Edit {number}.\n"),
    |text, number| renamed(text, local(text), &format!("at_{number}")),
    |text, number| {
        text.replace("    ", "\t").replace('\n', if number.is_multiple_of(2) { "\r\n" } else { "\n\n" })
    },
    |text, _| text.into(),
    |text, number| in_entry(text, &format!("let seen = {number}u;")),
];

/// Edits a folder of shaders.
pub struct Editor {
    folder: PathBuf,
    shaders: Vec<&'static str>,
    /// The texts in use.
    texts: BTreeMap<&'static str, String>,
    /// Edits so far, the good and the broken ones in turn.
    pub edits: usize,
    /// Texts that the program has taken, and files that it has told to be as they were.
    pub taken: [usize; 2],
    /// Texts that it has refused, and files without a text.
    pub refused: [usize; 2],
}

impl Editor {
    /// Fills a folder with the shaders of the program, to edit those of the layered plan.
    pub fn new(folder: PathBuf) -> Self {
        fs::create_dir_all(folder.join("fused")).unwrap();
        let mut texts = BTreeMap::new();
        for shader in SHADERS {
            fs::write(folder.join(shader.path), shader.text).unwrap();
            texts.insert(shader.name, shader.text.to_string());
        }
        let network = Sizes::default().network().unwrap();
        let plan = Kind::Layered.programs(&network, Loss::Logits, Adam::default(), Tiles::FAT);
        let dispatches = plan.training(1).unwrap().dispatches;
        let shaders: BTreeSet<&str> = dispatches.iter().map(|dispatch| dispatch.shader).collect();
        let shaders = shaders.into_iter().collect();
        Self { folder, shaders, texts, edits: 0, taken: [0; 2], refused: [0; 2] }
    }

    /// Breaks a shader and mends it, and waits for what the program says of each.
    pub fn edit(&mut self, training: &Training) -> Result<(), String> {
        let round = self.edits / 2;
        let name = self.shaders[round % self.shaders.len()];
        let shipped = SHADERS.iter().find(|shader| shader.name == name).unwrap();
        let file = self.folder.join(shipped.path);

        let (broken, words, end) = BROKEN[round % BROKEN.len()];
        let left = broken(shipped.text);
        assert!(!matches!(&left, Left::Text(text) if text == shipped.text), "{name}: nothing is broken");
        leave(&file, left, round);
        let said = training.until(end)?;
        let all = [words, shipped.path, end];
        let fits = all.iter().all(|words| said.contains(words)) && said.matches("in use").count() == 1;
        if !fits || said.contains("reloaded") {
            return Err(format!("{name}, broken so that it {words}: {said}"));
        }
        self.refused[usize::from(end == MISSING)] += 1;

        let text = GOOD[round % GOOD.len()](shipped.text, round);
        let as_it_was = self.texts[name] == text;
        let end = match (as_it_was, end) {
            (false, _) => AGREES,
            (true, REFUSED) => "matches the text in use again",
            (true, _) => "is back",
        };
        leave(&file, Left::Text(text.clone()), round);
        let said = training.until(end)?;
        let reloads = said.matches(&format!("reloaded {}: ", library::path(name))).count();
        if reloads != usize::from(!as_it_was) || said.contains("in use\n") || said.contains("differs") {
            return Err(format!("{name}, mended: {said}"));
        }
        self.texts.insert(name, text);
        self.taken[usize::from(as_it_was)] += 1;
        self.edits += 2;
        Ok(())
    }
}

/// Saves as editors do: at once, under another name, or in parts, by turns.
fn leave(file: &Path, left: Left, round: usize) {
    if file.is_dir() {
        fs::remove_dir(file).unwrap();
    }
    match left {
        Left::Nothing => fs::remove_file(file).unwrap(),
        Left::NoText => fs::write(file, [0xff, 0xfe]).unwrap(),
        Left::Folder => {
            fs::remove_file(file).unwrap();
            fs::create_dir(file).unwrap();
        }
        Left::Text(text) => {
            let beside = file.with_extension("wgsl~");
            match round % 3 {
                0 => fs::write(file, text).unwrap(),
                1 => {
                    fs::write(&beside, text).unwrap();
                    fs::rename(&beside, file).unwrap();
                }
                _ => {
                    fs::write(file, &text[..text.len() / 3]).unwrap();
                    std::thread::sleep(Duration::from_millis(5));
                    fs::write(file, text).unwrap();
                }
            }
        }
    }
}

/// The text with a line at the start of its first entry.
fn in_entry(text: &str, line: &str) -> String {
    let entry = text.find(ENTRY).unwrap();
    let body = entry + text[entry..].find("{\n").unwrap() + 2;
    format!("{}    {line}\n{}", &text[..body], &text[body..])
}

/// The name that stands between the first `before` after `from` and the next `after`.
fn between<'a>(text: &'a str, from: &str, before: &str, after: char) -> &'a str {
    let (_, rest) = text.split_once(from).unwrap();
    let (_, rest) = rest.split_once(before).unwrap();
    rest.split(after).next().unwrap()
}

fn entry(text: &str) -> &str {
    between(text, ENTRY, "fn ", '(')
}

fn binding(text: &str) -> &str {
    between(text, "@binding(0)", "> ", ':')
}

/// The first local of an entry that no field and no argument is called like.
fn local(text: &str) -> &str {
    let (_, entries) = text.split_once(ENTRY).unwrap();
    let mut names = entries.split("let ").skip(1).filter_map(|rest| rest.split([' ', ':']).next());
    let free = |name: &&str| !text.contains(&format!(".{name}")) && !text.contains(&format!("{name}:"));
    names.find(free).unwrap_or("nothing")
}

/// The text with every word `from` changed to `to`, but for fields.
fn renamed(text: &str, from: &str, to: &str) -> String {
    let is_letter = |c: char| c.is_alphanumeric() || c == '_';
    let is_part = |c: char| is_letter(c) || c == '.';
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(from) {
        let alone = !rest[..at].ends_with(is_part) && !rest[at + from.len()..].starts_with(is_letter);
        out += &rest[..at];
        out += if alone { to } else { from };
        rest = &rest[at + from.len()..];
    }
    out + rest
}
