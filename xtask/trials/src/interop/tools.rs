//! Programs of PyPI and npm, got into `target/interop`, and what version everything is.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::page;

/// Packages of PyPI, each for its peer.
const PYTHON: [&str; 3] = ["av", "imageio-ffmpeg", "pyrtmp"];
/// The package of npm.
const NODE: &str = "node-media-server@4";

/// Where they are.
pub(crate) struct Tools {
    /// Python with the packages; `None` when there is none.
    pub(crate) python: Option<PathBuf>,
    /// FFmpeg 9.
    pub(crate) ffmpeg9: Option<PathBuf>,
    /// The directory of node-media-server.
    pub(crate) nms: Option<PathBuf>,
}

impl Tools {
    /// Gets what is missing. What cannot be had is missing from the answer.
    pub(crate) fn provide() -> Self {
        let home = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/interop");
        let _ = fs::create_dir_all(&home); // what follows says it
        let home = home.canonicalize().unwrap_or(home);
        let python = python(&home);
        let ffmpeg9 = python.as_deref().and_then(ffmpeg9);
        Self { ffmpeg9, python, nms: nms(&home) }
    }

    /// The version of a Python package.
    pub(crate) fn package(&self, name: &str) -> String {
        let Some(python) = &self.python else { return String::new() };
        let code = format!("import importlib.metadata as m; print(m.version('{name}'))");
        page::first_line(Command::new(python).args(["-c", &code]).stderr(Stdio::null()))
    }
}

fn python(home: &Path) -> Option<PathBuf> {
    let (venv, python) = (home.join("venv"), home.join("venv/bin/python"));
    if !python.exists() {
        works(Command::new("python3").args(["-m", "venv"]).arg(&venv))?;
    }
    for package in PYTHON {
        // One that cannot be had leaves the others.
        let _ = works(Command::new(&python).args(["-m", "pip", "install", "--quiet", package]));
    }
    python.exists().then_some(python)
}

fn ffmpeg9(python: &Path) -> Option<PathBuf> {
    let code = "import imageio_ffmpeg as f; print(f.get_ffmpeg_exe())";
    let path = PathBuf::from(page::first_line(Command::new(python).args(["-c", code]).stderr(Stdio::null())));
    path.is_file().then_some(path)
}

fn nms(home: &Path) -> Option<PathBuf> {
    let (npm, package) = (home.join("npm"), home.join("npm/node_modules/node-media-server"));
    if !package.exists() {
        fs::create_dir_all(&npm).ok()?;
        works(Command::new("npm").args(["install", "--silent", "--prefix"]).arg(&npm).arg(NODE))?;
    }
    package.exists().then_some(package)
}

fn works(command: &mut Command) -> Option<()> {
    eprintln!("weir-trials: {command:?}");
    command.stdin(Stdio::null()).stdout(Stdio::null()).status().ok()?.success().then_some(())
}

/// The version of a Debian package.
pub(crate) fn debian(package: &str) -> String {
    page::first_line(Command::new("dpkg-query").args(["-W", "-f=${Version}", package]).stderr(Stdio::null()))
}
