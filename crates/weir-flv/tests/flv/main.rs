//! Tests of weir-flv through its public interface: known bytes, damaged files, properties.

mod bodies;
mod metadata;
mod parts;
mod reading;
mod tags;
mod time;

use weir_media::Bytes;

/// Bytes of a hex string; everything that is no hex digit is skipped.
fn hex(text: &str) -> Bytes {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}
