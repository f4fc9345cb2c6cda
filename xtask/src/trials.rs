//! `cargo xtask faults` and `cargo xtask interop`: builds the release program and the trials, and runs the latter.

use crate::run::{Result, cargo, step, target_dir};

/// Runs a kind of trial; the page it writes is in docs.
///
/// # Errors
/// Something cannot be built, or weir did not do what it promises.
pub(crate) fn trials(kind: &str, options: &[&str]) -> Result<()> {
    step("build", &mut cargo(&["build", "--release", "--package", "weir-cli", "--package", "weir-trials"]))?;
    let release = target_dir().join("release");
    let mut trials = std::process::Command::new(release.join("weir-trials"));
    trials.arg(kind).args(options).env("WEIR_BIN", release.join("weir"));
    step(kind, &mut trials)
}
