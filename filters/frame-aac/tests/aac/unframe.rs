//! `ufadts`, and the way there and back.

use weir_codec::aac::{AudioSpecificConfig, ObjectType, Sbr};
use weir_media::{Bytes, Flags, Packet, Prop, Props, Time};
use weir_plugin::harness::Harness;
use weir_plugin::{ErrorKind, InId, Item, Level, OutId};

use crate::support::{aac_pid, adts, harness, packetize, shown, stream};

fn pid(config: &AudioSpecificConfig) -> Props {
    aac_pid().with(Prop::DecoderConfig, config.build().expect("good")).with(Prop::Timescale, config.sample_rate)
}

fn lc(rate: u32, channels: u8) -> AudioSpecificConfig {
    AudioSpecificConfig::lc(rate, channels).expect("good")
}

fn open(props: Props) -> (Harness, InId) {
    let mut h = harness("ufadts");
    let input = h.input(props);
    (h, input)
}

#[test]
fn the_file_comes_back_byte_for_byte() {
    let (props, packets) = packetize(&stream(), &[500]);
    let (mut h, input) = open(props.clone());
    packets.iter().for_each(|p| h.packet(input, p.clone()));
    h.end(input);
    h.finish().expect("good frames");
    let unframed = h.take(OutId(0));
    let file: Vec<u8> = unframed.iter().flat_map(|p| p.bytes().expect("bytes").to_vec()).collect();
    assert_eq!(Bytes::from(file), stream());
    // And as a stream, with its times.
    let mut back = harness("rfadts");
    let input = back.input(h.outputs()[0].props[0].clone());
    unframed.into_iter().for_each(|p| back.packet(input, p));
    back.end(input);
    back.finish().expect("good frames");
    assert_eq!(back.outputs()[0].props, [props]);
    assert!(back.take(OutId(0)).iter().map(shown).eq(packets.iter().map(shown)));
}

#[test]
fn all_but_the_payload_stays() {
    let (mut h, input) = open(pid(&lc(44_100, 2)));
    let flags = Flags::KEY | Flags::DISCONTINUITY;
    let sent = Packet { duration: 1024, flags, origin: Time::from_micros(8), ..Packet::new(vec![1, 2].into(), -5) };
    h.packet(input, sent);
    h.run().expect("good");
    let [got] = &h.take(OutId(0))[..] else { panic!("one packet") };
    assert_eq!((got.dts, got.cts, got.duration, got.flags, got.origin.as_micros()), (-5, -5, 1024, flags, 8));
    assert_eq!(got.bytes().expect("bytes"), &adts(44_100, 2, &[1, 2]));
    let props = &h.outputs()[0].props[0];
    assert!(props.flag(Prop::Unframed) && props.get(Prop::DecoderConfig).is_none());
}

#[test]
fn a_new_configuration_is_followed() {
    let (mut h, input) = open(pid(&lc(44_100, 2)));
    h.packet(input, Packet::new(vec![1].into(), 0));
    h.push(input, Item::Props(pid(&lc(48_000, 1))));
    h.packet(input, Packet::new(vec![2].into(), 1));
    h.end(input);
    h.finish().expect("good");
    let data: Vec<_> = h.take(OutId(0)).iter().map(|p| p.bytes().expect("bytes").to_vec()).collect();
    assert_eq!(data, [adts(44_100, 2, &[1]), adts(48_000, 1, &[2])]);
    assert_eq!(h.outputs()[0].props.len(), 2);
}

#[test]
fn he_aac_is_written_as_its_core() {
    let config = AudioSpecificConfig { sbr: Sbr::Hierarchical { rate: 48_000, ps: false }, ..lc(24_000, 2) };
    let (mut h, input) = open(pid(&config));
    h.packet(input, Packet::new(vec![9].into(), 0));
    h.run().expect("good");
    assert_eq!(h.take(OutId(0))[0].bytes().expect("bytes"), &adts(24_000, 2, &[9]));
}

#[test]
fn a_frame_too_long_is_dropped_alone() {
    let (mut h, input) = open(pid(&lc(44_100, 2)));
    for len in [8185, 8184, 10] {
        h.packet(input, Packet::new(vec![1; len].into(), 0));
    }
    h.end(input);
    h.finish().expect("goes on");
    let got: Vec<_> = h.take(OutId(0)).iter().map(|p| (p.len(), p.flags)).collect();
    assert_eq!(got, [(8191, Flags::DISCONTINUITY), (17, Flags::NONE)]);
    assert!(matches!(&h.logs[..], [(Level::Warning, line)] if line.contains("8192 is over the limit")), "{:?}", h.logs);
}

#[test]
fn what_adts_cannot_say_is_refused() {
    let odd_rate = AudioSpecificConfig { sample_rate: 44_000, ..lc(44_100, 2) };
    let other_type = AudioSpecificConfig { object_type: ObjectType::ER_LC, ..lc(44_100, 2) };
    let many = AudioSpecificConfig { channel_config: 12, ..lc(44_100, 2) };
    for config in [odd_rate, other_type, many] {
        let (mut h, _) = open(pid(&config));
        assert_eq!(h.run().expect_err("unsayable").kind, ErrorKind::Unsupported, "{config:?}");
    }
    // LC with frames of 960 samples.
    let (mut h, _) = open(aac_pid().with(Prop::DecoderConfig, Bytes::from_static(&[0x12, 0x14])));
    let e = h.run().expect_err("unsayable");
    assert!(e.message.contains("1024"), "{e}");
}

#[test]
fn a_bad_configuration_is_an_error() {
    let none = aac_pid();
    for props in [none.clone(), none.with(Prop::DecoderConfig, Bytes::from_static(&[0x12]))] {
        let (mut h, _) = open(props);
        assert_eq!(h.run().expect_err("unusable").kind, ErrorKind::BadInput);
    }
}
