//! The filter alone: what it passes on of which file, and when.

use weir_flist::register;
use weir_media::{Bytes, CodecId, Flags, Packet, Prop, Props, StreamType};
use weir_plugin::harness::Harness;
use weir_plugin::{Create, Credit, InId, Memory, Options, OutId, Registry, Status};

const VIDEO: OutId = OutId(0);
const AUDIO: OutId = OutId(1);

fn harness(floop: &str) -> Harness {
    let mut registry = Registry::new();
    register(&mut registry);
    let plugin = registry.get("flist").expect("it is there");
    let mut given = Options::defaults(plugin.options());
    given.apply("floop", Some(floop)).expect("it fits");
    let filter = plugin.create(Create { options: given, bundle: None, memory: Memory::new(1 << 20) });
    let mut harness = Harness::new(filter.expect("good options"));
    harness.set_settled(false);
    harness
}

fn props(entry: u32, ty: StreamType, codec: CodecId, scale: u32) -> Props {
    let props = Props::new().with(Prop::StreamType, ty).with(Prop::CodecId, codec);
    props.with(Prop::Timescale, scale).with(Prop::Source, entry).with(Prop::Id, 7 + entry)
}

/// Pictures at 25 a second, and sound in packets of 30 ms, in another timescale for each entry.
fn inputs(harness: &mut Harness, entry: u32) -> (InId, InId) {
    let video = harness.input(props(entry, StreamType::Visual, CodecId::Avc, 25 * (entry + 1)));
    (video, harness.input(props(entry, StreamType::Audio, CodecId::Aac, 1000)))
}

/// A round of pictures and sounds from `start` on, in pictures and in milliseconds.
fn feed(harness: &mut Harness, (video, audio): (InId, InId), entry: u32, start: i64, round: usize) {
    let tag = Bytes::copy_from_slice(&[u8::try_from(entry).expect("few")]);
    let scale = i64::from(entry) + 1;
    let first = |n: i64| if n == 0 && round > 0 { Flags::DISCONTINUITY } else { Flags::NONE };
    for n in 0..3 {
        let packet = Packet::new(tag.clone(), (start + n) * scale);
        let duration = u32::try_from(scale).expect("few");
        harness.packet(video, Packet { flags: Flags::KEY | first(n), duration, ..packet });
    }
    for n in 0..5 {
        let packet = Packet::new(tag.clone(), start * 40 + n * 30);
        harness.packet(audio, Packet { duration: 30, flags: first(n), ..packet });
    }
}

/// What came out of an output: entry, time, whether it jumps.
fn taken(harness: &mut Harness, out: OutId) -> Vec<(u8, i64, bool)> {
    let of = |p: Packet| (p.bytes().expect("bytes")[0], p.dts, p.flags.contains(Flags::DISCONTINUITY));
    harness.take(out).into_iter().map(of).collect()
}

#[test]
fn files_follow_each_other_and_none_begins_before_all_are_known() {
    let mut harness = harness("0");
    let late = inputs(&mut harness, 1);
    feed(&mut harness, late, 1, 100, 0);
    assert_eq!(harness.run(), Ok(Status::Idle));
    assert_eq!(taken(&mut harness, VIDEO), [], "an earlier file may be on its way");
    let early = inputs(&mut harness, 0);
    feed(&mut harness, early, 0, 10, 0);
    harness.set_settled(true);
    [early.0, early.1, late.0, late.1].into_iter().for_each(|input| harness.end(input));
    harness.finish().expect("it ends");
    // The first keeps its times, in the scale that the output was opened with: 50 a second. Its sound lasts to 550 ms.
    let video = taken(&mut harness, VIDEO);
    assert_eq!(video[..3], [(0, 20, false), (0, 22, false), (0, 24, false)]);
    assert_eq!(video[3..], [(1, 27, true), (1, 29, false), (1, 31, false)]);
    let audio = taken(&mut harness, AUDIO);
    assert_eq!((audio[4], audio[5]), ((0, 520, false), (1, 550, true)));
    assert_eq!(audio.len(), 10);
}

#[test]
fn rounds_take_turns_and_the_end_is_that_of_all() {
    let mut harness = harness("1");
    let (a, b) = (inputs(&mut harness, 0), inputs(&mut harness, 1));
    harness.set_settled(true);
    for round in 0..2 {
        feed(&mut harness, a, 0, if round == 0 { 0 } else { 3 }, round);
        feed(&mut harness, b, 1, if round == 0 { 0 } else { 3 }, round);
    }
    [a.0, a.1, b.0, b.1].into_iter().for_each(|input| harness.end(input));
    harness.finish().expect("it ends");
    let audio = taken(&mut harness, AUDIO);
    let turns: Vec<(u8, i64)> = audio.iter().filter(|(.., jumps)| *jumps).map(|(e, t, _)| (*e, *t)).collect();
    assert_eq!(turns, [(1, 150), (0, 300), (1, 450)]);
    assert!(audio.windows(2).all(|pair| pair[1].1 - pair[0].1 == 30), "no gap and no overlap: {audio:?}");
}

#[test]
fn another_codec_and_a_stream_too_many_are_left_out() {
    let mut harness = harness("0");
    let a = inputs(&mut harness, 0);
    harness.set_settled(true);
    feed(&mut harness, a, 0, 0, 0);
    assert_eq!(harness.run(), Ok(Status::Idle));
    let odd = harness.input(props(1, StreamType::Visual, CodecId::Hevc, 25));
    let more = [1, 1].map(|entry| harness.input(props(entry, StreamType::Audio, CodecId::Aac, 1000)));
    [odd, more[0], more[1]].into_iter().for_each(|i| harness.packet(i, Packet::new(Bytes::from_static(&[9]), 0)));
    [a.0, a.1, odd, more[0], more[1]].into_iter().for_each(|input| harness.end(input));
    harness.finish().expect("it ends");
    assert!(taken(&mut harness, VIDEO).iter().all(|(entry, ..)| *entry == 0));
    assert_eq!(taken(&mut harness, AUDIO).iter().filter(|(entry, ..)| *entry == 9).count(), 1);
    assert_eq!(harness.outputs().len(), 2);
}

#[test]
fn what_waits_is_not_taken_and_without_room_nothing_is() {
    let mut harness = harness("0");
    let (a, b) = (inputs(&mut harness, 0), inputs(&mut harness, 1));
    harness.set_settled(true);
    feed(&mut harness, b, 1, 0, 0);
    assert_eq!(harness.run(), Ok(Status::Idle));
    assert_eq!(taken(&mut harness, VIDEO), []);
    harness.credit = Credit::Packets(0);
    feed(&mut harness, a, 0, 0, 0);
    harness.run().expect("it waits");
    assert_eq!((taken(&mut harness, VIDEO), taken(&mut harness, AUDIO)), (Vec::new(), Vec::new()));
    harness.credit = Credit::Endless;
    assert_eq!(harness.run(), Ok(Status::Idle));
    assert_eq!(taken(&mut harness, VIDEO).iter().map(|(entry, ..)| *entry).collect::<Vec<_>>(), [0, 0, 0]);
}
