//! Tests of weir-amf through its public interface: known bytes, hostile bytes, properties.

mod golden;
mod hostile;
mod round_trip;

use weir_amf::{Error, Limits, Reader, Value};

/// Bytes of a hex string; spaces and line ends are skipped.
fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

/// Every value of a body, within the limits of commands.
fn decode(body: &[u8]) -> Result<Vec<Value>, Error> {
    Reader::new(body, Limits::COMMAND).collect()
}
