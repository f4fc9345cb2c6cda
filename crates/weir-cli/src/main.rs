//! The `weir` command: words to a running graph, and what happens in it to the terminal.
//!
//! Everything here is about people: options, help, messages, the status line, signals and exit codes.

mod help;
mod logs;
mod messages;
mod options;
mod screen;
mod signals;
mod status;

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use weir::args::{Diagnostic, Parsed, Span};
use weir::plugin::Registry;
use weir::{Built, Config, Outcome, Places, Session};

use crate::messages::Messages;
use crate::options::{BadOption, Options};
use crate::screen::Screen;

/// Everything went as asked.
const OK: u8 = 0;
/// It ran, and something failed, or it could not start.
const FAILED: u8 = 1;
/// The words make no sense.
const USAGE: u8 = 2;
/// Stopped by a second signal.
const ABORTED: u8 = 130;

fn main() -> ExitCode {
    let words: Result<Vec<String>, OsString> = std::env::args_os().skip(1).map(OsString::into_string).collect();
    ExitCode::from(match words {
        Ok(words) => run(&words),
        Err(word) => {
            Screen::new([]).error(&format!("this word is not UTF-8 text: {}", word.to_string_lossy()));
            USAGE
        }
    })
}

fn run(words: &[String]) -> u8 {
    let parsed = weir::args::parse_with(words, options::OWN);
    let mut registry = weir::registry();
    let options = Options::parse(&parsed.own);
    let loaded = options.as_ref().map_or(Ok(()), |o| load_plugins(o, &mut registry));
    // After the plugins: their options may be secret too.
    let hidden = weir::secrets(words, &parsed, &registry);
    let screen = Screen::new(hidden.iter().map(|s| words[s.word][s.start..s.end].to_owned()));
    let messages = Messages::new(&screen, words, &hidden);
    let options = match (options, loaded) {
        (Ok(options), Ok(())) => options,
        (Err(bad), _) => {
            messages.error(place_of(&bad, words), &bad.message);
            return USAGE;
        }
        (_, Err(e)) => {
            screen.error(&e);
            return FAILED;
        }
    };
    if options.version {
        return screen::out(concat!("weir ", env!("CARGO_PKG_VERSION"), "\n"));
    }
    if let Some(about) = &options.help {
        return help::show(about, &registry, &screen);
    }
    if parsed.items.is_empty() && parsed.diagnostics.is_empty() {
        Screen::raw(help::USAGE_TEXT);
        return USAGE;
    }
    if let Some(line) = options.logs.unknown_topic(&registry) {
        screen.print(&format!("warning: {line}"));
    }
    build_and_run(words, &parsed, &registry, &options, &messages)
}

/// The word a bad option of weir's own stands in.
fn place_of(bad: &BadOption, words: &[String]) -> Option<Span> {
    let name = bad.name.as_ref()?;
    let is_it =
        |w: &String| w.split('=').next().is_some_and(|n| n.trim_start_matches('-') == name && n.starts_with('-'));
    let word = words.iter().rposition(is_it)?;
    Some(Span::new(word, 0..words[word].len()))
}

fn load_plugins(options: &Options, registry: &mut Registry) -> Result<(), String> {
    for path in &options.plugins {
        match weir::load_native(Path::new(path)) {
            Ok(plugin) => registry.register_arc(plugin),
            Err(e) => return Err(e.to_string()),
        }
    }
    Ok(())
}

fn build_and_run(
    words: &[String],
    parsed: &Parsed,
    registry: &Registry,
    options: &Options,
    messages: &Messages<'_>,
) -> u8 {
    let Built { graph, places, warnings } = match weir::build_with(parsed, registry, options.rules.clone()) {
        Ok(built) => built,
        Err(problems) => {
            problems.into_iter().for_each(|p| messages.show(&advised(p, words)));
            return USAGE;
        }
    };
    if !options.quiet {
        warnings.iter().for_each(|w| messages.show(w));
    }
    let config = Config {
        log_level: options.logs.loudest(),
        memory: options.memory,
        compute_threads: options.threads,
        max_connections: options.max_connections,
        ..Config::default()
    };
    match Session::start(graph, config) {
        Ok(session) => follow(session, &places, registry, options, messages),
        Err(e) => {
            messages.error(places.of_failure(&e), &e.to_string());
            FAILED
        }
    }
}

/// With the advice that only the command itself can give.
fn advised(problem: Diagnostic, words: &[String]) -> Diagnostic {
    match words.get(problem.span.word).and_then(|w| options::advice(w)) {
        Some(help) => problem.help(help),
        None => problem,
    }
}

fn follow(session: Session, places: &Places, registry: &Registry, options: &Options, messages: &Messages<'_>) -> u8 {
    let screen = messages.screen();
    if let Err(e) = signals::install(session.control()) {
        screen.error(&format!("signals cannot be handled: {e}"));
        return FAILED;
    }
    let reports = session.reports();
    let running = std::thread::spawn(move || session.run());
    status::follow(&reports, options, screen);
    match running.join() {
        Ok(Ok(outcome)) => {
            let code = exit_code(&outcome);
            if code == OK && !options.quiet {
                places.unused(&outcome.unused, registry).iter().for_each(|w| messages.show(w));
            }
            tell(&outcome, options, screen);
            code
        }
        Ok(Err(e)) => {
            screen.error(&format!("the event queue failed: {e}"));
            FAILED
        }
        Err(_) => FAILED, // its panic has been printed; that is a defect of weir
    }
}

fn tell(outcome: &Outcome, options: &Options, screen: &Screen) {
    if options.graph {
        screen.print(outcome.last.tree.trim_end());
    }
    if options.stats {
        screen.print(status::stats(&outcome.last).trim_end());
    }
}

fn exit_code(outcome: &Outcome) -> u8 {
    match (signals::count(), outcome.failures, outcome.aborted) {
        (2.., ..) => ABORTED,
        (_, 0, false) => OK,
        _ => FAILED,
    }
}
