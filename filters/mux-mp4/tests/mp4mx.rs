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
}

/// The movie box in front of fragments is written already: what follows needs a file of its own.
#[test]
fn new_parameter_sets_are_a_new_file_in_fragments() {
    let mut h = harness(&[("store", "frag")], 1 << 20);
    let (v, a) = (h.input(video()), h.input(audio()));
    (0..20).for_each(|n| h.packet(v, picture(n)));
    h.push(v, weir_plugin::Item::Props(video()));
    (20..30).for_each(|n| h.packet(v, picture(n)));
    h.push(v, weir_plugin::Item::Props(video().with(Prop::DecoderConfig, Bytes::from_static(b"avcC of two"))));
    (30..50).for_each(|n| h.packet(v, picture(n)));
    (0..95).for_each(|n| h.packet(a, sound(n)));
    h.end(v);
    h.end(a);
    h.finish().expect("it ends");
    let files = files(&mut h);
    assert_eq!(files.len(), 2, "the same again changes nothing");
    for (n, file) in files.iter().enumerate() {
        let sets = ["of one", "of two"].map(|s| holds(file, s.as_bytes()));
        assert_eq!(sets, [n == 0, n == 1], "{n}");
        let names: Vec<String> = boxes(file).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names[..2], ["ftyp", "moov"]);
    }
    let data = |file: &Vec<u8>| -> usize {
        boxes(file).iter().filter(|(name, _)| name == "mdat").map(|(_, range)| range.len()).sum()
    };
    assert_eq!(files.iter().map(data).sum::<usize>(), 50 * 10 + 95 * 5, "nothing is lost");
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

/// A file of one track with these properties and this packet.
fn file_of(args: &[(&str, &str)], props: &Props, packet: &'static [u8]) -> Vec<u8> {
    let mut h = harness(args, 1 << 30);
    let input = h.input(props.clone());
    for n in 0..3 {
        h.packet(input, Packet { flags: Flags::KEY, duration: 20, ..Packet::new(Bytes::from_static(packet), n * 20) });
    }
    h.end(input);
    h.finish().expect("a file");
    file(&mut h)
}

fn of(ty: StreamType, codec: CodecId, config: Option<&'static [u8]>) -> Props {
    let props = Props::new().with(Prop::StreamType, ty).with(Prop::CodecId, codec).with(Prop::Timescale, 1000u32);
    let props = props.with(Prop::SampleRate, 48_000u32).with(Prop::NumChannels, 2u32);
    match config {
        Some(config) => props.with(Prop::DecoderConfig, Bytes::from_static(config)),
        None => props,
    }
}

fn holds(file: &[u8], bytes: &[u8]) -> bool {
    file.windows(bytes.len()).any(|window| window == bytes)
}

#[test]
fn each_codec_has_its_sample_entry() {
    use CodecId::{Ac3, Av1, Eac3, Flac, Hevc, Mp3, Opus, Vp9};
    use StreamType::{Audio, Visual};
    const HEAD: &[u8] = b"OpusHead\x01\x02\x38\x01\x80\xbb\0\0\0\0\0";
    const STREAM_INFO: &[u8] = &[9; 34];
    // The first packets of a stream of each codec.
    const AC3: &[u8] = &[0x0b, 0x77, 0x46, 0xfa, 0x5e, 0x40, 0xeb, 0xf8];
    const EAC3: &[u8] = &[0x0b, 0x77, 0x01, 0x1f, 0xb2, 0x87, 0xc0, 0x00];
    const MP3: &[u8] = &[0xff, 0xfb, 0x14, 0xc4, 0x00];
    type Case = (Props, &'static [u8], &'static [&'static [u8]]);
    let cases: [Case; 8] = [
        (of(Visual, Hevc, Some(b"the hvcC")), b"picture", &[b"hvc1", b"hvcCthe hvcC"]),
        (of(Visual, Av1, Some(b"the av1C")), &[0x32, 1, 7], &[b"av01", b"av1Cthe av1C"]),
        (of(Visual, Vp9, Some(b"the vpcC")), b"picture", &[b"vp09", b"vpcCthe vpcC"]),
        (of(Audio, Opus, Some(HEAD)), b"sound", &[b"Opus", b"dOps\0\x02\x01\x38\0\0\xbb\x80\0\0\0"]),
        (of(Audio, Flac, Some(STREAM_INFO)), b"sound", &[b"fLaC", b"dfLa\0\0\0\0\x80\0\0\x22\x09\x09"]),
        (of(Audio, Ac3, None), AC3, &[b"ac-3", b"\0\0\0\x0bdac3\x50\x3d\xe0"]),
        (of(Audio, Eac3, None), EAC3, &[b"ec-3", b"\0\0\0\x0ddec3"]),
        (of(Audio, Mp3, None), MP3, &[b"mp4a", &[4, 13, 0x6b, 0x15]]),
    ];
    for (props, packet, wanted) in cases {
        for args in [&[][..], &[("store", "frag")]] {
            let file = file_of(args, &props, packet);
            for bytes in wanted {
                assert!(holds(&file, bytes), "{props}, {args:?}: {:?}", bytes.escape_ascii().to_string());
            }
        }
    }
}

#[test]
fn colour_stands_in_the_entry_of_pictures() {
    let props = of(StreamType::Visual, CodecId::Hevc, Some(b"hvcC"));
    assert!(!holds(&file_of(&[], &props, b"picture"), b"colr"));
    let props = props.with(Prop::ColorPrimaries, 9u32).with(Prop::ColorTransfer, 16u32).with(Prop::ColorMatrix, 9u32);
    let file = file_of(&[], &props.with(Prop::ColorFullRange, true), b"picture");
    assert!(holds(&file, b"\0\0\0\x13colrnclx\0\x09\0\x10\0\x09\x80"));
}

#[test]
fn av1_is_kept_without_temporal_delimiters() {
    let props = of(StreamType::Visual, CodecId::Av1, Some(b"av1C"));
    let file = file_of(&[], &props, &[0x12, 0, 0x32, 2, 7, 7]);
    assert!(holds(&file, &[0x32, 2, 7, 7, 0x32, 2, 7, 7]), "one behind the other");
}

#[test]
fn what_is_no_frame_ends_in_an_error() {
    let mut h = harness(&[], 1 << 30);
    let input = h.input(of(StreamType::Audio, CodecId::Ac3, None));
    h.packet(input, Packet::new(Bytes::from_static(b"no AC-3"), 0));
    h.end(input);
    let error = h.finish().expect_err("nothing to set a decoder up with");
    assert!(error.message.contains("syncword"), "{}", error.message);
}

/// The files of a stream that is split, patches applied.
fn files(h: &mut Harness) -> Vec<Vec<u8>> {
    let mut files = vec![Vec::new()];
    for packet in h.take(OutId(0)) {
        let bytes = packet.bytes().expect("bytes");
        if packet.piece == Some(weir_media::Piece::Next) {
            files.push(Vec::new());
        }
        let file: &mut Vec<u8> = files.last_mut().expect("one");
        match packet.patch_at {
            Some(at) => {
                let at = usize::try_from(at).expect("a small file");
                file[at..at + bytes.len()].copy_from_slice(bytes);
            }
            None => file.extend_from_slice(bytes),
        }
    }
    files
}

#[test]
fn a_split_recording_is_files_that_are_each_whole() {
    for store in ["inter", "frag", "sfrag"] {
        let mut h = harness(&[("store", store), ("split", "0.7"), ("cdur", "0.3")], 1 << 20);
        let (v, a) = both(&mut h);
        h.end(v);
        h.end(a);
        h.finish().expect("it ends");
        let files = files(&mut h);
        // Key pictures are 0.4 s apart: 0.8, 0.8 and 0.4 s.
        assert_eq!(files.len(), 3, "{store}");
        let mut media = 0;
        for (n, file) in files.iter().enumerate() {
            let boxes = boxes(file);
            assert_eq!(
                (boxes[0].0.as_str(), count(file, b"moov"), count(file, b"avcC")),
                ("ftyp", 1, 2),
                "{store} {n}"
            );
            let data = boxes.iter().filter(|(name, _)| name == "mdat").map(|(_, range)| range.clone());
            let data: Vec<u8> = data.flat_map(|range| file[range].to_vec()).collect();
            let picture = data.iter().find(|byte| **byte != 0xa0);
            assert_eq!(picture, Some(&[0, 20, 40][n]), "{store}: a key picture comes first");
            media += data.len();
        }
        assert_eq!(media, 50 * 10 + 95 * 5, "{store}: nothing is lost between them");
    }
}

#[test]
fn a_recording_is_split_by_size_too() {
    let mut h = harness(&[("split_size", "200"), ("store", "frag")], 1 << 20);
    let v = h.input(video());
    (0..50).for_each(|n| h.packet(v, picture(n)));
    h.end(v);
    h.finish().expect("it ends");
    assert_eq!(files(&mut h).len(), 5, "each is beyond the size at its second key picture");
}
