//! [`Lab`]: what one test works in: a directory, ports, and the binary under test.

use std::cell::RefCell;
use std::fs;
use std::net::{Ipv4Addr, TcpStream};
use std::ops::{Deref, DerefMut};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{array, env};

use crate::dir::Dir;
use crate::peers;
use crate::ports::Port;
use crate::process::{self, Ended, Process, Signal};
use crate::wait;

/// One test's place to work in.
#[derive(Debug)]
pub struct Lab {
    dir: Dir,
    ports: RefCell<Vec<Port>>,
}

impl Lab {
    /// A fresh one.
    #[must_use]
    pub fn new() -> Self {
        Self { dir: Dir::new(), ports: RefCell::default() }
    }

    /// The test's directory. All its processes work there.
    #[must_use]
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// The path of a file in the test's directory.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir().join(name)
    }

    /// Free ports.
    #[must_use]
    pub fn ports<const N: usize>(&self) -> [u16; N] {
        array::from_fn(|_| {
            let port = Port::free();
            let number = port.number;
            self.ports.borrow_mut().push(port);
            number
        })
    }

    /// Makes `tls.crt` for localhost, with this as its subject, and `tls.key`.
    ///
    /// # Panics
    /// When OpenSSL is not installed.
    pub fn certificate(&self, subject: &str) {
        let make = format!(
            "req -x509 -newkey rsa:2048 -nodes -keyout tls.key -out tls.crt -days 2 -subj /CN={subject} -addext \
             subjectAltName=DNS:localhost"
        );
        let mut command = Command::new(peers::tool("openssl"));
        command.args(make.split_whitespace());
        process::run("openssl", command, self.dir()).with(0);
    }

    /// Starts weir with `words`, separated by white space.
    #[must_use]
    pub fn weir(&self, words: &str) -> Weir {
        let mut command = Command::new(binary());
        command.args(words.split_whitespace());
        Weir { process: Process::start("weir", command, self.dir()) }
    }

    /// As [`Lab::weir`], with room for `descriptors` open files.
    #[must_use]
    pub fn weir_within(&self, descriptors: u32, words: &str) -> Weir {
        let mut command = Command::new("sh");
        command.args(["-c", &format!("ulimit -n {descriptors}; exec \"$0\" \"$@\"")]).arg(binary());
        command.args(words.split_whitespace());
        Weir { process: Process::start("weir", command, self.dir()) }
    }

    /// Runs weir with `words`, separated by white space, to its end.
    #[track_caller]
    #[must_use]
    pub fn weir_to_end(&self, words: &str) -> Ended {
        self.weir(words).process.wait()
    }

    /// Waits until a file in the directory has at least `bytes` bytes.
    #[track_caller]
    pub fn wait_for_file(&self, name: &str, bytes: u64) {
        let path = self.path(name);
        let size = || fs::metadata(&path).map_or(0, |m| m.len());
        wait::until_true(&format!("{name} has {bytes} bytes"), || size() >= bytes);
    }

    /// Bytes in a file now; 0 when there is none.
    #[must_use]
    pub fn size(&self, name: &str) -> u64 {
        fs::metadata(self.path(name)).map_or(0, |m| m.len())
    }

    /// Waits until a file grows by `bytes`.
    #[track_caller]
    pub fn wait_for_growth(&self, name: &str, bytes: u64) {
        self.wait_for_file(name, self.size(name) + bytes);
    }
}

impl Default for Lab {
    fn default() -> Self {
        Self::new()
    }
}

/// weir, running.
#[derive(Debug)]
pub struct Weir {
    process: Process,
}

impl Weir {
    /// Waits until it takes connections on each of `ports`.
    ///
    /// # Panics
    /// When it ends first.
    #[track_caller]
    #[must_use]
    pub fn listening<const N: usize>(mut self, ports: [u16; N]) -> Self {
        for port in ports {
            wait::until_true(&format!("weir listens on {port}"), || {
                assert!(self.is_running(), "weir ended at once: {}", self.stderr());
                TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok()
            });
        }
        self
    }

    /// Waits until it has said that `count` players began to play; it must log `net@info`.
    #[track_caller]
    pub fn wait_for_players(&self, count: usize) {
        let playing = || self.stderr().lines().filter(|l| l.contains(": plays ")).count();
        wait::until_true(&format!("{count} players play"), || playing() >= count);
    }

    /// Presses Ctrl-C and waits for the end.
    #[track_caller]
    pub fn stop(mut self) -> Ended {
        self.signal(Signal::Int);
        self.process.wait()
    }

    /// Waits for the end.
    #[track_caller]
    pub fn wait(self) -> Ended {
        self.process.wait()
    }
}

impl Deref for Weir {
    type Target = Process;

    fn deref(&self) -> &Process {
        &self.process
    }
}

impl DerefMut for Weir {
    fn deref_mut(&mut self) -> &mut Process {
        &mut self.process
    }
}

/// The binary under test: the newest one built into the directory that this test was built into, or into `target`.
///
/// # Panics
/// When there is none: it is not built by these tests.
#[must_use]
pub fn binary() -> PathBuf {
    if let Some(path) = env::var_os("WEIR_BIN") {
        return path.into();
    }
    let this = env::current_exe().expect("a test knows its file"); // target/debug/deps/e2e-...
    let ours = this.ancestors().nth(3).map(Path::to_owned);
    let usual = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target");
    let when = |path: &PathBuf| fs::metadata(path).and_then(|m| m.modified()).ok();
    let newest = |target: PathBuf| {
        let built = ["release", "debug"].map(|profile| target.join(profile).join("weir"));
        built.into_iter().filter(|p| when(p).is_some()).max_by_key(when)
    };
    let found = ours.into_iter().chain([usual]).find_map(newest);
    found.expect("build weir first (cargo build -p weir-cli), or set WEIR_BIN")
}
