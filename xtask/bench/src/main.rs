//! Benchmarks of weir, each with a yardstick measured in the same run. Prints tables in Markdown; asserts nothing about
//! speed.
//!
//! `cargo xtask bench [fanout|hops|start]` builds and runs it; `WEIR_BIN` names the program to measure.

mod bare;
mod clip;
mod fanout;
mod hops;
mod players;
mod process;
mod start;

use std::process::ExitCode;

/// What can go wrong: a sentence.
type Result<T> = std::result::Result<T, String>;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match run(&words) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("bench: {e}");
            ExitCode::FAILURE
        }
    }
}

fn run(words: &[&str]) -> Result<()> {
    match words {
        [] => start::bench().and_then(|()| hops::bench()).and_then(|()| fanout::bench()),
        ["start"] => start::bench(),
        ["hops"] => hops::bench(),
        ["fanout"] => fanout::bench(),
        // Helper processes of the fan-out benchmark, so that only the server's time is counted.
        ["players", port, count, kind] => players::run(number(port)?, number(count)?, *kind == "rtmp"),
        ["bare"] => bare::run(),
        _ => Err("expected nothing, start, hops or fanout".to_owned()),
    }
}

fn number<T: std::str::FromStr>(text: &str) -> Result<T> {
    text.parse().map_err(|_| format!("{text} is no number"))
}
