//! `hlsmx` through the harness: a disk in memory takes the pieces, and every playlist is looked at when it is written.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use weir_media::{Bytes, CodecId, Flags, Packet, Piece, Prop, Props, StreamType, Value};
use weir_plugin::harness::Harness;
use weir_plugin::{Create, InId, Item, Memory, Options, OutId, Plugin, Registry, Result};

fn with_plugin<T>(use_it: impl FnOnce(&dyn Plugin) -> T) -> T {
    let mut registry = Registry::new();
    weir_mux_hls::register(&mut registry);
    use_it(registry.get("hlsmx").expect("registered").as_ref())
}

/// A muxer for segments of this kind.
fn try_harness(segments: &str, args: &[(&str, &str)]) -> Result<Harness> {
    with_plugin(|plugin| {
        let mut options = Options::defaults(plugin.options());
        for (name, value) in [("dst", "out/tv.m3u8")].iter().chain(args) {
            options.apply(name, Some(value)).expect("an option");
        }
        let wanted = |b: &weir_media::Bundle| b.outputs.iter().any(|cap| cap.value == Value::from(segments));
        let bundle = plugin.caps(&options).into_iter().find(wanted);
        assert!(bundle.is_some(), "there is a way to make {segments}");
        Ok(Harness::new(plugin.create(Create { options, bundle, memory: Memory::new(1 << 20) })?))
    })
}

fn harness(args: &[(&str, &str)]) -> Harness {
    try_harness("video/mp4", args).expect("good options")
}

fn video() -> Props {
    Props::new()
        .with(Prop::StreamType, StreamType::Visual)
        .with(Prop::CodecId, CodecId::Avc)
        .with(Prop::Timescale, 1000u32)
        .with(Prop::Width, 320u32)
        .with(Prop::Height, 180u32)
        .with(Prop::DecoderConfig, Bytes::from_static(b"\x01\x64\x00\x1f of one"))
}

fn audio() -> Props {
    Props::new()
        .with(Prop::StreamType, StreamType::Audio)
        .with(Prop::CodecId, CodecId::Aac)
        .with(Prop::Timescale, 48_000u32)
        .with(Prop::SampleRate, 48_000u32)
        .with(Prop::DecoderConfig, Bytes::from_static(b"\x11\x90"))
}

/// 25 pictures a second, a key picture each second.
fn picture(n: i64) -> Packet {
    let flags = if n % 25 == 0 { Flags::KEY } else { Flags::NONE };
    let data = format!("<picture {n}>").into_bytes();
    Packet { flags, duration: 40, cts: n * 40 + 80, ..Packet::new(data.into(), n * 40) }
}

fn sound(n: i64) -> Packet {
    Packet { flags: Flags::KEY, duration: 1024, ..Packet::new(Bytes::from_static(b"<sound>"), n * 1024) }
}

/// What a player sees, as of now.
#[derive(Default)]
struct Disk {
    files: BTreeMap<String, Vec<u8>>,
    /// Being written.
    open: BTreeSet<String>,
    /// Every version of every playlist, in order.
    playlists: Vec<(String, String)>,
}

impl Disk {
    /// Takes what the muxer has made; what a playlist names must be there, and complete.
    fn take(&mut self, h: &mut Harness) {
        if h.outputs().is_empty() {
            return;
        }
        for packet in h.take(OutId(0)) {
            let bytes = packet.bytes().expect("bytes").to_vec();
            match packet.piece.expect("all of it is in pieces") {
                Piece::Whole(name) if name.ends_with(".m3u8") => {
                    let text = String::from_utf8(bytes).expect("text");
                    self.check(&name, &text);
                    self.playlists.push((name.to_string(), text.clone()));
                    self.files.insert(name.to_string(), text.into_bytes());
                }
                Piece::Whole(name) => drop(self.files.insert(name.to_string(), bytes)),
                Piece::Of { name, last } => {
                    if self.open.insert(name.to_string()) {
                        self.files.insert(name.to_string(), Vec::new());
                    }
                    self.files.get_mut(&*name).expect("open").extend(bytes);
                    if last {
                        self.open.remove(&*name);
                    }
                }
                Piece::Removed(name) => {
                    let named = self.last_of_each().any(|text| uris(text).contains(&&*name));
                    assert!(!named, "{name} is removed while a playlist names it");
                    assert!(self.files.remove(&*name).is_some(), "{name} is removed and was not there");
                }
                Piece::Next => panic!("files have names here"),
            }
        }
    }

    fn check(&self, name: &str, text: &str) {
        assert!(text.starts_with("#EXTM3U\n"), "{name}");
        for uri in uris(text) {
            let file = self.files.get(uri).unwrap_or_else(|| panic!("{name} names {uri}, which is not there"));
            assert!(!file.is_empty(), "{name} names {uri}, which is empty");
            let ranged = text.contains("BYTERANGE") && self.open.contains(uri);
            assert!(ranged || !self.open.contains(uri), "{name} names {uri}, which is not complete");
        }
    }

    fn last_of_each(&self) -> impl Iterator<Item = &str> {
        let latest: BTreeMap<_, _> = self.playlists.iter().map(|(name, text)| (name, text)).collect();
        latest.into_values().map(String::as_str)
    }

    /// The last version of a playlist.
    fn playlist(&self, name: &str) -> &str {
        let found = self.playlists.iter().rfind(|(n, _)| n == name);
        &found.unwrap_or_else(|| panic!("{name} is not among {:?}", self.files.keys())).1
    }

    fn text(&self, name: &str) -> String {
        String::from_utf8_lossy(&self.files[name]).into_owned()
    }
}

/// Names in a playlist: of segments, parts, maps and other playlists.
fn uris(text: &str) -> Vec<&str> {
    text.lines()
        .filter_map(|line| match line.split_once("URI=\"") {
            Some((tag, _)) if tag.contains("PRELOAD-HINT") => None,
            Some((_, rest)) => rest.split_once('"').map(|(uri, _)| uri),
            None => (!line.starts_with('#')).then_some(line),
        })
        .collect()
}

/// Values of a tag, line by line.
fn values<'a>(text: &'a str, tag: &str) -> Vec<&'a str> {
    text.lines().filter_map(|line| line.strip_prefix(tag)?.strip_prefix(':')).collect()
}

fn durations(text: &str) -> Vec<f64> {
    values(text, "#EXTINF").iter().map(|v| v.trim_end_matches(',').parse().expect("seconds")).collect()
}

/// Seconds of both tracks as they would come, and what was made of them.
fn feed(h: &mut Harness, disk: &mut Disk, (v, a): (InId, InId), seconds: std::ops::Range<i64>) {
    for second in seconds {
        (second * 25..(second + 1) * 25).for_each(|n| h.packet(v, picture(n)));
        (second * 375 / 8..(second + 1) * 375 / 8).for_each(|n| h.packet(a, sound(n)));
        h.advance(Duration::from_secs(1));
        h.run().expect("it goes on");
        disk.take(h);
    }
}

fn end(h: &mut Harness, disk: &mut Disk, inputs: &[InId]) {
    inputs.iter().for_each(|input| h.end(*input));
    h.finish().expect("it ends");
    disk.take(h);
}

/// Both tracks for so long, to the end.
fn whole(h: &mut Harness, seconds: i64) -> Disk {
    let mut disk = Disk::default();
    let both = (h.input(video()), h.input(audio()));
    feed(h, &mut disk, both, 0..seconds);
    end(h, &mut disk, &[both.0, both.1]);
    disk
}

#[test]
fn segments_begin_with_key_pictures_and_hold_everything() {
    let disk = whole(&mut harness(&[("segdur", "2.5")]), 10);
    let text = disk.playlist("tv.m3u8");
    assert_eq!(durations(text), [3.0, 3.0, 3.0, 1.0], "key pictures are a second apart");
    assert_eq!(values(text, "#EXT-X-TARGETDURATION"), ["3"]);
    assert_eq!(values(text, "#EXT-X-PLAYLIST-TYPE"), ["VOD"]);
    assert_eq!(uris(text), ["tv_init_0.mp4", "tv_0.m4s", "tv_1.m4s", "tv_2.m4s", "tv_3.m4s"]);
    assert!(text.ends_with("#EXT-X-ENDLIST\n") && !text.contains("PROGRAM-DATE-TIME"));
    let all: String = (0..4).map(|n| disk.text(&format!("tv_{n}.m4s"))).collect();
    assert_eq!((all.matches("<picture ").count(), all.matches("<sound>").count()), (250, 468));
    assert!(disk.text("tv_1.m4s").contains("<picture 75>") && !disk.text("tv_0.m4s").contains("<picture 75>"));
    assert_eq!(disk.files.len(), 6, "{:?}", disk.files.keys());
    let events = disk.playlists.iter().filter(|(_, text)| text.contains("TYPE:EVENT")).count();
    assert!(events > 1, "it can be watched before it is complete");
}

#[test]
fn a_live_playlist_slides_and_names_only_what_is_there() {
    let mut h = harness(&[("segdur", "1"), ("tsb", "4")]);
    h.set_live(true);
    h.set_utc(1_700_000_000_000_000);
    let mut disk = Disk::default();
    let both = (h.input(video()), h.input(audio()));
    feed(&mut h, &mut disk, both, 0..20);
    let text = disk.playlist("tv.m3u8").to_owned();
    assert_eq!(durations(&text), [1.0; 4]);
    // Counting twice a second since 1970, it began after a second; 19 segments are complete, and 4 are told.
    assert_eq!(values(&text, "#EXT-X-MEDIA-SEQUENCE"), [(3_400_000_002_u64 + 19 - 4).to_string()]);
    assert!(!text.contains("PLAYLIST-TYPE") && !text.contains("ENDLIST"));
    let dates = values(&text, "#EXT-X-PROGRAM-DATE-TIME");
    assert_eq!((dates.len(), &dates[0][..17]), (4, "2023-11-14T22:13:"));
    let segments = disk.files.keys().filter(|name| name.ends_with(".m4s")).count();
    assert!((8..=11).contains(&segments), "{segments}: the window, as much again for who is late, one that is open");
    let steps: Vec<u64> = disk
        .playlists
        .iter()
        .map(|(_, text)| values(text, "#EXT-X-MEDIA-SEQUENCE")[0].parse().expect("a number"))
        .collect();
    assert!(steps.windows(2).all(|pair| pair[0] <= pair[1] && pair[1] - pair[0] <= 1), "{steps:?}");
    end(&mut h, &mut disk, &[both.0, both.1]);
    assert!(disk.playlist("tv.m3u8").ends_with("#EXT-X-ENDLIST\n"));
    let left = uris(disk.playlist("tv.m3u8")).len() + 1;
    assert_eq!(disk.files.len(), left, "what nobody plays any more is gone: {:?}", disk.files.keys());
    // And again: numbers are higher.
    let mut h = harness(&[("segdur", "1"), ("dmode", "dynamic")]);
    h.set_utc(1_700_000_020_000_000);
    let again = whole(&mut h, 2);
    let first: u64 = values(again.playlist("tv.m3u8"), "#EXT-X-MEDIA-SEQUENCE")[0].parse().expect("a number");
    assert!(first > *steps.last().expect("some") + 5, "{first}");
}

#[test]
fn segments_that_have_left_can_be_kept() {
    let mut h = harness(&[("segdur", "1"), ("tsb", "0"), ("dmode", "dynamic"), ("keep_segs", "yes")]);
    let disk = whole(&mut h, 20);
    assert_eq!(disk.files.keys().filter(|name| name.ends_with(".m4s")).count(), 20);
}

#[test]
fn other_parameter_sets_begin_anew() {
    let mut h = harness(&[("segdur", "2")]);
    let mut disk = Disk::default();
    let both = (h.input(video()), h.input(audio()));
    feed(&mut h, &mut disk, both, 0..3);
    h.push(both.0, Item::Props(video().with(Prop::DecoderConfig, Bytes::from_static(b"\x01\x64\x00\x1f of two"))));
    feed(&mut h, &mut disk, both, 3..6);
    end(&mut h, &mut disk, &[both.0, both.1]);
    let text = disk.playlist("tv.m3u8");
    assert_eq!(durations(text), [2.0, 1.0, 2.0, 1.0]);
    assert_eq!(text.matches("#EXT-X-DISCONTINUITY\n#EXT-X-MAP:URI=\"tv_init_2.mp4\"\n").count(), 1, "{text}");
    assert_eq!(text.matches("#EXT-X-DISCONTINUITY\n").count(), 1);
    assert!(disk.text("tv_init_0.mp4").contains("of one") && disk.text("tv_init_2.mp4").contains("of two"));
    assert!(!disk.text("tv_init_2.mp4").contains("of one"));
    // The same again changes nothing.
    let mut h = harness(&[("segdur", "2")]);
    let mut disk = Disk::default();
    let both = (h.input(video()), h.input(audio()));
    feed(&mut h, &mut disk, both, 0..3);
    h.push(both.0, Item::Props(video()));
    feed(&mut h, &mut disk, both, 3..6);
    end(&mut h, &mut disk, &[both.0, both.1]);
    assert_eq!(durations(disk.playlist("tv.m3u8")), [2.0, 2.0, 2.0]);
}

#[test]
fn what_was_lost_is_told() {
    let mut h = harness(&[("segdur", "2")]);
    let mut disk = Disk::default();
    let v = h.input(video());
    (0..30).for_each(|n| h.packet(v, picture(n)));
    // Pictures 30 to 49 are lost; the key picture behind them says so.
    h.packet(v, Packet { flags: Flags::KEY | Flags::DISCONTINUITY, ..picture(50) });
    (51..75).for_each(|n| h.packet(v, picture(n)));
    // Nothing for a minute, and nobody says anything.
    (75..100).for_each(|n| h.packet(v, Packet { dts: n * 40 + 60_000, cts: n * 40 + 60_000, ..picture(n) }));
    end(&mut h, &mut disk, &[v]);
    let text = disk.playlist("tv.m3u8");
    assert_eq!(durations(text), [1.2, 1.0, 1.0], "each as long as its media");
    assert_eq!(text.matches("#EXT-X-DISCONTINUITY\n").count(), 2);
}

#[test]
fn nothing_is_shown_before_a_key_picture() {
    let mut h = harness(&[]);
    let mut disk = Disk::default();
    let (v, a) = (h.input(video()), h.input(audio()));
    (10..60).for_each(|n| h.packet(v, picture(n)));
    (18..112).for_each(|n| h.packet(a, sound(n)));
    end(&mut h, &mut disk, &[v, a]);
    let text = disk.text("tv_0.m4s");
    assert!(text.contains("<picture 25>") && !text.contains("<picture 24>"));
    assert_eq!(durations(disk.playlist("tv.m3u8")), [1.4]);
    let sounds = text.matches("<sound>").count();
    assert!((64..=67).contains(&sounds), "{sounds} frames of sound go with it");
}

#[test]
fn an_encoder_is_asked_for_a_key_picture_once_a_segment() {
    let mut h = harness(&[("segdur", "2")]);
    let v = h.input(video());
    let mut disk = Disk::default();
    for n in 0..200 {
        h.packet(v, Packet { flags: if n % 100 == 0 { Flags::KEY } else { Flags::NONE }, ..picture(n) });
    }
    end(&mut h, &mut disk, &[v]);
    assert_eq!(h.key_requests, [v, v]);
    assert_eq!(values(disk.playlist("tv.m3u8"), "#EXT-X-TARGETDURATION"), ["4"]);
    assert_eq!(h.logs.iter().filter(|(_, line)| line.contains("key pictures are further apart")).count(), 1);
}

#[test]
fn renditions_have_playlists_of_their_own_and_a_master() {
    let mut h = harness(&[("segdur", "2")]);
    let mut disk = Disk::default();
    let small = h.input(video());
    let large = h.input(video().with(Prop::Width, 640u32).with(Prop::Height, 360u32));
    let a = h.input(audio());
    for n in 0..125 {
        h.packet(small, picture(n));
        h.packet(large, Packet { data: weir_media::Payload::Bytes(Bytes::from(vec![1; 1000])), ..picture(n) });
    }
    (0..234).for_each(|n| h.packet(a, sound(n)));
    end(&mut h, &mut disk, &[small, large, a]);
    for name in ["tv_v1.m3u8", "tv_v2.m3u8"] {
        assert_eq!(durations(disk.playlist(name)), [2.0, 2.0, 1.0], "{name}");
    }
    let sounds = durations(disk.playlist("tv_a1.m3u8"));
    assert_eq!(sounds.len(), 3);
    assert!(sounds.iter().zip([2.0, 2.0, 1.0]).all(|(a, b): (&f64, f64)| (a - b).abs() < 0.022), "{sounds:?}");
    let master = disk.playlist("tv.m3u8");
    let streams = values(master, "#EXT-X-STREAM-INF");
    assert!(streams[0].contains("RESOLUTION=640x360") && streams[1].contains("RESOLUTION=320x180"), "{master}");
    assert!(streams.iter().all(|s| s.contains("CODECS=\"avc1.64001f,mp4a.40.2\"") && s.contains("AUDIO=\"audio\"")));
    assert_eq!(uris(master), ["tv_a1.m3u8", "tv_v1.m3u8", "tv_v2.m3u8"]);
    assert!(disk.text("tv_init_0.mp4".replace("tv_", "tv_v1_").as_str()).contains("of one"));
    // What it says is true.
    let rate = |text: &str| -> u64 {
        text.split_once("=").expect("a value").1.split(',').next().expect("one").parse().expect("a number")
    };
    let largest = (0..3).map(|n| disk.files[&format!("tv_v1_{n}.m4s")].len() as u64 * 8 / 2).max().expect("three");
    assert!(rate(streams[0]) >= largest && rate(streams[0]) < largest * 2, "{master}: {largest}");
}

#[test]
fn parts_are_as_long_as_told_and_make_up_their_segment() {
    for kind in ["sf", "br"] {
        let mut h = harness(&[("segdur", "2"), ("cdur", "0.5"), ("llhls", kind), ("tsb", "60")]);
        h.set_live(true);
        let mut disk = Disk::default();
        let both = (h.input(video()), h.input(audio()));
        feed(&mut h, &mut disk, both, 0..9);
        let text = disk.playlist("tv.m3u8").to_owned();
        let parts = values(&text, "#EXT-X-PART");
        let length = |part: &str| -> f64 {
            part.strip_prefix("DURATION=").expect("first").split(',').next().expect("one").parse().expect("seconds")
        };
        assert_eq!(values(&text, "#EXT-X-PART-INF"), ["PART-TARGET=0.540000"], "half a second and a picture");
        assert!(parts.iter().all(|part| (0.48..=0.52).contains(&length(part))), "none is short: {parts:?}");
        assert_eq!(parts.iter().filter(|part| part.contains("INDEPENDENT=YES")).count(), 7, "{text}");
        assert_eq!(values(&text, "#EXT-X-SERVER-CONTROL"), ["PART-HOLD-BACK=3.080000"]);
        let segment = uris(&text).into_iter().rfind(|uri| uri.matches('.').count() == 1 && uri.ends_with(".m4s"));
        let segment = segment.expect("one is complete");
        let stem = segment.trim_end_matches(".m4s");
        if kind == "sf" {
            let all: Vec<u8> =
                (0..).map_while(|n| disk.files.get(&format!("{stem}.{n}.m4s"))).flatten().copied().collect();
            assert_eq!(all, disk.files[segment]);
        } else {
            let mut at = 0;
            for part in parts.iter().filter(|part| part.contains(&format!("\"{segment}\""))) {
                let (_, range) = part.split_once("BYTERANGE=\"").expect("a range");
                let (length, offset) = range.split_once('"').expect("closed").0.split_once('@').expect("both");
                assert_eq!(offset.parse::<usize>(), Ok(at));
                at += length.parse::<usize>().expect("a length");
            }
            assert_eq!(at, disk.files[segment].len());
        }
        end(&mut h, &mut disk, &[both.0, both.1]);
        assert!(!disk.playlist("tv.m3u8").contains("PART"));
    }
}

#[test]
fn transport_streams_begin_with_their_tables() {
    let mut h = try_harness("video/mp2t", &[("segdur", "2")]).expect("good options");
    let mut disk = Disk::default();
    let props = video().with(Prop::Unframed, true);
    let v = h.input(props);
    let a = h.input(audio());
    for n in 0..100 {
        let kind = if n % 25 == 0 { &b"\0\0\0\x01\x67\x42\xc0\x1e\0\0\0\x01\x65"[..] } else { &b"\0\0\0\x01\x41"[..] };
        h.packet(v, Packet { data: weir_media::Payload::Bytes(Bytes::from(kind)), ..picture(n) });
    }
    (0..188).for_each(|n| h.packet(a, sound(n)));
    end(&mut h, &mut disk, &[v, a]);
    let text = disk.playlist("tv.m3u8");
    assert_eq!((durations(text), uris(text)), (vec![2.0, 2.0], vec!["tv_0.ts", "tv_1.ts"]));
    for name in ["tv_0.ts", "tv_1.ts"] {
        let file = &disk.files[name];
        assert_eq!((file.len() % 188, &file[..3], &file[188..191]), (0, &[0x47, 0x40, 0][..], &[0x47, 0x40, 100][..]));
    }
}

#[test]
fn what_cannot_be_is_refused() {
    for (name, value) in [("segdur", "0"), ("cdur", "-1"), ("cdur", "61"), ("segdur", "100000")] {
        let refused = try_harness("video/mp4", &[(name, value)]).err().expect("no such length");
        assert!(refused.message.contains(name), "{refused}");
    }
    let mut h = harness(&[]);
    let v = h.input(video());
    h.end(v);
    assert!(h.run().expect_err("nothing came").message.contains("before its first packet"));
    let mut h = harness(&[]);
    let mut none = video();
    none.remove(Prop::DecoderConfig);
    let v = h.input(none);
    (0..30).for_each(|n| h.packet(v, picture(n)));
    assert!(h.run().expect_err("no decoder could").message.contains("before the parameters"));
}

#[test]
fn a_playlist_of_everything_is_bounded_by_memory() {
    let mut h = with_plugin(|plugin| {
        let mut options = Options::defaults(plugin.options());
        options.apply("segdur", Some("0.04")).expect("an option");
        let with = Create { options, bundle: None, memory: Memory::new(200_000) };
        Harness::new(plugin.create(with).expect("good options"))
    });
    let v = h.input(video());
    (0..1000).for_each(|n| h.packet(v, Packet { flags: Flags::KEY, ..picture(n) }));
    let refused = h.run().expect_err("no room for so many segments");
    assert!(refused.message.contains("memory cap"), "{refused}");
}

/// Encoders decode the first pictures early, and more so when they have begun to reorder them.
#[test]
fn segments_are_as_long_as_they_are_seen() {
    for parts in ["off", "sf"] {
        let mut h = harness(&[("segdur", "2"), ("cdur", "0.5"), ("llhls", parts), ("dmode", "dynamic")]);
        let v = h.input(video());
        let mut disk = Disk::default();
        for n in 0..150 {
            let early = if n < 20 { 0 } else { 100 };
            h.packet(v, Packet { dts: n * 40 - early.min((n - 20).max(0) * 20), cts: n * 40, ..picture(n) });
        }
        h.run().expect("it goes on");
        disk.take(&mut h);
        let list = disk.playlist("tv.m3u8").to_owned();
        assert_eq!(durations(&list), [2.0, 2.0], "{list}");
        end(&mut h, &mut disk, &[v]);
        let lengths = durations(disk.playlist("tv.m3u8"));
        assert_eq!(lengths.iter().sum::<f64>(), 6.0, "{lengths:?}");
    }
}

#[test]
fn sound_goes_on_when_pictures_have_ended() {
    let mut h = harness(&[("segdur", "2")]);
    let mut disk = Disk::default();
    let both = (h.input(video()), h.input(audio()));
    feed(&mut h, &mut disk, both, 0..3);
    h.end(both.0);
    for second in 3..20 {
        (second * 375 / 8..(second + 1) * 375 / 8).for_each(|n| h.packet(both.1, sound(n)));
        h.run().expect("it goes on");
        disk.take(&mut h);
    }
    end(&mut h, &mut disk, &[both.1]);
    let lengths = durations(disk.playlist("tv.m3u8"));
    assert!(lengths.len() >= 8 && lengths.iter().all(|l| *l < 2.5), "{lengths:?}");
    let all: String = (0..lengths.len()).map(|n| disk.text(&format!("tv_{n}.m4s"))).collect();
    assert_eq!(all.matches("<sound>").count(), 937);
    assert_eq!(values(disk.playlist("tv.m3u8"), "#EXT-X-TARGETDURATION"), ["2"]);
    // But what little sound there is behind the last picture is no segment.
    let mut h = harness(&[("segdur", "2")]);
    let mut disk = Disk::default();
    let both = (h.input(video()), h.input(audio()));
    feed(&mut h, &mut disk, both, 0..2);
    h.end(both.0);
    (93..100).for_each(|n| h.packet(both.1, sound(n)));
    end(&mut h, &mut disk, &[both.1]);
    assert_eq!(uris(disk.playlist("tv.m3u8")), ["tv_init_0.mp4", "tv_0.m4s"]);
}

#[test]
fn packets_need_not_say_how_long_they_last() {
    let mut h = harness(&[("segdur", "2"), ("cdur", "0.5"), ("llhls", "sf"), ("dmode", "dynamic")]);
    let mut disk = Disk::default();
    let v = h.input(video());
    (0..100).for_each(|n| h.packet(v, Packet { duration: 0, ..picture(n) }));
    // A picture every three seconds is slow, and no hole.
    (0..10).for_each(|n| {
        let at = 4000 + n * 3000;
        h.packet(v, Packet { dts: at, cts: at, duration: 0, flags: Flags::KEY, ..picture(n) });
    });
    h.run().expect("it goes on");
    disk.take(&mut h);
    let text = disk.playlist("tv.m3u8").to_owned();
    let first = disk.playlists.iter().find(|(_, text)| text.contains("EXTINF")).expect("a segment").1.clone();
    let length = |part: &str| part["DURATION=".len()..].split(',').next().and_then(|l| l.parse::<f64>().ok());
    assert!(values(&first, "#EXT-X-PART").iter().all(|part| length(part).is_some_and(|l| l <= 0.54)), "{first}");
    assert!(text.matches("#EXT-X-DISCONTINUITY\n").count() <= 1, "only where it slows down: {text}");
    assert_eq!(durations(&text).last(), Some(&3.0));
}

#[test]
fn other_parameter_sets_in_a_transport_stream_are_told_too() {
    let mut h = try_harness("video/mp2t", &[("segdur", "2")]).expect("good options");
    let mut disk = Disk::default();
    let v = h.input(video().with(Prop::Unframed, true));
    for n in 0..150 {
        let mut data = b"\0\0\0\x01\x67\x42\xc0\x1e\0\0\0\x01\x65".to_vec();
        data[7] = if n < 75 { 0x1e } else { 0x1f };
        let data = if n % 25 == 0 { data } else { b"\0\0\0\x01\x41".to_vec() };
        h.packet(v, Packet { data: weir_media::Payload::Bytes(data.into()), ..picture(n) });
    }
    end(&mut h, &mut disk, &[v]);
    let text = disk.playlist("tv.m3u8");
    assert_eq!(durations(text), [2.0, 1.0, 2.0, 1.0]);
    assert_eq!(text.matches("#EXT-X-DISCONTINUITY\n").count(), 1, "{text}");
}

#[test]
fn a_master_playlist_does_not_wait_for_a_rendition_that_never_comes() {
    let mut h = harness(&[("segdur", "1")]);
    h.set_live(true);
    let mut disk = Disk::default();
    let (v, first, late) = (h.input(video()), h.input(audio()), h.input(audio()));
    feed(&mut h, &mut disk, (v, first), 0..6);
    assert_eq!(uris(disk.playlist("tv.m3u8")), ["tv_a1.m3u8", "tv_v1.m3u8"]);
    (281..400).for_each(|n| h.packet(late, sound(n)));
    feed(&mut h, &mut disk, (v, first), 6..9);
    assert_eq!(uris(disk.playlist("tv.m3u8")), ["tv_a1.m3u8", "tv_a2.m3u8", "tv_v1.m3u8"]);
}
