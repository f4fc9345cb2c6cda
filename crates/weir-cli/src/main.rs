//! The `weir` command: words to a running graph, and what happens in it to the terminal.
//!
//! Everything here is about people: options, help, messages, the status line, signals and exit codes.

mod help;
mod logs;
mod messages;
mod options;
mod signals;
mod status;

use std::path::Path;
use std::process::ExitCode;

use weir::plugin::Registry;
use weir::{Built, Config, Outcome, Session};

use crate::messages::Messages;
use crate::options::Options;

/// Everything went as asked.
const OK: u8 = 0;
/// It ran, and something failed, or it could not start.
const FAILED: u8 = 1;
/// The words make no sense.
const USAGE: u8 = 2;
/// Stopped by a second signal.
const ABORTED: u8 = 130;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args_os().skip(1).map(|w| w.to_string_lossy().into_owned()).collect();
    ExitCode::from(run(&words))
}

fn run(words: &[String]) -> u8 {
    let parsed = weir::args::parse_with(words, options::OWN);
    let messages = Messages::new(words, &parsed);
    let options = match Options::parse(&parsed.own) {
        Ok(options) => options,
        Err(exit) => return exit,
    };
    let mut registry = weir::registry();
    if let Err(code) = load_plugins(&options, &mut registry) {
        return code;
    }
    if options.help.is_some() || words.is_empty() {
        return help::show(options.help.as_deref().unwrap_or_default(), &registry);
    }
    match weir::build(&parsed, &registry) {
        Ok(built) => {
            built.warnings.iter().for_each(|w| messages.show(w));
            start(built, &options, &messages)
        }
        Err(problems) => {
            problems.iter().for_each(|p| messages.show(p));
            USAGE
        }
    }
}

fn load_plugins(options: &Options, registry: &mut Registry) -> Result<(), u8> {
    for path in &options.plugins {
        match weir::load_native(Path::new(path)) {
            Ok(plugin) => registry.register_arc(plugin),
            Err(e) => {
                messages::plain(&format!("cannot load plugin {path}: {e}"));
                return Err(FAILED);
            }
        }
    }
    Ok(())
}

fn start(built: Built, options: &Options, messages: &Messages) -> u8 {
    let config = Config {
        log_level: options.logs.loudest(),
        memory: options.memory,
        compute_threads: options.threads,
        max_connections: options.max_connections,
        ..Config::default()
    };
    let session = match Session::start(built.graph, config) {
        Ok(session) => session,
        Err(e) => {
            messages.failed(built.places.of_failure(&e), &e);
            return FAILED;
        }
    };
    if let Err(e) = signals::install(session.control()) {
        messages::plain(&format!("signals cannot be handled: {e}"));
        return FAILED;
    }
    let reports = session.reports();
    let running = std::thread::spawn(move || session.run());
    status::follow(&reports, options);
    match running.join() {
        Ok(Ok(outcome)) => finish(&outcome, options),
        Ok(Err(e)) => {
            messages::plain(&format!("the event queue failed: {e}"));
            FAILED
        }
        Err(_) => FAILED, // its panic has been printed; that is a defect of weir
    }
}

fn finish(outcome: &Outcome, options: &Options) -> u8 {
    if options.graph {
        eprint!("{}", outcome.last.tree);
    }
    if options.stats {
        status::stats(&outcome.last);
    }
    match (signals::count(), outcome.failures, outcome.aborted) {
        (2.., ..) => ABORTED,
        (_, 0, false) => OK,
        _ => FAILED,
    }
}
