//! The judge: what is in a file that a player recorded, and whether it is whole.
//!
//! Decoding is FFmpeg's. The pictures are those of `avgen`, which carry their number and mark full seconds.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use weir_source_avgen::marker::{self, Marker};

use crate::peers;
use crate::process;
use crate::sound;

/// Samples per second of decoded sound, whatever was recorded.
const RATE: u32 = 48_000;

/// Seconds from picture to picture.
const STEP: f64 = 0.04;
/// The same where a file starts over.
const LONGEST_SEAM: f64 = 0.2;
/// What containers round times by, at most, twice.
const ROUNDING: f64 = 0.0025;

/// A decoded picture.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Picture {
    /// When it is shown, seconds.
    pub pts: f64,
    /// What it says; `None` when it cannot be read.
    pub marker: Option<Marker>,
}

/// One packet of a stream.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Packet {
    /// Decoding time, seconds; `None` where the container keeps none and FFmpeg cannot tell.
    pub dts: Option<f64>,
    /// Presentation time, seconds.
    pub pts: f64,
    /// Key frame.
    pub key: bool,
    /// An edit list leaves it out: it is decoded and not heard.
    pub left_out: bool,
}

/// What a file holds.
#[derive(Clone, Debug, Default)]
pub struct Recording {
    /// The file's name, for messages.
    pub name: String,
    /// Packets of the first video stream.
    pub video: Vec<Packet>,
    /// Packets of the first audio stream.
    pub audio: Vec<Packet>,
    /// Decoded pictures in the order shown.
    pub pictures: Vec<Picture>,
    /// When beeps begin, seconds.
    pub beeps: Vec<f64>,
    /// The time that decoded sound covers, seconds.
    pub sound: (f64, f64),
}

impl Recording {
    /// Reads and decodes a file.
    ///
    /// # Panics
    /// When it cannot be decoded without a single error.
    #[must_use]
    #[track_caller]
    pub fn of(path: &Path) -> Self {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let (video, audio) = (packets(path, "v:0"), packets(path, "a:0"));
        let mut recording = Self { name, video, audio, ..Self::default() };
        if !recording.video.is_empty() {
            recording.pictures = pictures(path);
        }
        if let Some(first) = recording.audio.iter().find(|p| !p.left_out) {
            let start = first.pts;
            let samples = samples(path);
            let seconds = |n: usize| start + f64::from(u32::try_from(n).expect("a short file")) / f64::from(RATE);
            recording.beeps = sound::beeps(&samples, RATE as usize).into_iter().map(seconds).collect();
            recording.sound = (start, seconds(samples.len()));
        }
        recording
    }

    /// Everything a whole recording is: at least `least` pictures, none lost, repeated or out of step; all times rising;
    /// no hole in the sound; each beep within a frame of its picture.
    ///
    /// # Panics
    /// When it is not.
    #[track_caller]
    pub fn is_whole(&self, least: usize) -> &Self {
        self.is_gapless(least).has_rising_times().has_unbroken_sound().is_in_step()
    }

    /// Without its last pictures: a stream with B-frames that is stopped anywhere ends amid a group of them, where a later
    /// picture has come and an earlier one has not.
    #[must_use]
    pub fn cut_before_last_group(mut self) -> Self {
        self.pictures.truncate(self.pictures.len().saturating_sub(3));
        self
    }

    /// At least `least` pictures, with consecutive numbers and evenly spaced.
    ///
    /// # Panics
    /// When they are not.
    #[track_caller]
    pub fn is_gapless(&self, least: usize) -> &Self {
        self.is_gapless_in_rounds_of(least, None)
    }

    /// As [`Recording::is_gapless`], of a source that starts over after `round` pictures.
    ///
    /// # Panics
    /// When they are not.
    #[track_caller]
    pub fn is_gapless_in_rounds_of(&self, least: usize, round: Option<u32>) -> &Self {
        let numbers = self.numbers();
        assert!(numbers.len() >= least, "{}: {} pictures, expected at least {least}", self.name, numbers.len());
        for pair in numbers.windows(2) {
            let next = pair[0] + 1;
            let next = if round == Some(next) { 0 } else { next };
            assert_eq!(next, pair[1], "{}: pictures lost or repeated: {numbers:?}", self.name);
        }
        for (pair, numbers) in self.pictures.windows(2).zip(numbers.windows(2)) {
            let passed = pair[1].pts - pair[0].pts;
            // A round lasts as long as its longest track: the sound may end a little after the picture.
            let most = if numbers[0] < numbers[1] { STEP } else { LONGEST_SEAM };
            let good = (STEP - ROUNDING..most + ROUNDING).contains(&passed);
            assert!(good, "{}: a picture after {passed} s: {pair:?}", self.name);
        }
        self
    }

    /// Numbers of the pictures.
    ///
    /// # Panics
    /// When one cannot be read.
    #[must_use]
    #[track_caller]
    pub fn numbers(&self) -> Vec<u32> {
        let number = |p: &Picture| p.marker.unwrap_or_else(|| panic!("{}: unreadable: {p:?}", self.name)).frame;
        self.pictures.iter().map(number).collect()
    }

    /// Decoding times rise in each stream, and nothing is shown before it is decoded.
    ///
    /// # Panics
    /// When they do not.
    #[track_caller]
    pub fn has_rising_times(&self) -> &Self {
        for (what, packets) in [("video", &self.video), ("audio", &self.audio)] {
            let known: Vec<f64> = packets.iter().filter_map(|p| p.dts).collect();
            for pair in known.windows(2) {
                assert!(pair[0] < pair[1], "{}: {what} times do not rise: {pair:?}", self.name);
            }
            let early = packets.iter().find(|p| p.dts.is_some_and(|dts| p.pts < dts));
            assert_eq!(early, None, "{}: {what} shown before it is decoded", self.name);
        }
        self
    }

    /// Each packet of sound begins where the one before it ended, to the millisecond that containers round to.
    ///
    /// # Panics
    /// When one does not.
    #[track_caller]
    pub fn has_unbroken_sound(&self) -> &Self {
        let step = self.sound_step();
        for pair in self.audio.windows(2) {
            let passed = pair[1].pts - pair[0].pts;
            assert!((passed - step).abs() < ROUNDING, "{}: sound broken: {pair:?}", self.name);
        }
        self
    }

    /// The mean time from packet to packet of sound.
    fn sound_step(&self) -> f64 {
        let mut steps: Vec<f64> = self.audio.windows(2).map(|p| p[1].pts - p[0].pts).collect();
        steps.sort_by(f64::total_cmp);
        let middle = &steps[steps.len() / 4..(steps.len() * 3).div_ceil(4)];
        middle.iter().sum::<f64>() / f64::from(u32::try_from(middle.len().max(1)).expect("a short file"))
    }

    /// Within what sound and picture share, each picture that begins a second has a beep, and each beep such a picture,
    /// at most one frame apart. There is at least one.
    ///
    /// # Panics
    /// When it is not so.
    #[track_caller]
    pub fn is_in_step(&self) -> &Self {
        let marked = |p: &&Picture| p.marker.is_some_and(|m| m.second_mark);
        let marks: Vec<f64> = self.pictures.iter().filter(marked).map(|p| p.pts).collect();
        let (Some(first), Some(last)) = (self.pictures.first(), self.pictures.last()) else {
            panic!("{}: no picture", self.name)
        };
        // A beep needs silence before it to be seen, and a mark some sound after it.
        let (from, to) = (self.sound.0.max(first.pts) + 0.2, self.sound.1.min(last.pts) - 0.1);
        let near = |times: &[f64], t: f64| times.iter().map(|x| (x - t).abs()).fold(f64::INFINITY, f64::min);
        let within = |times: &[f64]| times.iter().copied().filter(|t| (from..to).contains(t)).collect::<Vec<_>>();
        for (times, others) in [(&marks, &self.beeps), (&self.beeps, &marks)] {
            for time in within(times) {
                let apart = near(others, time);
                assert!(
                    apart <= STEP + ROUNDING,
                    "{}: out of step at {time} by {apart}: {marks:?} {:?}",
                    self.name,
                    self.beeps
                );
            }
        }
        assert!(!within(&marks).is_empty(), "{}: too short to judge: {from}..{to} {marks:?}", self.name);
        self
    }
}

/// The first `seconds` of a file as a file of its own. For recorders that do not finish their last packet when they stop.
///
/// # Panics
/// When it cannot be read.
#[must_use]
#[track_caller]
pub fn beginning(path: &Path, seconds: u32) -> PathBuf {
    let cut = path.with_extension("cut.mkv");
    let mut command = Command::new(peers::tool("ffmpeg"));
    command.args(["-v", "error", "-nostdin", "-y", "-i"]).arg(path).args(["-t", &seconds.to_string(), "-c", "copy"]);
    command.arg(&cut);
    judged("ffmpeg", command, path);
    cut
}

/// Packets of a stream.
pub(crate) fn packets(path: &Path, stream: &str) -> Vec<Packet> {
    let rows = probe(path, &["-select_streams", stream, "-show_packets"], "packet=pts_time,dts_time,flags");
    let packet = |row: &BTreeMap<String, String>| {
        Some(Packet {
            dts: number(row, "dts_time"),
            pts: number(row, "pts_time")?,
            key: row["flags"].contains('K'),
            left_out: row["flags"].contains('D'),
        })
    };
    rows.iter().map(|row| packet(row).unwrap_or_else(|| panic!("{}: {row:?}", path.display()))).collect()
}

/// Rows of what ffprobe shows.
fn probe(path: &Path, what: &[&str], entries: &str) -> Vec<BTreeMap<String, String>> {
    let mut command = Command::new(peers::tool("ffprobe"));
    command.args(["-v", "error", "-of", "compact=p=0", "-show_entries", entries]).args(what).arg(path);
    let out = judged("ffprobe", command, path);
    let row = |line: &str| line.split('|').filter_map(|f| f.split_once('=')).map(own).collect();
    String::from_utf8_lossy(&out).lines().filter(|l| l.contains('=')).map(row).collect()
}

fn own((key, value): (&str, &str)) -> (String, String) {
    (key.to_owned(), value.to_owned())
}

fn number(row: &BTreeMap<String, String>, key: &str) -> Option<f64> {
    row.get(key)?.parse().ok()
}

/// The pictures of the first video stream.
fn pictures(path: &Path) -> Vec<Picture> {
    let rows = probe(path, &["-select_streams", "v:0"], "frame=best_effort_timestamp_time,width,height");
    let side = |key: &str| rows.first().and_then(|r| r.get(key)?.parse::<usize>().ok()).unwrap_or(0);
    let (width, height) = (side("width"), side("height"));
    let raw = decode(path, &["-map", "0:v:0", "-f", "rawvideo", "-pix_fmt", "gray", "-vsync", "passthrough"]);
    let planes = raw.chunks_exact((width * height).max(1));
    assert_eq!(planes.len(), rows.len(), "{}: as many pictures decoded as probed", path.display());
    let pts = |row| number(row, "best_effort_timestamp_time").expect("a picture has a time");
    let read = |luma| marker::read(luma, width, height, width);
    planes.zip(&rows).map(|(luma, row)| Picture { pts: pts(row), marker: read(luma) }).collect()
}

/// The sound of the first audio stream in mono.
fn samples(path: &Path) -> Vec<i16> {
    let rate = RATE.to_string();
    let raw = decode(path, &["-map", "0:a:0", "-f", "s16le", "-ac", "1", "-ar", &rate]);
    raw.chunks_exact(2).map(|b| i16::from_le_bytes([b[0], b[1]])).collect()
}

/// What FFmpeg decodes to, without a word of complaint.
#[track_caller]
pub fn decode(path: &Path, how: &[&str]) -> Vec<u8> {
    let mut command = Command::new(peers::tool("ffmpeg"));
    command.args(["-v", "error", "-nostdin", "-i"]).arg(path).args(how).arg("-");
    judged("ffmpeg", command, path)
}

#[track_caller]
fn judged(name: &str, command: Command, path: &Path) -> Vec<u8> {
    let dir = path.parent().expect("files of tests lie in a directory");
    let ended = process::run(&format!("judge-{name}"), command, dir);
    assert!(ended.code == Some(0) && ended.stderr.is_empty(), "{}: {name}: {:#?}", path.display(), ended.stderr);
    fs::read(dir.join(format!("judge-{name}.out"))).expect("it was just written")
}
