//! What must hold of any bytes that a user may hand to the program, one file for each kind of input. Here for
//! `cargo test --test fuzzed`; `fuzz/` searches for inputs of which it does not hold.

pub mod idx;
pub mod picture;
pub mod recipe;
pub mod schedule;
pub mod shader;
pub mod weights;

use digit_adder::Error;

/// What errors call the input.
pub const NAME: &str = "input";

/// An input was refused with the right exit code and a message that begins with its name.
#[track_caller]
pub fn refused(error: &Error, exit_code: u8) {
    let message = error.to_string();
    assert_eq!(error.exit_code(), exit_code, "{message}");
    assert!(message.starts_with(NAME), "no name: {message}");
    assert!(!message.contains(char::is_control), "control characters: {message:?}");
}
