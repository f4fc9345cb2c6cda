//! `writegen` through the harness.

use std::sync::Arc;

use proptest::prelude::*;
use weir_media::{
    Bundle, Bytes, Cap, CodecId, Delivery, Flags, Frac, Frame, Packet, PixelFormat, Prop, Props, SampleFormat,
    StreamType, Time,
};
use weir_plugin::harness::Harness;
use weir_plugin::{
    Create, Credit, ErrorKind, InId, Item, Level, Memory, Options, OutId, Plugin, Registry, Role, Status,
};

fn plugin() -> Arc<dyn Plugin> {
    let mut registry = Registry::new();
    weir_mux_raw::register(&mut registry);
    registry.get("writegen").expect("registered").clone()
}

fn options(args: &[(&str, &str)]) -> Options {
    let mut options = Options::defaults(plugin().options());
    for (name, text) in args {
        options.apply(name, Some(text)).expect("a value that fits");
    }
    options
}

fn harness(args: &[(&str, &str)], bundle: Option<Bundle>, pid: Props) -> (Harness, InId) {
    let with = Create { options: options(args), bundle, memory: Memory::new(1 << 20) };
    let mut h = Harness::new(plugin().create(with).expect("good options"));
    let input = h.input(pid);
    (h, input)
}

fn avc() -> Props {
    Props::new().with(Prop::StreamType, StreamType::Visual).with(Prop::CodecId, CodecId::Avc).with(Prop::Unframed, true)
}

fn aac() -> Props {
    Props::new()
        .with(Prop::StreamType, StreamType::Audio)
        .with(Prop::CodecId, CodecId::Aac)
        .with(Prop::Unframed, true)
        .with(Prop::Timescale, 44_100u32)
}

fn pictures() -> Props {
    Props::new()
        .with(Prop::StreamType, StreamType::Visual)
        .with(Prop::CodecId, CodecId::Raw)
        .with(Prop::PixelFormat, PixelFormat::Yuv420)
        .with(Prop::Width, 5u32)
}

fn samples() -> Props {
    Props::new()
        .with(Prop::StreamType, StreamType::Audio)
        .with(Prop::CodecId, CodecId::Raw)
        .with(Prop::AudioFormat, SampleFormat::S16)
}

fn sink(ext: &str) -> Bundle {
    Bundle::new(
        [
            Cap::is(Prop::StreamType, StreamType::File),
            Cap::is(Prop::FileExt, ext),
            Cap::is(Prop::Delivery, Delivery::File).or_absent(),
        ],
        [],
    )
}

#[test]
fn coded_bytes_pass_as_they_are_at_milliseconds() {
    let (mut h, input) = harness(&[], None, aac().with(Prop::Url, "x.mp4"));
    let sent = Packet {
        cts: 45_124,
        duration: 1024,
        flags: Flags::KEY | Flags::DISCONTINUITY,
        origin: Time::from_micros(7),
        ..Packet::new(Bytes::from_static(b"adts"), 44_100)
    };
    h.packet(input, sent);
    h.end(input);
    h.finish().expect("written");
    let [got] = &h.take(OutId(0))[..] else { panic!("one block") };
    assert_eq!((got.dts, got.cts, got.duration, got.origin.as_micros()), (1000, 1023, 23, 7));
    assert_eq!((got.flags, got.bytes()), (Flags::KEY | Flags::DISCONTINUITY, Some(&Bytes::from_static(b"adts"))));
    let props = &h.outputs()[0].props[0];
    assert_eq!((props.stream_type(), props.str(Prop::FileExt)), (Some(StreamType::File), Some("aac")));
    assert_eq!((props.timescale(), props.str(Prop::Url)), (1000, Some("x.mp4")));
    assert!(h.outputs()[0].ended);
}

#[test]
fn each_stream_has_its_usual_extension() {
    for (pid, ext) in [(avc(), "264"), (aac(), "aac"), (pictures(), "yuv"), (samples(), "pcm")] {
        let (mut h, _) = harness(&[], None, pid);
        h.run().expect("opens");
        assert_eq!(h.outputs()[0].props[0].str(Prop::FileExt), Some(ext));
    }
}

#[test]
fn the_extension_follows_the_sink() {
    let p = plugin();
    for (ext, pid) in
        [("h264", avc()), ("avc", avc()), ("adts", aac()), ("264", avc()), ("y4m", pictures()), ("wav", samples())]
    {
        let bundles = p.caps(&options(&[]));
        let fits = |b: &&Bundle| b.accepts(&pid).is_ok() && b.feeds(&sink(ext));
        let [bundle] = &bundles.iter().filter(fits).collect::<Vec<_>>()[..] else { panic!("one way to .{ext}") };
        let pid = pid.with(Prop::Height, 3u32).with(Prop::SampleRate, 8000u32).with(Prop::NumChannels, 1u32);
        let (mut h, _) = harness(&[], Some((*bundle).clone()), pid);
        h.run().expect("opens");
        assert_eq!(sink(ext).accepts(&h.outputs()[0].props[0]), Ok(()));
    }
    assert!(!p.caps(&options(&[])).iter().any(|b| b.feeds(&sink("mp4"))));
}

#[test]
fn the_extension_asked_for_must_fit() {
    let (mut h, _) = harness(&[("ext", "h264")], None, avc());
    h.run().expect("opens");
    assert_eq!(h.outputs()[0].props[0].str(Prop::FileExt), Some("h264"));
    assert!(plugin().caps(&options(&[("ext", "h264")])).iter().all(|b| b.feeds(&sink("h264"))));
    let (mut h, _) = harness(&[("ext", "yuv")], None, avc());
    let e = h.run().expect_err("does not fit");
    assert_eq!((e.kind, e.message.as_str()), (ErrorKind::Unsupported, "avc Visual is not written as .yuv"));
}

#[test]
fn framed_media_is_refused() {
    for pid in [avc(), aac()] {
        let mut framed = pid;
        framed.remove(Prop::Unframed);
        assert!(plugin().caps(&options(&[])).iter().all(|b| b.accepts(&framed).is_err()));
        let (mut h, _) = harness(&[], None, framed);
        assert_eq!(h.run().expect_err("needs an unframer").kind, ErrorKind::Unsupported);
    }
}

#[test]
fn a_change_that_the_file_cannot_say_is_warned_of() {
    let (mut h, input) = harness(&[], None, pictures());
    h.push(input, Item::Props(pictures().with(Prop::Fps, Frac { num: 5, den: 1 })));
    h.push(input, Item::Props(pictures().with(Prop::Width, 6u32)));
    h.run().expect("goes on");
    assert!(matches!(&h.logs[..], [(Level::Warning, line)] if line.contains("Width=6")), "{:?}", h.logs);
    h.push(input, Item::Props(samples()));
    assert_eq!(h.run().expect_err("another medium").kind, ErrorKind::Unsupported);
}

fn heads_of(ext: &str, pid: Props, packet: Packet) -> (Vec<u8>, Vec<Packet>) {
    let (mut h, input) = harness(&[("ext", ext)], None, pid);
    h.packet(input, packet);
    h.end(input);
    h.finish().expect("written");
    let (patches, data): (Vec<Packet>, Vec<Packet>) = h.take(OutId(0)).into_iter().partition(|p| p.patch_at.is_some());
    (data.iter().flat_map(|p| p.bytes().expect("bytes").to_vec()).collect(), patches)
}

#[test]
fn y4m_says_what_is_in_it() {
    let pid = pictures().with(Prop::Height, 3u32).with(Prop::Fps, Frac { num: 30_000, den: 1001 });
    let frame = Frame::new(PixelFormat::Yuv420, 5, 3, vec![7; 27].into()).expect("long enough");
    let (data, patches) = heads_of("y4m", pid, Packet::picture(frame.into(), 0));
    let mut expected = b"YUV4MPEG2 W5 H3 F30000:1001 Ip A0:0 C420jpeg\nFRAME\n".to_vec();
    expected.extend([7; 27]);
    assert_eq!((data, patches.len()), (expected, 0));
    let (mut h, _) = harness(&[("ext", "y4m")], None, pictures());
    assert!(h.run().expect_err("no height").message.contains("size"));
}

#[test]
fn wav_has_its_sizes_at_the_end() {
    let stereo = samples().with(Prop::SampleRate, 8000u32).with(Prop::NumChannels, 2u32);
    let (data, patches) = heads_of("wav", stereo.clone(), Packet::new(Bytes::from_static(b"abcdefgh"), 0));
    let head =
        b"RIFF\xff\xff\xff\xffWAVEfmt \x10\0\0\0\x01\0\x02\0\x40\x1f\0\0\0\x7d\0\0\x04\0\x10\0data\xff\xff\xff\xff";
    assert_eq!(data, [&head[..], b"abcdefgh"].concat());
    let patches: Vec<_> =
        patches.iter().map(|p| (p.patch_at.unwrap_or(0), p.bytes().expect("bytes").to_vec())).collect();
    assert_eq!(patches, [(4, vec![44, 0, 0, 0]), (40, vec![8, 0, 0, 0])]);
    let six = stereo.with(Prop::NumChannels, 6u32).with(Prop::AudioFormat, SampleFormat::Flt);
    let (data, patches) = heads_of("wav", six, Packet::new(vec![0; 24].into(), 0));
    assert_eq!((data.len(), data[20..24].to_vec(), data[44]), (68 + 24, vec![0xfe, 0xff, 6, 0], 3));
    assert_eq!(patches[1].patch_at, Some(64));
    let (mut h, _) = harness(&[("ext", "wav")], None, samples());
    assert!(h.run().expect_err("no rate").message.contains("rate"));
}

#[test]
fn what_a_head_says_does_not_change() {
    let pid = pictures().with(Prop::Height, 3u32);
    let (mut h, input) = harness(&[("ext", "y4m")], None, pid.clone());
    h.push(input, Item::Props(pid.with(Prop::Width, 6u32)));
    assert_eq!(h.run().expect_err("another size").kind, ErrorKind::Unsupported);
}

#[test]
fn without_room_nothing_is_taken() {
    let (mut h, input) = harness(&[], None, samples());
    (0..5).for_each(|n| h.packet(input, Packet::new(Bytes::from_static(b"pcm"), n)));
    h.credit = Credit::Packets(1);
    h.step().expect("opens");
    assert_eq!(h.take(OutId(0)).len(), 1, "a new output takes one");
    h.credit = Credit::Packets(0);
    assert_eq!(h.run(), Ok(Status::Idle));
    assert!(h.take(OutId(0)).is_empty());
}

#[test]
fn it_takes_one_stream_and_is_a_muxer() {
    assert_eq!((plugin().max_inputs(), plugin().role()), (1, Role::Mux));
}

proptest! {
    /// Planes leave in order, row by row, whatever the size.
    #[test]
    fn pictures_are_packed(width in 1u32..40, height in 1u32..40, seed in any::<u8>()) {
        let (planes, len) = Frame::layout(PixelFormat::Yuv420, width, height);
        let data: Vec<u8> = (0..len).map(|i| (i as u8).wrapping_mul(31).wrapping_add(seed)).collect();
        let mut expected = Vec::new();
        for p in planes {
            for row in 0..p.rows {
                expected.extend_from_slice(&data[p.offset + row * p.stride..][..p.width]);
            }
        }
        let (mut h, input) = harness(&[], None, pictures());
        let frame = Frame::new(PixelFormat::Yuv420, width, height, data.into()).expect("long enough");
        h.packet(input, Packet::picture(frame.into(), 3));
        h.end(input);
        h.finish().expect("written");
        let packets = h.take(OutId(0));
        prop_assert_eq!(packets[0].bytes().expect("bytes"), &expected);
        prop_assert!(packets[0].is_key());
    }
}
