//! `cargo xtask counts`: instructions of the hot functions, counted by valgrind, against those written down. They depend on the
//! compiler and not on the mood of the machine, so that more of them fail the gate.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::run::{Result, cargo, output, root, say, step, target_dir};

/// What is done so many times, and so many more: what lies between is without the start of the program.
const TIMES: [u32; 2] = [200, 1_200];
/// More than this part above what is written down fails; as much below is worth being written down.
const MARGIN: f64 = 0.05;
/// Copies and comparisons of the C library as any processor of this kind can do them, so that counts do not depend on which
/// one it is.
const PLAIN_LIBRARY: &str = "glibc.cpu.hwcaps=-AVX,-AVX2,-AVX512F,-AVX512VL,-ERMS,-FSRM";

/// Whether what is written down is what is to be.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Check,
    Write,
}

/// Counts, and compares or writes down.
///
/// # Errors
/// Something costs more than is written down, or cannot be counted.
pub(crate) fn counts(mode: Mode) -> Result<()> {
    step("build", &mut cargo(&["build", "--release", "--package", "weir-counts", "--locked"]))?;
    let program = target_dir().join("release/weir-counts");
    let names = output(&mut Command::new(&program))?;
    let mut found = BTreeMap::new();
    for name in names.lines() {
        let [few, many] = TIMES.map(|times| instructions(&program, name, times));
        found.insert(name.to_owned(), (many? - few?) / u64::from(TIMES[1] - TIMES[0]));
    }
    if mode == Mode::Write {
        let text = found.iter().fold(String::new(), |mut text, (name, count)| {
            let _ = writeln!(text, "{name} {count}");
            text
        });
        return fs::write(path(), text).map_err(|e| format!("{}: {e}", path().display()));
    }
    check(&read()?, &found)
}

fn path() -> PathBuf {
    root().join("xtask/counts/counts.txt")
}

fn read() -> Result<BTreeMap<String, u64>> {
    let text = fs::read_to_string(path()).map_err(|e| format!("{}: {e}", path().display()))?;
    let line = |line: &str| {
        let (name, count) = line.split_once(' ')?;
        Some((name.to_owned(), count.parse().ok()?))
    };
    text.lines().map(|l| line(l).ok_or_else(|| format!("{}: {l}: not a name and a count", path().display()))).collect()
}

/// Instructions of a whole run.
fn instructions(program: &PathBuf, name: &str, times: u32) -> Result<u64> {
    let mut valgrind = Command::new("valgrind");
    valgrind.env("GLIBC_TUNABLES", PLAIN_LIBRARY);
    valgrind.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]).arg(program).args([name, &times.to_string()]);
    let out = valgrind.output().map_err(|e| format!("valgrind does not start: {e}; it counts the instructions"))?;
    let said = String::from_utf8_lossy(&out.stderr);
    let count = said.lines().find_map(|l| l.split_once("Collected :")?.1.trim().parse().ok());
    count.filter(|_| out.status.success()).ok_or_else(|| format!("valgrind counted nothing for {name}:\n{said}"))
}

fn check(written: &BTreeMap<String, u64>, found: &BTreeMap<String, u64>) -> Result<()> {
    let mut worse = Vec::new();
    for (name, count) in found {
        let Some(before) = written.get(name) else {
            worse.push(format!("{name}: {count} instructions, and nothing is written down"));
            continue;
        };
        let ratio = *count as f64 / *before as f64;
        say(&format!("{name}: {count} instructions, {ratio:.3} of {before}"));
        if ratio > 1.0 + MARGIN {
            worse.push(format!("{name}: {count} instructions where {before} are written down"));
        } else if ratio < 1.0 - MARGIN {
            say(&format!("{name}: better than written down; cargo xtask counts --write keeps it so"));
        }
    }
    if worse.is_empty() {
        return Ok(());
    }
    Err(format!("{}\nif that is meant: cargo xtask counts --write", worse.join("\n")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(counts: &[(&str, u64)]) -> BTreeMap<String, u64> {
        counts.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect()
    }

    #[test]
    fn more_fails_and_less_does_not() {
        let written = of(&[("a", 1000), ("b", 1000)]);
        assert_eq!(check(&written, &of(&[("a", 1049), ("b", 500)])), Ok(()));
        let said = check(&written, &of(&[("a", 1051), ("b", 1000), ("c", 1)])).expect_err("one is worse, one is new");
        assert!(said.starts_with("a: 1051 instructions where 1000 are written down\nc: 1 instructions"), "{said}");
    }
}
