//! Project chores: `cargo xtask test`, `tidy`, `bench`, `counts`, `faults`, `interop`, `docs`.
//!
//! Only starts other programs and reads the checkout. It never links the engine, so that it is built in seconds; what
//! must run inside the engine is in `xtask/bench` and `xtask/counts`, what runs beside real peers in `xtask/trials`.

mod bench;
mod counts;
mod docs;
mod peers;
mod run;
mod test;
mod tidy;
mod trials;

use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo xtask COMMAND

  test [--no-install] [FILTER]   Install the peers that tests need (apt), build, run every test whose name holds FILTER
  tidy                           Check layers, owners and source rules; see xtask/src/tidy
  bench [fanout|hops|plan|start] Measure the release build; docs/performance.md says what the numbers mean
  counts [--write]               Count instructions of the hot functions (valgrind), against xtask/counts/counts.txt
  faults [--pairs N] [FAULT]     Ten outputs, each fault on some, the others compared packet by packet: docs/faults.md
  interop [PEER]                 Real runs with every peer that can be had: docs/interop.md
  docs [--check]                 Write docs/filters, completions and the manual page from the option tables, or check them
";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let result = match words.as_slice() {
        ["test", options @ ..] => test::Options::parse(options).and_then(|o| test::test(&o)),
        ["tidy"] => tidy::tidy(),
        ["bench", which @ ..] => bench::bench(which),
        [kind @ ("faults" | "interop"), options @ ..] => trials::trials(kind, options),
        ["counts"] => counts::counts(counts::Mode::Check),
        ["counts", "--write"] => counts::counts(counts::Mode::Write),
        ["docs"] => docs::docs(docs::Mode::Write),
        ["docs", "--check"] => docs::docs(docs::Mode::Check),
        ["help" | "-h" | "--help"] => {
            print!("{USAGE}");
            Ok(())
        }
        _ => Err(USAGE.to_owned()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{}", message.trim_end());
            ExitCode::FAILURE
        }
    }
}
