//! Enhanced RTMP and what lies beyond AVC and AAC: FLV and MP4 files and RTMP, with FFmpeg 9 on the other side. What goes
//! through weir is the same packet by packet.

use std::path::{Path, PathBuf};
use std::process::Command;

use weir_tests::{Lab, Process, peers, process, wait};

const SECONDS: u32 = 2;
/// A clip of FFmpeg 9: its name, tracks of pictures and sound, and how they are coded.
struct Clip {
    name: &'static str,
    tracks: (usize, usize),
    coded: &'static [&'static str],
}

const X264: [&str; 9] = ["-c:v", "libx264", "-preset", "ultrafast", "-bf", "2", "-g", "25", "-threads"];
const HEVC_OPUS: Clip = Clip {
    name: "hevc_opus",
    tracks: (1, 1),
    coded: &[
        "-c:v",
        "libx265",
        "-preset",
        "ultrafast",
        "-x265-params",
        "log-level=none:keyint=25:bframes=2",
        "-c:a",
        "libopus",
    ],
};
const AV1_FLAC: Clip = Clip {
    name: "av1_flac",
    tracks: (1, 1),
    coded: &["-c:v", "libsvtav1", "-preset", "12", "-g", "25", "-c:a", "flac", "-strict", "-2"],
};
const VP9_AC3: Clip = Clip {
    name: "vp9_ac3",
    tracks: (1, 1),
    coded: &["-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-g", "25", "-c:a", "ac3"],
};
const AVC_EAC3: Clip = Clip { name: "avc_eac3", tracks: (1, 1), coded: &["-c:a", "eac3"] };
const AVC_MP3: Clip = Clip { name: "avc_mp3", tracks: (1, 1), coded: &["-c:a", "libmp3lame"] };
const MULTI: Clip = Clip { name: "multi", tracks: (2, 2), coded: &["-c:a", "aac"] };

impl Clip {
    /// Makes the clip as a file of this kind. The answer is its name.
    fn make(&self, lab: &Lab, ffmpeg: &Path, extension: &str) -> String {
        let name = format!("{}.{extension}", self.name);
        let mut command = Command::new(ffmpeg);
        command.args(["-v", "error", "-nostdin", "-y"]);
        let (video, audio) = self.tracks;
        let picture = format!("testsrc2=s=160x96:r=25:d={SECONDS}");
        let tone = format!("sine=d={SECONDS}:r=48000");
        let sources = std::iter::repeat_n(picture, video).chain(std::iter::repeat_n(tone, audio));
        for source in sources {
            command.args(["-f", "lavfi", "-i", &source]);
        }
        for input in 0..video + audio {
            command.args(["-map", &input.to_string()]);
        }
        if !self.coded.contains(&"-c:v") {
            command.args(X264).arg("1");
        }
        command.args(self.coded).arg(&name);
        process::run("make", command, lab.dir()).with(0);
        name
    }
}

/// FFmpeg 9; `None` when the test is left out.
fn ffmpeg9() -> Option<PathBuf> {
    peers::require("FFmpeg 9", peers::ffmpeg9().is_some()).and_then(|()| peers::ffmpeg9())
}

/// One packet as FFmpeg copies it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Packet {
    stream: usize,
    /// Milliseconds.
    dts: i64,
    pts: i64,
    size: u64,
    checksum: String,
}

/// All packets of a file, by stream; times in milliseconds.
fn packets(lab: &Lab, ffmpeg: &Path, file: &str) -> Vec<Packet> {
    let mut command = Command::new(ffmpeg);
    command.args(["-v", "error", "-nostdin"]);
    if file.ends_with(".mp4") {
        // A copy would leave out what an edit list cuts off.
        command.args(["-ignore_editlist", "1"]);
    }
    command.args(["-i", file, "-map", "0", "-c", "copy", "-copyts"]);
    command.args(["-enc_time_base", "1:1000", "-f", "framecrc", "-"]);
    let out = process::run("packets", command, lab.dir()).quietly(0).stdout.clone();
    let bases: Vec<(i64, i64)> = out.lines().filter_map(time_base).collect();
    let mut all: Vec<Packet> = out.lines().filter(|l| !l.starts_with('#')).filter_map(|l| packet(l, &bases)).collect();
    all.sort_by_key(|p| p.stream);
    all
}

/// The timescale in a line such as `#tb 0: 1/1000`.
fn time_base(line: &str) -> Option<(i64, i64)> {
    let (num, den) = line.strip_prefix("#tb ")?.split_once(": ")?.1.split_once('/')?;
    Some((num.parse().ok()?, den.parse().ok()?))
}

/// A packet from `stream, dts, pts, duration, size, checksum`.
fn packet(line: &str, bases: &[(i64, i64)]) -> Option<Packet> {
    let fields: Vec<&str> = line.split(',').map(str::trim).collect();
    let stream: usize = fields.first()?.parse().ok()?;
    let (num, den) = *bases.get(stream)?;
    let millis = |text: &str| text.parse::<i64>().ok().map(|ticks| (ticks * num * 2000 + den).div_euclid(den * 2));
    Some(Packet {
        stream,
        dts: millis(fields.get(1)?)?,
        pts: millis(fields.get(2)?)?,
        size: fields.get(4)?.parse().ok()?,
        checksum: (*fields.get(5)?).to_owned(),
    })
}

/// As [`packets`], each stream beginning at 0: containers differ in where they begin.
fn from_zero(lab: &Lab, ffmpeg: &Path, file: &str) -> Vec<Packet> {
    let mut all = packets(lab, ffmpeg, file);
    let streams = all.iter().map(|p| p.stream + 1).max().unwrap_or(0);
    for stream in 0..streams {
        let of = |p: &&mut Packet| p.stream == stream;
        let zero = all.iter().find(|p| p.stream == stream).map_or(0, |p| p.dts);
        all.iter_mut().filter(of).for_each(|p| (p.dts, p.pts) = (p.dts - zero, p.pts - zero));
    }
    all
}

/// The same packets, at times that differ by a millisecond of rounding at most.
#[track_caller]
fn assert_same(what: &str, left: &[Packet], right: &[Packet]) {
    let content = |all: &[Packet]| all.iter().map(|p| (p.stream, p.size, p.checksum.clone())).collect::<Vec<_>>();
    assert_eq!(content(left), content(right), "{what}");
    assert!(!left.is_empty(), "{what}");
    for (l, r) in left.iter().zip(right) {
        assert!((l.dts - r.dts).abs() <= 1 && (l.pts - r.pts).abs() <= 1, "{what}: {l:?} {r:?}");
    }
}

/// FFmpeg decodes a file without a word, but for that about times it rounds to its frame rate.
#[track_caller]
fn assert_decodes(lab: &Lab, ffmpeg: &Path, file: &str) {
    let mut command = Command::new(ffmpeg);
    command.args(["-v", "error", "-nostdin", "-i", file, "-map", "0", "-f", "null", "-"]);
    let stderr = process::run("decode", command, lab.dir()).with(0).stderr.clone();
    let complaints: Vec<&str> = stderr.lines().filter(|l| !l.contains("monotonically increasing dts")).collect();
    assert_eq!(complaints, [""; 0], "{file}");
}

/// A clip passes from FLV to FLV, and by MP4 back to FLV.
fn passes_as_files(clip: &Clip) {
    let Some(ffmpeg) = ffmpeg9() else { return };
    let lab = Lab::new();
    let file = clip.make(&lab, &ffmpeg, "flv");
    let before = packets(&lab, &ffmpeg, &file);
    assert_eq!(before.last().expect("packets").stream + 1, clip.tracks.0 + clip.tracks.1);
    lab.weir_to_end(&format!("-i {file} -o out.flv -o forced.flv:enhanced -o out.mp4 -o frag.mp4:frag")).quietly(0);
    for out in ["out.flv", "forced.flv"] {
        assert_eq!(packets(&lab, &ffmpeg, out), before, "{out}");
        assert_decodes(&lab, &ffmpeg, out);
    }
    // What FFmpeg makes of it as MP4 is the measure: it takes out what MP4 has no place for.
    let mut command = Command::new(&ffmpeg);
    command.args(["-v", "error", "-nostdin", "-i", &file, "-map", "0", "-c", "copy", "-strict", "-2", "theirs.mp4"]);
    process::run("copy", command, lab.dir()).quietly(0);
    let theirs = from_zero(&lab, &ffmpeg, "theirs.mp4");
    for out in ["out.mp4", "frag.mp4"] {
        assert_same(out, &from_zero(&lab, &ffmpeg, out), &theirs);
        assert_decodes(&lab, &ffmpeg, out);
        lab.weir_to_end(&format!("-i {out} -o back.flv")).quietly(0);
        assert_same(out, &from_zero(&lab, &ffmpeg, "back.flv"), &theirs);
    }
    // And what it made reads like what we made.
    lab.weir_to_end("-i theirs.mp4:alltk -o back.flv").quietly(0);
    assert_same("theirs.mp4", &from_zero(&lab, &ffmpeg, "back.flv"), &theirs);
    assert_decodes(&lab, &ffmpeg, "back.flv");
}

#[test]
fn hevc_and_opus_pass_as_files() {
    passes_as_files(&HEVC_OPUS);
}

#[test]
fn av1_and_flac_pass_as_files() {
    passes_as_files(&AV1_FLAC);
}

#[test]
fn vp9_and_ac3_pass_as_files() {
    passes_as_files(&VP9_AC3);
}

#[test]
fn avc_and_eac3_pass_as_files() {
    passes_as_files(&AVC_EAC3);
}

#[test]
fn avc_and_mp3_pass_as_files() {
    passes_as_files(&AVC_MP3);
}

#[test]
fn several_tracks_pass_as_files() {
    passes_as_files(&MULTI);
}

/// What makes FFmpeg announce Enhanced RTMP.
const ANNOUNCE: [&str; 2] = ["-rtmp_enhanced_codecs", "hvc1,av01,vp09,Opus,fLaC,ac-3,ec-3,avc1,mp4a"];

/// FFmpeg 9 plays a URL and keeps every track.
fn record(lab: &Lab, ffmpeg: &Path, url: &str, file: &str) -> Process {
    let mut command = Command::new(ffmpeg);
    command
        .args(["-v", "error", "-nostdin", "-y"])
        .args(ANNOUNCE)
        .args(["-i", url, "-map", "0", "-c", "copy", "-f", "flv", file]);
    Process::start(file, command, lab.dir())
}

/// FFmpeg 9 publishes to weir; a file and a player get every packet.
fn passes_over_rtmp(clip: &Clip) {
    let Some(ffmpeg) = ffmpeg9() else { return };
    let lab = Lab::new();
    let [port] = lab.ports();
    let file = clip.make(&lab, &ffmpeg, "flv");
    let before = packets(&lab, &ffmpeg, &file);
    let url = |app: &str| format!("rtmp://127.0.0.1:{port}/{app}/x");
    let words = format!(
        "-logs=all@info -i rtmp://127.0.0.1:{port}/app:rtmp_listen=1 -o rec.flv -o \
         rtmp://127.0.0.1:{port}/out:rtmp_listen=1"
    );
    let weir = lab.weir(&words).listening([port]);
    let player = record(&lab, &ffmpeg, &url("out"), "got.flv");
    weir.wait_for_players(1);
    let mut command = Command::new(&ffmpeg);
    command.args(["-v", "error", "-nostdin", "-re", "-i", &file, "-map", "0", "-c", "copy", "-f", "flv", &url("app")]);
    process::run("publish", command, lab.dir()).with(0);
    wait::until_true("weir says that it ended", || weir.stderr().contains("it ended its stream"));
    weir.stop().with(0);
    drop(player.wait());
    for out in ["rec.flv", "got.flv"] {
        assert_same(out, &packets(&lab, &ffmpeg, out), &before);
    }
}

#[test]
fn hevc_and_opus_pass_over_rtmp() {
    passes_over_rtmp(&HEVC_OPUS);
}

#[test]
fn av1_and_flac_pass_over_rtmp() {
    passes_over_rtmp(&AV1_FLAC);
}

#[test]
fn vp9_and_ac3_pass_over_rtmp() {
    passes_over_rtmp(&VP9_AC3);
}

#[test]
fn several_tracks_pass_over_rtmp() {
    passes_over_rtmp(&MULTI);
}

/// A player of weir's own server that comes late has every track, from a key frame on.
#[test]
fn a_late_player_gets_every_track() {
    let Some(ffmpeg) = ffmpeg9() else { return };
    for clip in [HEVC_OPUS, MULTI] {
        let lab = Lab::new();
        let [port] = lab.ports();
        let file = clip.make(&lab, &ffmpeg, "flv");
        let url = format!("rtmp://127.0.0.1:{port}/live/x");
        let weir = lab.weir(&format!("-i {file}:loop=-1 -o {url}:rtmp_listen=1")).listening([port]);
        for _ in 0..2 {
            let mut command = Command::new(&ffmpeg);
            command.args(["-v", "error", "-nostdin", "-y"]).args(ANNOUNCE);
            command.args(["-i", &url, "-map", "0", "-c", "copy", "-t", "3", "got.flv"]);
            process::run("play", command, lab.dir()).with(0);
            let got = packets(&lab, &ffmpeg, "got.flv");
            let streams: Vec<usize> = (0..clip.tracks.0 + clip.tracks.1).collect();
            let mut seen: Vec<usize> = got.iter().map(|p| p.stream).collect();
            seen.dedup();
            assert_eq!(seen, streams, "{}", clip.name);
            assert_decodes(&lab, &ffmpeg, "got.flv");
        }
        weir.stop().quietly(0);
    }
}

/// Several tracks are relayed to players that did not announce that they know any: Debian's FFmpeg, which does not, and FFmpeg
/// 9, which says so only when told to. Each gets the first track, packet by packet, or the one that is chosen.
#[test]
fn players_that_know_one_track_get_one() {
    let Some(ffmpeg) = ffmpeg9() else { return };
    let lab = Lab::new();
    let [port] = lab.ports();
    let file = MULTI.make(&lab, &ffmpeg, "flv");
    let url = |app: &str| format!("rtmp://127.0.0.1:{port}/{app}/x");
    let words = format!(
        "-logs=all@info -i rtmp://127.0.0.1:{port}/app:rtmp_listen=1 -o rtmp://127.0.0.1:{port}/first:rtmp_listen=1 -o \
         rtmp://127.0.0.1:{port}/second:rtmp_listen=1:legacy_video=1:legacy_audio=1"
    );
    let weir = lab.weir(&words).listening([port]);
    let play = |ffmpeg: &Path, app: &str, file: &str| {
        let mut command = Command::new(ffmpeg);
        command.args(["-v", "error", "-nostdin", "-y", "-i", &url(app), "-map", "0", "-c", "copy", file]);
        Process::start(file, command, lab.dir())
    };
    let older = peers::tool("ffmpeg");
    let players = [play(&older, "first", "a.flv"), play(&ffmpeg, "first", "b.flv"), play(&older, "second", "c.flv")];
    weir.wait_for_players(3);
    let mut command = Command::new(&ffmpeg);
    command.args(["-v", "error", "-nostdin", "-re", "-i", &file, "-map", "0", "-c", "copy", "-f", "flv", &url("app")]);
    process::run("publish", command, lab.dir()).with(0);
    wait::until_true("weir says that it ended", || weir.stderr().contains("it ended its stream"));
    weir.stop().with(0);
    players.into_iter().for_each(|player| drop(player.wait()));
    let before = packets(&lab, &ffmpeg, &file);
    for (out, tracks) in [("a.flv", [0, 2]), ("b.flv", [0, 2]), ("c.flv", [1, 3])] {
        let expected: Vec<Packet> = (0..)
            .zip(tracks)
            .flat_map(|(stream, track)| {
                before.iter().filter(move |p| p.stream == track).map(move |p| Packet { stream, ..p.clone() })
            })
            .collect();
        assert_same(out, &packets(&lab, &ffmpeg, out), &expected);
        assert_decodes(&lab, &older, out);
    }
}

/// Debian's FFmpeg, which is older than enhanced RTMP, reads what has an original form, and every MP4.
#[test]
fn an_older_ffmpeg_reads_what_it_can_know() {
    let Some(ffmpeg) = ffmpeg9() else { return };
    let lab = Lab::new();
    let older = peers::tool("ffmpeg");
    for clip in [HEVC_OPUS, AV1_FLAC, VP9_AC3, AVC_EAC3, AVC_MP3] {
        let file = clip.make(&lab, &ffmpeg, "flv");
        lab.weir_to_end(&format!("-i {file} -o out.mp4 -o out.flv")).quietly(0);
        assert_decodes(&lab, &older, "out.mp4");
        let content = |all: Vec<Packet>| all.into_iter().map(|p| (p.stream, p.size, p.checksum)).collect::<Vec<_>>();
        let (new, old) = (packets(&lab, &ffmpeg, "out.mp4"), packets(&lab, &older, "out.mp4"));
        assert_eq!(content(new), content(old), "{}", clip.name);
        if clip.name == AVC_MP3.name {
            assert_decodes(&lab, &older, "out.flv");
        }
    }
}
