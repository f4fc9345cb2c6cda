//! Starting other programs: every step is one printed line, and a failure is a message that names the step.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

/// What went wrong, ready to print.
pub(crate) type Result<T> = std::result::Result<T, String>;

/// The checkout, wherever the command was called from.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask is a directory of the checkout")
}

/// Where cargo puts what it builds.
pub(crate) fn target_dir() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), |dir| root().join(dir))
}

/// Tells what is done.
pub(crate) fn say(line: &str) {
    eprintln!("xtask: {line}");
}

/// The cargo that started us, in the checkout.
pub(crate) fn cargo(words: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root()).args(words);
    command
}

/// Runs a step to its end, with its output shown.
pub(crate) fn step(what: &str, command: &mut Command) -> Result<()> {
    say(&format!("{what}: {}", shown(command)));
    let start = Instant::now();
    let status = command.status().map_err(|e| format!("{what}: {} does not start: {e}", shown(command)))?;
    let seconds = start.elapsed().as_secs();
    if !status.success() {
        return Err(format!("xtask: {what} failed after {seconds} s ({status}): {}", shown(command)));
    }
    say(&format!("{what}: done in {seconds} s"));
    Ok(())
}

/// Standard output of a program that must succeed.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let out = command.output().map_err(|e| format!("{} does not start: {e}", shown(command)))?;
    if !out.status.success() {
        return Err(format!("{} failed ({}): {}", shown(command), out.status, String::from_utf8_lossy(&out.stderr)));
    }
    String::from_utf8(out.stdout).map_err(|_| format!("{} writes something that is not text", shown(command)))
}

/// Whether a program starts and succeeds, with nothing shown.
pub(crate) fn succeeds(words: &[&str]) -> bool {
    let Some((program, arguments)) = words.split_first() else { return false };
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|s| s.success())
}

/// A command as one would type it, without the directory of the program.
fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or_default().to_string_lossy().into_owned();
    let words = command.get_args().map(|a| a.to_string_lossy().into_owned());
    std::iter::once(program).chain(words).collect::<Vec<_>>().join(" ")
}
