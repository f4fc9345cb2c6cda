//! The muxer alone: packets of 188 bytes, tables, clock, counters, wrapping times, bad input.

use std::collections::BTreeMap;

use weir_media::{Bytes, CodecId, Flags, Packet, Prop, Props, StreamType};
use weir_mux_ts::register;
use weir_plugin::harness::Harness;
use weir_plugin::{Create, InId, Memory, Options, OutId, Registry};

const SIZE: usize = 188;

fn harness(options: &[(&str, &str)]) -> Harness {
    let mut registry = Registry::new();
    register(&mut registry);
    let plugin = registry.get("m2tsmx").expect("it is there");
    let mut given = Options::defaults(plugin.options());
    for (name, value) in options {
        given.apply(name, Some(value)).expect("it fits");
    }
    let filter = plugin.create(Create { options: given, bundle: None, memory: Memory::new(1 << 20) });
    let mut harness = Harness::new(filter.expect("good options"));
    harness.set_settled(true);
    harness
}

fn video() -> Props {
    Props::new()
        .with(Prop::StreamType, StreamType::Visual)
        .with(Prop::CodecId, CodecId::Avc)
        .with(Prop::Unframed, true)
        .with(Prop::Timescale, 25u32)
}

fn audio() -> Props {
    Props::new()
        .with(Prop::StreamType, StreamType::Audio)
        .with(Prop::CodecId, CodecId::Aac)
        .with(Prop::Timescale, 44_100u32)
        .with(Prop::DecoderConfig, Bytes::from_static(&[0x12, 0x10]))
}

fn picture(n: i64, size: usize) -> Packet {
    let flags = if n % 25 == 0 { Flags::KEY } else { Flags::NONE };
    let kind = if n % 25 == 0 { 0x65 } else { 0x41 };
    let data = [&[0, 0, 0, 1, kind][..], &vec![0xaa; size]].concat();
    Packet { flags, duration: 1, ..Packet::new(data.into(), n) }
}

fn sound(n: i64) -> Packet {
    Packet { flags: Flags::KEY, duration: 1024, ..Packet::new(vec![0x21; 200].into(), n * 1024) }
}

/// All bytes; every packet must be whole and its counter right.
fn bytes(harness: &mut Harness) -> Vec<u8> {
    let all: Vec<u8> = harness.take(OutId(0)).iter().flat_map(|p| p.bytes().expect("bytes").to_vec()).collect();
    assert_eq!(all.len() % SIZE, 0);
    let mut counters: BTreeMap<u16, u8> = BTreeMap::new();
    for packet in all.chunks(SIZE) {
        assert_eq!(packet[0], 0x47);
        let (has_payload, counter) = (packet[3] & 0x10 != 0, packet[3] & 0x0f);
        let last = counters.insert(pid(packet), counter);
        let expected = last.map(|last| if has_payload { (last + 1) & 0x0f } else { last });
        assert!(expected.is_none_or(|e| e == counter), "a counter jumps on {}", pid(packet));
    }
    all
}

fn pid(packet: &[u8]) -> u16 {
    u16::from_be_bytes([packet[1] & 0x1f, packet[2]])
}

/// Clock references, in units of 90 kHz.
fn clock(bytes: &[u8]) -> Vec<u64> {
    let has_pcr = |p: &&[u8]| p[3] & 0x20 != 0 && p[4] > 0 && p[5] & 0x10 != 0;
    let base = |p: &[u8]| u64::from(u32::from_be_bytes([p[6], p[7], p[8], p[9]])) << 1 | u64::from(p[10] >> 7);
    bytes.chunks(SIZE).filter(has_pcr).map(base).collect()
}

fn feed(harness: &mut Harness, from: i64, pictures: i64) -> (InId, InId) {
    let (v, a) = (harness.input(video()), harness.input(audio()));
    for n in from..from + pictures {
        harness.packet(v, picture(n, 1000));
    }
    let start = from * 44_100 / 25 / 1024;
    for n in start..start + pictures * 44_100 / 25 / 1024 {
        harness.packet(a, sound(n));
    }
    (v, a)
}

#[test]
fn tables_stand_before_key_pictures_and_the_clock_runs() {
    let mut harness = harness(&[]);
    let (v, a) = feed(&mut harness, 0, 100);
    [v, a].into_iter().for_each(|input| harness.end(input));
    harness.finish().expect("a good stream");
    let all = bytes(&mut harness);
    let packets: Vec<&[u8]> = all.chunks(SIZE).collect();
    assert_eq!((pid(packets[0]), pid(packets[1])), (0, 100));
    let is_key_start = |p: &&&[u8]| p[3] & 0x20 != 0 && p[4] > 0 && p[5] & 0x40 != 0 && pid(p) == 101;
    assert_eq!(packets.iter().filter(is_key_start).count(), 4);
    let clock = clock(&all);
    assert!(clock.windows(2).all(|pair| pair[1] >= pair[0] && pair[1] - pair[0] <= 9_000), "{clock:?}");
    assert_eq!(clock.last().expect("a clock") - clock[0], 99 * 3_600);
}

#[test]
fn times_wrap_and_the_stream_goes_on() {
    let mut harness = harness(&[]);
    // 2^33 / 90000 s is where times begin anew.
    let wrap = (1_i64 << 33) / 3_600;
    let v = harness.input(video());
    harness.packet(v, picture(0, 10));
    for n in wrap - 25..wrap + 25 {
        harness.packet(v, picture(n, 10));
    }
    harness.end(v);
    harness.finish().expect("a good stream");
    let clock = clock(&bytes(&mut harness));
    assert!(clock.windows(2).any(|pair| pair[1] < pair[0]) && clock.iter().all(|t| *t < 1 << 33));
}

#[test]
fn every_length_of_a_picture_fits() {
    let mut harness = harness(&[]);
    let v = harness.input(video());
    for n in 0..600 {
        harness.packet(v, picture(n, usize::try_from(n).expect("few")));
    }
    harness.end(v);
    harness.finish().expect("a good stream");
    let carried: usize = bytes(&mut harness)
        .chunks(SIZE)
        .filter(|p| pid(p) == 101)
        .map(|p| if p[3] & 0x20 != 0 { SIZE - 5 - usize::from(p[4]) } else { SIZE - 4 })
        .sum();
    // Start code and kind, the delimiter, and a PES header with one time.
    let expected: usize = (0..600).map(|n| n + 5 + 6 + 14).sum();
    assert_eq!(carried, expected);
}

#[test]
fn bad_input_is_told() {
    let mut without = harness(&[]);
    let mut props = audio();
    props.remove(Prop::DecoderConfig);
    let input = without.input(props);
    without.packet(input, sound(0));
    assert!(without.run().expect_err("no parameters").message.contains("parameters"));
    let mut nothing = harness(&[]);
    let input = nothing.input(video());
    nothing.end(input);
    assert!(nothing.run().expect_err("nothing came").message.contains("before its first packet"));
    let mut broken = harness(&[]);
    let input = broken.input(audio().with(Prop::DecoderConfig, Bytes::from_static(&[0xff])));
    broken.packet(input, sound(0));
    assert!(broken.run().is_err());
}

#[test]
fn a_split_recording_is_streams_that_each_begin_anew() {
    let mut h = harness(&[("split", "2")]);
    let (v, a) = feed(&mut h, 100, 125);
    h.end(v);
    h.end(a);
    h.finish().expect("it ends");
    let mut files: Vec<Vec<u8>> = vec![Vec::new()];
    for packet in h.take(OutId(0)) {
        if packet.piece == Some(weir_media::Piece::Next) {
            files.push(Vec::new());
        }
        files.last_mut().expect("one").extend_from_slice(packet.bytes().expect("bytes"));
    }
    assert_eq!(files.len(), 3, "five seconds by two");
    for file in &files {
        let first: Vec<u16> = file.chunks(SIZE).take(2).map(pid).collect();
        assert_eq!(first, [0, 100], "tables come first");
        let counters: Vec<u8> = file.chunks(SIZE).take(2).map(|p| p[3] & 0x0f).collect();
        assert_eq!(counters, [0, 0]);
        assert!(clock(file)[0] < 90_000, "{:?}: times begin anew", clock(file)[0]);
    }
    let starts = |p: &&[u8]| p[1] & 0x40 != 0 && pid(p) == 101;
    let pictures = |file: &Vec<u8>| file.chunks(SIZE).filter(starts).count();
    assert_eq!(files.iter().map(pictures).collect::<Vec<_>>(), [50, 50, 25]);
}
