//! `ufnalu`: bytes out for samples in.

use weir_codec::avc::{AvcConfig, LengthSize};
use weir_media::{Bytes, CodecId, Flags, Packet, Prop, Props, StreamType, Time};
use weir_plugin::harness::Harness;
use weir_plugin::{ErrorKind, InId, Item, Level, OutId};

use crate::support::harness;

// Baseline, level 1, 16x16; its PPS; and the same with another level.
const SPS: &[u8] = &[0x67, 66, 0, 10, 0xf8, 0x5a, 0x78];
const OTHER_SPS: &[u8] = &[0x67, 66, 0, 11, 0xf8, 0x5a, 0x78];
const PPS: &[u8] = &[0x68, 0xce, 0x3c, 0x80];
const IDR: &[u8] = &[0x65, 0x88, 0x84];
const SLICE: &[u8] = &[0x41, 0xe0, 0x55];

fn pid(sps: &'static [u8], length_size: LengthSize) -> Props {
    let config = AvcConfig {
        profile: sps[1],
        compatibility: sps[2],
        level: sps[3],
        length_size,
        sps: vec![sps.into()],
        pps: vec![PPS.into()],
        high: None,
    };
    Props::new()
        .with(Prop::StreamType, StreamType::Visual)
        .with(Prop::CodecId, CodecId::Avc)
        .with(Prop::DecoderConfig, config.build().expect("small"))
        .with(Prop::Timescale, 1000u32)
}

fn open(args: &[(&str, &str)]) -> (Harness, InId) {
    let mut h = harness("ufnalu", args);
    let input = h.input(pid(SPS, LengthSize::Four));
    (h, input)
}

fn sample(nals: &[&[u8]]) -> Packet {
    let data = weir_codec::avc::join_length_prefixed(nals.iter().copied(), LengthSize::Four).expect("small");
    Packet::new(data, 0)
}

fn annexb(nals: &[&[u8]]) -> Bytes {
    nals.iter().flat_map(|nal| [&[0, 0, 0, 1], *nal].concat()).collect()
}

fn run(mut h: Harness, input: InId) -> Vec<Bytes> {
    h.end(input);
    h.finish().expect("good samples");
    h.take(OutId(0)).iter().map(|p| p.bytes().expect("bytes").clone()).collect()
}

const I: &[u8] = &[9, 0x10];
const P: &[u8] = &[9, 0x30];

#[test]
fn sets_come_before_each_idr_picture_and_delimiters_before_all() {
    let (mut h, input) = open(&[]);
    for nal in [IDR, SLICE, IDR] {
        h.packet(input, sample(&[nal]));
    }
    let key = annexb(&[I, SPS, PPS, IDR]);
    assert_eq!(run(h, input), [key.clone(), annexb(&[P, SLICE]), key]);
}

#[test]
fn without_rcfg_sets_come_only_when_they_are_new() {
    let (mut h, input) = open(&[("rcfg", "no"), ("delim", "no")]);
    for nal in [SLICE, IDR] {
        h.packet(input, sample(&[nal]));
    }
    h.push(input, Item::Props(pid(SPS, LengthSize::Four).with(Prop::Width, 7u32)));
    h.packet(input, sample(&[IDR]));
    h.push(input, Item::Props(pid(OTHER_SPS, LengthSize::Four)));
    h.packet(input, sample(&[SLICE]));
    h.packet(input, sample(&[IDR]));
    let expected =
        [annexb(&[SPS, PPS, SLICE]), annexb(&[IDR]), annexb(&[IDR]), annexb(&[OTHER_SPS, PPS, SLICE]), annexb(&[IDR])];
    assert_eq!(run(h, input), expected);
}

#[test]
fn what_a_sample_has_itself_is_not_repeated() {
    let (mut h, input) = open(&[]);
    h.packet(input, sample(&[I, SPS, PPS, IDR]));
    h.packet(input, sample(&[&[9, 0xf0], IDR]));
    assert_eq!(run(h, input), [annexb(&[I, SPS, PPS, IDR]), annexb(&[&[9, 0xf0], SPS, PPS, IDR])]);
}

#[test]
fn lengths_of_one_and_two_bytes_are_read() {
    for (size, prefix) in [(LengthSize::One, &[3][..]), (LengthSize::Two, &[0, 3])] {
        let mut h = harness("ufnalu", &[("delim", "no")]);
        let input = h.input(pid(SPS, size));
        h.packet(input, Packet::new([prefix, IDR].concat().into(), 0));
        assert_eq!(run(h, input), [annexb(&[SPS, PPS, IDR])]);
    }
}

#[test]
fn all_but_the_payload_stays() {
    let (mut h, input) = open(&[]);
    let flags = Flags::KEY | Flags::DISCONTINUITY;
    let sent = Packet { dts: 5, cts: 9, duration: 3, flags, origin: Time::from_micros(8), ..sample(&[IDR]) };
    h.packet(input, sent);
    h.run().expect("good");
    let [got] = &h.take(OutId(0))[..] else { panic!("one packet") };
    assert_eq!((got.dts, got.cts, got.duration, got.flags, got.origin.as_micros()), (5, 9, 3, flags, 8));
    let props = &h.outputs()[0].props[0];
    assert!(props.flag(Prop::Unframed) && props.get(Prop::DecoderConfig).is_none());
    assert_eq!(props.u32(Prop::Timescale), Some(1000));
}

#[test]
fn a_damaged_sample_is_dropped_alone() {
    let (mut h, input) = open(&[]);
    h.packet(input, Packet::new(Bytes::from_static(&[0, 0, 0, 9, 0x65]), 0));
    h.packet(input, Packet::new(Bytes::from_static(&[0, 0]), 1));
    h.packet(input, sample(&[IDR]));
    h.packet(input, sample(&[SLICE]));
    h.end(input);
    h.finish().expect("goes on");
    let packets = h.take(OutId(0));
    let flags: Vec<_> = packets.iter().map(|p| p.flags).collect();
    assert_eq!(flags, [Flags::DISCONTINUITY, Flags::NONE]);
    assert_eq!(packets[0].bytes(), Some(&annexb(&[I, SPS, PPS, IDR])));
    assert!(matches!(&h.logs[..], [(Level::Warning, line)] if line.contains("NALUnit")), "{:?}", h.logs);
}

#[test]
fn an_empty_sample_sends_nothing_but_keeps_its_mark() {
    let (mut h, input) = open(&[]);
    h.packet(input, Packet { flags: Flags::DISCONTINUITY, ..Packet::new(Bytes::new(), 0) });
    h.packet(input, sample(&[SLICE]));
    h.end(input);
    h.finish().expect("fine");
    let flags: Vec<_> = h.take(OutId(0)).iter().map(|p| p.flags).collect();
    assert_eq!(flags, [Flags::DISCONTINUITY]);
}

#[test]
fn a_bad_configuration_is_an_error() {
    let full = pid(SPS, LengthSize::Four);
    let record = full.bytes(Prop::DecoderConfig).expect("set").clone();
    let mut without = full.clone();
    without.remove(Prop::DecoderConfig);
    let cut = (0..record.len()).map(|n| full.clone().with(Prop::DecoderConfig, record.slice(..n)));
    for props in cut.chain([without]) {
        let mut h = harness("ufnalu", &[]);
        h.input(props);
        assert_eq!(h.run().expect_err("unusable").kind, ErrorKind::BadInput);
    }
}
