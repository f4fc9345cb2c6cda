//! The incremental reader: any split, damage, and the sloppiness of real files.

use proptest::prelude::*;
use weir_flv::{Header, ReadError, ReadErrorKind, Tag, TagKind, TagReader, write_tag};
use weir_media::{Bytes, BytesMut};

use crate::hex;

type Events = Vec<Result<Tag, ReadError>>;

fn tag(kind: TagKind, timestamp: u32, body: impl Into<Bytes>) -> Tag {
    Tag { kind, timestamp, body: body.into() }
}

/// Three tags of different kinds; bodies that look like no tag.
fn sample() -> Vec<Tag> {
    vec![
        tag(TagKind::Script, 0, hex("02 0001 61 05")),
        tag(TagKind::Video, 40, vec![0x17; 30]),
        tag(TagKind::Audio, 0xFF00_0017, hex("af0121")),
    ]
}

fn file(tags: &[Tag]) -> Vec<u8> {
    let mut out = BytesMut::from(&Header::default().to_bytes()[..]);
    tags.iter().for_each(|tag| write_tag(tag, &mut out).unwrap());
    out.to_vec()
}

fn drain(reader: &mut TagReader, events: &mut Events) {
    events.extend(std::iter::from_fn(|| reader.pull()));
}

fn read_in_pieces(mut reader: TagReader, file: &[u8], mut size: impl FnMut() -> usize) -> Events {
    let (mut events, mut rest) = (Vec::new(), file);
    while !rest.is_empty() {
        let (piece, tail) = rest.split_at(size().clamp(1, rest.len()));
        reader.push(piece);
        drain(&mut reader, &mut events);
        rest = tail;
    }
    reader.finish();
    drain(&mut reader, &mut events);
    events
}

fn read(file: &[u8]) -> Events {
    read_in_pieces(TagReader::new(), file, || usize::MAX)
}

fn error(position: u64, kind: ReadErrorKind) -> Result<Tag, ReadError> {
    Err(ReadError { position, kind })
}

fn oks(tags: &[Tag]) -> Events {
    tags.iter().cloned().map(Ok).collect()
}

#[test]
fn every_split_in_two_gives_the_same_tags() {
    let file = file(&sample());
    for at in 1..file.len() {
        let mut sizes = [at, usize::MAX].into_iter();
        assert_eq!(read_in_pieces(TagReader::new(), &file, || sizes.next().unwrap()), oks(&sample()), "split at {at}");
    }
    assert_eq!(read_in_pieces(TagReader::new(), &file, || 1), oks(&sample()));
}

#[test]
fn header_and_positions_are_known() {
    let mut reader = TagReader::new();
    assert_eq!(reader.header(), None);
    reader.push(&file(&sample()));
    let positions: Vec<u64> = std::iter::from_fn(|| {
        let tag = reader.pull()?;
        tag.unwrap();
        Some(reader.tag_position())
    })
    .collect();
    assert_eq!(positions, [13, 33, 78]);
    assert_eq!(reader.header(), Some(Header::default()));
    assert_eq!(reader.skipped(), 0);
}

#[test]
fn bodies_share_the_pushed_memory() {
    let file = Bytes::from(file(&sample()));
    let start = file.as_ptr() as usize;
    let len = file.len();
    let mut reader = TagReader::new();
    reader.push_bytes(file);
    let bodies: Vec<Bytes> = std::iter::from_fn(|| reader.pull()).map(|tag| tag.unwrap().body).collect();
    assert_eq!(bodies.len(), 3);
    assert!(bodies.iter().all(|body| (start..start + len).contains(&(body.as_ptr() as usize))));
}

#[test]
fn shared_bytes_and_leftovers_are_read_too() {
    let file = Bytes::from(file(&sample()));
    let mut reader = TagReader::new();
    let mut events = Vec::new();
    for piece in [file.slice(..50), file.slice(50..)] {
        reader.push_bytes(piece);
        drain(&mut reader, &mut events);
    }
    assert_eq!(events, oks(&sample()));
}

#[test]
fn a_tag_does_not_wait_for_the_next() {
    let file = file(&sample()[..1]);
    let mut reader = TagReader::new();
    reader.push(&file);
    assert_eq!(reader.pull(), Some(Ok(sample()[0].clone())));
    assert_eq!(reader.pull(), None);
}

#[test]
fn wrong_sizes_between_tags_are_accepted() {
    let good = file(&sample());
    for wrong in [0, 1, 29, u32::MAX] {
        let mut file = good.clone();
        for at in [29, 74, 92] {
            file[at..at + 4].copy_from_slice(&u32::to_be_bytes(wrong));
        }
        assert_eq!(read_in_pieces(TagReader::new(), &file, || 1), oks(&sample()), "size {wrong}");
    }
}

#[test]
fn a_cut_last_size_does_not_cost_the_tag() {
    let file = file(&sample());
    for cut in 1..=4 {
        assert_eq!(read(&file[..file.len() - cut]), oks(&sample()), "cut {cut}");
    }
}

#[test]
fn truncation_at_every_byte_is_reported_once() {
    let whole = file(&sample());
    for len in 1..whole.len() {
        let events = read(&whole[..len]);
        let errors = events.iter().filter(|event| event.is_err()).count();
        let starts = [13, 33, 78];
        let inside = len < 13 || starts.iter().any(|&start| (start + 1..start + 11).contains(&len)) || {
            let bodies = [(13, 5), (33, 30), (78, 3)];
            bodies.iter().any(|&(start, body)| (start + 1..start + 11 + body).contains(&len))
        };
        assert_eq!(errors, usize::from(inside), "cut to {len}: {events:?}");
    }
    assert!(read(&[]).is_empty());
}

#[test]
fn garbage_between_tags_costs_no_tag() {
    let mut file = file(&sample());
    file.splice(33..33, [0xAB; 20]);
    let tags = sample();
    let expected =
        vec![Ok(tags[0].clone()), error(33, ReadErrorKind::NotATag), Ok(tags[1].clone()), Ok(tags[2].clone())];
    assert_eq!(read_in_pieces(TagReader::new(), &file, || 3), expected);
}

#[test]
fn damage_costs_only_the_damaged_tag() {
    let tags = sample();
    let lost_video = |error| vec![Ok(tags[0].clone()), error, Ok(tags[2].clone())];
    let trailer = |expected| error(33, ReadErrorKind::Trailer { expected, found: 0x1717_1717 });
    let cases = [
        (33, 0xFF, error(33, ReadErrorKind::NotATag)),
        (43, 0x01, error(33, ReadErrorKind::NotATag)),
        // Shorter than it is, and longer than the file.
        (36, 0x05, trailer(16)),
        (34, 0x01, error(33, ReadErrorKind::Truncated)),
    ];
    for (at, value, expected) in cases {
        let mut file = file(&tags);
        file[at] = value;
        assert_eq!(read(&file), lost_video(expected.clone()), "byte {at} set to {value}");
        assert_eq!(read_in_pieces(TagReader::new(), &file, || 1), lost_video(expected), "byte {at}, in bytes");
    }
    let mut missing = file(&tags);
    missing.drain(50..60);
    assert_eq!(read(&missing).last(), Some(&Ok(tags[2].clone())));
}

#[test]
fn lost_bytes_are_counted() {
    let mut file = file(&sample());
    file.splice(33..33, [0xAB; 20]);
    let mut reader = TagReader::new();
    reader.push(&file);
    while reader.pull().is_some() {}
    assert_eq!(reader.skipped(), 20);
}

#[test]
fn tags_above_the_limit_are_damage() {
    let reader = TagReader::with_max_body(29);
    let events = read_in_pieces(reader, &file(&sample()), || 10);
    let tags = sample();
    let expected =
        vec![Ok(tags[0].clone()), error(33, ReadErrorKind::TooLarge { len: 30, max: 29 }), Ok(tags[2].clone())];
    assert_eq!(events, expected);
}

#[test]
fn encrypted_tags_are_skipped_and_reported_once() {
    let tags = [sample(), sample()].concat();
    let mut bytes = file(&tags);
    bytes[33] |= 0x20;
    bytes[78] |= 0x20;
    let events = read(&bytes);
    assert_eq!(events[1], error(33, ReadErrorKind::Encrypted));
    assert_eq!(events.len(), 5);
    assert_eq!(events[2..], oks(&sample()));
}

#[test]
fn empty_tags_are_skipped() {
    let tags = [tag(TagKind::Audio, 1, Bytes::new()), tag(TagKind::Video, 2, Bytes::new()), sample()[0].clone()];
    assert_eq!(read(&file(&tags)), oks(&tags[2..]));
}

#[test]
fn script_tags_of_type_15_lose_their_format_byte() {
    let tags = [tag(TagKind::Script, 5, hex("00 02 0001 61")), tag(TagKind::Script, 5, hex("00"))];
    let mut bytes = file(&tags);
    bytes[13] = 15;
    bytes[13 + 11 + 5 + 4] = 15;
    assert_eq!(read(&bytes), [Ok(tag(TagKind::Script, 5, hex("02 0001 61")))]);
}

#[test]
fn a_long_header_is_skipped() {
    let mut bytes = file(&sample());
    bytes.splice(5..9, [0, 0, 0, 12]);
    bytes.splice(9..9, [1, 2, 3]);
    assert_eq!(read_in_pieces(TagReader::new(), &bytes, || 2), oks(&sample()));
}

#[test]
fn a_missing_header_is_reported_and_the_tags_found() {
    let bytes = file(&sample());
    let mut expected = oks(&sample());
    expected.insert(0, error(0, ReadErrorKind::Signature));
    assert_eq!(read(&bytes[13..]), expected);
    let mp4 = hex("00000020 66747970 69736f6d 00000200 69736f6d");
    assert_eq!(read(&mp4), [error(0, ReadErrorKind::Signature)]);
    assert_eq!(read(&mp4)[0].as_ref().unwrap_err().to_string(), "FLV, byte 0: no FLV signature");
}

fn tags() -> impl Strategy<Value = Vec<Tag>> {
    let kind = prop_oneof![Just(TagKind::Audio), Just(TagKind::Video), Just(TagKind::Script)];
    let one = (kind, any::<u32>(), prop::collection::vec(any::<u8>(), 1..80));
    prop::collection::vec(one.prop_map(|(kind, timestamp, body)| tag(kind, timestamp, body)), 0..8)
}

/// A file with some bytes replaced, inserted and removed.
fn damaged() -> impl Strategy<Value = Vec<u8>> {
    let edits = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..3), 0..6);
    (tags(), edits).prop_map(|(tags, edits)| {
        let mut bytes = file(&tags);
        for (at, value, how) in edits {
            let at = at.index(bytes.len());
            match how {
                0 => bytes[at] = value,
                1 => bytes.insert(at, value),
                _ => drop(bytes.remove(at)),
            }
        }
        bytes
    })
}

proptest! {
    #[test]
    fn written_files_are_read_back_at_any_split(tags in tags(), sizes in prop::collection::vec(1_usize..90, 1..20)) {
        let mut sizes = sizes.into_iter().cycle();
        let events = read_in_pieces(TagReader::new(), &file(&tags), || sizes.next().unwrap());
        prop_assert_eq!(events, oks(&tags));
    }

    #[test]
    fn damaged_files_read_the_same_at_any_split(bytes in damaged(), sizes in prop::collection::vec(1_usize..90, 1..20)) {
        let mut sizes = sizes.into_iter().cycle();
        let events = read_in_pieces(TagReader::new(), &bytes, || sizes.next().unwrap());
        prop_assert_eq!(events, read(&bytes));
    }

    #[test]
    fn damage_never_reaches_back(tags in tags(), noise in prop::collection::vec(any::<u8>(), 0..60)) {
        let mut bytes = file(&tags);
        bytes.extend(noise);
        prop_assert_eq!(&read(&bytes)[..tags.len()], &oks(&tags)[..]);
    }
}
