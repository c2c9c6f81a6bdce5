//! Inputs that are large or deep: what costs little for a short file must not cost much for a long one.

use crate::targets;
use crate::targets::shader::HEAD;

/// What holds of it, what it is, and its bytes.
pub type Large = (fn(&[u8]) -> bool, &'static str, Vec<u8>);

pub fn all() -> Vec<Large> {
    let mut all = Vec::new();
    let settings = targets::recipe::check;
    for (what, text) in [
        ("many settings", (0..60_000).map(|n| format!("a{n} = {n}\n")).collect()),
        ("a long name", format!("{} = 1", "a.".repeat(200_000) + "a")),
        ("lists in lists", format!("a = {}", "[".repeat(500_000))),
        ("tables in tables", format!("a = {}", "{ a = ".repeat(100_000))),
        ("many sections", (0..60_000).map(|n| format!("[a{n}]\n")).collect()),
        ("many items", format!("target_acc = [{}]", "'digit=1', ".repeat(50_000))),
        ("a long value", format!("lr = '{}'", "1".repeat(900_000))),
    ] {
        all.push((settings as fn(&[u8]) -> bool, what, text.into_bytes()));
    }
    for (what, text) in [
        ("lists in a schedule", "[".repeat(500_000)),
        ("objects in a schedule", "{\"batch\":".repeat(100_000)),
    ] {
        all.push((targets::schedule::check, what, text.into_bytes()));
    }
    let header = |tensors: usize| {
        let names = (0..tensors)
            .map(|n| format!("\"a{n}\":{{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]}},"));
        let names = format!("{{{}", names.collect::<String>());
        let names = format!("{}}}", names.trim_end_matches(','));
        [&(names.len() as u64).to_le_bytes()[..], names.as_bytes()].concat()
    };
    all.push((targets::weights::check, "many tensors", header(16_000)));
    all.push((targets::weights::check, "too many tensors", header(100_000)));
    all.push((
        targets::idx::check,
        "zeros after a stream",
        [&[0x1f, 0x8b][..], &vec![0; 5_000_000]].concat(),
    ));
    for (what, body) in shaders() {
        let text = format!(
            "{HEAD}relu\n@compute @workgroup_size(1) fn forward(@builtin(local_invocation_index) x: u32) {{ {body} }}"
        );
        all.push((targets::shader::check, what, text.into_bytes()));
    }
    all
}

fn shaders() -> Vec<(&'static str, String)> {
    let many = |count: usize, text: &str| text.repeat(count);
    vec![
        ("a long sum", format!("let y = {}x;", many(100_000, "x + "))),
        ("a long sum of constants", format!("let y = {}1u;", many(100_000, "1u + "))),
        ("many signs", format!("let y = {}1;", many(100_000, "- "))),
        ("many brackets", format!("let y = {}x;", many(100_000, "("))),
        ("many pairs of brackets", format!("let y = {}x{};", many(100_000, "("), many(100_000, ")"))),
        ("many blocks", many(100_000, "{ ")),
        ("many branches", format!("if (x == 0u) {{ }} {}", many(30_000, "else if (x == 1u) { } "))),
        ("many members", format!("let y = x{};", many(100_000, ".x"))),
        ("many indices", format!("let y = x{};", many(100_000, "[0]"))),
        ("many addresses", format!("let y = {}x;", many(100_000, "&*"))),
        ("arrays in arrays", format!("var y: {}", many(100_000, "array<"))),
        ("calls in calls", format!("let y = {}x", many(100_000, "max(1u, "))),
        ("many statements", many(30_000, "_ = x + 1u; ")),
        ("many variables", (0..10_000).map(|n| format!("var a{n} = x; ")).collect()),
        ("many loops", many(3_000, "for (var i = 0u; i < 3u; i++) { } ")),
        ("a large constant", "const a = array<u32, 100000000>(); let y = a[5];".into()),
        ("constants that double", {
            let double = |n: usize| format!("const a{} = array(a{n}, a{n}, a{n}, a{n}); ", n + 1);
            format!("const a0 = 1u; {}", (0..14).map(double).collect::<String>())
        }),
        ("comments in comments", many(300_000, "/*")),
    ]
}
