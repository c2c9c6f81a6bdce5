//! The surface that semantic versioning covers, pinned by a file: whatever adds to it, takes from it or changes it shows
//! in a diff. `UPDATE_GOLDEN=1 cargo test --test public_api` rewrites the file.

mod surface;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use surface::Export;

const FILE: &str = "docs/public-api.txt";

/// What signatures name beside the surface itself: the standard library's.
const STANDARD: [&str; 10] =
    ["AsRef", "ControlFlow", "FnMut", "Option", "Path", "Result", "Self", "String", "TryFrom", "Vec"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn exports() -> Vec<Export> {
    surface::exports(&std::fs::read_to_string(root().join("src/lib.rs")).unwrap())
}

fn lines() -> Vec<String> {
    let exports = exports();
    let renamed: BTreeMap<String, String> = exports
        .iter()
        .filter(|export| export.name != export.item)
        .map(|export| (export.item.clone(), export.name.clone()))
        .collect();
    let lines =
        |export: &Export| surface::lines(export, &surface::room(&root().join("src"), &export.room), &renamed);
    exports.iter().flat_map(lines).collect()
}

#[test]
fn the_surface_stays_as_it_is() {
    let now = lines();
    let path = root().join(FILE);
    if std::env::var("UPDATE_GOLDEN").is_ok_and(|value| value == "1") {
        std::fs::write(&path, now.join("\n") + "\n").unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap();
    let kept: BTreeSet<&str> = kept.lines().collect();
    let now: BTreeSet<&str> = now.iter().map(String::as_str).collect();
    let (gone, new): (Vec<_>, Vec<_>) = (kept.difference(&now).collect(), now.difference(&kept).collect());
    assert!(
        gone.is_empty() && new.is_empty(),
        "the surface of the library is another than {FILE} has; if that is meant, rewrite it with UPDATE_GOLDEN=1 and \
         say so in CHANGELOG.md\ngone: {gone:#?}\nnew: {new:#?}"
    );
}

/// Whoever is handed something can name it.
#[test]
fn what_the_surface_names_is_in_it() {
    let names: BTreeSet<String> = exports().into_iter().map(|export| export.name).collect();
    for line in
        lines().iter().filter(|line| ["field", "fn", "variant"].iter().any(|kind| line.starts_with(kind)))
    {
        // Without the path of what the line is about.
        let signature = line.split_once("::").unwrap().1;
        let signature =
            signature.split_once(|c: char| !c.is_alphanumeric() && c != '_').map_or("", |parts| parts.1);
        let words = signature.split(|c: char| !c.is_alphanumeric() && c != '_');
        for word in words.filter(|word| word.starts_with(char::is_uppercase)) {
            assert!(names.contains(word) || STANDARD.contains(&word), "{line}: {word} is not at the root");
        }
    }
}

#[test]
fn every_kind_of_change_is_seen() {
    let seen = |source: &str| {
        let export = &surface::exports("pub use room::Thing as Named;")[0];
        let items = syn::parse_file(source).unwrap().items;
        surface::lines(export, &items, &BTreeMap::from([("Thing".into(), "Named".into())]))
    };
    let whole = "#[derive(Debug, Clone, clap::Args)] pub struct Thing { pub a: Vec<u8> }";
    assert_eq!(seen(whole), ["struct Named: Clone, Debug", "field Named::a: Vec<u8>"]);
    assert_eq!(seen("pub struct Thing { pub a: u8, b: u8 }"), ["struct Named { .. }", "field Named::a: u8"]);
    assert_eq!(seen("#[non_exhaustive] pub struct Thing { pub a: u8 }")[0], "struct Named { .. }");
    let methods = "impl Thing { pub fn f(\n&self,\nx: &Thing,\n) -> u8 { 1 } fn g() {} pub const N: u8 = 1; }
        /// Of the rooms.
        impl Thing { pub fn h() {} }
        impl std::fmt::Display for Thing {}
        impl Other { pub fn i() {} }";
    assert_eq!(
        seen(&format!("pub struct Thing;\n{methods}")),
        [
            "struct Named",
            "const Named::N: u8",
            "fn Named::f(&self, x: &Named) -> u8",
            "impl Display for Named"
        ]
    );
    assert_eq!(
        seen("pub enum Thing { A, B(u8), C { d: Thing } }"),
        ["enum Named", "variant Named::A", "variant Named::B(u8)", "variant Named::C { d: Named }"]
    );
    assert_eq!(seen("pub const Thing: usize = 3;"), ["const Named: usize"]);
    let both = surface::exports("pub use a::{B, c::D as E}; use f::G; pub mod h;");
    assert_eq!(both.iter().map(|export| &*export.name).collect::<Vec<_>>(), ["B", "E"]);
    assert_eq!((&*both[1].room, &*both[1].item), ("a", "D"));
}
