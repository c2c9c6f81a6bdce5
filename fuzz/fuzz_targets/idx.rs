#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| { digit_adder_fuzz::targets::idx::check(bytes); });
