//! The judge of HTTP Live Streaming: the rules of playlists (RFC 8216bis), of one version after another, and of the segments
//! they name. Timestamps are read by FFmpeg.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::SystemTime;

use crate::recording::{self, Packet};
use crate::{peers, process};

/// What durations are rounded by in a playlist, and what a container rounds times by, seconds.
const ROUNDING: f64 = 0.003;
/// Longest frame of sound or picture: how far media may be from what a playlist says, seconds.
const FRAME: f64 = 0.045;

/// A part of a segment.
#[derive(Clone, PartialEq, Debug)]
pub struct Part {
    /// Its file.
    pub uri: String,
    /// Length and offset in the file.
    pub range: Option<(usize, usize)>,
    /// Seconds.
    pub duration: f64,
    /// It says that decoding can start with it.
    pub independent: bool,
}

/// A segment as a playlist tells it.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Segment {
    /// Its file.
    pub uri: String,
    /// Seconds; of one that is still being made, 0.
    pub duration: f64,
    /// The map in force.
    pub map: Option<String>,
    /// It does not go on from the one before.
    pub discontinuous: bool,
    /// Its date.
    pub date: Option<String>,
    /// Its parts.
    pub parts: Vec<Part>,
}

/// A playlist of segments, which keeps the rules.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Playlist {
    /// Longest segment, seconds.
    pub target: u64,
    /// Number of the first segment.
    pub sequence: u64,
    /// Number of discontinuities before it.
    pub discontinuities: u64,
    /// Complete segments.
    pub segments: Vec<Segment>,
    /// The one that is being made, when parts of it are told.
    pub open: Option<Segment>,
    /// Longest part.
    pub part_target: Option<f64>,
    /// `VOD` or `EVENT`.
    pub kind: Option<String>,
    /// It says that nothing follows.
    pub ended: bool,
}

/// Attributes of a tag: `A=1,B="x,y"`.
fn attributes(text: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut rest = text;
    while let Some((name, behind)) = rest.split_once('=') {
        let (value, tail) = match behind.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').expect("a quote is closed"),
            None => behind.split_at(behind.find(',').unwrap_or(behind.len())),
        };
        assert!(found.insert(name.to_owned(), value.to_owned()).is_none(), "{name} stands twice in {text}");
        rest = tail.strip_prefix(',').unwrap_or(tail);
    }
    assert_eq!(rest, "", "an attribute without a value in {text}");
    found
}

fn whole(value: &str) -> u64 {
    value.parse().unwrap_or_else(|_| panic!("{value} is no whole number"))
}

fn seconds(value: &str) -> f64 {
    value.parse().unwrap_or_else(|_| panic!("{value} is no number"))
}

impl Playlist {
    /// Reads a playlist of segments.
    ///
    /// # Panics
    /// When it breaks a rule.
    #[must_use]
    #[track_caller]
    pub fn parse(text: &str) -> Self {
        let mut lines = text.lines();
        assert_eq!(lines.next(), Some("#EXTM3U"), "{text}");
        assert!(text.ends_with('\n'), "the last line is whole");
        let (mut list, mut next, mut seen) = (Self::default(), Segment::default(), BTreeSet::new());
        let (mut version, mut map) = (1, None);
        for line in lines.filter(|line| !line.starts_with('#') || line.starts_with("#EXT")) {
            assert!(!list.ended, "something stands behind the end: {text}");
            let (tag, value) = line.split_once(':').unwrap_or((line, ""));
            let is_header = !matches!(
                tag,
                "#EXTINF" | "#EXT-X-PART" | "#EXT-X-DISCONTINUITY" | "#EXT-X-PROGRAM-DATE-TIME" | "#EXT-X-MAP"
            ) && line.starts_with('#');
            assert!(!is_header || seen.insert(tag.to_owned()), "{tag} stands twice: {text}");
            match tag {
                "#EXT-X-VERSION" => version = whole(value),
                "#EXT-X-TARGETDURATION" => list.target = whole(value),
                "#EXT-X-MEDIA-SEQUENCE" => list.sequence = whole(value),
                "#EXT-X-DISCONTINUITY-SEQUENCE" => list.discontinuities = whole(value),
                "#EXT-X-PLAYLIST-TYPE" => list.kind = Some(value.to_owned()),
                "#EXT-X-PART-INF" => list.part_target = Some(seconds(&attributes(value)["PART-TARGET"])),
                "#EXT-X-SERVER-CONTROL" | "#EXT-X-INDEPENDENT-SEGMENTS" => {}
                "#EXT-X-PRELOAD-HINT" => assert_eq!(attributes(value)["TYPE"], "PART"),
                "#EXT-X-ENDLIST" => list.ended = true,
                "#EXT-X-MAP" => map = Some(attributes(value)["URI"].clone()),
                "#EXT-X-DISCONTINUITY" => next.discontinuous = true,
                "#EXT-X-PROGRAM-DATE-TIME" => next.date = Some(value.to_owned()),
                "#EXTINF" => next.duration = seconds(value.strip_suffix(',').expect("a comma behind the duration")),
                "#EXT-X-PART" => next.parts.push(part(&attributes(value))),
                uri => {
                    assert!(!uri.starts_with('#') && !uri.is_empty(), "what is {line}? {text}");
                    let done = Segment { uri: line.to_owned(), map: map.clone(), ..std::mem::take(&mut next) };
                    list.segments.push(done);
                }
            }
        }
        if !next.parts.is_empty() {
            list.open = Some(Segment { map, ..next });
        }
        list.check(version, text);
        list
    }

    fn check(&self, version: u64, text: &str) {
        assert!(self.target > 0, "TARGETDURATION is missing: {text}");
        let needs = if self.segments.iter().any(|s| s.map.is_some()) { 6 } else { 3 };
        assert!(version >= needs, "version {version} has not what is used: {text}");
        let names: BTreeSet<&str> = self.segments.iter().map(|s| s.uri.as_str()).collect();
        assert_eq!(names.len(), self.segments.len(), "a segment stands twice: {text}");
        for segment in &self.segments {
            assert!(segment.duration > 0.0, "{} has no duration: {text}", segment.uri);
            assert!(segment.duration.round() <= self.target as f64, "{} is too long: {text}", segment.uri);
            assert_eq!(segment.uri.ends_with(".ts"), segment.map.is_none(), "a map goes with fragments: {text}");
            if !segment.parts.is_empty() {
                let sum: f64 = segment.parts.iter().map(|part| part.duration).sum();
                assert!((sum - segment.duration).abs() < ROUNDING, "{} is not the sum of its parts", segment.uri);
            }
        }
        self.check_parts(text);
        if let Some(kind) = &self.kind {
            assert_eq!((kind == "VOD", self.sequence), (self.ended, 0), "{text}");
        }
    }

    /// 4.4.4.9: no part is longer than told, and none but the last of a segment much shorter.
    fn check_parts(&self, text: &str) {
        for segment in self.segments.iter().chain(&self.open) {
            let Some(last) = segment.parts.len().checked_sub(1) else { continue };
            let target = self.part_target.unwrap_or_else(|| panic!("parts without PART-INF: {text}"));
            for (n, part) in segment.parts.iter().enumerate() {
                let least = if n == last { 0.0 } else { target * 0.85 };
                assert!((least..=target).contains(&part.duration), "{} of {} s: {text}", part.uri, part.duration);
            }
            assert!(segment.parts[0].independent, "a segment begins with a key picture: {text}");
        }
    }

    /// Checks that this version may follow another (6.2.1).
    ///
    /// # Panics
    /// When it may not.
    #[track_caller]
    pub fn follows(&self, before: &Self) {
        assert_eq!(self.target, before.target, "the target duration never changes");
        assert!(!before.ended || self == before, "nothing changes behind the end");
        assert!(self.sequence >= before.sequence, "numbers go back: {} to {}", before.sequence, self.sequence);
        let gone = usize::try_from(self.sequence - before.sequence).expect("few segments");
        assert!(before.kind.is_none() || gone == 0, "an event keeps everything");
        assert!(gone <= before.segments.len(), "{gone} segments came and went");
        let discontinuities = before.segments[..gone].iter().filter(|s| s.discontinuous).count() as u64;
        assert_eq!(self.discontinuities, before.discontinuities + discontinuities);
        assert!(gone + self.segments.len() >= before.segments.len(), "segments are taken back");
        for (old, new) in before.segments[gone..].iter().zip(&self.segments) {
            // Parts are told near the end only.
            let parts = if new.parts.is_empty() { Vec::new() } else { old.parts.clone() };
            assert_eq!((&Segment { parts, ..old.clone() }, new.uri.as_str()), (new, old.uri.as_str()));
        }
        if gone > 0 {
            let held: f64 = self.segments.iter().map(|s| s.duration).sum();
            assert!(held >= 3.0 * self.target as f64 - FRAME, "{held} s are less than three times the target");
        }
    }

    /// Checks that everything that is named is there, and every segment against what the playlist says: it begins with a key
    /// picture where it has pictures, is as long as told, and goes on where the one before ended.
    ///
    /// # Panics
    /// When something is not as it should be.
    #[track_caller]
    pub fn check_segments(&self, dir: &Path) {
        let mut before: Option<Vec<Packet>> = None;
        for segment in &self.segments {
            let media = Media::of(dir, segment);
            let lead = if media.video.is_empty() { &media.audio } else { &media.video };
            assert!(media.video.is_empty() || media.video[0].key, "{}: no key picture at its start", segment.uri);
            let (first, last) = (time(&lead[0]), time(&lead[lead.len() - 1]));
            let step = if lead.len() > 1 { (last - first) / (lead.len() - 1) as f64 } else { segment.duration };
            let length = last + step - first;
            assert!(
                (length - segment.duration).abs() < FRAME,
                "{}: {length} s, told {}",
                segment.uri,
                segment.duration
            );
            if let Some(before) = before.filter(|_| !segment.discontinuous) {
                let passed = first - time(&before[before.len() - 1]);
                assert!((passed - step).abs() < FRAME, "{}: {passed} s after the one before", segment.uri);
            }
            before = Some(lead.clone());
        }
    }
}

fn time(packet: &Packet) -> f64 {
    packet.dts.unwrap_or(packet.pts)
}

fn part(attributes: &BTreeMap<String, String>) -> Part {
    let range = attributes.get("BYTERANGE").map(|range| {
        let (length, offset) = range.split_once('@').expect("an offset");
        (length.parse().expect("a length"), offset.parse().expect("an offset"))
    });
    Part {
        uri: attributes["URI"].clone(),
        range,
        duration: seconds(&attributes["DURATION"]),
        independent: attributes.get("INDEPENDENT").is_some_and(|v| v == "YES"),
    }
}

/// The packets of one segment.
struct Media {
    video: Vec<Packet>,
    audio: Vec<Packet>,
}

impl Media {
    fn of(dir: &Path, segment: &Segment) -> Self {
        let read = |name: &str| fs::read(dir.join(name)).unwrap_or_else(|e| panic!("{name} is named: {e}"));
        let mut whole = segment.map.as_deref().map(read).unwrap_or_default();
        whole.extend(read(&segment.uri));
        let file = dir.join(format!("judged-{}", segment.uri));
        fs::write(&file, whole).expect("the test's directory takes files");
        let media = Self { video: recording::packets(&file, "v:0"), audio: recording::packets(&file, "a:0") };
        fs::remove_file(&file).expect("it was just written");
        assert!(!media.video.is_empty() || !media.audio.is_empty(), "{}: nothing in it", segment.uri);
        media
    }
}

/// A rendition that a master playlist names.
#[derive(Clone, PartialEq, Debug)]
pub struct Stream {
    /// Its playlist.
    pub uri: String,
    /// What is said of it.
    pub attributes: BTreeMap<String, String>,
}

/// A master playlist, which keeps the rules.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Master {
    /// Streams to choose.
    pub streams: Vec<Stream>,
    /// Renditions in groups.
    pub media: Vec<BTreeMap<String, String>>,
}

impl Master {
    /// Reads a master playlist.
    ///
    /// # Panics
    /// When it breaks a rule.
    #[must_use]
    #[track_caller]
    pub fn parse(text: &str) -> Self {
        assert!(text.starts_with("#EXTM3U\n"), "{text}");
        let mut master = Self::default();
        let mut about = None;
        for line in text.lines().skip(1) {
            let (tag, value) = line.split_once(':').unwrap_or((line, ""));
            match tag {
                "#EXT-X-VERSION" | "#EXT-X-INDEPENDENT-SEGMENTS" => {}
                "#EXT-X-MEDIA" => master.media.push(attributes(value)),
                "#EXT-X-STREAM-INF" => about = Some(attributes(value)),
                uri => {
                    assert!(!uri.starts_with('#'), "what is {line}? {text}");
                    let attributes = about.take().expect("a stream is described before it is named");
                    master.streams.push(Stream { uri: line.to_owned(), attributes });
                }
            }
        }
        assert!(about.is_none() && !master.streams.is_empty(), "{text}");
        for stream in &master.streams {
            let rate = |name: &str| whole(&stream.attributes[name]);
            assert!(rate("BANDWIDTH") >= rate("AVERAGE-BANDWIDTH") && rate("AVERAGE-BANDWIDTH") > 0, "{stream:?}");
            if let Some(group) = stream.attributes.get("AUDIO") {
                assert!(master.media.iter().any(|m| m["GROUP-ID"] == *group), "{group} is nowhere: {text}");
            }
        }
        master
    }

    /// Checks the rates of a stream against its segments, with those of the sound that goes with it.
    ///
    /// # Panics
    /// When one is much more than is said.
    #[track_caller]
    pub fn check_rates(&self, dir: &Path) {
        let peak = |uri: &str| -> f64 {
            let list = Playlist::read(&dir.join(uri)).expect("it is named");
            let rate = |s: &Segment| fs::metadata(dir.join(&s.uri)).expect("named").len() as f64 * 8.0 / s.duration;
            // 4.4.6.2: over at least half the target.
            let long = list.segments.iter().filter(|s| s.duration >= list.target as f64 / 2.0);
            long.map(rate).fold(0.0, f64::max)
        };
        let sound = self.media.iter().filter_map(|m| m.get("URI")).map(|uri| peak(uri)).fold(0.0, f64::max);
        for stream in &self.streams {
            let (told, real) = (seconds(&stream.attributes["BANDWIDTH"]), peak(&stream.uri) + sound);
            assert!(told * 1.11 >= real, "{}: {real} bits per second, told {told}", stream.uri);
        }
    }
}

impl Playlist {
    /// Reads a playlist of segments from a file; `None` when there is none yet.
    ///
    /// # Panics
    /// When it breaks a rule.
    #[must_use]
    #[track_caller]
    pub fn read(path: &Path) -> Option<Self> {
        fs::read_to_string(path).ok().map(|text| Self::parse(&text))
    }
}

/// Follows a playlist that grows.
#[derive(Debug, Default)]
pub struct Watch {
    /// The last version.
    pub last: Option<Playlist>,
    /// How many versions there were.
    pub versions: usize,
    changed: Option<SystemTime>,
}

impl Watch {
    /// Looks at the file, and checks a version that is new.
    ///
    /// # Panics
    /// When it may not follow the one before, or names what is not there.
    #[track_caller]
    pub fn look(&mut self, path: &Path) {
        let Ok(changed) = fs::metadata(path).and_then(|m| m.modified()) else { return };
        if self.changed == Some(changed) {
            return;
        }
        let Some(new) = Playlist::read(path) else { return };
        if let Some(before) = self.last.replace(new.clone()) {
            new.follows(&before);
        }
        self.changed = Some(changed);
        self.versions += 1;
        let dir = path.parent().expect("it has one");
        for segment in new.segments.iter().chain(&new.open) {
            let parts = segment.parts.iter().map(|part| &part.uri);
            let files = parts.chain(&segment.map).chain((!segment.uri.is_empty()).then_some(&segment.uri));
            for name in files {
                assert!(dir.join(name).exists(), "{name} is named and not there");
            }
        }
    }
}

/// Plays a playlist to a file, as FFmpeg does, for so many seconds.
///
/// # Panics
/// When FFmpeg is not installed.
#[must_use]
pub fn play(playlist: &Path, seconds: u32, file: &str) -> process::Process {
    let mut command = Command::new(peers::tool("ffmpeg"));
    command.args(["-v", "error", "-nostdin", "-y", "-live_start_index", "-2", "-i"]).arg(playlist);
    command.args(["-t", &seconds.to_string(), "-c", "copy", file]);
    process::Process::start("player", command, playlist.parent().expect("it has one"))
}
