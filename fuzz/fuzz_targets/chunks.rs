//! libFuzzer calls the target `chunks` of weir-fuzz.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| weir_fuzz::chunks(data));
