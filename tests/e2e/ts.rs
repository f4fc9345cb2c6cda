//! MPEG-TS out, judged by FFmpeg: a copy beside FFmpeg's own, an encode, and a recording that was cut off.

use std::process::Command;

use weir_tests::process::Signal;
use weir_tests::{Lab, Recording, peers, process};

use crate::clips;

const SECONDS: u32 = 4;
const PICTURES: usize = SECONDS as usize * 25;

/// Decoding and presentation times of the packets of a kind, from the first one of the file on.
fn times(lab: &Lab, file: &str, kind: &str) -> Vec<(i64, i64)> {
    let mut command = Command::new(peers::tool("ffprobe"));
    command.args(["-v", "error", "-select_streams", kind, "-show_entries", "packet=pts,dts", "-of", "csv=p=0", file]);
    let ended = process::run("ffprobe", command, lab.dir());
    let rows = ended.quietly(0).stdout.lines().filter(|line| !line.is_empty());
    let number = |text: Option<&str>| text.and_then(|t| t.parse::<i64>().ok()).expect("a time");
    let all: Vec<(i64, i64)> = rows
        .map(|row| {
            let mut fields = row.split(',');
            (number(fields.next()), number(fields.next()))
        })
        .collect();
    let first = all.first().expect("packets").1;
    all.into_iter().map(|(pts, dts)| (pts - first, dts - first)).collect()
}

#[test]
fn a_copy_has_the_times_of_ffmpegs_copy() {
    let lab = Lab::new();
    let clip = clips::with_b_frames(&lab, "in.mp4", SECONDS, clips::PROGRESSIVE);
    lab.weir_to_end(&format!("-i {clip} -o ours.ts:nb_pack=1")).quietly(0);
    let mut command = Command::new(peers::tool("ffmpeg"));
    command.args(["-v", "error", "-nostdin", "-i", clip, "-c", "copy", "theirs.ts"]);
    process::run("copy", command, lab.dir()).quietly(0);
    assert_eq!(times(&lab, "ours.ts", "v"), times(&lab, "theirs.ts", "v"));
    let (ours, theirs) = (times(&lab, "ours.ts", "a"), times(&lab, "theirs.ts", "a"));
    assert_eq!(ours.len(), theirs.len());
    // FFmpeg tells the time of every few frames only, and counts on from there: here times are rounded to milliseconds.
    let far = ours.iter().zip(&theirs).filter(|((a, _), (b, _))| (a - b).abs() > 90).count();
    assert_eq!(far, 0, "{ours:?} {theirs:?}");
    Recording::of(&lab.path("ours.ts")).is_gapless(PICTURES - 2);
}

#[test]
fn an_encode_is_whole() {
    let lab = Lab::new();
    lab.weir_to_end(&format!("avgen:sizes=240x160:adjust=no:dur={SECONDS} c=avc c=aac -o made.ts")).quietly(0);
    Recording::of(&lab.path("made.ts")).is_gapless(PICTURES).is_in_step();
}

/// A recording beside a live output, whose writer is killed: it plays up to there.
#[test]
fn a_killed_recording_is_playable() {
    let lab = Lab::new();
    let [port] = lab.ports();
    let words = format!(
        "avgen:sizes=240x160:adjust=no c=avc:g=25 c=aac -o rec.ts -o rtmp://127.0.0.1:{port}/live:rtmp_listen=1"
    );
    let mut weir = lab.weir(&words);
    lab.wait_for_file("rec.ts", 100_000);
    weir.signal(Signal::Kill);
    assert_eq!(weir.wait().code, None, "the signal ended it");
    let whole = weir_tests::recording::beginning(&lab.path("rec.ts"), 1);
    let recording = Recording::of(&whole);
    assert!(recording.pictures.len() >= 24, "{} pictures", recording.pictures.len());
}
