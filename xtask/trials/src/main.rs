//! `weir-trials`: weir under faults, and weir with every peer that can be had. What it sees it writes to docs/faults.md and
//! docs/interop.md; `cargo xtask faults` and `cargo xtask interop` build and call it.
//!
//! It fails when weir does not keep its promise; what other programs do is told and not judged.

mod faults;
mod interop;
mod page;

use std::process::ExitCode;

/// What can go wrong ends the run, with one line.
type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let result = match *words {
        ["faults", ref options @ ..] => faults::run(options),
        ["interop", ref options @ ..] => interop::run(options),
        _ => Err("usage: weir-trials faults [--pairs N] [FAULT] | interop [PEER]".into()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("weir-trials: {e}");
            ExitCode::FAILURE
        }
    }
}
