//! Files to play: the test pictures of `avgen`, wrapped and coded by FFmpeg.

use std::process::Command;

use weir_tests::{Lab, peers, process};

/// How FFmpeg is told to write a plain MP4, the index at the end.
pub(crate) const PROGRESSIVE: &[&str] = &["-f", "mp4"];
/// The same with the index at the front.
pub(crate) const FAST_START: &[&str] = &["-movflags", "+faststart", "-f", "mp4"];
/// A fragmented MP4.
pub(crate) const FRAGMENTED: &[&str] = &["-movflags", "+frag_keyframe+delay_moov+default_base_moof", "-f", "mp4"];
/// FLV.
pub(crate) const FLV: &[&str] = &["-f", "flv"];

/// H.264 with B-frames and a key frame each second.
const CODED: &[&str] = &["-c:v", "libx264", "-preset", "ultrafast", "-bf", "2", "-b_strategy", "0", "-g", "25"];

/// Makes `name`: `seconds` of test pictures and beeps, with B-frames. The answer is `name`.
pub(crate) fn with_b_frames<'a>(lab: &Lab, name: &'a str, seconds: u32, wrapping: &[&str]) -> &'a str {
    let source = format!("avgen:sizes=240x160:rates=200k:adjust=no:dur={seconds} c=avc c=aac -o {name}.made.flv");
    lab.weir_to_end(&source).quietly(0);
    let mut command = Command::new(peers::tool("ffmpeg"));
    command.args(["-v", "error", "-nostdin", "-y", "-i", &format!("{name}.made.flv")]);
    command.args(["-vsync", "passthrough"]).args(CODED).args(["-c:a", "copy"]).args(wrapping).arg(name);
    process::run("make", command, lab.dir()).quietly(0);
    name
}
