//! The surface as text: what stands at the crate's root, read from the sources and not from the compiler.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use syn::spanned::Spanned;
use syn::{Attribute, Fields, ImplItem, Item, ItemImpl, UseTree, Visibility};

/// What the documentation of an `impl` begins with whose methods are not in the surface.
const OF_THE_ROOMS: &str = "Of the rooms";
/// Derives for the command line, which a library's users have no part in.
const OF_THE_PROGRAM: [&str; 2] = ["Args", "ValueEnum"];

/// A name at the root.
#[derive(Debug, PartialEq)]
pub struct Export {
    pub name: String,
    /// Where it stands: the room, and its name there.
    pub room: String,
    pub item: String,
}

/// The names that `lib.rs` takes from the rooms.
pub fn exports(lib: &str) -> Vec<Export> {
    let mut exports = Vec::new();
    for item in syn::parse_file(lib).unwrap().items {
        if let Item::Use(item) = item
            && matches!(item.vis, Visibility::Public(_))
        {
            flatten(&item.tree, &mut Vec::new(), &mut exports);
        }
    }
    exports.sort_by(|a, b| a.name.cmp(&b.name));
    exports
}

fn flatten(tree: &UseTree, path: &mut Vec<String>, exports: &mut Vec<Export>) {
    let mut add = |item: String, name: String| exports.push(Export { name, room: path[0].clone(), item });
    match tree {
        UseTree::Name(item) => add(item.ident.to_string(), item.ident.to_string()),
        UseTree::Rename(item) => add(item.ident.to_string(), item.rename.to_string()),
        UseTree::Group(group) => group.items.iter().for_each(|tree| flatten(tree, path, exports)),
        UseTree::Path(more) => {
            path.push(more.ident.to_string());
            flatten(&more.tree, path, exports);
            path.pop();
        }
        _ => panic!("the root names what it takes, one by one"),
    }
}

/// All items of a room, without its tests.
pub fn room(src: &Path, name: &str) -> Vec<Item> {
    let file = src.join(format!("{name}.rs"));
    let files = if file.is_file() { vec![file] } else { sources(&src.join(name)) };
    let items = |file: PathBuf| syn::parse_file(&std::fs::read_to_string(file).unwrap()).unwrap().items;
    files.into_iter().flat_map(items).collect()
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.file_stem().is_some_and(|stem| stem != "tests"));
    paths.sort();
    paths.into_iter().flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] }).collect()
}

/// The lines of one name: itself, then its fields or variants, its methods and the traits that it has, sorted.
pub fn lines(export: &Export, items: &[Item], renamed: &BTreeMap<String, String>) -> Vec<String> {
    let defined: Vec<Vec<String>> = items.iter().filter_map(|item| definition(export, item)).collect();
    let [lines] = &defined[..] else { panic!("{export:?} is defined {} times", defined.len()) };
    let impls = items.iter().filter_map(|item| match item {
        Item::Impl(item) if text(&item.self_ty) == export.item => Some(item),
        _ => None,
    });
    let mut members = impls.flat_map(|item| of_impl(&export.name, item)).collect::<Vec<_>>();
    members.extend_from_slice(&lines[1..]);
    members.sort();
    let all = std::iter::once(&lines[0]).chain(&members);
    all.map(|line| with_names_of_the_root(line, renamed)).collect()
}

/// What the item says itself, if it is the one that is exported.
fn definition(Export { name, item: ident, .. }: &Export, item: &Item) -> Option<Vec<String>> {
    match item {
        Item::Struct(item) if item.ident == ident => {
            let public = |vis: &Visibility| matches!(vis, Visibility::Public(_));
            let whole = item.fields.iter().all(|field| public(&field.vis)) && !is_open(&item.attrs);
            let fields = item.fields.iter().filter(|field| public(&field.vis));
            let fields = fields.filter_map(|field| {
                Some(format!("field {name}::{}: {}", field.ident.as_ref()?, text(&field.ty)))
            });
            let more = if whole { "" } else { " { .. }" };
            let head = format!("struct {name}{more}{}", derives(&item.attrs));
            Some(std::iter::once(head).chain(fields).collect())
        }
        Item::Enum(item) if item.ident == ident => {
            let more = if is_open(&item.attrs) { " { .. }" } else { "" };
            let head = format!("enum {name}{more}{}", derives(&item.attrs));
            let variants = item.variants.iter().map(|variant| {
                let fields = match &variant.fields {
                    Fields::Unit => String::new(),
                    Fields::Unnamed(fields) => text(fields),
                    Fields::Named(fields) => {
                        let field = |field: &syn::Field| {
                            format!("{}: {}", field.ident.as_ref().unwrap(), text(&field.ty))
                        };
                        format!(" {{ {} }}", fields.named.iter().map(field).collect::<Vec<_>>().join(", "))
                    }
                };
                format!("variant {name}::{}{fields}", variant.ident)
            });
            Some(std::iter::once(head).chain(variants).collect())
        }
        Item::Const(item) if item.ident == ident => Some(vec![format!("const {name}: {}", text(&item.ty))]),
        Item::Type(item) if item.ident == ident => {
            Some(vec![format!("type {name}{} = {}", text(&item.generics), text(&item.ty))])
        }
        _ => None,
    }
}

fn of_impl(name: &str, item: &ItemImpl) -> Vec<String> {
    if let Some((path, _)) = &item.trait_ {
        return vec![format!("impl {} for {name}", text(path.segments.last().unwrap()))];
    }
    if docs(&item.attrs).is_some_and(|docs| docs.trim().starts_with(OF_THE_ROOMS)) {
        return Vec::new();
    }
    let line = |item: &ImplItem| match item {
        ImplItem::Fn(item) if matches!(item.vis, Visibility::Public(_)) => {
            Some(text(&item.sig).replacen("fn ", &format!("fn {name}::"), 1))
        }
        ImplItem::Const(item) if matches!(item.vis, Visibility::Public(_)) => {
            Some(format!("const {name}::{}: {}", item.ident, text(&item.ty)))
        }
        _ => None,
    };
    item.items.iter().filter_map(line).collect()
}

/// The first line of the documentation.
fn docs(attributes: &[Attribute]) -> Option<String> {
    let doc = attributes.iter().find(|attribute| attribute.path().is_ident("doc"))?;
    let syn::Meta::NameValue(doc) = &doc.meta else { return None };
    let syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }) = &doc.value else { return None };
    Some(text.value())
}

fn is_open(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| attribute.path().is_ident("non_exhaustive"))
}

/// `: Clone, Debug`
fn derives(attributes: &[Attribute]) -> String {
    let mut names = Vec::new();
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("derive")) {
        let each = attribute.parse_nested_meta(|meta| {
            names.push(meta.path.segments.last().unwrap().ident.to_string());
            Ok(())
        });
        each.unwrap();
    }
    names.retain(|name| !OF_THE_PROGRAM.contains(&name.as_str()));
    names.sort();
    if names.is_empty() { String::new() } else { format!(": {}", names.join(", ")) }
}

/// The source of a node on one line.
fn text(node: &impl Spanned) -> String {
    let source = node.span().source_text().unwrap_or_default();
    let line = source.split_whitespace().collect::<Vec<_>>().join(" ");
    line.replace("( ", "(").replace(", )", ")").replace(" mut ", " ").replace("(mut ", "(")
}

/// A line whose types have the names that they have at the root.
fn with_names_of_the_root(line: &str, renamed: &BTreeMap<String, String>) -> String {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let (mut words, mut rest) = (String::new(), line);
    while let Some(start) = rest.find(is_word) {
        let end = rest[start..].find(|c| !is_word(c)).map_or(rest.len(), |length| start + length);
        words += &rest[..start];
        words += renamed.get(&rest[start..end]).map_or(&rest[start..end], String::as_str);
        rest = &rest[end..];
    }
    words + rest
}
