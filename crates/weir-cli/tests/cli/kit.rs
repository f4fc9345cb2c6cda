//! Runs `weir` in a directory of its own and compares what it says.

use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

/// What came of a run.
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    /// The end of a process, with texts that must be UTF-8.
    pub(crate) fn of(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
        Self {
            code: output.status.code().expect("it was not killed"),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }
}

/// An empty directory for one test.
pub(crate) fn scratch(test: &str) -> PathBuf {
    let dir = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("cli").join(test);
    if dir.exists() {
        std::fs::remove_dir_all(&dir).expect("an old scratch directory");
    }
    std::fs::create_dir_all(&dir).expect("a scratch directory");
    dir
}

/// `weir` with nothing of the surroundings that changes what it says.
pub(crate) fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_weir"));
    command.env_remove("RUST_BACKTRACE").env_remove("COLUMNS").env("TERM", "xterm").stdin(Stdio::null());
    command.env("XDG_CONFIG_HOME", concat!(env!("CARGO_TARGET_TMPDIR"), "/no-settings"));
    command
}

/// Runs these words, split at blanks, in the directory of `test`.
pub(crate) fn weir_in(test: &str, words: &str) -> Ran {
    Ran::of(command().current_dir(scratch(test)).args(words.split_whitespace()).output().expect("it runs"))
}

/// Runs these words where nothing is written.
pub(crate) fn weir(words: &str) -> Ran {
    Ran::of(command().args(words.split_whitespace()).output().expect("it runs"))
}

/// A port of this machine that nobody listens on.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener.local_addr().expect("it is bound").port()
}

/// `text` without the indentation it has in the source.
pub(crate) fn plain(text: &str) -> String {
    let lines: Vec<&str> = text.trim_matches('\n').trim_end().lines().collect();
    let indent = lines.iter().filter(|l| !l.trim().is_empty()).map(|l| l.len() - l.trim_start().len()).min();
    lines.iter().map(|l| format!("{}\n", l.get(indent.unwrap_or(0)..).unwrap_or("").trim_end())).collect()
}

/// Compares what was said, line by line.
#[track_caller]
pub(crate) fn says(is: &str, wanted: &str) {
    let is: String = is.lines().map(|l| format!("{}\n", l.trim_end())).collect();
    let wanted = plain(wanted);
    assert!(is == wanted, "--- it says\n{is}--- and should say\n{wanted}---");
}

/// These words end with `code`, say this on standard error and nothing on standard output.
#[track_caller]
pub(crate) fn complains(words: &str, code: i32, wanted: &str) {
    let ran = weir(words);
    says(&ran.stderr, wanted);
    assert_eq!((ran.code, ran.stdout.as_str()), (code, ""), "{words}");
}
