//! Texts that go too deep for naga, which calls itself for every operator of a chain and every `else` after an `else`,
//! until its stack ends and with it the program.

/// Operators of one statement, and `else`s of a function. A thread's stack is enough for four times as many, and in a
/// debug build for twice as many.
const MOST: usize = 500;

/// The line, from 1, from which on a text goes too deep, if it does.
pub(super) fn too_deep(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let (mut operators, mut branches, mut at) = (0, 0, 0);
    // Of each open parenthesis: the operators before it, and the most that an argument has come to.
    let mut open: Vec<(usize, usize)> = Vec::new();
    while let Some(&byte) = bytes.get(at) {
        let rest = &bytes[at..];
        match byte {
            b'/' if rest.starts_with(b"//") || rest.starts_with(b"/*") => {
                at += comment(rest);
                continue;
            }
            b';' | b'{' | b'}' => {
                operators = 0;
                open.clear();
            }
            b'(' => open.push((operators, operators)),
            b',' => {
                if let Some((before, most)) = open.last_mut() {
                    *most = operators.max(*most);
                    operators = *before;
                }
            }
            b')' => operators = open.pop().map_or(operators, |(_, most)| most.max(operators)),
            b'.' if rest.get(1).is_some_and(u8::is_ascii_alphabetic) => operators += 1,
            b'+' | b'-' | b'*' | b'/' | b'%' | b'&' | b'|' | b'^' | b'<' | b'>' | b'=' | b'!' | b'~'
            | b'[' => {
                operators += 1;
            }
            b'e' if rest.starts_with(b"else") => branches += 1,
            b'f' if rest.starts_with(b"fn ") => branches = 0,
            _ => {}
        }
        if operators > MOST || branches > MOST {
            return Some(1 + bytes[..at].iter().filter(|&&byte| byte == b'\n').count());
        }
        at += 1;
    }
    None
}

/// The length of the comment that a text begins with; block comments nest.
fn comment(text: &[u8]) -> usize {
    if text.starts_with(b"//") {
        return text.iter().position(|&byte| byte == b'\n').unwrap_or(text.len());
    }
    let (mut depth, mut at) = (0, 0);
    while at < text.len() {
        match text[at..] {
            [b'/', b'*', ..] => (depth, at) = (depth + 1, at + 2),
            [b'*', b'/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chains_are_too_deep_and_lists_and_comments_are_not() {
        let sum = "x + ".repeat(MOST + 1);
        assert_eq!(too_deep(&format!("// {sum}\n/* /* {sum} */ {sum} */ let y = 1.0;")), None);
        assert_eq!(too_deep(&format!("fn f() {{\n let y = {sum} x; }}")), Some(2));
        assert_eq!(too_deep(&"y = x + 1;".repeat(MOST + 1)), None);
        for entry in ["1.0", "-1.0", "1e-3", "vec4<f32>(-x, y.z)"] {
            let entries = format!("{entry}, ").repeat(MOST + 1);
            assert_eq!(too_deep(&format!("const T = array<f32, 501>({entries});")), None, "{entry}");
        }
        let calls = "f(-a, b) + ".repeat(MOST);
        assert_eq!(too_deep(&format!("let y = {calls} c;")), Some(1));
        assert_eq!(too_deep(&"fn f() { if (a) { } else { } }".repeat(MOST + 1)), None);
        for deep in ["- ", "!", ".x", "[0]", "&*", "* 2"] {
            assert_eq!(too_deep(&deep.repeat(MOST + 1)), Some(1), "{deep}");
        }
        assert_eq!(too_deep(&"if (a) { }\nelse ".repeat(MOST + 1)), Some(MOST + 2));
    }
}
