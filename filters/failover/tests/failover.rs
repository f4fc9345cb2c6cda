//! The filter alone, in simulated time: when it changes over, where, and what comes out then.

use std::time::Duration;

use weir_failover::register;
use weir_media::{Bytes, CodecId, Flags, Packet, Prop, Props, StreamType};
use weir_plugin::harness::Harness;
use weir_plugin::{Create, InId, Item, Memory, Options, OutId, Registry, Status};

const TICK: Duration = Duration::from_millis(40);
const VIDEO: OutId = OutId(0);
const AUDIO: OutId = OutId(1);

fn harness(options: &[(&str, &str)]) -> Harness {
    let mut registry = Registry::new();
    register(&mut registry);
    let plugin = registry.get("failover").expect("it is there");
    let mut given = Options::defaults(plugin.options());
    for (name, value) in options {
        given.apply(name, Some(value)).expect("it fits");
    }
    let filter = plugin.create(Create { options: given, bundle: None, memory: Memory::new(1 << 20) });
    Harness::new(filter.expect("good options"))
}

fn video(source: u32, width: u32) -> Props {
    Props::new()
        .with(Prop::StreamType, StreamType::Visual)
        .with(Prop::CodecId, CodecId::Avc)
        .with(Prop::Timescale, 25u32)
        .with(Prop::Width, width)
        .with(Prop::Source, source)
}

fn audio(source: u32) -> Props {
    Props::new()
        .with(Prop::StreamType, StreamType::Audio)
        .with(Prop::CodecId, CodecId::Aac)
        .with(Prop::Timescale, 1000u32)
        .with(Prop::Source, source)
}

/// A source with a picture every 40 ms, a key each second, and a sound with each.
struct Feed {
    video: InId,
    audio: InId,
    n: i64,
    tag: u8,
}

impl Feed {
    fn new(harness: &mut Harness, source: u32, width: u32) -> Self {
        let (video, audio) = (harness.input(video(source, width)), harness.input(audio(source)));
        Self { video, audio, n: 1000 * i64::from(source), tag: u8::try_from(source).expect("few") }
    }

    fn tick(&mut self, harness: &mut Harness) {
        let flags = if self.n % 25 == 0 { Flags::KEY } else { Flags::NONE };
        let data = || Bytes::copy_from_slice(&[self.tag]);
        harness.packet(self.video, Packet { flags, ..Packet::new(data(), self.n) });
        let sound = Packet { flags: Flags::KEY, duration: 40, ..Packet::new(data(), self.n * 40) };
        harness.packet(self.audio, sound);
        self.n += 1;
    }
}

/// Runs for so many ticks of the feeds that send.
fn play(harness: &mut Harness, feeds: &mut [&mut Feed], ticks: usize) {
    for _ in 0..ticks {
        feeds.iter_mut().for_each(|feed| feed.tick(harness));
        harness.run().expect("it goes on");
        harness.advance(TICK);
    }
}

/// Which source each packet is of, with its time in milliseconds.
fn seen(harness: &mut Harness, out: OutId) -> Vec<(u8, i64)> {
    let packets = harness.take(out);
    assert!(packets.windows(2).all(|pair| pair[1].dts >= pair[0].dts), "times go back");
    packets.iter().map(|p| (p.bytes().expect("bytes")[0], p.dts / 1000)).collect()
}

#[test]
fn it_changes_over_at_a_key_picture_and_back_when_the_first_is_steady() {
    let mut harness = harness(&[]);
    let (mut main, mut slate) = (Feed::new(&mut harness, 0, 640), Feed::new(&mut harness, 1, 320));
    slate.n += 10;
    play(&mut harness, &mut [&mut main, &mut slate], 50);
    assert!(seen(&mut harness, VIDEO).iter().all(|(source, _)| *source == 0));
    // The first falls silent for 3 s.
    play(&mut harness, &mut [&mut slate], 75);
    let pictures = harness.take(VIDEO);
    assert!(pictures[0].is_key() && pictures[0].flags.contains(Flags::DISCONTINUITY));
    let at = pictures[0].dts / 1000;
    assert!((3_000..4_100).contains(&at) && at % 40 == 0, "after 1 s of silence, at a key picture: {at}");
    assert_eq!(pictures[1].dts - pictures[0].dts, 40_000);
    let sound = seen(&mut harness, AUDIO);
    let first = sound.iter().find(|(source, _)| *source == 1).expect("sound of the slate");
    assert!(first.1 >= at, "its sound does not come before its picture");
    let widths: Vec<_> = harness.outputs()[0].props.iter().map(|p| p.u32(Prop::Width)).collect();
    assert_eq!(widths, [Some(640), Some(320)]);
    // It comes back, and is gone back to after 2 s.
    play(&mut harness, &mut [&mut main, &mut slate], 100);
    let pictures = seen(&mut harness, VIDEO);
    let back = pictures.iter().position(|(source, _)| *source == 0).expect("it is gone back to");
    assert!((50..=75).contains(&back), "after 2 s, at a key picture: {back}");
    assert!(pictures[back..].iter().all(|(source, _)| *source == 0));
    assert!(pictures.windows(2).all(|pair| pair[1].1 - pair[0].1 == 40), "without a gap");
    assert_eq!(harness.logs.len(), 2, "{:?}", harness.logs);
}

#[test]
fn what_is_there_first_begins() {
    let mut harness = harness(&[]);
    let mut slate = Feed::new(&mut harness, 1, 320);
    play(&mut harness, &mut [&mut slate], 30);
    assert_eq!(seen(&mut harness, VIDEO).len(), 30);
    let mut main = Feed::new(&mut harness, 0, 640);
    main.n = 7;
    play(&mut harness, &mut [&mut main, &mut slate], 100);
    let pictures = seen(&mut harness, VIDEO);
    assert_eq!((pictures[0].0, pictures.last().expect("pictures").0), (1, 0));
}

#[test]
fn another_codec_cannot_go_on() {
    let mut harness = harness(&[]);
    let mut main = Feed::new(&mut harness, 0, 640);
    let other = harness.input(video(1, 640).with(Prop::CodecId, CodecId::Raw));
    play(&mut harness, &mut [&mut main], 30);
    harness.advance(Duration::from_secs(3));
    let key = Packet { flags: Flags::KEY, ..Packet::new(Bytes::from_static(b"x"), 0) };
    harness.packet(other, key);
    harness.run().expect("it goes on");
    assert_eq!(seen(&mut harness, VIDEO).len(), 30);
    assert!(harness.logs.iter().any(|(_, line)| line.contains("left out: it is")), "{:?}", harness.logs);
}

#[test]
fn it_ends_with_the_first_or_with_all() {
    for (ends, after_first) in [("first", Status::Done), ("all", Status::Idle)] {
        let mut harness = harness(&[("ends", ends)]);
        let (mut main, mut slate) = (Feed::new(&mut harness, 0, 640), Feed::new(&mut harness, 1, 640));
        play(&mut harness, &mut [&mut main, &mut slate], 30);
        [main.video, main.audio].into_iter().for_each(|input| harness.end(input));
        assert_eq!(harness.run(), Ok(after_first), "{ends}");
        if after_first != Status::Done {
            play(&mut harness, &mut [&mut slate], 30);
            assert_eq!(seen(&mut harness, VIDEO).last().expect("pictures").0, 1, "at once");
            [slate.video, slate.audio].into_iter().for_each(|input| harness.end(input));
            assert_eq!(harness.run(), Ok(Status::Done));
        }
        assert!(harness.outputs().iter().all(|out| out.ended));
    }
}

#[test]
fn a_further_stream_of_a_kind_is_left_out() {
    let mut harness = harness(&[]);
    let mut main = Feed::new(&mut harness, 0, 640);
    let more = harness.input(video(0, 320));
    harness.packet(more, Packet { flags: Flags::KEY, ..Packet::new(Bytes::from_static(b"x"), 0) });
    play(&mut harness, &mut [&mut main], 10);
    assert_eq!((harness.outputs().len(), seen(&mut harness, VIDEO).len()), (2, 10));
}

/// Sources that stand in had best be like the first: they are told of it, and again when that changes.
#[test]
fn others_are_wished_to_be_like_the_first() {
    let mut harness = harness(&[]);
    let mut slate = Feed::new(&mut harness, 1, 640);
    play(&mut harness, &mut [&mut slate], 5);
    assert!(harness.wishes.is_empty(), "nothing is known of a better one");
    let mut first = Feed::new(&mut harness, 0, 1920);
    play(&mut harness, &mut [&mut first, &mut slate], 5);
    let wished = |harness: &mut Harness| {
        let all = std::mem::take(&mut harness.wishes);
        all.iter().map(|(input, props)| (*input, props.u32(Prop::Width))).collect::<Vec<_>>()
    };
    assert_eq!(wished(&mut harness), [(slate.video, Some(1920)), (slate.audio, None)]);
    harness.push(first.video, Item::Props(video(0, 1280)));
    harness.push(slate.video, Item::Props(video(1, 1920)));
    play(&mut harness, &mut [&mut first, &mut slate], 5);
    assert_eq!(wished(&mut harness), [(slate.video, Some(1280))]);
}
