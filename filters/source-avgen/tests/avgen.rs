//! The filter from outside: PIDs, times, sound against picture, and what each option does.

use std::sync::Arc;
use std::time::Duration;

use weir_media::{CodecId, Flags, Frac, Packet, PixelFormat, Prop, Props, SampleFormat, StreamType, Value};
use weir_plugin::harness::Harness;
use weir_plugin::{
    Create, Credit, Error, ErrorKind, Event, Filter, Item, Level, Mailbox, Memory, Options, OutId, Plugin, Result,
    Status,
};
use weir_source_avgen::Avgen;
use weir_source_avgen::marker::{self, Marker};

const AUDIO: OutId = OutId(0);
const VIDEO: OutId = OutId(1);

/// A filter with options given as `name=value` words.
fn create(words: &str) -> Result<Box<dyn Filter>> {
    let mut options = Options::defaults(Avgen.options());
    for word in words.split(' ').filter(|w| !w.is_empty()) {
        let (name, value) = word.split_once('=').expect("name=value");
        options
            .apply(name, Some(value))
            .map_err(|e| Error::new(ErrorKind::BadOption, format!("option {name}: {e}")))?;
    }
    Avgen.create(Create { options, bundle: None, memory: Memory::new(1 << 30) })
}

fn harness(words: &str) -> Harness {
    Harness::new(create(words).expect("good options"))
}

/// Runs to the end.
fn run(words: &str) -> Harness {
    let mut h = harness(words);
    h.finish().expect("runs to its end");
    h
}

fn marker_of(packet: &Packet) -> Marker {
    let luma = packet.frame().expect("a picture").plane(0);
    marker::read(luma.data, luma.width, luma.rows, luma.stride).expect("has a marker")
}

/// All samples of one channel.
fn samples(packets: &[Packet], channels: usize, channel: usize) -> Vec<f32> {
    let bytes = packets.iter().flat_map(|p| p.bytes().expect("sound").chunks_exact(4));
    let all = bytes.map(|b| f32::from_le_bytes(b.try_into().expect("four bytes")));
    all.skip(channel).step_by(channels).collect()
}

/// Where beeps begin: the silent sample before sound that follows 10 ms of silence.
fn beeps(samples: &[f32], rate: usize) -> Vec<usize> {
    let mut silent = rate;
    let mut found = Vec::new();
    for (i, s) in samples.iter().enumerate() {
        if *s != 0.0 && silent > rate / 100 {
            found.push(i.saturating_sub(1));
        }
        silent = if *s == 0.0 { silent + 1 } else { 0 };
    }
    found
}

fn crossings(samples: &[f32]) -> usize {
    samples.windows(2).filter(|w| (w[0] < 0.0) != (w[1] < 0.0)).count()
}

fn text(props: &Props, prop: Prop) -> String {
    props.get(prop).map(Value::to_string).unwrap_or_default()
}

#[test]
fn pids_have_gpacs_order_names_and_properties() {
    let h = run("dur=0 ch=2");
    let [audio, video] = h.outputs() else { panic!("two outputs") };
    let expected = Props::new()
        .with(Prop::Id, 1_u32)
        .with(Prop::Name, "audio")
        .with(Prop::StreamType, StreamType::Audio)
        .with(Prop::CodecId, CodecId::Raw)
        .with(Prop::Timescale, 44_100_u32)
        .with(Prop::SampleRate, 44_100_u32)
        .with(Prop::NumChannels, 2_u32)
        .with(Prop::SamplesPerFrame, 1_024_u32)
        .with(Prop::AudioFormat, SampleFormat::Flt);
    assert_eq!(audio.props, [expected]);
    let expected = Props::new()
        .with(Prop::Id, 2_u32)
        .with(Prop::Name, "video")
        .with(Prop::StreamType, StreamType::Visual)
        .with(Prop::CodecId, CodecId::Raw)
        .with(Prop::Timescale, 25_u32)
        .with(Prop::Width, 1_280_u32)
        .with(Prop::Height, 720_u32)
        .with(Prop::PixelFormat, PixelFormat::Yuv420)
        .with(Prop::Fps, Frac { num: 25, den: 1 })
        .with(Prop::SenderNtp, true);
    assert_eq!(video.props, [expected]);
    let frame = video.packets[0].frame().expect("a picture");
    assert_eq!((frame.width(), frame.height(), frame.len()), (1_280, 720, 1_280 * 720 * 3 / 2));
}

#[test]
fn type_selects_pids_and_keeps_their_numbers() {
    let list = |words| {
        let h = run(words);
        h.outputs().iter().map(|o| text(&o.props[0], Prop::Id) + &text(&o.props[0], Prop::Name)).collect::<Vec<_>>()
    };
    assert_eq!(list("type=a dur=0"), ["1audio"]);
    assert_eq!(list("type=v dur=0 sizes=160x90"), ["2video"]);
    assert_eq!(list("dur=0 sizes=160x90,64x64"), ["1audio", "2video1", "3video2"]);
}

#[test]
fn the_senders_clock_is_on_pictures_or_else_on_sound() {
    let ntp = |words| {
        let h = run(words);
        h.outputs().iter().map(|o| o.props[0].flag(Prop::SenderNtp)).collect::<Vec<_>>()
    };
    assert_eq!(ntp("dur=0 sizes=64x64"), [false, true]);
    assert_eq!(ntp("dur=0 type=a"), [true]);
    assert_eq!(ntp("dur=0 sizes=64x64 ntp=no"), [false, false]);
}

#[test]
fn rates_are_assigned_only_when_there_is_one_for_each_size() {
    let h = run("type=v dur=0 sizes=160x90,64x64 rates=200k,1M");
    let rates: Vec<_> = h.outputs().iter().map(|o| o.props[0].u32(Prop::TargetRate)).collect();
    assert_eq!(rates, [Some(200_000), Some(1_000_000)]);
    assert!(h.logs.is_empty());

    let h = run("type=v dur=0 sizes=160x90,64x64 rates=200k");
    assert!(h.outputs().iter().all(|o| o.props[0].u32(Prop::TargetRate).is_none()));
    assert!(matches!(&h.logs[..], [(Level::Warning, line)] if line.contains("rate")), "{:?}", h.logs);
}

#[test]
fn a_second_is_25_pictures_and_44_packets_of_sound() {
    let mut h = harness("dur=1 sizes=160x90");
    h.advance(Duration::from_millis(7));
    h.finish().expect("runs to its end");
    assert!(h.outputs().iter().all(|o| o.ended));
    let (origin, sound, pictures) = (h.now(), h.take(AUDIO), h.take(VIDEO));
    assert_eq!((sound.len(), pictures.len()), (44, 25));
    for (packets, step) in [(&sound, 1_024), (&pictures, 1)] {
        for (n, p) in (0_i64..).zip(packets) {
            assert_eq!((p.dts, p.cts, i64::from(p.duration)), (n * step, n * step, step));
            assert_eq!((p.flags, p.origin), (Flags::KEY, origin));
        }
    }
    assert!(sound.iter().all(|p| p.len() == 4_096));
    assert!(pictures.iter().map(marker_of).map(|m| m.frame).eq(0..25));
}

#[test]
fn packets_come_in_time_order_and_few_at_a_time() {
    let mut h = harness("dur=2 sizes=64x64,64x48 fps=30000/1001");
    let mut ends = [0.0_f64; 3];
    while h.step().expect("runs") != Status::Done {
        let before = ends;
        let mut sent = 0;
        for (i, end) in ends.iter_mut().enumerate() {
            let scale = f64::from(h.outputs()[i].props[0].timescale());
            let packets = h.take(OutId(u32::try_from(i).expect("small")));
            sent += packets.len();
            if let Some(p) = packets.last() {
                *end = f64::from(u32::try_from(p.dts).expect("small") + p.duration) / scale;
            }
        }
        assert!(sent <= 4, "{sent} packets in a call");
        let spread = ends.iter().copied().fold(f64::MIN, f64::max) - ends.iter().copied().fold(f64::MAX, f64::min);
        assert!(spread < 0.034, "{before:?} then {ends:?}");
    }
}

#[test]
fn a_size_listed_twice_is_drawn_once() {
    let mut h = run("type=v dur=1/5 sizes=160x90,64x64,160x90");
    let [a, b, c] = [OutId(0), OutId(1), OutId(2)].map(|o| h.take(o));
    assert_eq!((a.len(), b.len()), (5, 5));
    for (a, c) in a.iter().zip(&c) {
        assert!(Arc::ptr_eq(a.frame().expect("a picture"), c.frame().expect("a picture")));
    }
}

#[test]
fn beeps_begin_at_the_sample_of_the_marked_picture() {
    for (words, utc_ms, marked) in [
        ("adjust=no", 480, vec![0, 25, 50, 75]),
        ("adjust=yes", 480, vec![13, 38, 63, 88]),
        ("adjust=yes", 999, vec![1, 26, 51, 76]),
        ("adjust=yes", 0, vec![0, 25, 50, 75]),
        ("adjust=no start=16777215", 480, vec![0, 25, 50, 75]),
    ] {
        let mut h = harness(&format!("{words} dur=4 sizes=240x160 sr=48000"));
        h.set_utc(1_700_000_000_000_000 + utc_ms * 1_000 + 999);
        h.finish().expect("runs to its end");
        let pictures: Vec<Marker> = h.take(VIDEO).iter().map(marker_of).collect();
        let marks: Vec<usize> = (0..pictures.len()).filter(|i| pictures[*i].second_mark).collect();
        assert_eq!(marks, marked, "{words} at {utc_ms} ms");
        assert!(marks.iter().all(|i| pictures[*i].centis == 0));
        let found = beeps(&samples(&h.take(AUDIO), 1, 0), 48_000);
        // 1920 samples a picture; the packet that crosses the end may hold one more beep.
        assert_eq!(
            found[..marked.len()],
            marked.iter().map(|n| n * 1_920).collect::<Vec<_>>(),
            "{words} at {utc_ms} ms"
        );
        assert!(found.len() <= marked.len() + 1);
    }
}

#[test]
fn full_seconds_fall_on_the_wall_clocks_to_within_a_picture() {
    for utc_ms in (0..1_000).step_by(37) {
        let mut h = harness("type=v dur=1 sizes=120x60 fps=24");
        h.set_utc(1_700_000_000_000_000 + utc_ms * 1_000);
        h.finish().expect("runs to its end");
        let mark = h.take(OutId(0)).iter().position(|p| marker_of(p).second_mark).expect("one in a second");
        let late = (utc_ms * 24 + mark as u64 * 1_000) % 24_000;
        assert!(late < 1_000, "{late} of 1000 at {utc_ms} ms");
    }
}

#[test]
fn rates_that_miss_the_second_mark_the_first_picture_after_it() {
    let mut h = run("adjust=no dur=12 sizes=120x60 fps=30000/1001 sr=48000");
    let pictures = h.take(VIDEO);
    let marks = pictures.iter().filter(|p| marker_of(p).second_mark).map(|p| p.cts);
    let beeps: Vec<_> = beeps(&samples(&h.take(AUDIO), 1, 0), 48_000);
    assert!(beeps.iter().enumerate().all(|(s, at)| *at == s * 48_000), "{beeps:?}");
    for (second, cts) in (0_i64..).zip(marks) {
        let late = cts - second * 30_000;
        assert!((0..1_001).contains(&late), "second {second}: {late}");
    }
}

#[test]
fn tones_tell_seconds_apart() {
    let mut h = run("type=a adjust=no dur=11 sr=48000 blen=100");
    let all = samples(&h.take(AUDIO), 1, 0);
    let hertz = |second: usize| crossings(&all[second * 48_000..][..4_800]) * 5;
    for (second, want) in [(0, 880), (1, 659), (2, 440), (3, 659), (4, 440), (9, 659), (10, 880)] {
        assert!(hertz(second).abs_diff(want) <= 10, "second {second}: {} Hz, not {want}", hertz(second));
    }
    let longest = beeps(&all, 48_000).iter().map(|at| all[*at..].iter().take(48_000).rposition(|s| *s != 0.0)).max();
    assert_eq!(longest.flatten(), Some(4_799));
}

#[test]
fn beeps_alternate_between_channels() {
    let mut h = run("type=a adjust=no dur=6 ch=3 alter=yes sr=8000");
    let packets = h.take(AUDIO);
    for channel in 0..3 {
        let at: Vec<usize> = beeps(&samples(&packets, 3, channel), 8_000).iter().map(|i| i / 8_000).collect();
        assert_eq!(at[..2], [channel, channel + 3], "channel {channel}");
    }
    let mut h = run("type=a adjust=no dur=3 ch=3 sr=8000");
    let packets = h.take(AUDIO);
    assert!((1..3).all(|c| samples(&packets, 3, c) == samples(&packets, 3, 0)));
}

#[test]
fn a_run_is_determined_by_its_start() {
    let content = |utc| {
        let mut h = harness("dur=1/2 sizes=240x160 lock=yes");
        h.set_utc(utc);
        h.finish().expect("runs to its end");
        let pictures: Vec<Vec<u8>> =
            h.take(VIDEO).iter().map(|p| p.frame().expect("a picture").plane(0).data.to_vec()).collect();
        (pictures, samples(&h.take(AUDIO), 1, 0))
    };
    let (a, b, c) = (content(1_700_000_000_480_000), content(1_700_000_000_480_000), content(1_700_000_000_520_000));
    assert!(a == b && a != c);
}

#[test]
fn a_locked_clock_ignores_the_wall_clock() {
    let pictures = |words: &str, hurry: Duration| {
        let mut h = harness(&format!("type=v dur=1 sizes=240x160 {words}"));
        let mut all = Vec::new();
        while h.step().expect("runs") != Status::Done {
            h.advance(hurry);
            all.extend(h.take(OutId(0)).iter().map(|p| p.frame().expect("a picture").plane(0).data.to_vec()));
        }
        all
    };
    let (slow, fast) = (Duration::from_millis(1), Duration::from_secs(3));
    assert!(pictures("lock=yes", slow) == pictures("lock=yes", fast));
    assert!(pictures("lock=no", slow) != pictures("lock=no", fast));
}

#[test]
fn the_banner_moves_when_it_should_and_says_what_it_should() {
    // At 320x240 the banner has the rows from 199 to 216.
    let banner = |words: &str| {
        let mut h = run(&format!("type=v dur=1/2 sizes=320x240 {words}"));
        let luma = |p: &Packet| p.frame().expect("a picture").plane(0).data[199 * 320..216 * 320].to_vec();
        h.take(OutId(0)).iter().map(luma).collect::<Vec<_>>()
    };
    let still = banner("dyn=no banner=hello");
    assert!(still.iter().all(|b| *b == still[0]));
    assert!(banner("dyn=no banner=other")[0] != still[0]);
    let moving = banner("banner=hello");
    assert!(moving.windows(2).all(|w| w[0] != w[1]));
    let none = banner("banner=");
    assert!(none.iter().all(|b| b.iter().all(|p| *p == none[0][0])));
}

#[test]
fn times_of_pictures_are_logged_on_request() {
    let h = run("dur=1/5 sizes=160x90,160x90 logt=yes copy=yes");
    let lines: Vec<_> = h.logs.iter().map(|(_, line)| line.as_str()).collect();
    assert_eq!(lines.len(), 5, "one for each drawn picture");
    assert_eq!(lines[3], "avgen 160x90 frame 3 at 3/25 s, UTC 1700000000000000 us");
}

#[test]
fn start_moves_all_timestamps_alike() {
    let mut h = run("dur=1/5 sizes=64x64 start=16777215 sr=48000");
    let scale = h.outputs()[1].props[0].timescale();
    let (sound, pictures) = (h.take(AUDIO), h.take(VIDEO));
    assert_eq!(sound[0].dts, 16_777_215 * 48);
    assert_eq!(pictures[0].dts * 1_000, 16_777_215 * i64::from(scale));
    assert_eq!((pictures.len(), (pictures[4].dts - pictures[0].dts) * 25), (5, 4 * i64::from(scale)));
    assert_eq!(pictures[0].duration * 25, scale);
}

#[test]
fn without_room_nothing_is_sent_and_stop_ends_everything() {
    let mut h = harness("sizes=64x64");
    h.credit = Credit::Packets(0);
    for _ in 0..3 {
        assert_eq!(h.step(), Ok(Status::Idle));
        assert!(h.outputs().iter().all(|o| o.packets.is_empty()));
    }
    h.credit = Credit::Packets(1);
    assert_eq!(h.step(), Ok(Status::Idle));
    assert!(h.outputs().iter().all(|o| o.packets.len() == 1));
    h.event(Event::Stop).expect("stops");
    assert_eq!(h.step(), Ok(Status::Done));
    assert!(h.outputs().iter().all(|o| o.ended && o.packets.len() == 1));
}

#[test]
fn a_full_output_is_overtaken_by_ten_seconds_at_most() {
    let mut filter = create("sizes=64x64").expect("good options");
    let mut mail = Mailbox::new(Memory::new(1 << 20));
    filter.start(&mut mail.ctx()).expect("starts");
    let mut sent = [0, 0];
    loop {
        mail.outs[0].credit = Credit::Packets(0);
        mail.outs[1].credit = Credit::Endless;
        let status = filter.process(&mut mail.ctx()).expect("runs");
        mail.effects.clear();
        for (sent, out) in sent.iter_mut().zip(&mut mail.outs) {
            *sent += out.items.drain(..).filter(|i| matches!(i, Item::Packet(_))).count();
        }
        if status == Status::Idle {
            break;
        }
    }
    // Picture 250 begins at 10 s.
    assert_eq!(sent, [0, 251]);
}

#[test]
fn what_cannot_be_done_is_refused_by_name() {
    for word in [
        "type=x",
        "disc=yes",
        "evte=2",
        "views=2",
        "pack=tb",
        "disparity=5",
        "pfmt=rgb",
        "fps=0",
        "fps=x",
        "sizes=8x8",
        "ch=0",
        "flen=0",
        "sr=1",
        "rates=-5",
        "blen=2s",
        "dur=-1",
        "freq=30000",
    ] {
        let e = create(word).err().expect("refused");
        let (name, _) = word.split_once('=').expect("name=value");
        assert!(e.kind == ErrorKind::BadOption && e.message.contains(name), "{word}: {e}");
    }
    assert!(create("disc=no evte=0 views=1 pack=no pfmt=yuv").is_ok());
}

#[test]
fn caps_follow_the_type() {
    let count = |ty| {
        let mut options = Options::defaults(Avgen.options());
        options.apply(ty, None).expect("a word of type");
        Avgen.caps(&options).iter().map(|b| b.output_type()).collect::<Vec<_>>()
    };
    assert_eq!(count("a"), [Some(StreamType::Audio)]);
    assert_eq!(count("v"), [Some(StreamType::Visual)]);
    assert_eq!(count("av"), [Some(StreamType::Audio), Some(StreamType::Visual)]);
}

/// A luma plane that went through something.
struct Luma {
    data: Vec<u8>,
    width: usize,
    height: usize,
}

impl Luma {
    fn map(&self, width: usize, height: usize, f: impl Fn(usize, usize) -> u8) -> Self {
        let data = (0..width * height).map(|i| f(i % width, i / width)).collect();
        Self { data, width, height }
    }

    fn at(&self, x: usize, y: usize) -> u32 {
        self.data[y.min(self.height - 1) * self.width + x.min(self.width - 1)].into()
    }

    fn blurred(&self) -> Self {
        self.map(self.width, self.height, |x, y| {
            let sum: u32 = (0..9).map(|i| self.at((x + i % 3).saturating_sub(1), (y + i / 3).saturating_sub(1))).sum();
            u8::try_from(sum / 9).expect("a mean")
        })
    }

    fn halved(&self) -> Self {
        self.map(self.width / 2, self.height / 2, |x, y| {
            let (x, y) = (2 * x, 2 * y);
            let sum = self.at(x, y) + self.at(x + 1, y) + self.at(x, y + 1) + self.at(x + 1, y + 1);
            u8::try_from(sum / 4).expect("a mean")
        })
    }

    fn doubled(&self) -> Self {
        self.map(self.width * 2, self.height * 2, |x, y| {
            let (a, b) = (self.at(x / 2, y / 2), self.at(x.div_ceil(2), y.div_ceil(2)));
            u8::try_from(u32::midpoint(a, b)).expect("a mean")
        })
    }

    /// Noise of up to `reach` levels, then steps of 32 levels.
    fn damaged(&self, seed: u64, reach: i16) -> Self {
        let mut state = seed;
        let data = self.data.iter().map(|p| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            let noise = i16::try_from(state % 1_000).expect("small") * 2 * reach / 1_000 - reach;
            u8::try_from((i16::from(*p) + noise).clamp(0, 255)).expect("clamped") & !31
        });
        Self { data: data.collect(), ..*self }
    }

    fn read(&self) -> Option<Marker> {
        marker::read(&self.data, self.width, self.height, self.width)
    }
}

#[test]
fn the_marker_survives_blur_noise_and_scaling() {
    let mut h = run("type=v dur=2 sizes=240x160");
    for (seed, packet) in (1..).zip(h.take(OutId(0))) {
        let plane = packet.frame().expect("a picture").plane(0);
        let luma = Luma { data: plane.data.to_vec(), width: plane.width, height: plane.rows };
        let want = luma.read();
        assert_eq!(want.map(|m| m.frame), Some(u32::try_from(packet.dts).expect("small")));
        for (what, got) in [
            ("blur", luma.blurred().blurred()),
            ("noise", luma.damaged(seed, 15)),
            ("half", luma.halved()),
            ("half and noise", luma.halved().damaged(seed, 12)),
            ("there and back", luma.halved().doubled().blurred().damaged(seed, 15)),
            ("enlarged", luma.doubled().doubled()),
        ] {
            assert_eq!(got.read(), want, "{what}, picture {seed}");
        }
    }
}

/// As a consumer wishes, where the user left it open: another size and rate from one packet to the next, on the same line of
/// time, and pictures and sound still agree.
#[test]
fn it_becomes_what_a_consumer_wishes() {
    let like = Props::new()
        .with(Prop::StreamType, StreamType::Visual)
        .with(Prop::Width, 320_u32)
        .with(Prop::Height, 180_u32)
        .with(Prop::Fps, Frac { num: 50, den: 1 });
    let sound = Props::new()
        .with(Prop::StreamType, StreamType::Audio)
        .with(Prop::SampleRate, 48_000_u32)
        .with(Prop::NumChannels, 2_u32);
    let mut h = harness("adjust=no");
    let ticks = |h: &mut Harness, n: usize| {
        let mut got = (Vec::new(), Vec::new());
        for _ in 0..n {
            h.step().expect("goes on");
            got.0.extend(h.take(AUDIO));
            got.1.extend(h.take(VIDEO));
        }
        got
    };
    let (audio, video) = ticks(&mut h, 20);
    h.event(Event::Wish(VIDEO, Box::new(like.clone()))).expect("hears it");
    h.event(Event::Wish(AUDIO, Box::new(sound))).expect("hears it");
    let (next_audio, next_video) = ticks(&mut h, 20);
    let props = |h: &Harness, out: OutId| h.outputs()[out.0 as usize].props.last().cloned().expect("properties");
    let (now, heard) = (props(&h, VIDEO), props(&h, AUDIO));
    assert_eq!((now.u32(Prop::Width), now.u32(Prop::Height), now.timescale()), (Some(320), Some(180), 50));
    assert_eq!((heard.u32(Prop::SampleRate), heard.u32(Prop::NumChannels)), (Some(48_000), Some(2)));
    assert!(next_video.iter().all(|p| p.frame().is_some_and(|f| (f.width(), f.height()) == (320, 180))));
    let seconds = |p: &Packet, scale: f64| p.dts as f64 / scale;
    let gap = seconds(&next_video[0], 50.0) - seconds(video.last().expect("some"), 25.0);
    assert!((0.02..=0.061).contains(&gap), "pictures go on: {gap}");
    let gap = seconds(&next_audio[0], 48_000.0) - seconds(audio.last().expect("some"), 44_100.0);
    assert!((0.021..=0.046).contains(&gap), "and so does sound: {gap}");
    for p in &next_video {
        assert_eq!(i64::from(marker_of(p).frame), p.dts, "the number of a picture is that of its time");
    }
    // What the user said stays as it is.
    let mut h = harness("sizes=640x360 fps=25");
    h.step().expect("goes on");
    h.event(Event::Wish(VIDEO, Box::new(like))).expect("hears it");
    h.step().expect("goes on");
    assert_eq!(h.outputs()[VIDEO.0 as usize].props.len(), 1);
}

#[test]
fn blank_is_black_and_silent_and_lasts_as_long() {
    let mut h = run("blank=yes dur=3 sizes=64x48 ch=2");
    let sound = h.take(AUDIO);
    assert!(sound.len() >= 129 && sound.iter().all(|p| p.bytes().expect("sound").iter().all(|b| *b == 0)));
    let pictures = h.take(VIDEO);
    let is_black = |p: &Packet| p.frame().expect("a picture").plane(0).data.iter().all(|s| *s == 16);
    assert!(pictures.len() == 75 && pictures.iter().all(is_black));
}
