//! Pictures through `fps`: which ones are left out or repeated, and when.

use std::sync::Arc;

use proptest::prelude::*;
use weir_fps::FrameRate;
use weir_media::{CodecId, Flags, Frac, Frame, Packet, PixelFormat, Prop, Props, StreamType};
use weir_plugin::harness::Harness;
use weir_plugin::{Create, Credit, Memory, Options, OutId, Plugin, Status};

const OUT: OutId = OutId(0);

fn harness(rate: &str) -> Harness {
    let mut options = Options::defaults(FrameRate.options());
    options.apply("ofps", Some(rate)).expect("a fraction");
    let create = Create { options, bundle: None, memory: Memory::new(1 << 20) };
    Harness::new(FrameRate.create(create).expect("a good rate"))
}

fn raw(timescale: u32) -> Props {
    Props::new()
        .with(Prop::StreamType, StreamType::Visual)
        .with(Prop::CodecId, CodecId::Raw)
        .with(Prop::PixelFormat, PixelFormat::Yuv420)
        .with(Prop::Timescale, timescale)
}

/// A picture of one pixel that knows its number.
fn picture(number: u8, time: i64, duration: u32) -> Packet {
    let frame = Frame::new(PixelFormat::Yuv420, 1, 1, vec![number, 0, 0].into()).expect("long enough");
    Packet { duration, ..Packet::picture(Arc::new(frame), time) }
}

/// Numbers of the pictures that come out of these, each at its point.
fn numbers(rate: &str, timescale: u32, pictures: Vec<Packet>) -> Vec<u8> {
    let mut h = harness(rate);
    let input = h.input(raw(timescale));
    pictures.into_iter().for_each(|p| h.packet(input, p));
    h.end(input);
    h.finish().expect("it ends");
    let out = h.take(OUT);
    let steps = out.windows(2).all(|w| w[1].dts == w[0].dts + i64::from(w[0].duration) && w[1].cts == w[1].dts);
    assert!(steps, "one at every point");
    out.iter().map(|p| p.frame().expect("a picture").plane(0).data[0]).collect()
}

#[test]
fn half_the_rate_leaves_every_other_out_and_twice_the_rate_repeats_each() {
    let film = |n: u8| picture(n, i64::from(n) * 1001, 1001);
    let all = || (0..6).map(film).collect::<Vec<_>>();
    assert_eq!(numbers("12000/1001", 24_000, all()), [0, 2, 4]);
    assert_eq!(numbers("48000/1001", 24_000, all()), [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5]);
    assert_eq!(numbers("24000/1001", 24_000, all()), [0, 1, 2, 3, 4, 5]);
}

#[test]
fn a_varying_rate_becomes_a_constant_one_and_says_so() {
    let times = [0, 33, 67, 100, 300, 333];
    let all = times.iter().zip(0..).map(|(t, n)| picture(n, *t, 33)).collect();
    assert_eq!(numbers("30", 1000, all), [0, 1, 2, 3, 3, 3, 3, 3, 3, 4, 5]);
    let mut h = harness("30000/1001");
    h.input(raw(1000).with(Prop::Fps, Frac { num: 25, den: 1 }));
    h.run().expect("works");
    let props = &h.outputs()[0].props[0];
    assert_eq!((props.frac(Prop::Fps), props.timescale()), (Frac::new(30_000, 1001), 90_000));
}

#[test]
fn the_last_picture_lasts_as_long_as_it_says() {
    assert_eq!(numbers("25", 1000, vec![picture(0, 0, 100), picture(1, 100, 100)]), [0, 0, 1, 1, 1]);
    assert_eq!(numbers("25", 1000, vec![picture(7, 0, u32::MAX)]).len(), 126, "but no longer than 5 seconds");
}

#[test]
fn a_long_gap_stays_and_is_marked_and_so_is_a_loss() {
    let mut h = harness("25");
    let input = h.input(raw(1000));
    let lost = |n, t| Packet { flags: Flags::DISCONTINUITY, ..picture(n, t, 40) };
    [picture(0, 0, 40), lost(1, 1), picture(2, 40, 40), picture(3, 60_000, 40)]
        .into_iter()
        .for_each(|p| h.packet(input, p));
    h.end(input);
    h.finish().expect("it ends");
    let out: Vec<_> = h.take(OUT).iter().map(|p| (p.dts / 90, p.flags.contains(Flags::DISCONTINUITY))).collect();
    assert_eq!(out, [(0, false), (40, true), (60_000, true)], "the loss that came with what is left out counts too");
}

#[test]
fn a_full_output_holds_it_up() {
    let mut h = harness("50");
    h.credit = Credit::Packets(1);
    let input = h.input(raw(1000));
    [picture(0, 0, 100), picture(1, 100, 20)].into_iter().for_each(|p| h.packet(input, p));
    h.end(input);
    let mut count = 0;
    while h.step().expect("works") != Status::Done {
        count += h.take(OUT).len();
    }
    assert_eq!(count + h.take(OUT).len(), 6);
}

#[test]
fn it_needs_a_rate() {
    let options = Options::defaults(FrameRate.options());
    let made = FrameRate.create(Create { options, bundle: None, memory: Memory::new(1) });
    assert_eq!(made.err().map(|e| e.message).as_deref(), Some("fps needs ofps, such as ofps=25"));
}

proptest! {
    /// Whatever the times: points are whole steps apart, and never go back.
    #[test]
    fn any_times_are_survived(
        rate in prop::sample::select(vec!["25", "30000/1001", "1000", "1/100"]),
        timescale in prop_oneof![Just(1_u32), Just(1000), any::<u32>()],
        times in prop::collection::vec((prop_oneof![any::<i64>(), -9_000_i64..9_000], any::<u32>()), 1..30),
    ) {
        let mut h = harness(rate);
        let input = h.input(raw(timescale));
        times.iter().for_each(|(t, d)| h.packet(input, picture(0, *t, *d)));
        h.end(input);
        h.finish().expect("it ends");
        let out = h.take(OUT);
        prop_assert!(!out.is_empty() && out.windows(2).all(|w| w[1].dts >= w[0].dts));
    }
}
