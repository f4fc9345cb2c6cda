//! `cargo xtask bench`: builds the release program and the bench program, and runs the latter.

use crate::run::{Result, cargo, step, target_dir};

/// Measures. Without words: everything.
///
/// # Errors
/// Something cannot be built, or a measurement failed.
pub(crate) fn bench(which: &[&str]) -> Result<()> {
    step("build", &mut cargo(&["build", "--release", "--package", "weir-cli", "--package", "weir-bench"]))?;
    let release = target_dir().join("release");
    let mut bench = std::process::Command::new(release.join("weir-bench"));
    bench.args(which).env("WEIR_BIN", release.join("weir"));
    step("bench", &mut bench)
}
