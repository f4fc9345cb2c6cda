//! `rfpcm` and `rfrawvid` through the harness, on files made here and on damaged ones.

use proptest::prelude::*;
use weir_media::{Bytes, Flags, Frac, Packet, Prop, Props, SampleFormat, StreamType, Value};
use weir_plugin::harness::Harness;
use weir_plugin::{Create, Credit, Error, ErrorKind, InId, Level, Memory, Options, OutId, Registry, Status};

/// Memory of a session in these tests.
const MEMORY: usize = 1 << 24;

fn reader(name: &str, args: &[(&str, &str)], ext: &str) -> (Harness, InId) {
    let mut registry = Registry::new();
    weir_frame_raw::register(&mut registry);
    let plugin = registry.get(name).expect("registered").clone();
    let mut options = Options::defaults(plugin.options());
    for (name, text) in args {
        options.apply(name, Some(text)).expect("a value that fits");
    }
    let with = Create { options, bundle: None, memory: Memory::new(MEMORY) };
    let mut h = Harness::new(plugin.create(with).expect("good options"));
    let props = Props::new().with(Prop::StreamType, StreamType::File).with(Prop::FileExt, ext).with(Prop::Url, "f");
    let input = h.input(props);
    (h, input)
}

/// Reads `file` in blocks of `block` bytes.
fn read(name: &str, args: &[(&str, &str)], ext: &str, file: &[u8], block: usize) -> (Harness, Result<(), Error>) {
    let (mut h, input) = reader(name, args, ext);
    for piece in file.chunks(block) {
        h.packet(input, Packet::new(Bytes::copy_from_slice(piece), 0));
    }
    h.end(input);
    let ended = h.finish();
    (h, ended)
}

fn chunk(name: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let mut chunk = name.to_vec();
    chunk.extend(u32::try_from(data.len()).expect("short").to_le_bytes());
    chunk.extend(data);
    chunk.extend(vec![0; data.len() % 2]);
    chunk
}

fn fmt(codec: u16, channels: u16, rate: u32, bits: u16) -> Vec<u8> {
    let align = channels * bits / 8;
    let mut fmt = Vec::new();
    fmt.extend([codec, channels].iter().flat_map(|n| n.to_le_bytes()));
    fmt.extend([rate, rate * u32::from(align)].iter().flat_map(|n| n.to_le_bytes()));
    fmt.extend([align, bits].iter().flat_map(|n| n.to_le_bytes()));
    fmt
}

fn wav(chunks: &[Vec<u8>]) -> Vec<u8> {
    let mut all = b"WAVE".to_vec();
    all.extend(chunks.concat());
    chunk(b"RIFF", &all)
}

/// Half a second and a bit of stereo, with what tells of it before and after.
fn stereo() -> (Vec<u8>, Vec<u8>) {
    let samples: Vec<u8> = (0..4 * 4100u32).map(|i| i.to_le_bytes()[0] ^ i.to_le_bytes()[1]).collect();
    let list = chunk(b"LIST", b"INFOISFT\x05\0\0\0weir\0");
    let file = wav(&[list, chunk(b"fmt ", &fmt(1, 2, 8000, 16)), chunk(b"data", &samples), chunk(b"id3 ", b"tag")]);
    (file, samples)
}

fn y4m(pictures: usize) -> (Vec<u8>, Vec<u8>) {
    let data: Vec<u8> = (0..pictures * 27).map(|i| i.to_le_bytes()[0]).collect();
    let mut file = b"YUV4MPEG2 W5 H3 F30000:1001 Ip A1:1 C420mpeg2 XYSCSS=420MPEG2\n".to_vec();
    for picture in data.chunks(27) {
        file.extend(b"FRAME\n");
        file.extend(picture);
    }
    (file, data)
}

fn samples(h: &mut Harness) -> Vec<u8> {
    h.take(OutId(0)).iter().flat_map(|p| p.bytes().expect("samples").to_vec()).collect()
}

fn planes(h: &mut Harness) -> Vec<u8> {
    let packets = h.take(OutId(0));
    let frames = packets.iter().map(|p| p.frame().expect("a picture"));
    frames.flat_map(|f| [0, 1, 2].map(|i| f.plane(i).data.to_vec()).concat()).collect()
}

#[test]
fn a_wav_file_is_read_whatever_the_blocks() {
    let (file, expected) = stereo();
    for block in [1, 7, 44, 4096, file.len()] {
        let (mut h, ended) = read("rfpcm", &[], "wav", &file, block);
        assert_eq!(ended, Ok(()));
        let props = &h.outputs()[0].props[..];
        assert_eq!(props.len(), 1);
        let all = (props[0].u32(Prop::SampleRate), props[0].u32(Prop::NumChannels), props[0].timescale());
        assert_eq!(all, (Some(8000), Some(2), 8000));
        assert_eq!(props[0].get(Prop::AudioFormat), Some(&Value::Sample(SampleFormat::S16)));
        assert_eq!(props[0].frac(Prop::Duration), Frac::new(4100, 8000));
        let packets: Vec<_> = h.outputs()[0].packets.iter().map(|p| (p.dts, p.duration)).collect();
        assert_eq!(packets, [(0, 1024), (1024, 1024), (2048, 1024), (3072, 1024), (4096, 4)]);
        assert_eq!(samples(&mut h), expected);
    }
}

#[test]
fn other_samples_become_what_filters_take() {
    let float = |file: Vec<u8>| {
        let (mut h, ended) = read("rfpcm", &[], "wav", &file, 64);
        assert_eq!(ended, Ok(()));
        assert_eq!(h.outputs()[0].props[0].get(Prop::AudioFormat), Some(&Value::Sample(SampleFormat::Flt)));
        samples(&mut h)
    };
    let half = 0.5f32.to_le_bytes().to_vec();
    assert_eq!(float(wav(&[chunk(b"fmt ", &fmt(1, 1, 8000, 24)), chunk(b"data", &[0, 0, 0x40])])), half);
    assert_eq!(float(wav(&[chunk(b"fmt ", &fmt(3, 1, 8000, 64)), chunk(b"data", &0.5f64.to_le_bytes())])), half);
    let mut extensible = fmt(0xfffe, 1, 8000, 32);
    extensible.extend([22, 0, 32, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 16, 0, 0x80, 0, 0, 0xaa, 0, 0x38, 0x9b, 0x71]);
    assert_eq!(float(wav(&[chunk(b"fmt ", &extensible), chunk(b"data", &half)])), half);
}

#[test]
fn a_wav_file_that_was_never_finished_goes_on_to_its_end() {
    let mut file = wav(&[chunk(b"fmt ", &fmt(1, 1, 8000, 16)), chunk(b"data", b"")]);
    let at = file.len() - 4;
    file[at..].copy_from_slice(&u32::MAX.to_le_bytes());
    file.extend(b"abcdefg");
    let (mut h, ended) = read("rfpcm", &[], "wav", &file, 5);
    assert_eq!((ended, samples(&mut h).as_slice()), (Ok(()), &b"abcdef"[..]), "half a sample is left out");
}

#[test]
fn a_pcm_file_needs_to_be_told_what_it_is() {
    let (mut h, ended) = read("rfpcm", &[("safmt", "s16"), ("ch", "1"), ("framelen", "3")], "pcm", b"abcdefgh", 3);
    assert_eq!((ended, samples(&mut h).as_slice()), (Ok(()), &b"abcdefgh"[..]));
    let e = read("rfpcm", &[], "pcm", b"abcd", 4).1.expect_err("no layout");
    assert!(e.kind == ErrorKind::BadOption && e.message.contains("safmt="), "{e}");
}

#[test]
fn what_cannot_be_read_is_told_why() {
    let message = |file: &[u8]| read("rfpcm", &[], "wav", file, 16).1.expect_err("cannot be read").message;
    assert!(message(b"ID3\x04tag of something").contains("RIFF"));
    assert!(message(b"RIFF").contains("ends before"));
    assert!(message(&wav(&[chunk(b"data", b"abcd")])).contains("what its samples are"));
    assert!(message(&wav(&[chunk(b"fmt ", b"short")])).contains("5 bytes only"));
    assert!(message(&wav(&[chunk(b"fmt ", &fmt(0x55, 2, 8000, 16))])).contains("0x55"));
    assert!(message(&wav(&[chunk(b"fmt ", &fmt(1, 2, 8000, 12))])).contains("12 bits"));
    assert!(message(&wav(&[chunk(b"fmt ", &fmt(1, 0, 8000, 16))])).contains("0 channels"));
    let mut align = fmt(1, 2, 8000, 16);
    align[12] = 3;
    assert!(message(&wav(&[chunk(b"fmt ", &align)])).contains("3 bytes"));
    let picture = |file: &[u8]| read("rfrawvid", &[], "y4m", file, 16).1.expect_err("cannot be read").message;
    assert!(picture(b"RIFF....\n").contains("YUV4MPEG2"));
    assert!(picture(&[b'Y'; 9000]).contains("4096"));
    assert!(picture(b"YUV4MPEG2 W4 H4 C422\n").contains("422"));
    assert!(picture(b"YUV4MPEG2 W4\n").contains("4x0"));
    assert!(picture(b"YUV4MPEG2 W4294967295 H4294967295\n").contains("limit"));
    assert!(picture(b"YUV4MPEG2 W8000 H8000\n").contains("memory"));
    assert!(picture(b"YUV4MPEG2 W2 H2\nFROM\n").contains("FRAME"));
}

#[test]
fn a_y4m_file_is_read_whatever_the_blocks() {
    let (file, expected) = y4m(3);
    for block in [1, 7, 70, file.len()] {
        let (mut h, ended) = read("rfrawvid", &[], "y4m", &file, block);
        assert_eq!(ended, Ok(()));
        let props = &h.outputs()[0].props[0];
        assert_eq!((props.u32(Prop::Width), props.u32(Prop::Height), props.timescale()), (Some(5), Some(3), 30_000));
        assert_eq!((props.frac(Prop::Fps), props.frac(Prop::Sar)), (Frac::new(30_000, 1001), Frac::new(1, 1)));
        let times: Vec<_> = h.outputs()[0].packets.iter().map(|p| (p.dts, p.duration)).collect();
        assert_eq!(times, [(0, 1001), (1001, 1001), (2002, 1001)]);
        assert_eq!(planes(&mut h), expected);
    }
}

#[test]
fn a_yuv_file_needs_its_size_and_a_part_of_a_picture_is_left_out() {
    let (mut h, ended) = read("rfrawvid", &[("size", "2x2"), ("fps", "5")], "yuv", b"abcdefghijklm", 4);
    assert_eq!((ended, planes(&mut h).as_slice()), (Ok(()), &b"abcdefghijkl"[..]));
    assert!(matches!(&h.logs[..], [(Level::Warning, line)] if line.contains("within a picture")), "{:?}", h.logs);
    let e = read("rfrawvid", &[], "yuv", b"abcd", 4).1.expect_err("no size");
    assert!(e.kind == ErrorKind::BadOption && e.message.contains("size=WxH"), "{e}");
}

#[test]
fn another_round_goes_on_in_time() {
    let (sound, picture) = (stereo().0, y4m(2).0);
    for (name, ext, file, next) in [("rfpcm", "wav", sound, 4100), ("rfrawvid", "y4m", picture, 2002)] {
        let (mut h, input) = reader(name, &[], ext);
        // The first round is cut short within a block, as a file that is replaced would be.
        h.packet(input, Packet::new(Bytes::copy_from_slice(&file), 0));
        let flags = Flags::DISCONTINUITY;
        h.packet(input, Packet { flags, ..Packet::new(Bytes::copy_from_slice(&file), 0) });
        h.end(input);
        h.finish().expect("two rounds");
        let packets = h.take(OutId(0));
        assert!(packets.windows(2).all(|p| p[0].dts + i64::from(p[0].duration) == p[1].dts), "{name} has a gap");
        let jumps: Vec<i64> = packets.iter().filter(|p| p.flags.contains(flags)).map(|p| p.dts).collect();
        assert_eq!((jumps, h.outputs()[0].props.len()), (vec![next], 1), "{name}");
    }
}

#[test]
fn without_room_nothing_is_taken() {
    let (mut h, input) = reader("rfpcm", &[("safmt", "s16"), ("framelen", "1"), ("ch", "1")], "pcm");
    h.packet(input, Packet::new(Bytes::from_static(b"abcdef"), 0));
    h.credit = Credit::Packets(1);
    h.step().expect("opens");
    h.take(OutId(0));
    h.credit = Credit::Packets(0);
    assert_eq!(h.run(), Ok(Status::Idle));
    assert!(h.take(OutId(0)).is_empty());
}

proptest! {
    /// Damage is an error or fewer samples, never a panic, and no more comes out than went in.
    #[test]
    fn damage_is_survived(
        at in 0usize..200, byte in any::<u8>(), cut in 0usize..20_000, block in 1usize..3000, sound in any::<bool>(),
    ) {
        let (name, ext, mut file) = if sound { ("rfpcm", "wav", stereo().0) } else { ("rfrawvid", "y4m", y4m(20).0) };
        let len = file.len();
        file[at.min(len - 1)] = byte;
        file.truncate(cut.max(1));
        let (mut h, _) = read(name, &[], ext, &file, block);
        if !h.outputs().is_empty() {
            let out: usize = h.take(OutId(0)).iter().map(Packet::len).sum();
            prop_assert!(out <= file.len() * 2, "8 bits become 16 at most here");
        }
    }
}
