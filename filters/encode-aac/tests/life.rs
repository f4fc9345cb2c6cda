//! What happens while it runs: gaps, changes, limits, bad input.

mod common;

use common::{Decode, OUT, chord, create, flt, harness, libraries, raw, s16};
use proptest::prelude::*;
use weir_media::{Bytes, Flags, Frame, Packet, PixelFormat, Prop, Props, SampleFormat};
use weir_plugin::{Credit, ErrorKind, Event, Item, Status};

fn mono() -> Props {
    raw(48_000, 1, SampleFormat::Flt)
}

/// Discontinuities among packets, as (index, dts).
fn jumps(packets: &[Packet]) -> Vec<(usize, i64)> {
    let said = |(i, p): (usize, &Packet)| p.flags.contains(Flags::DISCONTINUITY).then_some((i, p.dts));
    packets.iter().enumerate().filter_map(said).collect()
}

#[test]
fn a_gap_is_taken_over_and_said() {
    for lib in libraries() {
        let (mut h, input) = harness(&[("lib", lib)], mono());
        h.packet(input, flt(&[0.1; 4000], 1000));
        h.packet(input, flt(&[0.1; 4000], 100_000));
        h.end(input);
        h.finish().expect("ends");
        let packets = h.take(OUT);
        let delay = h.outputs()[0].props[0].i64(Prop::Delay).expect("set");
        assert_eq!(packets[0].dts, 1000 + delay);
        let jump = jumps(&packets);
        assert_eq!(jump.len(), 1);
        assert_eq!(jump[0].1, 100_000, "the first frame after the gap begins with it");
        assert_eq!(packets[jump[0].0 - 1].dts, 1000 + 3 * 1024);
        assert!(packets.is_sorted_by(|a, b| a.dts < b.dts));
    }
}

#[test]
fn a_jump_back_never_runs_back() {
    let (mut h, input) = harness(&[], mono());
    for ts in [50_000, 54_096, 0, 4096] {
        h.packet(input, flt(&[0.1; 4096], ts));
    }
    h.end(input);
    h.finish().expect("ends");
    let packets = h.take(OUT);
    assert_eq!(jumps(&packets).iter().map(|j| j.1).collect::<Vec<_>>(), [50_000 + 8 * 1024]);
    assert!(packets.windows(2).all(|w| w[1].dts == w[0].dts + 1024));
}

#[test]
fn timestamps_rounded_to_milliseconds_do_not_matter() {
    let (mut h, input) = harness(&[], mono().with(Prop::SampleRate, 44_100_u32).with(Prop::Timescale, 1000_u32));
    for n in 0..200_i64 {
        h.packet(input, flt(&[0.1; 1024], 40 + n * 1024 * 1000 / 44_100));
    }
    h.end(input);
    h.finish().expect("ends");
    let packets = h.take(OUT);
    let delay = h.outputs()[0].props[0].i64(Prop::Delay).expect("set");
    assert_eq!((packets[0].dts, h.outputs()[0].props[0].timescale()), (40 * 441 / 10 + delay, 44_100));
    assert!(packets.windows(2).all(|w| w[1].dts == w[0].dts + 1024));
    assert!(jumps(&packets).is_empty());
}

#[test]
fn a_loss_said_by_the_input_is_passed_on() {
    let (mut h, input) = harness(&[], mono());
    for n in 0..8 {
        let mut p = flt(&[0.0; 1024], n * 1024);
        if n == 5 {
            p.flags |= Flags::DISCONTINUITY;
        }
        h.packet(input, p);
    }
    h.end(input);
    h.finish().expect("ends");
    assert_eq!(jumps(&h.take(OUT)).iter().map(|j| j.1).collect::<Vec<_>>(), [5 * 1024]);
}

#[test]
fn a_new_sample_rate_begins_a_new_stream_after_the_whole_old_one() {
    for lib in libraries() {
        let (mut h, input) = harness(&[("lib", lib)], mono());
        h.packet(input, flt(&chord(5000, 1, 48_000), 0));
        h.push(input, Item::Props(raw(32_000, 2, SampleFormat::S16)));
        h.packet(input, s16(&chord(5000, 2, 32_000), 5000 * 2 / 3));
        h.run().expect("encodes");
        let before = h.outputs()[0].props.len();
        h.end(input);
        h.finish().expect("ends");
        assert_eq!((before, h.outputs()[0].props.len()), (2, 2));
        let (old, new) = (h.outputs()[0].props[0].clone(), h.outputs()[0].props[1].clone());
        assert_eq!((new.u32(Prop::NumChannels), new.timescale()), (Some(2), 32_000));
        assert_ne!(old.bytes(Prop::DecoderConfig), new.bytes(Prop::DecoderConfig));

        let delay = |p: &Props| p.i64(Prop::Delay).expect("set");
        let packets = h.take(OUT);
        let first = ((5000 - delay(&old)) as usize).div_ceil(1024);
        let (old_packets, new_packets) = packets.split_at(first);
        assert_eq!(new_packets.len(), ((5000 - delay(&new)) as usize).div_ceil(1024));
        let (mut old, mut new) = (Decode::new(&old), Decode::new(&new));
        assert!(old_packets.iter().all(|p| old.frame(p.bytes().expect("bytes")).len() == 1024));
        assert!(new_packets.iter().all(|p| new.frame(p.bytes().expect("bytes")).len() == 2048));
        let seconds = |p: &Packet, rate: f64| p.dts as f64 / rate;
        let end = seconds(&old_packets[first - 1], 48_000.0);
        assert!(seconds(&new_packets[0], 32_000.0) > end);
        assert!(packets[first..].is_sorted_by(|a, b| a.dts < b.dts));
        let last = new_packets.last().expect("some");
        assert_eq!(
            last.dts,
            3333 + delay(&h.outputs()[0].props[1]) + 1024 * (new_packets.len() as i64 - 1),
            "back in time"
        );
    }
}

#[test]
fn another_sample_format_goes_on_in_the_same_stream() {
    let (mut h, input) = harness(&[], mono());
    h.packet(input, flt(&[0.1; 1500], 0));
    h.push(input, Item::Props(raw(48_000, 1, SampleFormat::S16)));
    h.packet(input, s16(&[0.1; 1500], 1500));
    h.end(input);
    h.finish().expect("ends");
    assert_eq!(h.outputs()[0].props.len(), 1);
    assert!(h.take(OUT).windows(2).all(|w| w[1].dts == w[0].dts + 1024));
}

#[test]
fn one_call_sends_no_more_than_there_is_room_for() {
    let (mut h, input) = harness(&[], mono());
    h.packet(input, flt(&[0.1; 50_000], 0));
    h.credit = Credit::Packets(1);
    h.end(input);
    let mut most = 0;
    let mut all = 0;
    while h.step().expect("encodes") != Status::Done {
        let sent = h.outputs().first().map_or(0, |o| o.packets.len());
        if sent > 0 {
            h.take(OUT);
        }
        (most, all) = (most.max(sent), all + sent);
    }
    all += h.take(OUT).len();
    assert_eq!(most, 1);
    assert!(all >= 50_000_usize.div_ceil(1024));
}

#[test]
fn nothing_in_nothing_out() {
    for props in [Props::new(), mono()] {
        let (mut h, input) = harness(&[], props);
        h.packet(input, Packet::new(Bytes::new(), 0));
        h.end(input);
        let done = h.finish();
        match h.outputs().first() {
            Some(out) => assert!(done.is_ok() && out.packets.is_empty() && out.ended),
            None => assert_eq!(
                done.expect_err("no format").message,
                "raw sound came without SampleRate, NumChannels, AudioFormat"
            ),
        }
    }
}

#[test]
fn bad_input_is_refused_in_words() {
    let refused = |props: Props, packet: Packet| {
        let (mut h, input) = harness(&[], props);
        h.packet(input, packet);
        h.run().expect_err("refused")
    };
    let error = refused(raw(48_000, 2, SampleFormat::S16), Packet::new(vec![0; 7].into(), 0));
    assert_eq!(error.message, "7 bytes are not whole s16 samples of 2 channels");
    let error = refused(raw(48_000, 1, SampleFormat::Flt), Packet::new(vec![0; 1023].into(), 0));
    assert_eq!(error.kind, ErrorKind::BadInput);
    let picture = Frame::new(PixelFormat::Yuv420, 2, 2, vec![0; 6].into()).expect("fits");
    assert_eq!(refused(mono(), Packet::picture(picture.into(), 0)).kind, ErrorKind::BadInput);
    assert_eq!(refused(raw(48_000, 3, SampleFormat::S16), s16(&[0.0; 3], 0)).kind, ErrorKind::Unsupported);
    assert_eq!(refused(raw(47_999, 2, SampleFormat::S16), s16(&[0.0; 2], 0)).kind, ErrorKind::Unsupported);
    let mut h = harness(&[("b", "400k")], mono()).0;
    assert_eq!(h.run().expect_err("refused").kind, ErrorKind::BadOption);
    assert_eq!(create(&[("c", "mp3")]).map(|_| ()).expect_err("refused").kind, ErrorKind::BadOption);
}

#[test]
fn stop_and_key_requests_need_nothing() {
    let (mut h, input) = harness(&[], mono());
    h.packet(input, flt(&[0.1; 4096], 0));
    h.run().expect("encodes");
    h.event(Event::KeyRequest(OUT)).expect("takes it");
    h.event(Event::Stop).expect("takes it");
    h.end(input);
    h.finish().expect("ends");
}

#[test]
fn sound_beyond_full_scale_and_not_numbers_is_survived() {
    for lib in libraries() {
        let (mut h, input) = harness(&[("lib", lib)], mono());
        let wild = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 1e30, -1e30, 1.000_001, f32::MIN_POSITIVE];
        h.packet(input, flt(&wild.repeat(1000), 0));
        h.end(input);
        h.finish().expect("ends");
        let mut decoder = Decode::new(&h.outputs()[0].props[0].clone());
        assert!(h.take(OUT).iter().all(|p| decoder.frame(p.bytes().expect("bytes")).iter().all(|x| x.is_finite())));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    /// Whatever bytes, sizes, times and changes of properties: no panic, frames decode, time runs forward.
    #[test]
    fn any_input_is_survived(
        steps in prop::collection::vec((0_u8..6, any::<i64>(), 0_usize..6000, 0_usize..4), 1..30),
        seed in any::<u32>(), lib in prop::sample::select(libraries()),
    ) {
        let kinds = [(48_000, 2, SampleFormat::S16), (48_000, 1, SampleFormat::Flt), (8_000, 1, SampleFormat::S16), (96_000, 2, SampleFormat::Flt)];
        let mut kind = kinds[0];
        let (mut h, input) = harness(&[("lib", lib)], raw(kind.0, kind.1, kind.2));
        let (mut ts, mut random) = (0_i64, seed | 1);
        for (what, time, samples, which) in steps {
            match what {
                0 => { kind = kinds[which]; h.push(input, Item::Props(raw(kind.0, kind.1, kind.2))) }
                1 => ts = time >> 12,
                2 => ts = ts.saturating_add(time % 10_000),
                _ => {}
            }
            let bytes: Vec<u8> = (0..samples * kind.1 as usize * kind.2.bytes()).map(|_| {
                random ^= random << 13; random ^= random >> 17; random ^= random << 5; random as u8
            }).collect();
            h.packet(input, Packet::new(bytes.into(), ts));
            ts = ts.saturating_add(samples as i64);
        }
        h.end(input);
        h.finish().expect("ends");
        let props = h.outputs()[0].props.clone();
        let packets = h.take(OUT);
        if props.len() == 1 {
            prop_assert!(packets.is_sorted_by(|a, b| a.dts < b.dts));
            let mut decoder = Decode::new(&props[0]);
            for p in &packets {
                prop_assert!(!decoder.frame(p.bytes().expect("bytes")).is_empty());
            }
        }
    }
}
