//! What the tests need beside cargo: programs to play and publish with, and the Debian packages they come in.
//!
//! It installs with apt where it may, and from PyPI below the target directory, says what it installs, and knows which
//! tests are left out without a program.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::run::{self, Result, say, succeeds};

/// Tries at each call of apt: mirrors are busy at times.
const TRIES: u32 = 3;

/// One thing to have.
struct Peer {
    /// What the tests call it.
    name: &'static str,
    /// A command that succeeds when it is there.
    probe: &'static [&'static str],
    packages: &'static [&'static str],
    /// A package of PyPI that it comes in; `packages` are what that needs.
    pypi: Option<&'static PyPi>,
    /// What is left out without it.
    left_out: &'static str,
    /// Whether tests need it, or only run slower without it.
    required: bool,
}

/// A program in a package of PyPI, which gets an environment of its own.
struct PyPi {
    /// The directory below `peers` in the target directory; the program is `ffmpeg` in it.
    place: &'static str,
    package: &'static str,
    /// Python that prints the path of the program.
    path: &'static str,
}

/// Debian's FFmpeg is older than enhanced RTMP.
const FFMPEG9: PyPi = PyPi {
    place: "ffmpeg9",
    package: "imageio-ffmpeg==0.8.1",
    path: "import imageio_ffmpeg; print(imageio_ffmpeg.get_ffmpeg_exe())",
};

/// A script of npm that a peer needs: below `peers` in the target directory.
struct Npm {
    /// The peer.
    peer: &'static str,
    package: &'static str,
    /// The file in it.
    file: &'static str,
}

/// The player that most web pages have.
const HLS_JS: Npm = Npm { peer: "hls.js", package: "hls.js@1.6.19", file: "node_modules/hls.js/dist/hls.min.js" };

const PEERS: &[Peer] = &[
    Peer {
        name: HLS_JS.peer,
        probe: &["sh", "-c", "command -v chromium && command -v nginx"],
        packages: &["chromium", "npm", "nginx"],
        pypi: None,
        left_out: "tests that play HLS in a browser",
        required: true,
    },
    Peer {
        name: "ffmpeg",
        probe: &["ffmpeg", "-version"],
        packages: &["ffmpeg"],
        pypi: None,
        left_out: "tests that decode, play or publish with FFmpeg",
        required: true,
    },
    Peer {
        name: "rtmpdump",
        probe: &["sh", "-c", "command -v rtmpdump"],
        packages: &["rtmpdump"],
        pypi: None,
        left_out: "tests that play with librtmp",
        required: true,
    },
    Peer {
        name: "GStreamer",
        probe: &[
            "sh",
            "-c",
            "for e in rtmp2src flvdemux x264enc avdec_h264 decodebin; do gst-inspect-1.0 --exists $e || exit 1; done",
        ],
        packages: &[
            "gstreamer1.0-tools",
            "gstreamer1.0-plugins-base",
            "gstreamer1.0-plugins-good",
            "gstreamer1.0-plugins-bad",
            "gstreamer1.0-plugins-ugly",
            "gstreamer1.0-libav",
        ],
        pypi: None,
        left_out: "tests that play with GStreamer",
        required: true,
    },
    Peer {
        name: "mpv",
        probe: &["mpv", "--no-config", "--version"],
        packages: &["mpv"],
        pypi: None,
        left_out: "tests that play with mpv",
        required: true,
    },
    Peer {
        name: "VLC",
        probe: &["sh", "-c", "command -v cvlc && test -e /usr/lib/*/vlc/plugins/codec/libavcodec_plugin.so"],
        packages: &["vlc-bin", "vlc-plugin-base"],
        pypi: None,
        left_out: "tests that play with VLC",
        required: true,
    },
    Peer {
        name: "nginx-rtmp",
        probe: &["sh", "-c", "test -x /usr/sbin/nginx -a -e /usr/lib/nginx/modules/ngx_rtmp_module.so"],
        packages: &["nginx", "libnginx-mod-rtmp"],
        pypi: None,
        left_out: "tests with an nginx-rtmp server",
        required: true,
    },
    Peer {
        name: "Prometheus",
        probe: &["promtool", "--version"],
        packages: &["prometheus"],
        pypi: None,
        left_out: "the test that Prometheus takes metrics and rules",
        required: true,
    },
    Peer {
        name: "Chromium",
        probe: &["chromium", "--version"],
        packages: &["chromium"],
        pypi: None,
        left_out: "the test of the web page in a browser",
        required: true,
    },
    Peer {
        name: "Python and OpenSSL",
        probe: &["sh", "-c", "command -v python3 && command -v openssl"],
        packages: &["python3", "openssl"],
        pypi: None,
        left_out: "tests with an encrypted server",
        required: true,
    },
    Peer {
        name: "iproute2",
        probe: &["sh", "-c", "command -v ip && command -v unshare"],
        packages: &["iproute2", "util-linux", "mount"],
        pypi: None,
        left_out: "tests with a lossy network",
        required: true,
    },
    Peer {
        name: "FFmpeg 9",
        probe: &[],
        packages: &["python3-venv"],
        pypi: Some(&FFMPEG9),
        left_out: "tests of enhanced RTMP",
        required: true,
    },
    Peer {
        name: "valgrind",
        probe: &["valgrind", "--version"],
        packages: &["valgrind"],
        pypi: None,
        left_out: "the counting of instructions",
        required: true,
    },
    Peer {
        name: "nasm",
        probe: &["nasm", "-v"],
        packages: &["nasm"],
        pypi: None,
        left_out: "nothing; the H.264 encoder is built without assembly and takes about twice the time",
        required: false,
    },
];

/// Installs what is missing, if `install`. With `all_required`, a peer that is still missing is an error; otherwise it
/// is said which tests are left out.
///
/// # Errors
/// A peer is missing and may not be.
pub(crate) fn provide(install: bool, all_required: bool) -> Result<()> {
    let mut missing = missing(PEERS.iter());
    if install && !missing.is_empty() {
        install_all(&missing);
        missing = self::missing(missing.into_iter());
    }
    let found = PEERS.iter().filter(|p| !missing.iter().any(|m| m.name == p.name)).map(|p| p.name);
    say(&format!("peers here: {}", found.collect::<Vec<_>>().join(", ")));
    let mut report = String::new();
    for peer in &missing {
        let _ = writeln!(report, "xtask: {} is not here; left out: {}", peer.name, peer.left_out);
    }
    eprint!("{report}");
    if all_required && missing.iter().any(|p| p.required) {
        return Err("xtask: in CI no test may be left out (CI or WEIR_REQUIRE_PEERS is set)".to_owned());
    }
    Ok(())
}

fn missing<'a>(peers: impl Iterator<Item = &'a Peer>) -> Vec<&'a Peer> {
    peers.filter(|p| !p.is_here()).collect()
}

impl Peer {
    fn is_here(&self) -> bool {
        match self.pypi {
            Some(pypi) => pypi.program().to_str().is_some_and(|program| succeeds(&[program, "-version"])),
            None => succeeds(self.probe) && (self.name != HLS_JS.peer || HLS_JS.path().is_file()),
        }
    }

    /// Its packages, but for those that are named as a program that is here: it may have come another way, and Debian's would
    /// not go with it (npm with the Node.js of others).
    fn needed(&self) -> Vec<&'static str> {
        let is_here = |package: &str| succeeds(&["sh", "-c", "command -v \"$0\"", package]);
        self.packages.iter().copied().filter(|package| !is_here(package)).collect()
    }
}

impl PyPi {
    fn place(&self) -> PathBuf {
        run::target_dir().join("peers").join(self.place)
    }

    fn program(&self) -> PathBuf {
        self.place().join("ffmpeg")
    }

    /// Makes the environment, installs the package into it and leads from `ffmpeg` to the program.
    fn install(&self) -> Result<()> {
        let place = self.place();
        run::step("packages", Command::new("python3").args(["-m", "venv"]).arg(&place))?;
        let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", self.package];
        let python = place.join("bin/python");
        run::step("packages", Command::new(&python).args(pip))?;
        let path = run::output(Command::new(&python).args(["-c", self.path]))?;
        let _old = std::fs::remove_file(self.program());
        std::os::unix::fs::symlink(path.trim(), self.program())
            .map_err(|e| format!("{}: {e}", self.program().display()))
    }
}

impl Npm {
    fn place(&self) -> PathBuf {
        run::target_dir().join("peers/hlsjs")
    }

    fn path(&self) -> PathBuf {
        self.place().join(self.file)
    }

    fn install(&self) -> Result<()> {
        let mut npm = Command::new("npm");
        npm.args(["install", "--silent", "--no-fund", "--no-audit", "--ignore-scripts", "--prefix"]);
        run::step("packages", npm.arg(self.place()).arg(self.package))
    }
}

/// Installs in one go, or package by package when that fails, so that one bad package costs one peer only.
fn install_all(missing: &[&Peer]) {
    install_packages(missing);
    let installed = missing.iter().filter_map(|p| match p.pypi {
        Some(pypi) => Some(pypi.install()),
        None => (p.name == HLS_JS.peer).then(|| HLS_JS.install()),
    });
    installed.filter_map(Result::err).for_each(|e| say(&e));
}

fn install_packages(missing: &[&Peer]) {
    let names: Vec<_> = missing.iter().map(|p| p.name).collect();
    let Some(root) = become_root() else {
        say(&format!(
            "cannot install {}: needs Debian's apt-get, and root or sudo without a password",
            names.join(", ")
        ));
        return;
    };
    say(&format!("installing {} from Debian packages (--no-install leaves that out)", names.join(", ")));
    if let Err(e) = apt(root, &["update"]) {
        say(&format!("{e}; going on with the package lists at hand"));
    }
    let all: Vec<&str> = missing.iter().flat_map(|p| p.needed()).collect();
    if let Err(e) = install(root, &all) {
        say(&format!("{e}; trying one by one"));
        for peer in missing {
            if let Err(e) = install(root, &peer.needed()) {
                say(&e);
            }
        }
    }
}

fn install(root: &[&str], packages: &[&str]) -> Result<()> {
    if packages.is_empty() {
        return Ok(());
    }
    apt(root, &[&["install", "--yes", "--no-install-recommends"], packages].concat())
}

/// The words before a command that make it run as root; `None` when nothing does.
fn become_root() -> Option<&'static [&'static str]> {
    if !Path::new("/usr/bin/apt-get").exists() {
        return None;
    }
    let id = run::output(Command::new("id").arg("-u")).unwrap_or_default();
    match id.trim() {
        "0" => Some(&[]),
        _ if succeeds(&["sudo", "-n", "true"]) => Some(&["sudo", "-n"]),
        _ => None,
    }
}

fn apt(root: &[&str], words: &[&str]) -> Result<()> {
    // RUNLEVEL=1 keeps packages from starting their services: the tests want nginx the program, not a server on port 80.
    let call = ["env", "DEBIAN_FRONTEND=noninteractive", "RUNLEVEL=1", "apt-get"];
    let quiet = ["-qq", "-o", "Acquire::Retries=3", "-o", "Acquire::http::Timeout=60", "-o", "DPkg::Lock::Timeout=300"];
    let all = [root, &call, &quiet, words].concat();
    let mut last = Ok(());
    for _ in 0..TRIES {
        let mut command = Command::new(all[0]);
        command.args(&all[1..]).stdout(std::process::Stdio::null());
        last = run::step("packages", &mut command);
        if last.is_ok() {
            break;
        }
    }
    last
}
