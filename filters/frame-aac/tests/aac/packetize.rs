//! `rfadts`: files and streams.

use proptest::prelude::*;
use weir_codec::aac::AudioSpecificConfig;
use weir_media::{Bytes, CodecId, Flags, Packet, Prop, Props, StreamType, Time};
use weir_plugin::{Credit, ErrorKind, Item, Level, OutId, Status};

use crate::support::{aac_pid, adts, file_pid, harness, packetize, plugin, push_file, run_file, shown, stream};

#[test]
fn a_file_becomes_frames_at_counted_times() {
    let (props, packets) = packetize(&stream(), &[1000]);
    assert_eq!((props.stream_type(), props.codec()), (Some(StreamType::Audio), Some(CodecId::Aac)));
    assert_eq!((props.u32(Prop::SampleRate), props.u32(Prop::NumChannels)), (Some(44_100), Some(2)));
    assert_eq!((props.timescale(), props.u32(Prop::SamplesPerFrame)), (44_100, Some(1024)));
    assert_eq!(props.bytes(Prop::DecoderConfig), Some(&Bytes::from_static(&[0x12, 0x10])));
    assert_eq!((props.flag(Prop::Unframed), props.str(Prop::Url)), (false, Some("a.aac")));
    // Every byte of the file is in a header or in a frame.
    assert_eq!(packets.iter().map(|p| p.len() + 7).sum::<usize>(), stream().len());
    for (n, p) in packets.iter().enumerate() {
        assert_eq!((p.dts, p.cts, p.duration, p.flags), (n as i64 * 1024, p.dts, 1024, Flags::KEY));
    }
}

#[test]
fn blocks_of_one_byte_give_the_same_frames() {
    let (_, whole) = packetize(&stream(), &[usize::MAX]);
    let (_, packets) = packetize(&stream(), &[1]);
    assert!(packets.iter().map(shown).eq(whole.iter().map(shown)));
}

proptest! {
    #[test]
    fn any_split_gives_the_same_frames(sizes in prop::collection::vec(1usize..2000, 1..40)) {
        let (_, whole) = packetize(&stream(), &[usize::MAX]);
        let (_, packets) = packetize(&stream(), &sizes);
        prop_assert!(packets.iter().map(shown).eq(whole.iter().map(shown)));
    }
}

#[test]
fn junk_is_stepped_over_with_one_warning() {
    let (_, whole) = packetize(&stream(), &[1000]);
    let (head, tail) = (whole[0].len() + whole[1].len() + 14, stream());
    let junk = [&b"ID3 and what follows it"[..], &tail[..head], b"\xff\xf1junk", &tail[head..]].concat();
    let mut h = run_file(&junk.into(), &[100]);
    let packets = h.take(OutId(0));
    let data = |packets: &[Packet]| packets.iter().map(|p| p.bytes().cloned()).collect::<Vec<_>>();
    assert_eq!(data(&packets), data(&whole));
    let marked: Vec<usize> =
        packets.iter().enumerate().filter(|(_, p)| p.flags.contains(Flags::DISCONTINUITY)).map(|(i, _)| i).collect();
    assert_eq!(marked, [2], "not at the start, where nothing was lost");
    let [(Level::Warning, line)] = &h.logs[..] else { panic!("{:?}", h.logs) };
    assert_eq!(line, "23 bytes before byte 23 are no ADTS frame and are skipped (said once)");
}

#[test]
fn a_file_without_a_frame_is_an_error() {
    for data in [Bytes::from_static(b"no sound at all"), stream().slice(..100)] {
        let mut h = harness("rfadts");
        let input = h.input(file_pid());
        push_file(&mut h, input, &data, &[7]);
        h.end(input);
        let e = h.run().expect_err("nothing to hear");
        assert_eq!((e.kind, e.message.as_str()), (ErrorKind::BadInput, "the file has no ADTS frame"));
    }
}

#[test]
fn a_new_configuration_is_announced_and_time_goes_on() {
    let frames = |rate, channels| (0..4u8).flat_map(|i| adts(rate, channels, &[i; 9])).collect::<Vec<u8>>();
    let data = Bytes::from([frames(48_000, 2), frames(24_000, 1)].concat());
    let mut h = run_file(&data, &[5]);
    let props = &h.outputs()[0].props;
    let said: Vec<_> =
        props.iter().map(|p| (p.timescale(), p.u32(Prop::SampleRate), p.u32(Prop::NumChannels))).collect();
    assert_eq!(said, [(48_000, Some(48_000), Some(2)), (24_000, Some(24_000), Some(1))]);
    let configs: Vec<_> =
        props.iter().map(|p| AudioSpecificConfig::parse(p.bytes(Prop::DecoderConfig).unwrap())).collect();
    assert_eq!(configs, [AudioSpecificConfig::lc(48_000, 2), AudioSpecificConfig::lc(24_000, 1)]);
    let times: Vec<i64> = h.take(OutId(0)).iter().map(|p| p.dts).collect();
    assert_eq!(times, [0, 1024, 2048, 3072, 2048, 3072, 4096, 5120]);
}

#[test]
fn another_round_of_the_file_goes_on_in_time_and_is_marked() {
    let (_, once) = packetize(&stream(), &[1000]);
    let mut h = harness("rfadts");
    let input = h.input(file_pid());
    for round in 0..3 {
        let flags = if round > 0 { Flags::DISCONTINUITY } else { Flags::NONE };
        h.packet(input, Packet { flags, origin: Time::from_millis(round), ..Packet::new(stream(), 0) });
    }
    h.end(input);
    h.finish().expect("good files");
    let packets = h.take(OutId(0));
    assert_eq!(packets.len(), 3 * once.len());
    for (i, p) in packets.iter().enumerate() {
        assert_eq!((p.dts, p.bytes()), (i as i64 * 1024, once[i % once.len()].bytes()));
        assert_eq!(p.flags.contains(Flags::DISCONTINUITY), i > 0 && i % once.len() == 0);
        assert_eq!(p.origin, Time::from_millis((i / once.len()) as u64));
    }
    assert_eq!(h.outputs()[0].props.len(), 1);
}

fn unframed(timescale: u32) -> Props {
    aac_pid().with(Prop::Unframed, true).with(Prop::Timescale, timescale).with(Prop::Delay, -i64::from(timescale / 10))
}

#[test]
fn whole_frames_of_a_stream_leave_at_once_with_their_times() {
    let mut h = harness("rfadts");
    let input = h.input(unframed(90_000));
    for n in 0..5i64 {
        let data = [adts(48_000, 2, &[1; 20]), adts(48_000, 2, &[2; 30])].concat();
        let origin = Time::from_millis(n as u64);
        h.packet(input, Packet { origin, ..Packet::new(data.into(), n * 90_000 - 900) });
        assert_eq!(h.run(), Ok(Status::Idle));
        assert_eq!(h.run(), Ok(Status::Idle));
        let got: Vec<_> = h.take(OutId(0)).iter().map(|p| (p.dts, p.duration, p.len(), p.origin)).collect();
        let start = n * 48_000 - 480;
        assert_eq!(got, [(start, 1024, 20, origin), (start + 1024, 1024, 30, origin)]);
    }
    let props = &h.outputs()[0].props;
    assert_eq!((props.len(), props[0].timescale(), props[0].i64(Prop::Delay)), (1, 48_000, Some(-4800)));
    h.end(input);
    h.finish().expect("ends");
}

#[test]
fn frames_across_packets_take_the_time_of_the_packet_they_start_in() {
    let frame = adts(48_000, 2, &[7; 93]); // 100 bytes
    let data = Bytes::from(frame.repeat(6));
    let mut h = harness("rfadts");
    let input = h.input(unframed(48_000));
    // Starts: 0 | 100, 200 | none | 300 | 400, 500
    for (range, dts) in [(0..50, 10_000), (50..250, 20_000), (250..290, 30_000), (290..350, 40_000), (350..600, 50_000)]
    {
        h.packet(input, Packet::new(data.slice(range), dts));
    }
    h.end(input);
    h.finish().expect("ends");
    let times: Vec<i64> = h.take(OutId(0)).iter().map(|p| p.dts).collect();
    assert_eq!(times, [10_000, 20_000, 21_024, 40_000, 50_000, 51_024]);
}

#[test]
fn packets_of_junk_are_forgotten() {
    let mut h = harness("rfadts");
    let input = h.input(unframed(48_000));
    for n in 0..3000 {
        let flags = if n == 1 { Flags::DISCONTINUITY } else { Flags::NONE };
        h.packet(input, Packet { flags, ..Packet::new(vec![0xff; 100].into(), n) });
    }
    h.packet(input, Packet::new(adts(48_000, 2, &[7; 93]).repeat(2).into(), 3000));
    h.end(input);
    h.finish().expect("ends");
    let packets = h.take(OutId(0));
    assert_eq!(packets.iter().map(|p| p.dts).collect::<Vec<_>>(), [3000, 4024]);
    assert_eq!(packets[0].flags, Flags::KEY | Flags::DISCONTINUITY);
}

#[test]
fn new_properties_of_a_stream_reach_the_output() {
    let mut h = harness("rfadts");
    let input = h.input(unframed(48_000));
    h.packet(input, Packet::new(adts(48_000, 2, &[1; 20]).into(), 0));
    h.push(input, Item::Props(unframed(48_000).with(Prop::Language, "fr")));
    h.packet(input, Packet::new(adts(48_000, 2, &[1; 20]).into(), 1024));
    h.end(input);
    h.finish().expect("ends");
    let said: Vec<_> = h.outputs()[0].props.iter().map(|p| p.str(Prop::Language)).collect();
    assert_eq!(said, [None, Some("fr")]);
    assert_eq!(h.take(OutId(0)).len(), 2);
}

#[test]
fn frames_whose_layout_is_unknown_are_dropped_until_it_comes() {
    let mut unknown = adts(48_000, 2, &[0x21; 20]);
    unknown[2] &= 0xfe;
    unknown[3] &= 0x3f;
    let known = stream();
    let mut h = run_file(&[unknown.repeat(3), known.to_vec()].concat().into(), &[64]);
    assert_eq!(h.take(OutId(0)).len(), packetize(&known, &[64]).1.len());
    assert!(matches!(&h.logs[..], [(Level::Warning, line)] if line.contains("unknown configuration")), "{:?}", h.logs);
}

#[test]
fn without_room_nothing_is_sent() {
    let mut h = harness("rfadts");
    let input = h.input(file_pid());
    h.credit = Credit::Packets(1);
    push_file(&mut h, input, &stream(), &[usize::MAX]);
    h.end(input);
    h.step().expect("opens");
    assert_eq!(h.take(OutId(0)).len(), 1, "a new output takes one");
    h.credit = Credit::Packets(0);
    assert_eq!(h.run(), Ok(Status::Idle));
    assert!(h.take(OutId(0)).is_empty());
    h.credit = Credit::Endless;
    h.finish().expect("goes on");
    assert_eq!(h.take(OutId(0)).len(), packetize(&stream(), &[1000]).1.len() - 1);
}

#[test]
fn it_takes_adts_files_and_unframed_streams() {
    let p = plugin("rfadts");
    let bundles = p.caps(&weir_plugin::Options::defaults(p.options()));
    let takes = |pid: &Props| bundles.iter().any(|b| b.accepts(pid).is_ok());
    assert!(takes(&file_pid()) && takes(&unframed(1)) && !takes(&aac_pid()));
    assert!(!takes(&file_pid().with(Prop::FileExt, "264")));
}
