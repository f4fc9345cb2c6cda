//! Child processes: what they print goes to files, they are ended by their id, and none outlives its owner.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use crate::wait;

/// A signal to send.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Signal {
    /// Ctrl-C.
    Int,
    /// A polite request to end.
    Term,
    /// The end, at once.
    Kill,
    /// Halt until [`Signal::Continue`].
    Stop,
    /// Go on.
    Continue,
}

impl Signal {
    const fn name(self) -> &'static str {
        match self {
            Self::Int => "INT",
            Self::Term => "TERM",
            Self::Kill => "KILL",
            Self::Stop => "STOP",
            Self::Continue => "CONT",
        }
    }
}

/// How a process ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ended {
    /// Which one, for messages.
    pub name: String,
    /// Its exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// Its standard error.
    pub stderr: String,
    /// Its standard output.
    pub stdout: String,
}

impl Ended {
    /// It ended with exit code `code` and said nothing on standard error.
    ///
    /// # Panics
    /// When it did not.
    #[track_caller]
    pub fn quietly(&self, code: i32) -> &Self {
        assert!(self.code == Some(code) && self.stderr.is_empty(), "expected exit code {code} in silence: {self:#?}");
        self
    }

    /// It ended with exit code `code`.
    ///
    /// # Panics
    /// When it did not.
    #[track_caller]
    pub fn with(&self, code: i32) -> &Self {
        assert_eq!(self.code, Some(code), "{self:#?}");
        self
    }
}

/// A running child process. Dropping it kills it.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    stdout: PathBuf,
    stderr: PathBuf,
}

impl Process {
    /// Starts `command` in `dir`, where its output goes to `name.out` and `name.err`.
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    pub fn start(name: &str, mut command: Command, dir: &Path) -> Self {
        let (stdout, stderr) = (dir.join(format!("{name}.out")), dir.join(format!("{name}.err")));
        let to = |path: &Path| File::create(path).expect("the test's directory takes files");
        let child = command
            .current_dir(dir)
            .stdin(Stdio::null())
            .stdout(to(&stdout))
            .stderr(to(&stderr))
            .spawn()
            .unwrap_or_else(|e| panic!("{name}: {command:?}: {e}"));
        Self { name: name.to_owned(), child, stdout, stderr }
    }

    /// What it has printed on standard error so far.
    #[must_use]
    pub fn stderr(&self) -> String {
        text(&self.stderr)
    }

    /// How many of its threads have a name that begins so; 15 characters of names are known.
    #[must_use]
    pub fn threads(&self, name: &str) -> usize {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.id())).into_iter().flatten().flatten();
        tasks
            .filter_map(|task| fs::read_to_string(task.path().join("comm")).ok())
            .filter(|n| n.starts_with(name))
            .count()
    }

    /// Its process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Whether it still runs.
    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("a child can be waited for").is_none()
    }

    /// Sends a signal. Harmless when it has ended.
    pub fn signal(&mut self, signal: Signal) {
        if self.is_running() {
            let id = self.id().to_string();
            let sent = Command::new("sh").args(["-c", "kill -$1 $2", "sh", signal.name(), &id]).status();
            assert!(sent.is_ok_and(|s| s.success()), "{signal:?} to {}", self.name);
        }
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// When it does not come within [`wait::TIMEOUT`].
    #[track_caller]
    pub fn wait(mut self) -> Ended {
        let what = format!("{} ends", self.name);
        let status = wait::until(&what, || self.child.try_wait().expect("a child can be waited for"));
        self.ended(status)
    }

    fn ended(&self, status: ExitStatus) -> Ended {
        let name = self.name.clone();
        Ended { name, code: status.code(), stderr: text(&self.stderr), stdout: text(&self.stdout) }
    }

    /// Resident memory in bytes, as the system counts it; `None` when it has ended or the system does not tell.
    #[must_use]
    pub fn resident(&self) -> Option<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.id())).ok()?;
        let kib = status.lines().find_map(|l| l.strip_prefix("VmRSS:"))?.trim().strip_suffix("kB")?;
        Some(kib.trim().parse::<u64>().ok()? * 1024)
    }

    /// Open file descriptors; `None` when the system does not tell.
    #[must_use]
    pub fn descriptors(&self) -> Option<usize> {
        Some(fs::read_dir(format!("/proc/{}/fd", self.id())).ok()?.count())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill(); // it may have ended
        let _ = self.child.wait();
    }
}

/// Runs `command` to its end.
///
/// # Panics
/// When it cannot be started, or does not end within [`wait::TIMEOUT`].
#[track_caller]
pub fn run(name: &str, command: Command, dir: &Path) -> Ended {
    Process::start(name, command, dir).wait()
}

fn text(path: &Path) -> String {
    String::from_utf8_lossy(&fs::read(path).unwrap_or_default()).into_owned()
}
