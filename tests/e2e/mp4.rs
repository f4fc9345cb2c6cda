//! MP4 out: from files and encoders, in every layout, judged by FFmpeg.

use std::process::Command;

use weir_tests::process::Signal;
use weir_tests::{Lab, Recording, peers, process};

use crate::clips;

const SECONDS: u32 = 3;
const PICTURES: u32 = SECONDS * 25;

/// Timestamps, sizes, flags of all packets of a file, as FFmpeg reads them.
fn packets(lab: &Lab, file: &str) -> Vec<String> {
    let mut command = Command::new(peers::tool("ffprobe"));
    command.args(["-v", "error", "-show_entries", "packet=codec_type,pts,dts,duration,size,flags", "-of", "csv", file]);
    let ended = process::run("ffprobe", command, lab.dir());
    let mut lines: Vec<String> = ended.quietly(0).stdout.lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

/// A copy says of every packet what the file it was made of says.
#[test]
fn a_copy_is_the_same_packet_by_packet() {
    let lab = Lab::new();
    let clip = clips::with_b_frames(&lab, "in.mp4", SECONDS, clips::PROGRESSIVE);
    for store in ["inter", "flat", "tight"] {
        let out = format!("{store}.mp4");
        lab.weir_to_end(&format!("-i {clip} -o {out}:store={store}")).quietly(0);
        assert_eq!(packets(&lab, &out), packets(&lab, clip), "{store}");
    }
}

#[test]
fn fragments_and_a_flv_hold_the_same_pictures_and_sound() {
    let lab = Lab::new();
    let clip = clips::with_b_frames(&lab, "in.flv", SECONDS, clips::FLV);
    lab.weir_to_end(&format!("-i {clip} -o frag.mp4:frag -o sfrag.mp4:sfrag -o whole.mp4")).quietly(0);
    let before = Recording::of(&lab.path(clip));
    for out in ["frag.mp4", "sfrag.mp4", "whole.mp4"] {
        let after = Recording::of(&lab.path(out));
        after.is_whole(PICTURES as usize);
        assert_eq!(after.numbers(), (0..PICTURES).collect::<Vec<_>>(), "{out}");
        assert_eq!(before.beeps.len(), after.beeps.len(), "{out}");
        // And back again.
        lab.weir_to_end(&format!("-i {out} -o back.flv")).quietly(0);
        assert_eq!(Recording::of(&lab.path("back.flv")).numbers(), after.numbers(), "{out}");
    }
}

#[test]
fn an_encode_begins_with_picture_and_sound_together() {
    let lab = Lab::new();
    lab.weir_to_end("avgen:sizes=240x160:adjust=no:dur=3 c=avc c=aac -o made.mp4").quietly(0);
    // In step: each beep within a frame of its picture.
    Recording::of(&lab.path("made.mp4")).is_whole(PICTURES as usize);
}

/// A recording in fragments outlives the one who writes it.
#[test]
fn a_killed_recording_is_playable() {
    let lab = Lab::new();
    let mut weir = lab.weir("avgen:sizes=240x160:adjust=no c=avc c=aac reframer:rt=on -o rec.mp4:frag:cdur=0.5");
    lab.wait_for_file("rec.mp4", 60_000);
    weir.signal(Signal::Kill);
    assert_eq!(weir.wait().code, None, "the signal ended it");
    let recording = Recording::of(&lab.path("rec.mp4"));
    assert!(recording.pictures.len() > 12, "{} pictures", recording.pictures.len());
}
