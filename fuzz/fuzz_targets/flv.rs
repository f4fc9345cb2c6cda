//! libFuzzer calls the target `flv` of weir-fuzz.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| weir_fuzz::flv(data));
