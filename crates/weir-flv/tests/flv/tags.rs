//! File header and tags as known bytes: facts sheet 8.1, checks 41 and 42.

use weir_flv::{
    AacPacket, AudioBody, AvcPacket, Error, HEADER_LEN, Header, MAX_BODY, ReadErrorKind, TAG_HEADER, Tag, TagKind,
    VideoBody, peek_tag, write_tag,
};
use weir_media::{Bytes, BytesMut};

use crate::hex;

fn written(kind: TagKind, timestamp: u32, body: &str) -> Bytes {
    let mut out = BytesMut::new();
    write_tag(&Tag { kind, timestamp, body: hex(body) }, &mut out).unwrap();
    out.freeze()
}

#[test]
fn header() {
    let both = Header::default();
    assert_eq!(both.to_bytes()[..], hex("464c5601 05 00000009 00000000"));
    assert_eq!(Header { audio: true, video: false }.to_bytes()[4], 4);
    assert_eq!(Header { audio: false, video: true }.to_bytes()[4], 1);
    assert_eq!(Header::parse(&both.to_bytes()), Ok(Some((both, HEADER_LEN))));
    for len in 0..HEADER_LEN {
        assert_eq!(Header::parse(&both.to_bytes()[..len]), Ok(None), "{len} bytes");
    }
}

#[test]
fn header_of_other_lengths() {
    let long = hex("464c5601 04 0000000b abcd 00000000");
    assert_eq!(Header::parse(&long), Ok(Some((Header { audio: true, video: false }, 15))));
    assert_eq!(Header::parse(&long[..14]), Ok(None));
    assert_eq!(Header::parse(&hex("464c5601 05 00000008")), Err(ReadErrorKind::HeaderLength(8)));
    assert_eq!(Header::parse(&hex("464c5601 05 ffffffff")), Err(ReadErrorKind::HeaderLength(u32::MAX)));
    assert_eq!(Header::parse(b"FLY"), Err(ReadErrorKind::Signature));
    assert_eq!(Header::parse(b"\0"), Err(ReadErrorKind::Signature));
}

#[test]
fn tags() {
    let cases = [
        (TagKind::Audio, 0, "af001210", "08 000004 000000 00 000000 | af001210 | 0000000f"),
        (TagKind::Audio, 0x0100_0000, "af0121", "08 000003 000000 01 000000 | af0121 | 0000000e"),
        (TagKind::Audio, 0xFFFF_FFFF, "af0121", "08 000003 ffffff ff 000000 | af0121 | 0000000e"),
        (TagKind::Video, 40, "1702000000", "09 000005 000028 00 000000 | 1702000000 | 00000010"),
    ];
    for (kind, timestamp, body, golden) in cases {
        let bytes = written(kind, timestamp, body);
        assert_eq!(bytes, hex(golden));
        let head = peek_tag(&bytes).unwrap();
        assert_eq!((head.kind, head.timestamp, head.body_len), (kind, timestamp, hex(body).len()));
        assert_eq!(head.total_len(), bytes.len());
    }
}

#[test]
fn bodies_write_whole_tags() {
    let mut out = BytesMut::new();
    let config = AudioBody::Aac { packet: AacPacket::SequenceHeader, data: hex("1210") };
    config.write_tag(0, &mut out).unwrap();
    let end = VideoBody::Avc { key: true, packet: AvcPacket::EndOfSequence, cts: 0, data: Bytes::new() };
    end.write_tag(40, &mut out).unwrap();
    let golden = "08 000004 000000 00 000000 | af001210 | 0000000f  09 000005 000028 00 000000 | 1702000000 | 00000010";
    assert_eq!(out, hex(golden));
}

#[test]
fn a_body_is_cut_out_of_a_written_tag_without_a_copy() {
    let bytes = written(TagKind::Video, 7, "2701000000aabb");
    let tag = Tag::from_written(&bytes).unwrap();
    assert_eq!(tag, Tag { kind: TagKind::Video, timestamp: 7, body: hex("2701000000aabb") });
    assert_eq!(tag.body.as_ptr(), bytes[TAG_HEADER..].as_ptr());
}

#[test]
fn only_whole_plain_tags_are_peeked() {
    let bytes = written(TagKind::Audio, 7, "af0121");
    for len in 0..bytes.len() {
        assert_eq!(peek_tag(&bytes[..len]), None, "{len} bytes");
    }
    for (index, value) in [(0, 0x28), (0, 0x0F), (0, 0x48), (0, 3), (8, 1), (10, 1), (17, 0xFF), (3, 2)] {
        let mut broken = bytes.to_vec();
        broken[index] = value;
        assert_eq!(peek_tag(&broken), None, "byte {index} set to {value}");
    }
}

#[test]
fn bodies_beyond_24_bits_of_length_are_refused() {
    let mut out = BytesMut::new();
    let body = Bytes::from(vec![0; MAX_BODY + 1]);
    let tag = Tag { kind: TagKind::Script, timestamp: 0, body: body.clone() };
    assert_eq!(write_tag(&tag, &mut out), Err(Error::TooLarge { len: MAX_BODY + 1 }));
    let avc = VideoBody::Avc { key: true, packet: AvcPacket::Nalus, cts: 0, data: body.slice(5..) };
    assert_eq!(avc.write_tag(0, &mut out), Err(Error::TooLarge { len: MAX_BODY + 1 }));
    let aac = AudioBody::Aac { packet: AacPacket::Raw, data: body.slice(2..) };
    assert_eq!(aac.write_tag(0, &mut out), Err(Error::TooLarge { len: MAX_BODY + 1 }));
    assert!(out.is_empty());
    write_tag(&Tag { body: body.slice(1..), ..tag }, &mut out).unwrap();
    assert_eq!(peek_tag(&out).unwrap().body_len, MAX_BODY);
}
