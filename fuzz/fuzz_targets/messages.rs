//! libFuzzer calls the target `messages` of weir-fuzz.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| weir_fuzz::messages(data));
