//! `mp4mx` through the harness: layouts, times, what is left out, limits.

use weir_media::{Bytes, CodecId, Flags, Packet, Prop, Props, StreamType};
use weir_plugin::harness::Harness;
use weir_plugin::{Create, InId, Memory, Options, OutId, Registry, Result, Status};

fn harness(args: &[(&str, &str)], memory: usize) -> Harness {
    let mut registry = Registry::new();
    weir_mux_mp4::register(&mut registry);
    let plugin = registry.get("mp4mx").expect("registered").clone();
    let mut options = Options::defaults(plugin.options());
    for (name, value) in args {
        options.apply(name, Some(value)).expect("an option");
    }
    let with = Create { options, bundle: None, memory: Memory::new(memory) };
    Harness::new(plugin.create(with).expect("created"))
}

fn video() -> Props {
    Props::new()
        .with(Prop::StreamType, StreamType::Visual)
        .with(Prop::CodecId, CodecId::Avc)
        .with(Prop::Timescale, 1000u32)
        .with(Prop::Width, 320u32)
        .with(Prop::Height, 180u32)
        .with(Prop::DecoderConfig, Bytes::from_static(b"avcC of one"))
}

fn audio() -> Props {
    Props::new()
        .with(Prop::StreamType, StreamType::Audio)
        .with(Prop::CodecId, CodecId::Aac)
        .with(Prop::Timescale, 48_000u32)
        .with(Prop::SampleRate, 48_000u32)
        .with(Prop::Delay, -1024i64)
        .with(Prop::DecoderConfig, Bytes::from_static(b"\x11\x90"))
}

fn picture(n: i64) -> Packet {
    let flags = if n % 10 == 0 { Flags::KEY } else { Flags::NONE };
    Packet { flags, duration: 40, cts: n * 40 + 80, ..Packet::new(Bytes::from(vec![n as u8; 10]), n * 40) }
}

fn sound(n: i64) -> Packet {
    Packet { duration: 1024, ..Packet::new(Bytes::from(vec![0xa0; 5]), n * 1024 - 1024) }
}

/// The file, patches applied.
fn file(h: &mut Harness) -> Vec<u8> {
    let mut file = Vec::new();
    for packet in h.take(OutId(0)) {
        let bytes = packet.bytes().expect("bytes");
        match packet.patch_at {
            Some(at) => {
                let at = usize::try_from(at).expect("a small file");
                file[at..at + bytes.len()].copy_from_slice(bytes);
            }
            None => file.extend_from_slice(bytes),
        }
    }
    file
}

/// The boxes at the top, with where their contents are.
fn boxes(file: &[u8]) -> Vec<(String, std::ops::Range<usize>)> {
    let mut found = Vec::new();
    let mut at = 0;
    while at + 8 <= file.len() {
        let word = |at: usize| u32::from_be_bytes(file[at..at + 4].try_into().expect("four bytes")) as usize;
        let (size, head) = match word(at) {
            1 => (word(at + 12), 16),
            0 => (file.len() - at, 8),
            size => (size, 8),
        };
        assert!(size >= head && at + size <= file.len(), "a box of {size} at {at}");
        found.push((String::from_utf8_lossy(&file[at + 4..at + 8]).into_owned(), at + head..at + size));
        at += size;
    }
    assert_eq!(at, file.len(), "bytes behind the last box");
    found
}

/// Both tracks with two seconds each, all at once.
fn both(h: &mut Harness) -> (InId, InId) {
    let (v, a) = (h.input(video()), h.input(audio()));
    (0..50).for_each(|n| h.packet(v, picture(n)));
    (0..95).for_each(|n| h.packet(a, sound(n)));
    (v, a)
}

fn whole(args: &[(&str, &str)]) -> Vec<u8> {
    let mut h = harness(args, 1 << 20);
    let (v, a) = both(&mut h);
    h.end(v);
    h.end(a);
    h.finish().expect("it ends");
    file(&mut h)
}

fn count(file: &[u8], kind: &[u8; 4]) -> usize {
    file.windows(4).filter(|w| w == kind).count()
}

#[test]
fn the_index_stands_at_the_end() {
    for (store, chunks) in [("inter", 5), ("tight", 145)] {
        let file = whole(&[("store", store)]);
        let names: Vec<String> = boxes(&file).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["ftyp", "mdat", "moov"]);
        let at =
            |kind: &[u8; 4], n: usize| file.windows(4).enumerate().filter(|(_, w)| w == kind).nth(n).expect("a box").0;
        let counted = |n| u32::from_be_bytes(file[at(b"stco", n) + 8..at(b"stco", n) + 12].try_into().expect("four"));
        assert_eq!(counted(0) + counted(1), chunks, "{store}");
        // Every chunk begins with data of its track.
        for (track, first) in [(0, None), (1, Some(0xa0))] {
            let table = at(b"stco", track) + 12;
            for n in 0..counted(track) as usize {
                let offset = u32::from_be_bytes(file[table + n * 4..table + n * 4 + 4].try_into().expect("four"));
                let byte = file[offset as usize];
                assert!(first.map_or(byte < 50, |want| byte == want), "{store}: chunk {n} of track {track}");
            }
        }
    }
}

#[test]
fn fragments_are_whole_and_cut_where_they_may_be() {
    for (store, moofs) in [("frag", 2), ("sfrag", 2)] {
        let file = whole(&[("store", store), ("cdur", "1")]);
        let names: Vec<String> = boxes(&file).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names[..2], ["ftyp", "moov"]);
        assert!(names[2..].chunks(2).all(|pair| pair == ["moof", "mdat"]), "{names:?}");
        assert!(count(&file, b"moof") >= moofs, "{store}: {names:?}");
        assert_eq!((count(&file, b"trex"), count(&file, b"elst")), (2, 2));
    }
}

#[test]
fn a_recording_cut_short_is_playable_to_the_last_fragment() {
    let mut h = harness(&[("store", "frag")], 1 << 20);
    both(&mut h);
    h.run().expect("goes on");
    let file = file(&mut h);
    let names: Vec<String> = boxes(&file).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names[..4], ["ftyp", "moov", "moof", "mdat"]);
}

#[test]
fn new_parameter_sets_are_a_new_entry() {
    let mut h = harness(&[], 1 << 20);
    let v = h.input(video());
    (0..5).for_each(|n| h.packet(v, picture(n)));
    h.push(v, weir_plugin::Item::Props(video().with(Prop::DecoderConfig, Bytes::from_static(b"avcC of two"))));
    (5..10).for_each(|n| h.packet(v, picture(n)));
    h.end(v);
    h.finish().expect("it ends");
    let file = file(&mut h);
    assert_eq!((count(&file, b"avcC"), count(&file, b"stsc")), (4, 1), "two records that hold the letters too");
    let mut h = harness(&[("store", "frag")], 1 << 20);
    let v = h.input(video());
    h.packet(v, picture(0));
    h.push(v, weir_plugin::Item::Props(video().with(Prop::DecoderConfig, Bytes::from_static(b"avcC of two"))));
    h.packet(v, picture(1));
    h.end(v);
    let failed = (0..100).find_map(|_| h.run().err()).expect("fragments cannot");
    assert!(failed.message.contains("parameter sets"), "{failed}");
}

#[test]
fn limits_are_kept() {
    let mut h = harness(&[], 100);
    both(&mut h);
    let failed = h.run().expect_err("no memory for the index");
    assert!(failed.message.contains("memory cap"), "{failed}");
    let nothing: Result<Status> = {
        let mut h = harness(&[], 1 << 20);
        let v = h.input(video());
        h.end(v);
        h.run()
    };
    assert!(nothing.expect_err("no packet").message.contains("before its first packet"));
}
