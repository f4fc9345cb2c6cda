//! [`Program`]: how each program under test is told to make the ten outputs.

use std::path::Path;
use std::process::Command;

use crate::lab;
use crate::peers;

/// What is tested.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Program {
    /// weir.
    Weir,
    /// FFmpeg with several outputs.
    Ffmpeg,
    /// FFmpeg's tee muxer, with all that it offers against this: a queue for each output that drops, errors ignored,
    /// failed outputs tried again each second.
    FfmpegTee,
}

/// Where everything is.
pub(super) struct Targets<'a> {
    pub(super) dir: &'a Path,
    pub(super) clip: &'a str,
    /// Pushes that nothing happens to.
    pub(super) pushes: Vec<String>,
    /// Pushes that may be struck.
    pub(super) struck: Vec<String>,
    /// Ports of listeners; the second has players that may be struck.
    pub(super) listeners: [u16; 2],
    pub(super) file: &'a str,
    pub(super) disk: String,
}

/// A session has stalled after 3 s, and an attempt has failed after 4 s, so that a run need not be long.
const IMPATIENT: &str = ":stall=3s:timeout=4s";

impl Program {
    /// As reports call it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Weir => "weir",
            Self::Ffmpeg => "FFmpeg, several outputs",
            Self::FfmpegTee => "FFmpeg, tee with fifo",
        }
    }

    /// Whether it has listeners.
    #[must_use]
    pub(super) fn serves_players(self) -> bool {
        self == Self::Weir
    }

    pub(super) fn command(self, to: &Targets<'_>) -> Command {
        match self {
            Self::Weir => weir(to),
            Self::Ffmpeg => ffmpeg(to),
            Self::FfmpegTee => tee(to),
        }
    }
}

fn weir(to: &Targets<'_>) -> Command {
    let trust = |url: &String| if url.starts_with("rtmps") { ":ca=tls.crt" } else { "" };
    let mut outputs: Vec<String> = to.pushes.iter().map(|url| format!("{url}{}", trust(url))).collect();
    let [first, second] = to.listeners;
    outputs.push(format!("rtmp://127.0.0.1:{first}/live:rtmp_listen=1"));
    outputs.push(format!("rtmp://127.0.0.1:{second}/live:rtmp_listen=1:stall=3s"));
    outputs.push(to.file.to_owned());
    outputs.extend(to.struck.iter().map(|url| format!("{url}{}{IMPATIENT}", trust(url))));
    outputs.push(to.disk.clone());
    let mut command = Command::new(lab::binary());
    command.args(["-logs=all@info", "-stats", "-i", &format!("{}:loop=-1", to.clip)]);
    for output in &outputs {
        command.args(["-o", output]);
    }
    command
}

/// All that FFmpeg pushes to and writes, with their formats.
fn outputs<'a>(to: &'a Targets<'_>) -> impl Iterator<Item = (&'a str, &'static str)> {
    let pushes = to.pushes.iter().chain(&to.struck).map(|url| (url.as_str(), "flv"));
    let disk = if to.disk.ends_with("mp4") { "mp4" } else { "flv" };
    pushes.chain([(to.file, "flv"), (to.disk.as_str(), disk)])
}

fn looped(to: &Targets<'_>) -> Command {
    let mut command = Command::new(peers::tool("ffmpeg"));
    command.args(["-v", "warning", "-nostdin", "-y", "-re", "-stream_loop", "-1", "-i", to.clip]);
    command
}

fn ffmpeg(to: &Targets<'_>) -> Command {
    let mut command = looped(to);
    for (output, format) in outputs(to) {
        command.args(["-map", "0", "-c", "copy", "-f", format, output]);
    }
    command
}

fn tee(to: &Targets<'_>) -> Command {
    let fifo =
        r"onfail=ignore:use_fifo=1:fifo_options=drop_pkts_on_overflow=1\\\:attempt_recovery=1\\\:recovery_wait_time=1";
    let targets: Vec<String> = outputs(to).map(|(output, format)| format!("[f={format}:{fifo}]{output}")).collect();
    let mut command = looped(to);
    command.args(["-map", "0", "-c", "copy", "-flags", "+global_header", "-f", "tee", &targets.join("|")]);
    command.current_dir(to.dir);
    command
}
