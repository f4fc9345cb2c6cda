//! The `weir` command: words to a running graph, and what happens in it to the terminal.
//!
//! Everything here is about people: options, help, messages, the status line, signals and exit codes.

mod aliases;
mod commands;
mod complete;
mod ctl;
mod help;
mod input;
mod logs;
mod man;
mod messages;
mod options;
mod report;
mod screen;
mod shapes;
mod signals;
mod status;
mod watch;

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use weir::args::{Diagnostic, Parsed, Severity, Span};
use weir::plugin::{Level, Registry};
use weir::{Built, Config, Outcome, Places, Session};

use crate::aliases::Aliases;
use crate::commands::{Command, Shape};
use crate::input::Input;
use crate::messages::Messages;
use crate::options::{BadOption, Options};
use crate::screen::Screen;
use crate::watch::Watch;

/// Everything went as asked.
const OK: u8 = 0;
/// It ran, and something failed, or it could not start.
const FAILED: u8 = 1;
/// The words make no sense.
const USAGE: u8 = 2;
/// Stopped by a second signal.
const ABORTED: u8 = 130;
/// Time between snapshots when somebody may look closer: what is shown there is true within a second.
const WATCHED_EVERY: Duration = Duration::from_millis(500);

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
    let (words, tuning) = options::without_tuning(words);
    let words = &words[..];
    if !tuning.is_empty() && !words.iter().any(|w| w == "-quiet") {
        let names = tuning.join(", ");
        Screen::new([])
            .print(&format!("warning: {names}: nothing to tune here; the schedule and queues see to themselves"));
    }
    let mut registry = weir::registry();
    let words = match without_aliases(words, &registry) {
        Ok(words) => words,
        Err(code) => return code,
    };
    let words = &words[..];
    let first = words.first().filter(|w| !commands::is_filter(&registry, w)).map(String::as_str);
    let command = first.and_then(Command::of);
    let rest = if command.is_some() { &words[1..] } else { words };
    match command {
        Some(Command::Fmt) => return commands::fmt(rest),
        Some(Command::Ctl) => return ctl::run(rest),
        Some(Command::Completions) => return complete::script(rest),
        Some(Command::Complete) => return complete::answer(rest, &registry),
        Some(Command::Man) => return screen::out(&man::page(&registry)),
        Some(Command::Run) => {
            let Some((file, more)) = rest.split_first() else {
                Screen::new([]).error("run needs a graph file: weir run FILE.toml");
                return USAGE;
            };
            return work(&mut registry, command, &Input::file(file, more), Shape::default(), None);
        }
        Some(Command::Convert) => {
            let Some((target, from)) = rest.split_last() else {
                Screen::new([]).error("convert needs something and a file: weir convert WORDS... FILE.toml");
                return USAGE;
            };
            return work(&mut registry, command, &Input::either(from), Shape::default(), Some(target));
        }
        _ => {}
    }
    let (shape, rest) =
        if command == Some(Command::Plan) { commands::shape(rest) } else { (Shape::Tree, rest.to_vec()) };
    let input = if command.is_some() { Input::either(&rest) } else { Input::words(&rest) };
    work(&mut registry, command, &input, shape, None)
}

/// The words without aliases, those that `-alias` has just set among them. The exit code when nothing else is said, or
/// they make no sense.
fn without_aliases(words: &[String], registry: &Registry) -> Result<Vec<String>, u8> {
    let (said, rest): (Vec<_>, Vec<_>) = words.iter().cloned().partition(|w| w.starts_with("-alias="));
    let is_taken = |name: &str| Command::of(name).is_some() || registry.get(name).is_some();
    let kept = said.iter().filter_map(|w| w.strip_prefix("-alias=")).try_for_each(|a| Aliases::keep(a, is_taken));
    let words = match kept {
        Ok(()) if rest.is_empty() && !said.is_empty() => return Err(OK),
        Ok(()) => Aliases::load().and_then(|all| all.expand(&rest, options::OWN)),
        Err(e) => Err(e),
    };
    words.map_err(|e| {
        Screen::new([]).error(&e);
        USAGE
    })
}

/// Does what is asked with an input: runs it, unless a command says otherwise.
fn work(registry: &mut Registry, command: Option<Command>, input: &Input, shape: Shape, target: Option<&String>) -> u8 {
    let words = &input.words[..];
    let separators = options::separators(words, input.files.is_some());
    let parsed = weir::args::parse_separated(words, options::OWN, separators.clone().unwrap_or_default());
    let options = Options::parse(&parsed.own);
    let loaded = options.as_ref().map_or(Ok(()), |o| load_plugins(o, registry));
    // After the plugins: their options may be secret too.
    let hidden = weir::secrets(words, &parsed, registry);
    let outside = input.files.iter().flat_map(|f| f.outside.iter().cloned());
    let screen = Screen::new(hidden.iter().map(|s| words[s.word][s.start..s.end].to_owned()).chain(outside));
    let messages = Messages::new(&screen, input, &hidden);
    if let Some(files) = input.files.as_ref().filter(|f| !f.diagnostics.is_empty()) {
        files.diagnostics.iter().for_each(|d| messages.show_in_file(d));
        return USAGE;
    }
    if let Err(why) = &separators {
        screen.print(&format!("warning: -seps: {why}; the usual ones are used"));
    }
    let options = match (options, loaded) {
        // What is only checked is checked strictly.
        (Ok(options), Ok(())) => Options { strict: options.strict || command == Some(Command::Check), ..options },
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
        return help::show(about, registry, &screen);
    }
    if parsed.items.is_empty() && parsed.diagnostics.is_empty() {
        Screen::raw(help::USAGE_TEXT);
        return USAGE;
    }
    if let Some(line) = options.logs.unknown_topic(registry) {
        screen.print(&format!("warning: {line}"));
    }
    let built = match built(words, &parsed, registry, &options, &messages) {
        Ok(built) => built,
        Err(code) => return code,
    };
    if let Some(path) = &options.graph_out
        && let code @ 1.. = commands::convert_to(input, &parsed, path, &messages)
    {
        return code;
    }
    match command {
        Some(Command::Plan) => commands::plan(built, &parsed, shape, &messages),
        None if options.plan => commands::plan(built, &parsed, shape, &messages),
        Some(Command::Explain) => commands::explain(built, &messages),
        Some(Command::Check) => commands::check(built, &messages),
        Some(Command::Convert) => commands::convert_to(input, &parsed, target.map_or("-", String::as_str), &messages),
        Some(_) | None => start(built, registry, &options, &messages),
    }
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

/// The graph of the words, or the exit code when they make none.
fn built(
    words: &[String],
    parsed: &Parsed,
    registry: &Registry,
    options: &Options,
    messages: &Messages<'_>,
) -> Result<Built, u8> {
    let built = weir::build_with(parsed, registry, options.rules.clone()).map_err(|problems| {
        problems.into_iter().for_each(|p| messages.show(&advised(p, words)));
        USAGE
    })?;
    let is_own = |w: &Diagnostic| words.get(w.span.word).is_some_and(|word| options::advice(word).is_some());
    if (options.strict && !built.warnings.is_empty()) || built.warnings.iter().any(is_own) {
        for warning in built.warnings {
            messages.show(&advised(Diagnostic { severity: Severity::Error, ..warning }, words));
        }
        return Err(USAGE);
    }
    if !options.quiet && options.argchk {
        built.warnings.iter().for_each(|w| messages.show(w));
    }
    Ok(built)
}

fn start(built: Built, registry: &Registry, options: &Options, messages: &Messages<'_>) -> u8 {
    let Built { graph, places, .. } = built;
    let watch = match Watch::listen(options, messages.screen()) {
        Ok(watch) => watch,
        Err(e) => {
            messages.screen().error(&e);
            return FAILED;
        }
    };
    let config = Config {
        log_level: log_level(options),
        memory: options.memory,
        threads: options.threads,
        max_connections: options.max_connections,
        run_for: options.run_for,
        snapshot_every: if watch.is_some() { WATCHED_EVERY } else { Config::default().snapshot_every },
    };
    match Session::start(graph, config) {
        Ok(session) => follow(session, watch, &places, registry, options, messages),
        Err(e) => {
            messages.error(places.of_failure(&e), &e.to_string());
            FAILED
        }
    }
}

/// What the session is to tell: those who look closer want to know a little more than a terminal shows.
fn log_level(options: &Options) -> Level {
    let least = if watch::is_wanted(options) { Level::Info } else { Level::Error };
    options.logs.loudest().max(least)
}

/// Whether an output serves players, so that its stream name is no secret.
fn is_listener(decl: &weir::args::Declaration) -> bool {
    decl.arg("rtmp_listen").is_some_and(|arg| !matches!(arg.value_str(), Some("no" | "false" | "0")))
}

/// With the advice that only the command itself can give.
fn advised(problem: Diagnostic, words: &[String]) -> Diagnostic {
    match words.get(problem.span.word).and_then(|w| options::advice(w)) {
        Some(help) => problem.help(help),
        None => problem,
    }
}

fn follow(
    session: Session,
    watch: Option<Watch>,
    places: &Places,
    registry: &Registry,
    options: &Options,
    messages: &Messages<'_>,
) -> u8 {
    let screen = messages.screen();
    if let Err(e) = signals::install(session.control()) {
        screen.error(&format!("signals cannot be handled: {e}"));
        return FAILED;
    }
    let reports = session.reports();
    let shown = match watch.map(|watch| watch.start(reports.clone(), session.control())).transpose() {
        Ok(shown) => shown,
        Err(e) => {
            screen.error(&e);
            return FAILED;
        }
    };
    let control = session.control();
    let running = std::thread::spawn(move || session.run());
    match shown {
        // A terminal that cannot be drawn on gets lines.
        Some(shown) if options.full_screen && screen::is_terminal() => {
            if report::show(&shown.board, &control, options).is_err() {
                status::follow(shown.reports, options, screen);
            }
        }
        Some(shown) => status::follow(shown.reports, options, screen),
        None => status::follow(reports, options, screen),
    }
    match running.join() {
        Ok(Ok(outcome)) => {
            let mut code = exit_code(&outcome);
            if code == OK && !options.quiet && options.argchk {
                let unused = places.unused(&outcome.unused, registry);
                let severity = if options.strict { Severity::Error } else { Severity::Warning };
                code = if options.strict && !unused.is_empty() { FAILED } else { code };
                unused.into_iter().for_each(|w| messages.show(&Diagnostic { severity, ..w }));
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
    match options.graph {
        Some(Shape::Tree) => screen.print(outcome.last.tree.trim_end()),
        Some(shape) => screen.print(shape.draw(&outcome.graph, "").trim_end()),
        None => {}
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
