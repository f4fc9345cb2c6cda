//! [`Peer`]: who is tried, and its version.

use std::path::PathBuf;
use std::process::Command;

use weir_tests::peers;

use super::tools::{Tools, debian};
use crate::page;

/// A program that speaks RTMP.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Peer {
    Ffmpeg,
    Ffmpeg9,
    Rtmpdump,
    Gstreamer,
    Librtmp,
    Vlc,
    Mpv,
    Pyav,
    Nginx,
    Nms,
    Pyrtmp,
}

impl Peer {
    pub(crate) const ALL: [Self; 11] = [
        Self::Ffmpeg,
        Self::Ffmpeg9,
        Self::Rtmpdump,
        Self::Gstreamer,
        Self::Librtmp,
        Self::Vlc,
        Self::Mpv,
        Self::Pyav,
        Self::Nginx,
        Self::Nms,
        Self::Pyrtmp,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Ffmpeg => "FFmpeg, Debian's",
            Self::Ffmpeg9 => "FFmpeg 9, static (PyPI imageio-ffmpeg)",
            Self::Rtmpdump => "rtmpdump",
            Self::Gstreamer => "GStreamer rtmp2src, rtmp2sink",
            Self::Librtmp => "librtmp, by GStreamer's rtmpsrc, rtmpsink",
            Self::Vlc => "VLC",
            Self::Mpv => "mpv",
            Self::Pyav => "PyAV",
            Self::Nginx => "nginx-rtmp",
            Self::Nms => "Node-Media-Server",
            Self::Pyrtmp => "pyrtmp",
        }
    }

    pub(crate) fn version(self, tools: &Tools) -> String {
        let version = match self {
            Self::Ffmpeg => debian("ffmpeg"),
            Self::Ffmpeg9 => tools.ffmpeg9.as_ref().map_or_else(String::new, |f| ffmpeg(f.clone())),
            Self::Rtmpdump => debian("rtmpdump"),
            Self::Gstreamer => debian("gstreamer1.0-plugins-bad"),
            Self::Librtmp => debian("librtmp1"),
            Self::Vlc => debian("vlc-bin"),
            Self::Mpv => debian("mpv"),
            Self::Pyav => tools.package("av"),
            Self::Nginx => debian("libnginx-mod-rtmp"),
            Self::Nms => tools.nms.as_ref().map_or_else(String::new, |dir| {
                let code = format!("console.log(require('{}/package.json').version)", dir.display());
                page::first_line(Command::new("node").args(["-e", &code]))
            }),
            Self::Pyrtmp => tools.package("pyrtmp"),
        };
        if version.is_empty() { "not here".to_owned() } else { version }
    }

    /// The FFmpeg that it is.
    pub(crate) fn ffmpeg(self, tools: &Tools) -> Result<PathBuf, String> {
        match self {
            Self::Ffmpeg9 => {
                tools.ffmpeg9.clone().ok_or_else(|| "not here: PyPI does not give imageio-ffmpeg".to_owned())
            }
            _ => peers::find("ffmpeg").ok_or_else(|| "not here".to_owned()),
        }
    }
}

fn ffmpeg(path: PathBuf) -> String {
    let line = page::first_line(Command::new(path).arg("-version"));
    line.split_whitespace().nth(2).unwrap_or_default().to_owned()
}
