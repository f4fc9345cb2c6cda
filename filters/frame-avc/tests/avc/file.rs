//! `rfnalu` on files.

use proptest::prelude::*;
use weir_codec::avc::{AvcConfig, NalType, nal_type};
use weir_media::{Bytes, CodecId, Flags, Frac, Packet, Prop, StreamType, Time};
use weir_plugin::{Credit, ErrorKind, Item, OutId, Status};

use crate::support::{
    STREAMS, expected_order, file_pid, harness, nals, packetize, plugin, push_file, shown, stream, try_harness,
};

#[test]
fn pictures_come_in_the_order_and_at_the_times_that_ffprobe_says() {
    for name in STREAMS {
        let (props, packets) = packetize(&stream(name), &[4096], &[]);
        let frame = i64::from(packets[0].duration);
        let got: Vec<_> = packets.iter().map(|p| (p.cts - p.dts) / frame).collect();
        assert_eq!(got, expected_order(name), "{name}");
        assert_eq!(packets.iter().map(|p| p.cts).min(), Some(0), "{name}: shown from 0 on");
        assert!(packets.windows(2).all(|w| w[1].dts - w[0].dts == frame), "{name}: no gaps");
        assert_eq!(props.len(), 1, "{name}: nothing changes");
    }
}

#[test]
fn properties_come_from_the_parameter_sets() {
    for (name, size, fps, ticks, sar) in [
        ("v", (320, 180), (25, 1), (25_000, 1000), (1, 1)),
        ("base", (96, 64), (25, 1), (25_000, 1000), (1, 1)),
        ("crop", (90, 50), (30_000, 1001), (30_000, 1001), (20, 27)),
    ] {
        let (props, packets) = packetize(&stream(name), &[1000], &[]);
        let p = &props[0];
        assert_eq!((p.stream_type(), p.codec()), (Some(StreamType::Visual), Some(CodecId::Avc)));
        assert_eq!((p.u32(Prop::Width), p.u32(Prop::Height)), (Some(size.0), Some(size.1)), "{name}");
        assert_eq!((p.frac(Prop::Fps), p.frac(Prop::Sar)), (Frac::new(fps.0, fps.1), Frac::new(sar.0, sar.1)));
        assert_eq!((p.timescale(), packets[0].duration), ticks, "{name}");
        assert!(!p.flag(Prop::Unframed) && p.get(Prop::FileExt).is_none());
        assert_eq!(p.str(Prop::Url), Some("a.264"));
        let config = AvcConfig::parse(p.bytes(Prop::DecoderConfig).expect("always")).expect("well formed");
        assert_eq!((config.sps.len(), config.pps.len(), config.length_size.bytes()), (1, 1, 4));
    }
}

#[test]
fn parameter_sets_and_delimiters_are_not_in_the_samples() {
    let with_delimiters = Bytes::from([&[0, 0, 0, 1, 9, 0xf0][..], &stream("bpyr")].concat());
    let (_, packets) = packetize(&with_delimiters, &[4096], &[]);
    let types: Vec<NalType> = packets.iter().flat_map(nals).map(|nal| nal_type(&nal)).collect();
    assert!(types.contains(&NalType::Sei), "messages stay");
    assert!(!types.iter().any(|t| matches!(t, NalType::Sps | NalType::Pps | NalType::Aud)), "{types:?}");
}

#[test]
fn only_idr_pictures_are_keys() {
    for (name, keys) in [("bpyr", vec![0, 12, 24]), ("opengop", vec![0]), ("refresh", vec![0])] {
        let (_, packets) = packetize(&stream(name), &[4096], &[]);
        let got: Vec<usize> = packets.iter().enumerate().filter(|(_, p)| p.is_key()).map(|(i, _)| i).collect();
        assert_eq!(got, keys, "{name}: recovery points are none");
    }
}

#[test]
fn disposable_pictures_are_marked() {
    let (_, packets) = packetize(&stream("bpyr"), &[4096], &[]);
    let disposable = |p: &Packet| p.flags.contains(Flags::DISPOSABLE);
    for packet in &packets {
        let referenced = nals(packet).iter().any(|nal| nal_type(nal).is_vcl() && nal[0] & 0x60 != 0);
        assert_eq!(disposable(packet), !referenced);
    }
    assert!(packets.iter().any(disposable) && !packets.iter().all(disposable));
}

#[test]
fn the_rate_given_goes_before_that_of_the_stream() {
    let (props, packets) = packetize(&stream("base"), &[4096], &[("fps", "30000/1001")]);
    assert_eq!(props[0].frac(Prop::Fps), Frac::new(30_000, 1001));
    assert_eq!(packets.iter().map(|p| p.dts).take(3).collect::<Vec<_>>(), [0, 1001, 2002]);
    for bad in ["0", "-25", "1001", "1/4000"] {
        let e = try_harness("rfnalu", &[("fps", bad)]).err().expect("refused");
        assert_eq!(e.kind, ErrorKind::BadOption, "{bad}");
    }
}

#[test]
fn blocks_of_one_byte_give_the_same_pictures() {
    for name in STREAMS {
        let data = stream(name);
        let (whole_props, whole) = packetize(&data, &[usize::MAX], &[]);
        let (props, packets) = packetize(&data, &[1], &[]);
        assert_eq!(props, whole_props);
        assert!(packets.iter().map(shown).eq(whole.iter().map(shown)), "{name}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_split_gives_the_same_pictures(
        name in prop::sample::select(&STREAMS[..]),
        sizes in prop::collection::vec(1usize..3000, 1..40),
    ) {
        let data = stream(name);
        let (_, whole) = packetize(&data, &[usize::MAX], &[]);
        let (_, packets) = packetize(&data, &sizes, &[]);
        prop_assert!(packets.iter().map(shown).eq(whole.iter().map(shown)));
    }
}

#[test]
fn what_comes_before_the_first_key_picture_is_dropped_with_one_warning() {
    let data = stream("bpyr");
    let (_, all) = packetize(&data, &[4096], &[]);
    let second = all.iter().skip(1).position(Packet::is_key).expect("has three") + 1;
    // From the middle of the first group of pictures on.
    let mut h = harness("rfnalu", &[]);
    let input = h.input(file_pid());
    push_file(&mut h, input, &data.slice(1500..), &[100]);
    h.end(input);
    h.finish().expect("has key pictures");
    let packets = h.take(OutId(0));
    let data = |packets: &[Packet]| packets.iter().map(|p| p.bytes().cloned()).collect::<Vec<_>>();
    assert_eq!(data(&packets), data(&all[second..]));
    assert_eq!(packets.iter().map(|p| p.cts).min(), Some(0));
    assert_eq!(h.logs.len(), 1, "{:?}", h.logs);
}

#[test]
fn a_file_without_a_start_is_an_error() {
    let never_idr = stream("refresh").slice(1200..);
    for data in [never_idr, Bytes::from_static(b"this is no video at all"), stream("v").slice(..500)] {
        let mut h = harness("rfnalu", &[]);
        let input = h.input(file_pid());
        push_file(&mut h, input, &data, &[300]);
        h.end(input);
        let e = h.run().expect_err("nothing to show");
        assert_eq!(e.kind, ErrorKind::BadInput);
        assert!(h.outputs().is_empty());
    }
}

#[test]
fn another_round_of_the_file_goes_on_in_time_and_is_marked() {
    let data = stream("bpyr");
    let (_, once) = packetize(&data, &[4096], &[]);
    let mut h = harness("rfnalu", &[]);
    let input = h.input(file_pid());
    for round in 0..3 {
        let mut rest = data.clone();
        let first = Packet::new(rest.split_to(1000), 0);
        let flags = if round > 0 { Flags::DISCONTINUITY } else { Flags::NONE };
        h.packet(input, Packet { flags, ..first });
        h.packet(input, Packet::new(rest, 0));
    }
    h.end(input);
    h.finish().expect("good files");
    let packets = h.take(OutId(0));
    assert_eq!(packets.len(), 3 * once.len());
    let length = once.len() as i64 * i64::from(once[0].duration);
    for (i, p) in packets.iter().enumerate() {
        let (round, same) = (i / once.len(), &once[i % once.len()]);
        let jump = round > 0 && i % once.len() == 0;
        assert_eq!(p.bytes(), same.bytes());
        assert_eq!((p.dts, p.cts), (same.dts + round as i64 * length, same.cts + round as i64 * length));
        assert_eq!(p.flags.contains(Flags::DISCONTINUITY), jump);
    }
    assert_eq!(h.outputs()[0].props.len(), 1, "repeated parameter sets change nothing");
}

#[test]
fn new_parameter_sets_are_announced_just_before_the_picture_that_needs_them() {
    let names = ["base", "crop", "bpyr", "crop", "crop"];
    let data = Bytes::from(names.map(stream).concat());
    let mut h = harness("rfnalu", &[]);
    h.credit = Credit::Packets(1);
    let input = h.input(file_pid());
    push_file(&mut h, input, &data, &[777]);
    h.end(input);
    let mut widths = Vec::new();
    let mut packets = Vec::new();
    let mut status = Status::Again;
    while status != Status::Done {
        status = h.step().expect("good files");
        let new = if h.outputs().is_empty() { Vec::new() } else { h.take(OutId(0)) };
        assert!(new.len() <= 1, "room for one");
        widths.extend(new.iter().map(|_| h.outputs()[0].props.last().expect("opened").u32(Prop::Width).expect("set")));
        packets.extend(new);
    }
    let lengths = names.map(|name| expected_order(name).len());
    let expected: Vec<u32> =
        names.iter().zip(lengths).flat_map(|(n, len)| vec![if *n == "crop" { 90 } else { 96 }; len]).collect();
    assert_eq!(widths, expected);
    assert_eq!(h.outputs()[0].props.len(), 4);
    let rates: Vec<_> = h.outputs()[0].props.iter().map(|p| p.frac(Prop::Fps).expect("set").num).collect();
    assert_eq!(rates, [25, 30_000, 25, 30_000]);
    let configs: Vec<_> = h.outputs()[0].props.iter().map(|p| p.bytes(Prop::DecoderConfig)).collect();
    assert!(configs.windows(2).all(|w| w[0] != w[1]));
    check_times(&packets);
    // Rates differ, one timescale holds: a quarter second is 6 or 7 frames.
    let (first, last) = (packets[0].dts, packets.last().expect("some"));
    let total: i64 = packets.iter().map(|p| i64::from(p.duration)).sum();
    assert!((last.dts + i64::from(last.duration) - first - total).abs() <= 2);
}

/// Times never go back in decoding order, are never shown before decoded, and no two pictures are shown at once.
fn check_times(packets: &[Packet]) {
    assert!(packets.windows(2).all(|w| w[0].dts < w[1].dts));
    assert!(packets.iter().all(|p| p.dts <= p.cts));
    let mut shown: Vec<i64> = packets.iter().map(|p| p.cts).collect();
    shown.sort_unstable();
    assert!(shown.windows(2).all(|w| w[0] < w[1]));
}

#[test]
fn origin_comes_from_the_block() {
    let mut h = harness("rfnalu", &[]);
    let input = h.input(file_pid());
    h.packet(input, Packet { origin: Time::from_millis(7), ..Packet::new(stream("base"), 0) });
    h.end(input);
    h.finish().expect("a good file");
    assert!(h.take(OutId(0)).iter().all(|p| p.origin == Time::from_millis(7)));
}

#[test]
fn without_room_nothing_is_taken_or_sent() {
    let mut h = harness("rfnalu", &[]);
    let input = h.input(file_pid());
    h.credit = Credit::Packets(1);
    push_file(&mut h, input, &stream("v"), &[usize::MAX]);
    h.end(input);
    h.step().expect("opens");
    assert_eq!(h.take(OutId(0)).len(), 1, "a new output takes one");
    h.credit = Credit::Packets(0);
    assert_eq!(h.run(), Ok(Status::Idle));
    assert!(h.take(OutId(0)).is_empty());
    h.credit = Credit::Endless;
    h.finish().expect("goes on");
    assert_eq!(h.take(OutId(0)).len(), expected_order("v").len() - 1);
}

#[test]
fn new_properties_of_the_file_change_nothing() {
    let mut h = harness("rfnalu", &[]);
    let input = h.input(file_pid());
    let (first, second) = (stream("v").slice(..9000), stream("v").slice(9000..));
    h.packet(input, Packet::new(first, 0));
    h.push(input, Item::Props(file_pid().with(Prop::Url, "other")));
    h.packet(input, Packet::new(second, 0));
    h.end(input);
    h.finish().expect("a good file");
    assert_eq!(h.outputs()[0].props.len(), 1);
}

#[test]
fn it_takes_annex_b_files_and_unframed_streams() {
    let p = plugin("rfnalu");
    let bundles = p.caps(&weir_plugin::Options::defaults(p.options()));
    let takes = |pid: &weir_media::Props| bundles.iter().any(|b| b.accepts(pid).is_ok());
    let unframed = crate::support::encoder_pid();
    let mut framed = unframed.clone();
    framed.remove(Prop::Unframed);
    assert!(takes(&file_pid()) && takes(&unframed) && !takes(&framed));
    assert!(!takes(&file_pid().with(Prop::FileExt, "aac")));
}
