//! `reframer` and `restamp` through the harness.

use std::time::Duration;

use weir_media::{Bytes, CodecId, Flags, Packet, Prop, Props, StreamType};
use weir_plugin::harness::Harness;
use weir_plugin::{Create, InId, Memory, Options, OutId, Registry, Result, Status};

fn filter(name: &str, args: &[(&str, &str)]) -> Result<Harness> {
    let mut registry = Registry::new();
    weir_reframe::register(&mut registry);
    let plugin = registry.get(name).expect("registered").clone();
    let mut options = Options::defaults(plugin.options());
    for (name, value) in args {
        options.apply(name, Some(value)).expect("an option");
    }
    plugin.create(Create { options, bundle: None, memory: Memory::new(1 << 20) }).map(Harness::new)
}

fn props(ty: StreamType) -> Props {
    let codec = if ty == StreamType::Audio { CodecId::Aac } else { CodecId::Avc };
    Props::new().with(Prop::StreamType, ty).with(Prop::CodecId, codec).with(Prop::Timescale, 1000u32)
}

/// A picture every 40 ms, a key every `keys`.
fn pictures(h: &mut Harness, input: InId, count: i64, keys: i64) {
    for n in 0..count {
        let flags = if n % keys == 0 { Flags::KEY } else { Flags::NONE };
        let packet = Packet { flags, duration: 40, ..Packet::new(Bytes::from_static(b"p"), n * 40) };
        h.packet(input, packet);
    }
}

fn times(h: &mut Harness) -> Vec<i64> {
    h.take(OutId(0)).iter().map(|p| p.dts).collect()
}

#[test]
fn everything_goes_through_at_once_unless_asked() {
    let mut h = filter("reframer", &[]).expect("defaults");
    let input = h.input(props(StreamType::Visual));
    pictures(&mut h, input, 5, 5);
    h.end(input);
    h.finish().expect("ended");
    assert_eq!(times(&mut h), [0, 40, 80, 120, 160]);
}

#[test]
fn real_time_follows_the_clock() {
    for (mode, speed, step) in [("on", "1", 40), ("sync", "2", 20)] {
        let mut h = filter("reframer", &[("rt", mode), ("speed", speed)]).expect("sound");
        let input = h.input(props(StreamType::Visual));
        pictures(&mut h, input, 4, 4);
        assert!(matches!(h.run(), Ok(Status::Until(_))));
        assert_eq!(times(&mut h), [0]);
        for n in 1..4 {
            h.advance(Duration::from_millis(step));
            h.run().expect("goes on");
            assert_eq!(times(&mut h), [n * 40]);
        }
    }
}

#[test]
fn only_keys_or_a_part() {
    let got = |args: &[(&str, &str)]| {
        let mut h = filter("reframer", args).expect("sound");
        let input = h.input(props(StreamType::Visual));
        pictures(&mut h, input, 12, 4);
        h.end(input);
        h.finish().expect("ended");
        times(&mut h)
    };
    assert_eq!(got(&[("saps", "1")]), [0, 160, 320]);
    // From the last key packet before on, and timestamps from 0.
    assert_eq!(got(&[("xs", "0.2"), ("xe", "0.3")]), [0, 40, 80, 120]);
    assert_eq!(got(&[("xs", "0.2"), ("xe", "0.3"), ("xots", "yes")]), [160, 200, 240, 280]);
    assert_eq!(got(&[("xs", "0.16"), ("xe", "0.3"), ("xots", "yes")]), [160, 200, 240, 280]);
    assert!(filter("reframer", &[("xs", "2"), ("xe", "1")]).is_err());
    assert!(filter("reframer", &[("saps", "9")]).is_err() && filter("reframer", &[("speed", "0")]).is_err());
}

#[test]
fn timestamps_are_moved() {
    let got = |args: &[(&str, &str)], ty| {
        let mut h = filter("restamp", args).expect("sound");
        let input = h.input(props(ty));
        pictures(&mut h, input, 3, 3);
        h.end(input);
        h.finish().expect("ended");
        times(&mut h)
    };
    assert_eq!(got(&[("delay", "1"), ("delay_a", "0.5")], StreamType::Audio), [1500, 1540, 1580]);
    assert_eq!(got(&[("delay", "-0.1"), ("delay_a", "5")], StreamType::Visual), [-100, -60, -20]);
    assert_eq!(got(&[("tsinit", "7")], StreamType::Visual), [7, 47, 87]);
    assert_eq!(got(&[("fps", "30000/1001")], StreamType::Visual), [0, 1001, 2002]);
}
