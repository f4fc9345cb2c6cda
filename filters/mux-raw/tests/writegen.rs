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
    for (ext, pid) in [("h264", avc()), ("avc", avc()), ("adts", aac()), ("264", avc())] {
        let bundles = p.caps(&options(&[]));
        let fits = |b: &&Bundle| b.accepts(&pid).is_ok() && b.feeds(&sink(ext));
        let [bundle] = &bundles.iter().filter(fits).collect::<Vec<_>>()[..] else { panic!("one way to .{ext}") };
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
