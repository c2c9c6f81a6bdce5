//! No variable may be declared inside a loop without a value: WGSL sets it to zero in each round, but the compiler of
//! some browsers does so in the first only, silently.

use digit_adder::wgsl::{SHADERS, YARDSTICKS};

/// The lines, from 1 on, that declare a variable inside a loop without a value.
fn unset(text: &str) -> Vec<usize> {
    let lines: Vec<&str> = text.lines().map(|line| line.split("//").next().unwrap_or_default()).collect();
    let mut found = Vec::new();
    // For each open brace, whether it is inside a loop; and whether the next one begins a loop.
    let (mut braces, mut loop_begins) = (Vec::new(), false);
    let mut declared: Option<usize> = None;
    for (number, line) in (1..).zip(lines) {
        for token in tokens(line) {
            match token {
                "for" | "while" | "loop" => loop_begins = true,
                "{" => {
                    braces.push(std::mem::take(&mut loop_begins) || braces.last() == Some(&true));
                }
                "}" => drop(braces.pop()),
                // A template's list follows that of a module's variable, which is in no loop.
                "var" if braces.last() == Some(&true) => declared = Some(number),
                "=" => declared = None,
                ";" => found.extend(declared.take()),
                _ => {}
            }
        }
    }
    found
}

/// Words, and every other character alone.
fn tokens(line: &str) -> impl Iterator<Item = &str> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    line.split_inclusive(move |c| !is_word(c)).flat_map(move |part| {
        let end = part.char_indices().last().filter(|(_, c)| !is_word(*c)).map_or(part.len(), |(at, _)| at);
        [&part[..end], &part[end..]]
    })
}

#[test]
fn every_variable_of_a_loop_has_a_value() {
    for shader in SHADERS.iter().chain(YARDSTICKS) {
        assert_eq!(unset(shader.text), [0; 0], "{}: write `var x = T();`", shader.path);
    }
}

#[test]
fn variables_without_a_value_are_seen() {
    let inside = |lines: &str| unset(&format!("fn f() {{\n{lines}\n}}"));
    for line in [
        "for (var i = 0u; i < 4u; i++) { var x: f32; }",
        "for (var i = 0u; i < 4u; i++) { if (i > 1u) { var x: array<vec4<f32>, 2>; } }",
        "loop { var x: vec4<f32>; if (x.x > 0.0) { break; } }",
        "while (true) { var x : f32 ; }",
        "for (var i = 0u; i < 4u; i++) { for (var j: u32; j < 4u; j++) {} }",
    ] {
        assert_eq!(inside(line), [2], "{line}");
    }
    for line in [
        "var x: f32; for (var i = 0u; i < 4u; i++) { x += 1.0; }",
        "for (var i = 0u; i < 4u; i++) { var x = array<f32, 2>(); var y: f32 = 0.0; }",
        "for (var i = 0u; i < 4u; i++) { let x = 1.0; } var x: f32;",
        "// for (;;) { var x: f32; }",
    ] {
        assert_eq!(inside(line), [0; 0], "{line}");
    }
}
