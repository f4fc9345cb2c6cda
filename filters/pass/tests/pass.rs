//! `pass` through the harness: order, room, budget, many inputs.

use proptest::prelude::*;
use weir_media::{Bytes, CodecId, Flags, Packet, Prop, Props, StreamType, Time};
use weir_plugin::harness::Harness;
use weir_plugin::{Create, Credit, Item, Memory, Options, OutId, Plugin, Registry, Status};

fn plugin() -> std::sync::Arc<dyn Plugin> {
    let mut registry = Registry::new();
    weir_pass::register(&mut registry);
    registry.get("pass").expect("registered").clone()
}

fn harness() -> Harness {
    let options = Options::defaults(plugin().options());
    let with = Create { options, bundle: None, memory: Memory::new(1 << 20) };
    Harness::new(plugin().create(with).expect("no options to be wrong"))
}

fn video(width: u32) -> Props {
    Props::new().with(Prop::StreamType, StreamType::Visual).with(Prop::CodecId, CodecId::Avc).with(Prop::Width, width)
}

fn packet(ts: i64) -> Packet {
    Packet {
        cts: ts + 3,
        duration: 7,
        flags: Flags::KEY | Flags::DISCONTINUITY,
        origin: Time::from_micros(11),
        patch_at: Some(13),
        ..Packet::new(Bytes::from(vec![1, 2, 3]), ts)
    }
}

#[test]
fn a_packet_leaves_as_it_came() {
    let mut h = harness();
    let input = h.input(video(640));
    let sent = packet(5);
    h.packet(input, sent.clone());
    assert_eq!(h.run(), Ok(Status::Idle));
    assert_eq!(h.outputs()[0].props, [video(640)]);
    let [got] = &h.take(OutId(0))[..] else { panic!("one packet") };
    assert_eq!(format!("{got:?}"), format!("{sent:?}"));
    let memory = |p: &Packet| p.bytes().expect("bytes").as_ptr();
    assert_eq!(memory(got), memory(&sent), "the same memory");
}

#[test]
fn property_changes_and_ends_keep_their_place() {
    let mut h = harness();
    let (a, b) = (h.input(video(1)), h.input(video(2)));
    h.packet(a, packet(0));
    h.push(a, Item::Props(video(3)));
    h.packet(a, packet(1));
    h.end(a);
    assert_eq!(h.run(), Ok(Status::Idle), "the other input goes on");
    assert_eq!(h.outputs()[0].props, [video(1), video(3)]);
    assert!(h.outputs()[0].ended && !h.outputs()[1].ended);
    h.packet(b, packet(9));
    h.end(b);
    h.finish().expect("every input ended");
    assert_eq!((h.take(OutId(0)).len(), h.take(OutId(1)).len()), (2, 1));
}

#[test]
fn another_input_may_still_come_after_the_first_ended() {
    let mut h = harness();
    h.set_settled(false);
    let a = h.input(video(1));
    h.end(a);
    assert_eq!(h.run(), Ok(Status::Idle));
    let b = h.input(video(2));
    h.end(b);
    h.set_settled(true);
    h.finish().expect("settled and ended");
    assert_eq!(h.outputs()[1].props, [video(2)]);
}

#[test]
fn a_full_output_holds_up_nobody_else() {
    let mut h = harness();
    let inputs = [h.input(video(1)), h.input(video(2))];
    for i in 0..100 {
        inputs.iter().for_each(|input| h.packet(*input, packet(i)));
    }
    h.credit = Credit::Packets(0);
    assert_eq!(h.run(), Ok(Status::Idle));
    assert_eq!((h.take(OutId(0)).len(), h.take(OutId(1)).len()), (1, 1), "a new output takes one, a full one none");
    h.credit = Credit::Packets(5);
    assert_eq!(h.step(), Ok(Status::Idle));
    assert_eq!((h.take(OutId(0)).len(), h.take(OutId(1)).len()), (5, 5));
}

#[test]
fn one_call_moves_no_more_than_its_budget() {
    let mut h = harness();
    let (busy, quiet) = (h.input(video(1)), h.input(video(2)));
    assert_eq!(h.step(), Ok(Status::Idle), "opened");
    (0..1000).for_each(|i| h.packet(busy, packet(i)));
    h.packet(quiet, packet(0));
    assert_eq!(h.step(), Ok(Status::Again));
    assert_eq!((h.take(OutId(0)).len(), h.take(OutId(1)).len()), (32, 1));
}

#[test]
fn it_takes_every_type_and_keeps_it() {
    let bundles = plugin().caps(&Options::defaults(plugin().options()));
    let file = Props::new().with(Prop::StreamType, StreamType::File);
    assert!([video(1), file].iter().all(|pid| bundles.iter().any(|b| b.accepts(pid).is_ok())));
    assert!(bundles.iter().all(|b| b.accepts(&Props::new()).is_err()));
    for (i, a) in bundles.iter().enumerate() {
        for (j, b) in bundles.iter().enumerate() {
            assert_eq!(a.feeds(b), i == j, "{i} feeds {j}");
        }
    }
}

proptest! {
    /// Whatever the room and the order of pushes, each output gets what its input got.
    #[test]
    fn nothing_is_lost_or_reordered(counts in prop::collection::vec(0usize..80, 1..5), credit in 1u32..9) {
        let mut h = harness();
        h.credit = Credit::Packets(credit);
        for (i, count) in counts.iter().enumerate() {
            let input = h.input(video(i as u32));
            (0..*count).for_each(|n| h.packet(input, packet(n as i64)));
            h.end(input);
        }
        let calls = (0..1000).take_while(|_| h.step() != Ok(Status::Done)).count();
        prop_assert!(calls < 1000, "it ends");
        for (i, count) in counts.iter().enumerate() {
            let got: Vec<i64> = h.outputs()[i].packets.iter().map(|p| p.dts).collect();
            prop_assert_eq!(got, (0..*count as i64).collect::<Vec<_>>());
            prop_assert!(h.outputs()[i].ended);
        }
    }
}
