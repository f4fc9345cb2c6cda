//! Enhanced RTMP: FFmpeg 9 publishes to weir, FFmpeg 9 plays from weir, and what went in is what comes out.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use weir_tests::{Lab, Process, process, wait};

use super::Outcome;
use super::peer::Peer;
use super::tools::Tools;

/// A run of a kind of stream.
type Run = fn(&Tools) -> Outcome;

/// All kinds.
pub(crate) const RUNS: &[(&str, Run)] = &[
    ("HEVC and Opus", |tools| {
        relay(tools, &["-c:v", "libx265", "-x265-params", "keyint=25:log-level=none", "-c:a", "libopus"])
    }),
    ("AV1 and FLAC", |tools| relay(tools, &["-c:v", "libsvtav1", "-preset", "12", "-g", "25", "-c:a", "flac"])),
    ("VP9 and AC-3", |tools| relay(tools, &["-c:v", "libvpx-vp9", "-deadline", "realtime", "-g", "25", "-c:a", "ac3"])),
    ("H.264 and AAC, two tracks of each", |tools| {
        relay(
            tools,
            &["-map", "0:v", "-map", "0:v", "-map", "1:a", "-map", "1:a", "-c:v", "libx264", "-g", "25", "-c:a", "aac"],
        )
    }),
];

/// What a publisher says it may send, and a player that it takes.
const CODECS: &str = "hvc1,av01,vp09,Opus,fLaC,ac-3,ec-3,avc1,mp4a";

/// Encodes a film, publishes it through weir, and compares what a player gets.
fn relay(tools: &Tools, encode: &[&str]) -> Outcome {
    let ffmpeg = Peer::Ffmpeg9.ffmpeg(tools)?;
    let lab = Lab::new();
    let [port] = lab.ports();
    let quiet = || {
        let mut command = Command::new(&ffmpeg);
        command.args(["-v", "error", "-nostdin", "-y"]);
        command
    };
    let mut command = quiet();
    command.args(["-f", "lavfi", "-i", "testsrc2=s=320x180:r=25:d=6", "-f", "lavfi", "-i", "sine=d=6:r=48000"]);
    command.args(encode).args(["-pix_fmt", "yuv420p", "-strict", "-2", "film.flv"]);
    let made = process::run("encode", command, lab.dir());
    if made.code != Some(0) {
        return Err(format!(
            "not here: this FFmpeg does not encode it: {}",
            made.stderr.lines().next().unwrap_or_default()
        ));
    }
    let words = format!(
        "-logs=all@info -i rtmp://127.0.0.1:{port}/app:rtmp_listen=1 -o rtmp://127.0.0.1:{port}/out:rtmp_listen=1"
    );
    let weir = lab.weir(&words).listening([port]);
    let mut command = quiet();
    command.args(["-rtmp_enhanced_codecs", CODECS]);
    command.args(["-i", &format!("rtmp://127.0.0.1:{port}/out/x"), "-map", "0", "-c", "copy", "got.flv"]);
    let player = Process::start("player", command, lab.dir());
    weir.wait_for_players(1);
    let mut command = quiet();
    command.args(["-re", "-i", "film.flv", "-map", "0", "-c", "copy", "-rtmp_enhanced_codecs", CODECS, "-f", "flv"]);
    command.arg(format!("rtmp://127.0.0.1:{port}/app/x"));
    Process::start("publisher", command, lab.dir()).wait().with(0);
    wait::until_true("the publisher ends", || weir.stderr().contains("it ended its stream"));
    weir.stop().with(0);
    drop(player.wait());
    compare(&sums(&lab, &ffmpeg, "film.flv")?, &sums(&lab, &ffmpeg, "got.flv")?)
}

/// MD5 of the packets of each track, in order.
fn sums(lab: &Lab, ffmpeg: &Path, file: &str) -> Result<BTreeMap<String, Vec<String>>, String> {
    let mut command = Command::new(ffmpeg);
    let list = format!("{file}.md5");
    command.args(["-v", "error", "-nostdin", "-y", "-i", file, "-map", "0", "-c", "copy", "-f", "framemd5", &list]);
    let ended = process::run("sums", command, lab.dir());
    if ended.code != Some(0) {
        return Err(format!("{file} cannot be read: {}", ended.stderr.lines().next().unwrap_or_default()));
    }
    let text = fs::read_to_string(lab.path(&list)).map_err(|e| e.to_string())?;
    let mut tracks: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for line in text.lines().filter(|l| !l.starts_with('#')) {
        let fields: Vec<&str> = line.split(',').map(str::trim).collect();
        if let [track, .., sum] = fields[..] {
            tracks.entry(track.to_owned()).or_default().push(sum.to_owned());
        }
    }
    Ok(tracks)
}

fn compare(sent: &BTreeMap<String, Vec<String>>, got: &BTreeMap<String, Vec<String>>) -> Outcome {
    if sent.len() != got.len() {
        return Err(format!("{} tracks of {}", got.len(), sent.len()));
    }
    let mut counts = Vec::new();
    for (track, sent) in sent {
        let got = got.get(track).map(Vec::as_slice).unwrap_or_default();
        if got != sent {
            let same = got.iter().zip(sent).take_while(|(g, s)| g == s).count();
            return Err(format!("track {track}: {} packets of {}, the first {same} equal", got.len(), sent.len()));
        }
        counts.push(got.len().to_string());
    }
    Ok(format!("every packet of {} tracks ({})", sent.len(), counts.join(", ")))
}
