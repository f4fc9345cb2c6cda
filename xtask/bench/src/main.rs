//! `weir-bench`: measures weir, and beside it what a bare loop can do on the same machine in the same minute.
//!
//! `cargo xtask bench` builds and calls it; docs/performance.md says what the numbers mean. It prints Markdown tables, and
//! never judges: no number here fails a test.

mod bare;
mod clip;
mod fanout;
mod feed;
mod hops;
mod load;
mod plan;
mod plot;
mod probe;
mod process;
mod start;

use std::process::ExitCode;

/// What can go wrong ends the run, with one line.
type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match run(&words) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("weir-bench: {e}");
            ExitCode::FAILURE
        }
    }
}

fn run(words: &[&str]) -> Result<()> {
    match *words {
        [] => {
            println!("{}\n", process::machine());
            fanout::measure(fanout::PLAYERS, fanout::ROUNDS)?;
            hops::measure()?;
            plan::measure()?;
            start::measure()
        }
        ["fanout"] => fanout::measure(fanout::PLAYERS, fanout::ROUNDS),
        ["fanout", players] => fanout::measure(&[players.parse()?], fanout::ROUNDS),
        ["fanout", players, rounds] => fanout::measure(&[players.parse()?], rounds.parse()?),
        ["hops"] => hops::measure(),
        ["plan"] => plan::measure(),
        ["start"] => start::measure(),
        // Parts of fanout, each a process of its own.
        ["bare", port, rule] => bare::serve(port.parse()?, bare::Rule::of(rule)?),
        ["feed", port] => feed::run(port.parse()?),
        ["load", what, port, players] => load::run(load::Kind::of(what)?, port.parse()?, players.parse()?),
        ["probe", what, port] => probe::watch(load::Kind::of(what)?, port.parse()?, load::WINDOW),
        ["join", what, port] => probe::join(load::Kind::of(what)?, port.parse()?),
        _ => Err("usage: weir-bench [fanout [PLAYERS [ROUNDS]]|hops|plan|start]".into()),
    }
}
