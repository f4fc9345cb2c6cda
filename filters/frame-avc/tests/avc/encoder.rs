//! `rfnalu` behind an encoder: packets hold whole access units and have times.

use weir_codec::avc::join_annexb;
use weir_media::{Bytes, Flags, Frac, Packet, Prop, Time};
use weir_plugin::{Item, OutId, Status};

use crate::support::{encoder_pid, harness, nals, packetize, stream};

/// The access units of a stream as an encoder gives them, with the parameter sets before the first one.
fn units(name: &str) -> Vec<Bytes> {
    let (props, packets) = packetize(&stream(name), &[4096], &[]);
    let config = props[0].bytes(Prop::DecoderConfig).expect("always").clone();
    let config = weir_codec::avc::AvcConfig::parse(&config).expect("well formed");
    let unit = |(i, p): (usize, &Packet)| {
        let nals = nals(p);
        let sets = config.parameter_sets().filter(|_| i == 0);
        join_annexb(sets.chain(nals.iter().map(AsRef::as_ref)))
    };
    packets.iter().enumerate().map(unit).collect()
}

fn packet(data: Bytes, n: i64) -> Packet {
    let origin = Time::from_micros(u64::try_from(n).expect("counts up") + 5);
    Packet { cts: n * 3000 + 6000, duration: 3000, origin, ..Packet::new(data, n * 3000) }
}

#[test]
fn each_packet_leaves_at_once_with_its_times() {
    let mut h = harness("rfnalu", &[]);
    let input = h.input(encoder_pid().with(Prop::Fps, Frac { num: 30, den: 1 }));
    for (n, unit) in units("base").into_iter().enumerate() {
        let sent = packet(unit, n as i64);
        h.packet(input, sent.clone());
        assert_eq!(h.run(), Ok(Status::Idle));
        let [got] = &h.take(OutId(0))[..] else { panic!("one in, one out, no later") };
        assert_eq!((got.dts, got.cts, got.duration, got.origin), (sent.dts, sent.cts, sent.duration, sent.origin));
        assert_eq!(got.is_key(), [0, 6].contains(&n));
    }
    let props = &h.outputs()[0].props;
    assert_eq!(props.len(), 1);
    assert_eq!((props[0].timescale(), props[0].frac(Prop::Fps)), (90_000, Frac::new(30, 1)));
    assert_eq!((props[0].u32(Prop::Width), props[0].flag(Prop::Unframed)), (Some(96), false));
    h.end(input);
    h.finish().expect("ends");
}

#[test]
fn further_access_units_of_a_packet_follow_it_in_time() {
    let mut h = harness("rfnalu", &[]);
    let input = h.input(encoder_pid());
    h.packet(input, packet(units("base")[..3].concat().into(), 0));
    assert_eq!(h.run(), Ok(Status::Idle));
    assert_eq!(h.run(), Ok(Status::Idle));
    let got: Vec<_> = h.take(OutId(0)).iter().map(|p| (p.dts, p.cts)).collect();
    assert_eq!(got, [(0, 6000), (3000, 9000), (6000, 12_000)]);
}

#[test]
fn parameter_sets_may_come_in_a_packet_of_their_own() {
    let unit = units("base").swap_remove(0);
    let slice_at = unit.windows(5).position(|w| w == [0, 0, 0, 1, 0x65]).expect("an IDR slice");
    let mut h = harness("rfnalu", &[]);
    let input = h.input(encoder_pid());
    h.packet(input, Packet { flags: Flags::DISCONTINUITY, ..packet(unit.slice(..slice_at), 0) });
    assert_eq!(h.run(), Ok(Status::Idle));
    assert!(h.outputs().is_empty());
    h.packet(input, packet(unit.slice(slice_at..), 1));
    h.run().expect("opens");
    let [got] = &h.take(OutId(0))[..] else { panic!("one picture") };
    assert_eq!((got.dts, got.flags), (3000, Flags::KEY | Flags::DISCONTINUITY));
}

#[test]
fn discontinuity_is_passed_on() {
    let mut h = harness("rfnalu", &[]);
    let input = h.input(encoder_pid());
    for (n, unit) in units("base").into_iter().enumerate() {
        let flags = if n == 4 { Flags::DISCONTINUITY } else { Flags::NONE };
        h.packet(input, Packet { flags, ..packet(unit, n as i64) });
    }
    h.end(input);
    h.finish().expect("ends");
    let marked: Vec<_> =
        h.take(OutId(0)).iter().filter(|p| p.flags.contains(Flags::DISCONTINUITY)).map(|p| p.dts).collect();
    assert_eq!(marked, [4 * 3000]);
}

#[test]
fn new_properties_of_the_encoder_reach_the_output() {
    let mut h = harness("rfnalu", &[]);
    let input = h.input(encoder_pid());
    let units = units("base");
    h.packet(input, packet(units[0].clone(), 0));
    h.push(input, Item::Props(encoder_pid().with(Prop::TargetRate, 100_000u32)));
    h.packet(input, packet(units[1].clone(), 1));
    h.end(input);
    h.finish().expect("ends");
    let rates: Vec<_> = h.outputs()[0].props.iter().map(|p| p.u32(Prop::TargetRate)).collect();
    assert_eq!(rates, [None, Some(100_000)]);
}

#[test]
fn an_encoder_that_ends_before_its_first_picture_is_no_error() {
    let mut h = harness("rfnalu", &[]);
    let input = h.input(encoder_pid());
    h.end(input);
    h.finish().expect("nothing came");
    assert!(h.outputs().is_empty());
}
