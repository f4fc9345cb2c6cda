//! MPEG-TS and Matroska in, judged by FFmpeg: what weir copies out of them beside FFmpeg's own copies.

use std::fs;
use std::process::Command;

use weir_tests::{Lab, Recording, peers, process};

use crate::clips;

const SECONDS: u32 = 3;
const PICTURES: u32 = SECONDS * 25;

/// Runs FFmpeg in the lab to its end.
fn ffmpeg(lab: &Lab, words: &[&str]) {
    let mut command = Command::new(peers::tool("ffmpeg"));
    command.args(["-v", "error", "-nostdin", "-y"]).args(words);
    process::run("ffmpeg", command, lab.dir()).quietly(0);
}

/// A packet as FFprobe has it.
#[derive(Debug)]
struct Row {
    /// Seconds.
    pts: f64,
    dts: f64,
    is_key: bool,
}

/// The packets of one kind, in the order of the file, times as they stand in it.
fn rows(lab: &Lab, file: &str, kind: &str) -> Vec<Row> {
    let mut command = Command::new(peers::tool("ffprobe"));
    command.args(["-v", "error", "-select_streams", kind, "-show_entries", "packet=pts_time,dts_time,flags"]);
    command.args(["-of", "csv=p=0", file]);
    let ended = process::run("ffprobe", command, lab.dir());
    let row = |line: &str| {
        let mut fields = line.split(',');
        let mut time = || fields.next().and_then(|text| text.parse::<f64>().ok()).expect("a time");
        let (pts, dts) = (time(), time());
        Row { pts, dts, is_key: fields.next().is_some_and(|flags| flags.starts_with('K')) }
    };
    ended.quietly(0).stdout.lines().filter(|line| !line.is_empty()).map(row).collect()
}

/// Edit lists of MP4 count in units of the movie: 1/600 s here, 1/1000 s in FFmpeg.
const EDIT_UNITS: f64 = 1.0 / 600.0 + 1.0 / 1000.0;

/// Both files hold the same packets of both kinds, at the same times after the first of the kind but for `within` seconds.
/// Sound and picture are as far apart in both.
fn are_alike(lab: &Lab, ours: &str, theirs: &str, within: f64) {
    let start = |rows: &[Row]| rows.iter().map(|row| row.pts).fold(f64::INFINITY, f64::min);
    let lead = |file: &str| start(&rows(lab, file, "v")) - start(&rows(lab, file, "a"));
    assert!((lead(ours) - lead(theirs)).abs() <= within + EDIT_UNITS, "{ours}: {} {}", lead(ours), lead(theirs));
    for kind in ["v", "a"] {
        let (our_rows, their_rows) = (rows(lab, ours, kind), rows(lab, theirs, kind));
        let (our_start, their_start) = (start(&our_rows), start(&their_rows));
        assert_eq!(our_rows.len(), their_rows.len(), "{ours} {theirs} {kind}");
        assert!(our_rows.len() > 20, "{} packets", our_rows.len());
        for (n, (our, their)) in our_rows.iter().zip(&their_rows).enumerate() {
            let apart = |a: f64, b: f64| ((a - our_start) - (b - their_start)).abs();
            assert!(apart(our.pts, their.pts) <= within, "{ours} {kind} {n}: {our:?} {their:?}");
            assert!(apart(our.dts, their.dts) <= within, "{ours} {kind} {n}: {our:?} {their:?}");
            assert_eq!(our.is_key, their.is_key, "{ours} {kind} {n}");
        }
    }
}

/// Pictures with B-frames and sound, coded and wrapped as these words and the name say.
fn stream<'a>(lab: &Lab, name: &'a str, words: &[&str]) -> &'a str {
    let (pictures, sound) = (format!("testsrc2=s=160x120:r=25:d={SECONDS}"), format!("sine=440:d={SECONDS}"));
    let sources = ["-f", "lavfi", "-i", &pictures, "-f", "lavfi", "-i", &sound];
    ffmpeg(lab, &[&sources[..], words, &[name]].concat());
    name
}

const AVC: &[&str] = &["-c:v", "libx264", "-preset", "ultrafast", "-bf", "2", "-b_strategy", "0", "-g", "25"];
const HEVC: &[&str] =
    &["-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none:keyint=25:bframes=2"];

/// Copies to MP4 and to FLV, which counts in milliseconds.
#[test]
fn avc_and_aac_out_of_a_transport_stream_have_the_times_of_ffmpegs_copy() {
    let lab = Lab::new();
    let clip = clips::with_b_frames(&lab, "in.ts", SECONDS, &["-f", "mpegts"]);
    lab.weir_to_end(&format!("-i {clip} -o ours.mp4 -o ours.flv -o ours.ts:nb_pack=1")).quietly(0);
    for (ext, within) in [("mp4", 0.0003), ("flv", 0.0011)] {
        ffmpeg(&lab, &["-i", clip, "-c", "copy", &format!("theirs.{ext}")]);
        are_alike(&lab, &format!("ours.{ext}"), &format!("theirs.{ext}"), within);
    }
    for file in ["ours.mp4", "ours.flv", "ours.ts"] {
        let recording = Recording::of(&lab.path(file));
        recording.is_whole(PICTURES as usize);
        assert_eq!(recording.numbers(), (0..PICTURES).collect::<Vec<_>>(), "{file}");
    }
}

#[test]
fn other_codecs_out_of_a_transport_stream_have_the_times_of_ffmpegs_copy() {
    // The second one in packets of 192 bytes, as on discs.
    for (name, video, sound) in [("in.ts", HEVC, "ac3"), ("in.m2ts", AVC, "eac3"), ("in.ts", AVC, "libmp3lame")] {
        let lab = Lab::new();
        let clip = stream(&lab, name, &[video, &["-c:a", sound]].concat());
        lab.weir_to_end(&format!("-i {clip} -o ours.mp4")).quietly(0);
        ffmpeg(&lab, &["-i", clip, "-c", "copy", "theirs.mp4"]);
        are_alike(&lab, "ours.mp4", "theirs.mp4", 0.0003);
        ffmpeg(&lab, &["-xerror", "-i", "ours.mp4", "-f", "null", "-"]);
    }
}

/// Programmes go to a file each, as the number of each says.
#[test]
fn programmes_are_told_apart() {
    let lab = Lab::new();
    for (n, sound) in [("1", "aac"), ("2", "ac3")] {
        stream(&lab, &format!("{n}.ts"), &[AVC, &["-c:a", sound]].concat());
    }
    let programmes = ["-program", "program_num=7:st=0:st=1", "-program", "program_num=9:st=2:st=3"];
    let inputs = ["-i", "1.ts", "-i", "2.ts", "-map", "0", "-map", "1", "-c", "copy"];
    ffmpeg(&lab, &[&inputs[..], &programmes, &["both.ts"]].concat());
    lab.weir_to_end("-i both.ts -o of_$ServiceID$.mp4:SID=*#ServiceID=*").quietly(0);
    for number in [7, 9] {
        let (ours, theirs) = (format!("of_{number}.mp4"), format!("theirs_{number}.mp4"));
        ffmpeg(&lab, &["-i", "both.ts", "-map", &format!("0:p:{number}"), "-c", "copy", &theirs]);
        are_alike(&lab, &ours, &theirs, 0.0003);
    }
}

/// Two streams in one, as a recorder makes them that was started again: the clock jumps back.
#[test]
fn a_stream_behind_another_goes_on() {
    let lab = Lab::new();
    let clip = clips::with_b_frames(&lab, "in.ts", SECONDS, &["-f", "mpegts"]);
    let bytes = fs::read(lab.path(clip)).expect("a clip");
    fs::write(lab.path("twice.ts"), [&bytes[..], &bytes].concat()).expect("a file");
    lab.weir_to_end("-i twice.ts -o ours.mp4").with(0);
    let recording = Recording::of(&lab.path("ours.mp4"));
    recording.is_gapless_in_rounds_of(2 * PICTURES as usize - 2, Some(PICTURES));
}

/// A live stream through a pipe, beginning in the middle of a packet.
#[test]
fn a_pipe_may_begin_anywhere() {
    let lab = Lab::new();
    let clip = clips::with_b_frames(&lab, "in.ts", SECONDS, &["-f", "mpegts"]);
    let mut command = Command::new("sh");
    command.args(["-c", r#"tail -c +10002 "$1" | "$0" -i -:ext=ts -o ours.mp4"#]).arg(weir_tests::weir_binary());
    command.arg(clip);
    process::run("weir", command, lab.dir()).with(0);
    let recording = Recording::of(&lab.path("ours.mp4"));
    assert!(recording.pictures.len() >= 50, "{} pictures", recording.pictures.len());
}

/// FFmpeg, too, makes decoding times of presentation times. Times are milliseconds.
#[test]
fn files_of_matroska_have_the_times_of_ffmpegs_copy() {
    let vp9 = ["-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-g", "25"];
    let av1 = ["-c:v", "libaom-av1", "-usage", "realtime", "-cpu-used", "8", "-g", "25"];
    let pairs: [(&[&str], &str); 5] =
        [(AVC, "aac"), (HEVC, "flac"), (&vp9, "libopus"), (&av1, "ac3"), (AVC, "libmp3lame")];
    for (video, sound) in pairs {
        let lab = Lab::new();
        let clip = stream(&lab, "in.mkv", &[video, &["-c:a", sound]].concat());
        lab.weir_to_end(&format!("-i {clip} -o ours.mp4")).quietly(0);
        ffmpeg(&lab, &["-i", clip, "-c", "copy", "-strict", "-2", "theirs.mp4"]);
        are_alike(&lab, "ours.mp4", "theirs.mp4", 0.0011);
        ffmpeg(&lab, &["-xerror", "-i", "ours.mp4", "-f", "null", "-"]);
    }
}

/// Live WebM and Matroska of a pipe have sizes that nobody knows.
#[test]
fn a_live_matroska_passes_whole() {
    let lab = Lab::new();
    let clip = clips::with_b_frames(&lab, "in.mp4", SECONDS, clips::PROGRESSIVE);
    let mut command = Command::new("sh");
    let line = r#""$2" -v error -i "$1" -c copy -f matroska -live 1 - | "$0" -i -:ext=mkv -o ours.flv"#;
    command.args(["-c", line]).arg(weir_tests::weir_binary()).arg(clip).arg(peers::tool("ffmpeg"));
    process::run("weir", command, lab.dir()).quietly(0);
    let recording = Recording::of(&lab.path("ours.flv"));
    recording.is_whole(PICTURES as usize);
    assert_eq!(recording.numbers(), (0..PICTURES).collect::<Vec<_>>());
}

/// Sound alone: every frame of the file, as FFmpeg counts them.
#[test]
fn files_of_frames_have_the_packets_of_ffmpegs_copy() {
    for (name, codec) in [("in.mp3", "libmp3lame"), ("in.ac3", "ac3"), ("in.eac3", "eac3")] {
        let lab = Lab::new();
        ffmpeg(&lab, &["-f", "lavfi", "-i", "sine=440:d=3:r=48000", "-c:a", codec, name]);
        lab.weir_to_end(&format!("-i {name} -o ours.mp4")).quietly(0);
        ffmpeg(&lab, &["-i", name, "-c", "copy", "theirs.mp4"]);
        let times = |file: &str| {
            let rows = rows(&lab, file, "a");
            rows.iter().map(|row| row.pts - rows[0].pts).collect::<Vec<f64>>()
        };
        let (ours, theirs) = (times("ours.mp4"), times("theirs.mp4"));
        assert_eq!(ours.len(), theirs.len(), "{name}");
        // FFmpeg counts in units of its own, which frames of 44.1 kHz do not fill: there it drifts.
        assert!(ours.iter().zip(&theirs).all(|(a, b)| (a - b).abs() < 0.00002), "{name}: {ours:?} {theirs:?}");
        ffmpeg(&lab, &["-xerror", "-i", "ours.mp4", "-f", "null", "-"]);
    }
}
