//! Input made to hurt: each meets a limit or an error with its place, never a panic or a large allocation.

use crate::{decode, hex};
use weir_amf::{ErrorKind, Limit, Limits, Reader};

fn over(limit: Limit, max: usize) -> ErrorKind {
    ErrorKind::Limit { limit, max }
}

#[track_caller]
fn fails(body: &[u8], kind: ErrorKind) -> usize {
    let error = decode(body).unwrap_err();
    assert_eq!(error.kind, kind);
    error.offset
}

#[test]
fn depth_is_limited_in_every_container() {
    let nests = ["03 0001 61", "08 00000000 0001 61", "0a 00000001", "10 0000 0001 61"];
    for nest in nests {
        let deep = hex(&nest.repeat(3000));
        fails(&deep, over(Limit::Depth, 16));
        let mut allowed = hex(&nest.repeat(16));
        allowed.push(5);
        assert!(decode(&allowed).is_ok(), "{nest}");
    }
    for nest in ["09 03 01", "0a 0b 01 03 61", "10 03 00 01", "11 03 00 01"] {
        fails(&hex(&format!("11 {}", nest.repeat(3000))), over(Limit::Depth, 16));
    }
}

#[test]
fn counts_and_lengths_lie() {
    fails(&hex("0a ffffffff 05"), ErrorKind::Truncated);
    fails(&hex("0c ffffffff 61"), over(Limit::String, 65_536));
    fails(&hex("02 ffff 61"), ErrorKind::Truncated);
    fails(&hex("11 09 ffffffff 01 01"), ErrorKind::Truncated);
    fails(&hex("11 0f ffffffff 00 01"), ErrorKind::Truncated);
    fails(&hex("11 0a ffffff f3 01"), ErrorKind::Truncated);
    fails(&hex("11 06 ffffffff"), over(Limit::String, 65_536));
}

#[test]
fn nodes_are_limited_over_the_whole_message() {
    let mut array = hex("0a 00002000");
    array.resize(array.len() + 0x2000, 5);
    fails(&array, over(Limit::Nodes, 4096));
    let flat = vec![5; 4097];
    assert_eq!(fails(&flat, over(Limit::Nodes, 4096)), 4096);
    assert_eq!(decode(&flat[1..]).unwrap().len(), 4096);
}

#[test]
fn properties_are_limited() {
    let object = |count: usize| hex(&format!("03 {} 0000 09", "0001 61 05".repeat(count)));
    assert!(decode(&object(1024)).is_ok());
    fails(&object(1025), over(Limit::Properties, 1024));
    let sealed = |count: usize| {
        let bits = (count << 4 | 3) as u32;
        // The four-byte form: seven bits in each of the first three bytes, eight in the last.
        let u29 = [0x80 | (bits >> 22) as u8, 0x80 | (bits >> 15) as u8, 0x80 | (bits >> 8) as u8, bits as u8];
        let mut body = vec![0x11, 0x0A];
        body.extend(u29);
        body.push(1);
        body.extend([3, b'a'].repeat(count));
        body.extend(vec![1; count]);
        body
    };
    assert!(decode(&sealed(1024)).is_ok());
    fails(&sealed(1025), over(Limit::Properties, 1024));
}

#[test]
fn errors_name_the_byte() {
    assert_eq!(fails(&hex("05 04"), ErrorKind::Marker(4)), 1);
    assert_eq!(fails(&hex("0e"), ErrorKind::Marker(0x0E)), 0);
    assert_eq!(fails(&hex("03 0001 61 09"), ErrorKind::Marker(9)), 4);
    assert_eq!(fails(&hex("03 0000 05"), ErrorKind::EmptyKey), 1);
    assert_eq!(fails(&hex("11 7f"), ErrorKind::Amf3Marker(0x7F)), 1);
    assert_eq!(fails(&hex("11 06 08"), ErrorKind::Reference(4)), 2);
    assert_eq!(fails(&hex("11 0a 05"), ErrorKind::Reference(1)), 2);
    assert_eq!(fails(&hex("11 0a 07 03 61"), ErrorKind::Externalizable), 3);
    let error = decode(&hex("05 04")).unwrap_err();
    assert_eq!(error.to_string(), "AMF data, byte 1: 0x04 starts no AMF0 value");
}

#[test]
fn a_failed_reader_stays_finished() {
    let body = hex("05 04 05 05");
    let mut reader = Reader::new(&body, Limits::COMMAND);
    assert!(reader.next().unwrap().is_ok());
    assert!(reader.next().unwrap().is_err());
    assert!(reader.next().is_none());
}

#[test]
fn truncation_at_every_byte() {
    let samples = [
        "02 0007 7075626c697368 00 4014000000000000 05 02 0000 02 0004 6c697665",
        "08 00000002 0005 7769647468 00 4074000000000000 0006 73746572656f 01 00 0000 09",
        "10 0003 466f6f 0001 61 0a 00000002 05 0b 0000000000000000 0000 0000 09",
        "11 09 07 01 0a 23 0b 506f696e74 03 78 03 79 04 01 04 02 0a 01 04 03 06 02 0a 02",
        "11 11 03 00 06 03 6b 0d 05 00 ffffffff 00000002",
        "11 10 03 00 01 0f 03 01 3ff0000000000000 11 0c 07 00ff00 11 08 01 408f400000000000",
    ];
    for sample in samples {
        let whole = hex(sample);
        assert!(decode(&whole).is_ok(), "{sample}");
        for len in 0..whole.len() {
            if let Err(error) = decode(&whole[..len]) {
                assert_eq!(error.kind, ErrorKind::Truncated, "{sample} cut to {len}");
                assert!(error.offset <= len);
            }
        }
    }
}
