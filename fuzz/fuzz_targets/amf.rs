//! libFuzzer calls the target `amf` of weir-fuzz.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| weir_fuzz::amf(data));
