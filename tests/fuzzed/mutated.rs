//! Seeds that are changed at random, the same way every time.

use digit_adder::random::Random;

/// What is put in: words and numbers that mean something in many places.
const PIECES: [&[u8]; 56] = [
    b"\0\0\0\0",
    b"\xff\xff\xff\xff",
    b"\x7f\xff\xff\xff",
    b"\xff\xff\xff\x7f",
    b"\0\0\xc0\x7f",
    b"\x1f\x8b",
    b"\xff\xd9",
    b"\xef\xbb\xbf",
    b"0",
    b"1",
    b"-1",
    b"0u",
    b"1u",
    b"4294967295",
    b"4294967295u",
    b"18446744073709551616",
    b"1e39",
    b"1e-46",
    b"1e999",
    b"1.0",
    b"nan",
    b"inf",
    b"null",
    b"true",
    b"[]",
    b"{}",
    b"(",
    b")",
    b"{",
    b"}",
    b"[",
    b"]",
    b";",
    b",",
    b":",
    b"=",
    b"<",
    b"\"",
    b"\"\"",
    b"\\u0000",
    b"'",
    b"@",
    b"/*",
    b"#",
    b"%",
    b"\n",
    b"\r",
    b"+ 1u",
    b"* 0u",
    b"/ 0u",
    b"vec4<f32>",
    b"array<f32, 0>",
    b"var ",
    b"module.",
    b"BF16",
    "\u{e9}".as_bytes(),
];

/// The bytes with one to four changes, half of them in the first quarter, where headers are.
pub fn mutated(bytes: &[u8], random: &mut Random) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for _ in 0..=random.below(4) {
        let within = if random.below(2) == 0 { bytes.len() } else { bytes.len() / 4 };
        let mut below = |bound: usize| random.below(bound as u32) as usize;
        let at = below(within + 1).min(bytes.len());
        let end = (at + 1 + below(12)).min(bytes.len());
        match below(8) {
            0 => bytes.truncate(at),
            1 => bytes.insert(at, below(256) as u8),
            2 => drop(bytes.drain(at..end)),
            3 => drop(bytes.splice(at..at, PIECES[below(PIECES.len())].iter().copied())),
            4 => drop(bytes.splice(word(&bytes, at), PIECES[below(PIECES.len())].iter().copied())),
            5 => {
                let to = below(bytes.len() + 1);
                let copy = bytes[at..end].to_vec();
                drop(bytes.splice(to..to, copy));
            }
            6 => bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte = below(256) as u8),
            _ => bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= 1 << below(8)),
        }
    }
    bytes
}

/// The rest of the word or number at a place.
fn word(bytes: &[u8], at: usize) -> std::ops::Range<usize> {
    let is_of_word = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.');
    at..at + bytes[at..].iter().take_while(|byte| is_of_word(byte)).count()
}
