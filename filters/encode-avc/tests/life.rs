//! What happens while it runs: key requests, changes, gaps, limits, bad input.

mod common;

use common::{Content, OUT, create, harness, keys, nals, options, packet, raw};
use openh264::decoder::Decoder;
use openh264::formats::YUVSource;
use proptest::prelude::*;
use weir_encode_avc::AvcEncoder;
use weir_media::{Bytes, CodecId, Flags, Packet, Prop, Props};
use weir_plugin::{Change, Credit, ErrorKind, Event, Item, Plugin, Status};

#[test]
fn a_forced_key_picture_does_not_move_the_grid() {
    let (mut h, input) = harness(&[("g", "10")], raw(160, 120, 25));
    for n in 0..41 {
        if n == 14 {
            h.event(Event::KeyRequest(OUT)).expect("takes it");
        }
        h.packet(input, packet(Content::Card, 160, 120, n));
        h.run().expect("encodes");
    }
    assert_eq!(keys(&h.take(OUT)), [0, 10, 14, 20, 30, 40]);
}

#[test]
fn fintra_is_in_seconds() {
    let (mut h, input) = harness(&[("fintra", "0.4")], raw(160, 120, 25));
    for n in 0..31 {
        h.packet(input, packet(Content::Card, 160, 120, n));
    }
    h.run().expect("encodes");
    assert_eq!(keys(&h.take(OUT)), [0, 10, 20, 30]);
}

#[test]
fn every_picture_can_be_a_key_picture() {
    let (mut h, input) = harness(&[("g", "1")], raw(160, 120, 25));
    for n in 0..6 {
        h.packet(input, packet(Content::Card, 160, 120, n));
    }
    h.run().expect("encodes");
    assert_eq!(keys(&h.take(OUT)), [0, 1, 2, 3, 4, 5]);
}

#[test]
fn what_was_lost_before_is_said_and_decoding_can_begin_there() {
    let (mut h, input) = harness(&[("g", "100")], raw(160, 120, 25));
    for n in 0..10 {
        let mut p = packet(Content::Card, 160, 120, n);
        if n == 6 {
            p.flags |= Flags::DISCONTINUITY;
        }
        h.packet(input, p);
    }
    h.run().expect("encodes");
    let packets = h.take(OUT);
    assert_eq!(keys(&packets), [0, 6]);
    let said: Vec<bool> = packets.iter().map(|p| p.flags.contains(Flags::DISCONTINUITY)).collect();
    assert_eq!(said.iter().filter(|s| **s).count(), 1);
    assert!(said[6]);
}

#[test]
fn a_new_size_in_the_middle_begins_with_a_key_picture() {
    let (mut h, input) = harness(&[("g", "100")], raw(160, 120, 25));
    for n in 0..4 {
        h.packet(input, packet(Content::Card, 160, 120, n));
    }
    h.push(input, Item::Props(raw(320, 180, 25)));
    for n in 4..8 {
        h.packet(input, packet(Content::Card, 320, 180, n));
    }
    // Without properties: the picture itself is believed.
    h.packet(input, packet(Content::Card, 64, 48, 8));
    h.end(input);
    h.finish().expect("ends");
    let sizes: Vec<_> = h.outputs()[0].props.iter().map(|p| (p.u32(Prop::Width), p.u32(Prop::Height))).collect();
    assert_eq!(sizes, [(Some(160), Some(120)), (Some(320), Some(180)), (Some(64), Some(48))]);
    let packets = h.take(OUT);
    assert_eq!(keys(&packets), [0, 4, 8]);
    let mut decoder = Decoder::new().expect("opens");
    let decoded: Vec<_> = packets
        .iter()
        .map(|p| decoder.decode(p.bytes().expect("bytes")).expect("decodes").expect("a picture").dimensions())
        .collect();
    assert_eq!(decoded[3..5], [(160, 120), (320, 180)]);
    assert_eq!(decoded[8], (64, 48));
}

#[test]
fn another_bit_rate_in_the_middle_begins_with_a_key_picture_and_is_held() {
    let (mut h, input) = harness(&[("g", "100"), ("b", "2M")], raw(320, 240, 25));
    for n in 0..100 {
        if n == 50 {
            h.event(Event::Change(Change::Options(options(&[("g", "100"), ("b", "200k")])))).expect("takes it");
        }
        h.packet(input, packet(Content::Hard, 320, 240, n));
        h.run().expect("encodes");
    }
    let packets = h.take(OUT);
    assert_eq!(keys(&packets), [0, 50]);
    assert_eq!(packets.len(), 100, "no picture is lost");
    let bytes = |range: std::ops::Range<usize>| packets[range].iter().map(Packet::len).sum::<usize>();
    assert!(bytes(0..50) > 2 * bytes(50..100), "{} then {}", bytes(0..50), bytes(50..100));
    let rates: Vec<_> = h.outputs()[0].props.iter().map(|p| p.u32(Prop::Bitrate)).collect();
    assert_eq!(rates, [Some(2_000_000), Some(200_000)]);
}

#[test]
fn only_a_good_bit_rate_can_be_changed_to() {
    let said = |given: &[(&str, &str)], names: &[&str]| {
        let change = Change::Options(options(given));
        AvcEncoder.check_change(&options(&[]), &change, names).map_err(|e| e.message)
    };
    assert_eq!(said(&[("b", "1M")], &["b"]), Ok(()));
    let why = said(&[("g", "10")], &["g"]).expect_err("the grid stays");
    assert_eq!(why, "g cannot be changed while it runs, only b, bitrate, rate");
    let why = said(&[("b", "3M"), ("skip", "yes"), ("maxrate", "2M")], &["b"]).expect_err("above the maximum");
    assert_eq!(why, "maxrate 2000000 is below the bit rate 3000000");
    assert!(AvcEncoder.check_change(&options(&[]), &Change::Pause, &[]).is_err());
}

#[test]
fn properties_that_change_nothing_change_nothing() {
    let (mut h, input) = harness(&[("g", "100")], raw(160, 120, 25));
    for n in 0..6 {
        h.packet(input, packet(Content::Card, 160, 120, n));
        h.push(input, Item::Props(raw(160, 120, 25)));
    }
    h.run().expect("encodes");
    assert_eq!(keys(&h.take(OUT)), [0]);
    assert_eq!(h.outputs()[0].props.len(), 1);
}

#[test]
fn without_size_and_frame_rate_the_first_picture_tells() {
    let mut bare = raw(160, 120, 30_000);
    for gone in [Prop::Width, Prop::Height, Prop::Fps] {
        bare.remove(gone);
    }
    let (mut h, input) = harness(&[("g", "5")], bare);
    h.run().expect("runs");
    assert!(h.outputs().is_empty());
    for n in 0..11_u32 {
        let mut p = packet(Content::Card, 160, 120, n);
        (p.dts, p.cts, p.duration) = (i64::from(n) * 1001, i64::from(n) * 1001, 1001 + n % 2);
        h.packet(input, p);
    }
    h.run().expect("encodes");
    assert_eq!((h.outputs().len(), h.outputs()[0].props.len()), (1, 1));
    assert_eq!(h.outputs()[0].props[0].u32(Prop::Width), Some(160));
    assert_eq!(keys(&h.take(OUT)), [0, 5, 10]);
}

#[test]
fn no_room_no_work() {
    let (mut h, input) = harness(&[], raw(160, 120, 25));
    for n in 0..5 {
        h.packet(input, packet(Content::Card, 160, 120, n));
    }
    h.credit = Credit::Packets(0);
    assert_eq!(h.run(), Ok(Status::Idle));
    let waiting = h.take(OUT).len();
    assert!(waiting <= 1, "at most the packet in hand");
    h.credit = Credit::Packets(1);
    h.end(input);
    while h.run().expect("encodes") != Status::Done {}
    assert_eq!(h.take(OUT).len() + waiting, 5);
}

#[test]
fn stop_is_left_to_the_source() {
    let (mut h, input) = harness(&[], raw(160, 120, 25));
    h.packet(input, packet(Content::Card, 160, 120, 0));
    h.event(Event::Stop).expect("takes it");
    h.end(input);
    h.finish().expect("ends");
    assert_eq!(h.take(OUT).len(), 1);
}

#[test]
fn an_input_that_ends_before_it_began_ends_the_filter() {
    let (mut h, input) = harness(&[], Props::new());
    h.end(input);
    h.finish().expect("ends");
    assert!(h.outputs().is_empty());
}

#[test]
fn sizes_that_cannot_be_are_refused_in_words() {
    for (w, h, words) in
        [(15, 120, "too small"), (160, 8, "too small"), (8192, 4320, "too large"), (u32::MAX, 16, "too large")]
    {
        let (mut harness, _) = harness(&[], raw(w, h, 25));
        let error = harness.run().expect_err("refused");
        assert_eq!(error.kind, ErrorKind::Unsupported);
        assert!(error.message.contains(words), "{error}");
    }
    let (mut harness, input) = harness(&[], raw(160, 120, 25));
    harness.packet(input, packet(Content::Card, 160, 14, 0));
    assert_eq!(harness.run().expect_err("refused").kind, ErrorKind::Unsupported);
}

#[test]
fn bytes_are_not_a_picture() {
    let (mut h, input) = harness(&[], raw(160, 120, 25));
    h.packet(input, Packet::new(Bytes::from(vec![0; 160 * 120 * 3 / 2]), 0));
    assert_eq!(h.run().expect_err("refused").kind, ErrorKind::BadInput);
}

#[test]
fn options_that_cannot_be_honoured_are_errors() {
    for options in [&[("c", "hevc")][..], &[("maxrate", "1M")], &[("b", "1M"), ("rate", "2M")], &[("fintra", "0")]] {
        assert_eq!(create(options).map(|_| ()).expect_err("refused").kind, ErrorKind::BadOption);
    }
    let (mut h, input) = harness(&[("level", "1.1")], raw(1280, 720, 25));
    h.packet(input, packet(Content::Card, 1280, 720, 0));
    let error = h.run().expect_err("refused");
    assert_eq!(error.message, "level 1.1 is too low for 1280x720 at 25.00 fps and 2304000 b/s");
    let (mut h, input) = harness(&[("level", "3"), ("b", "300k")], raw(1280, 720, 25));
    h.packet(input, packet(Content::Card, 1280, 720, 0));
    assert!(h.run().expect_err("refused").message.starts_with("level 3 is too low"), "by size alone");
    let (mut h, input) = harness(&[("level", "4")], raw(160, 120, 25));
    h.packet(input, packet(Content::Card, 160, 120, 0));
    h.run().expect("a higher level is fine");
    assert_eq!(nals(h.take(OUT)[0].bytes().expect("bytes"))[0][3], 40);
}

#[test]
fn openh264_never_writes_to_stderr() {
    for test in ["stop_is_left_to_the_source", "options_that_cannot_be_honoured_are_errors"] {
        let exe = std::env::current_exe().expect("a test binary");
        let run = std::process::Command::new(exe).args([test, "--exact", "--nocapture"]).output().expect("runs");
        let (out, err) = (String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
        assert!(out.contains("1 passed"), "{out}");
        assert_eq!(err, "");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    /// Whatever the sizes, times, flags, properties and requests: no panic, times kept, keys where they must be.
    #[test]
    fn any_order_of_events_is_survived(steps in prop::collection::vec((0_u8..8, any::<i64>(), 16_u32..100, 16_u32..100), 1..40)) {
        let (mut h, input) = harness(&[("b", "100k"), ("g", "5")], raw(64, 64, 25));
        let (mut size, mut sent) = ((64, 64), Vec::new());
        for (n, (what, time, w, hgt)) in steps.into_iter().enumerate() {
            match what {
                0 => { h.event(Event::KeyRequest(OUT)).expect("takes it"); continue }
                1 => { h.push(input, Item::Props(raw(w, hgt, 1 + w))); continue }
                2 => size = (w, hgt),
                _ => {}
            }
            let mut p = packet(Content::Card, size.0, size.1, n as u32);
            let ts = if what == 3 { time } else { n as i64 };
            (p.dts, p.cts) = (ts, ts);
            if what == 4 { p.flags |= Flags::DISCONTINUITY }
            h.packet(input, p);
            sent.push(ts);
        }
        h.end(input);
        h.finish().expect("ends");
        if !sent.is_empty() {
            let packets = h.take(OUT);
            prop_assert_eq!(packets.iter().map(|p| p.dts).collect::<Vec<_>>(), sent);
            prop_assert!(packets[0].is_key());
            prop_assert!(packets.windows(2).all(|w| w[1].dts >= w[0].dts || w[1].is_key()), "a jump back needs a key");
            prop_assert!(packets.iter().all(|p| p.is_key() || !p.flags.contains(Flags::DISCONTINUITY)));
        }
    }
}

/// What is left open is as a consumer wishes, from the next picture on; what was asked for stays.
#[test]
fn wishes_are_met_where_nothing_was_asked_for() {
    let like = Props::new()
        .with(Prop::CodecId, CodecId::Avc)
        .with(Prop::DecoderConfig, Bytes::from_static(&[1, 77, 0x40, 30, 0xff]))
        .with(Prop::Bitrate, 123_000_u32);
    for (options, before, after) in [(&[][..], 100, 77), (&[("profile", "baseline"), ("b", "1M")][..], 66, 66)] {
        let (mut h, input) = harness(&[&[("g", "100")], options].concat(), raw(160, 120, 25));
        for n in 0..8 {
            if n == 4 {
                h.event(Event::Wish(OUT, Box::new(like.clone()))).expect("takes it");
            }
            h.packet(input, packet(Content::Card, 160, 120, n));
            h.run().expect("encodes");
        }
        let rate = h.outputs()[0].props.last().and_then(|p| p.u32(Prop::Bitrate));
        assert_eq!(rate, Some(if options.is_empty() { 123_000 } else { 1_000_000 }));
        let packets = h.take(OUT);
        let profiles: Vec<u8> =
            packets.iter().filter(|p| p.is_key()).map(|p| nals(p.bytes().expect("bytes"))[0][1]).collect();
        let expected = if before == after { vec![before] } else { vec![before, after] };
        assert_eq!(profiles, expected, "{options:?}");
    }
}
