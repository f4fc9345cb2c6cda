//! AMF: whatever can be read can be written and read again, to the same.

use weir_amf::{Limits, Reader, Value, encode, skip_format_byte};
use weir_media::BytesMut;

/// Reads values, as those of a command and of a script.
pub fn amf(data: &[u8]) {
    for limits in [Limits::COMMAND, Limits::SCRIPT] {
        let mut reader = Reader::new(skip_format_byte(data), limits);
        let values = reader.rest();
        assert!(reader.offset() <= data.len());
        values.into_iter().flatten().for_each(|value| check(&value));
    }
}

fn check(value: &Value) {
    let written = write(value);
    let again =
        Reader::new(&written, Limits { depth: 64, nodes: 1 << 20, properties: 1 << 20, string: 1 << 24 }).rest();
    let again = again.expect("what was written can be read");
    assert_eq!(again.len(), 1, "{value:?}");
    assert_eq!(write(&again[0]), written, "{value:?}");
}

fn write(value: &Value) -> BytesMut {
    let mut out = BytesMut::new();
    encode(value, &mut out);
    out
}
