//! Real players, and how each is told to record what it plays.

use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs, io, thread};

use crate::process::Process;

/// The user `nobody` and its group.
const NOBODY: u32 = 65_534;

/// The path of a program, or `None` when it is not installed.
#[must_use]
pub fn find(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    let servers = ["/usr/sbin".into(), "/usr/local/sbin".into()]; // not in everybody's PATH
    env::split_paths(&path).chain(servers).map(|dir| dir.join(program)).find(|p| p.is_file())
}

/// The path of a player. When it is absent, says on standard error that this test is LEFT OUT.
///
/// # Panics
/// When it is absent and `WEIR_REQUIRE_PEERS` is set.
#[must_use]
pub fn peer(program: &str) -> Option<PathBuf> {
    let found = find(program);
    require(program, found.is_some()).and(found)
}

/// As [`peer`], for anything else that may be absent.
///
/// # Panics
/// When it is absent and `WEIR_REQUIRE_PEERS` is set.
#[must_use]
pub fn require(what: &str, is_there: bool) -> Option<()> {
    if is_there {
        return Some(());
    }
    let required = env::var("WEIR_REQUIRE_PEERS").is_ok_and(|v| v != "0");
    assert!(!required, "{what} is not installed, and WEIR_REQUIRE_PEERS is set");
    let test = thread::current().name().unwrap_or("a test").to_owned();
    // Past the capture of the test runner: nobody should take this for a pass.
    let _ = writeln!(io::stderr(), "LEFT OUT: {test}: {what} is not installed");
    None
}

/// The path of a program that no test can do without.
///
/// # Panics
/// When it is absent.
#[must_use]
pub fn tool(program: &str) -> PathBuf {
    find(program).unwrap_or_else(|| panic!("these tests need {program} in PATH"))
}

/// FFmpeg 9, which speaks enhanced RTMP: where `cargo xtask test` puts it, or what `WEIR_FFMPEG9` names. `None` when it is
/// not there.
#[must_use]
pub fn ffmpeg9() -> Option<PathBuf> {
    let named = env::var_os("WEIR_FFMPEG9").map(PathBuf::from);
    let this = env::current_exe().ok(); // target/debug/deps/e2e-...
    let ours = this.iter().flat_map(|exe| exe.ancestors().nth(3)).map(|target| target.join("peers/ffmpeg9/ffmpeg"));
    let usual = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/peers/ffmpeg9/ffmpeg");
    named.into_iter().chain(ours).chain([usual]).find(|path| path.is_file())
}

/// hls.js in one file: where `cargo xtask test` puts it, or what `WEIR_HLSJS` names. `None` when it is not there.
#[must_use]
pub fn hls_js() -> Option<PathBuf> {
    let named = env::var_os("WEIR_HLSJS").map(PathBuf::from);
    let this = env::current_exe().ok(); // target/debug/deps/e2e-...
    let ours = this.iter().flat_map(|exe| exe.ancestors().nth(3)).map(Path::to_owned);
    let usual = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target");
    let file = "peers/hlsjs/node_modules/hls.js/dist/hls.min.js";
    named.into_iter().chain(ours.chain([usual]).map(|target| target.join(file))).find(|path| path.is_file())
}

/// A player that records what it gets.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Player {
    /// `ffmpeg -i URL -c copy FILE`.
    Ffmpeg,
    /// `mpv`, which also keeps what it played.
    Mpv,
    /// `rtmpdump`.
    Rtmpdump,
    /// GStreamer's `rtmp2src` into a file.
    Gstreamer,
    /// VLC, which wraps what it plays as MPEG-TS.
    Vlc,
}

impl Player {
    /// The program to look for.
    #[must_use]
    pub const fn program(self) -> &'static str {
        match self {
            Self::Ffmpeg => "ffmpeg",
            Self::Mpv => "mpv",
            Self::Rtmpdump => "rtmpdump",
            Self::Gstreamer => "gst-launch-1.0",
            Self::Vlc => "cvlc",
        }
    }

    /// The extension of what it records.
    #[must_use]
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Vlc => "ts",
            Self::Mpv => "mkv",
            Self::Ffmpeg | Self::Rtmpdump | Self::Gstreamer => "flv",
        }
    }

    /// The URL it plays: some refuse one without a stream name.
    #[must_use]
    pub fn url(self, port: u16) -> String {
        let name = if matches!(self, Self::Rtmpdump | Self::Gstreamer) { "/any" } else { "" };
        format!("rtmp://127.0.0.1:{port}/live{name}")
    }

    /// Starts it on `url`, to record to `file` in `dir`.
    ///
    /// # Panics
    /// When it is not installed.
    #[must_use]
    pub fn record(self, url: &str, dir: &Path, file: &str) -> Process {
        let program = tool(self.program());
        let mut command = Command::new(&program);
        match self {
            Self::Ffmpeg => {
                command.args(["-v", "error", "-nostdin", "-y", "-i", url, "-c", "copy", "-flush_packets", "1", file])
            }
            Self::Mpv => command
                .args(["--no-config", "--vo=null", "--ao=null", "--msg-level=all=error"])
                .args([&format!("--stream-record={file}"), url]),
            Self::Rtmpdump => command.args(["-q", "-r", url, "--live", "-o", file]),
            Self::Gstreamer => command
                .args(["-q", "rtmp2src", &format!("location={url}"), "!", "filesink", "buffer-mode=unbuffered"])
                .arg(format!("location={file}")),
            Self::Vlc => {
                let target = for_nobody(dir, file);
                let out = format!("#std{{access=file,mux=ts,dst={}}}", target.display());
                command = as_nobody(&program, target.parent().expect("it has one"));
                command.args(["-I", "dummy", "--play-and-exit", "--sout", &out, url, "vlc://quit"])
            }
        };
        Process::start(file, command, dir)
    }
}

/// VLC refuses to run as root, so it gets a directory that anybody may write to; `file` in `dir` leads to its recording.
fn for_nobody(dir: &Path, file: &str) -> PathBuf {
    let home = dir.join(format!("{file}-home"));
    fs::create_dir_all(&home).expect("the test's directory takes directories");
    fs::set_permissions(&home, fs::Permissions::from_mode(0o777)).expect("it is ours");
    let target = home.join(file);
    std::os::unix::fs::symlink(&target, dir.join(file)).expect("the test's directory takes links");
    target
}

fn as_nobody(program: &Path, home: &Path) -> Command {
    let mut command = Command::new(program);
    command.env("HOME", home);
    if is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    command
}

fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|m| m.uid() == 0)
}
