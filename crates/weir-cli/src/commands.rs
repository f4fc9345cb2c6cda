//! `weir run`, `plan`, `explain`, `check`, `convert`, `fmt` and others: what can be done with a graph beside running its words.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use weir::args::{DeclKind, Item, StreamName};
use weir::args::{Diagnostic, Parsed, redact};
use weir::plugin::{Level, Registry, Role};
use weir::spec::{Format, convert, format_toml};
use weir::{Built, GraphSnapshot, Planned, Session};

use crate::input::Input;
use crate::messages::Messages;
use crate::screen::{self, Screen};
use crate::{FAILED, OK, USAGE, shapes};

/// Words that are commands when they come first.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Command {
    Run,
    Plan,
    Explain,
    Check,
    Convert,
    Fmt,
    Ctl,
    Completions,
    /// What the scripts of `completions` call.
    Complete,
    Man,
}

impl Command {
    const ALL: &'static [(&'static str, Self)] = &[
        ("run", Self::Run),
        ("plan", Self::Plan),
        ("explain", Self::Explain),
        ("check", Self::Check),
        ("convert", Self::Convert),
        ("fmt", Self::Fmt),
        ("ctl", Self::Ctl),
        ("completions", Self::Completions),
        ("complete", Self::Complete),
        ("man", Self::Man),
    ];

    /// Those that people type.
    pub(crate) fn names() -> impl Iterator<Item = &'static str> {
        Self::ALL.iter().filter(|(_, command)| *command != Self::Complete).map(|(name, _)| *name)
    }

    /// The command a word is.
    pub(crate) fn of(word: &str) -> Option<Self> {
        Self::ALL.iter().find(|(name, _)| *name == word).map(|(_, command)| *command)
    }
}

/// How a plan is shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum Shape {
    #[default]
    Tree,
    Json,
    Dot,
    Mermaid,
    Svg,
}

impl Shape {
    const ALL: &'static [(&'static str, Self)] = &[
        ("tree", Self::Tree),
        ("json", Self::Json),
        ("dot", Self::Dot),
        ("mermaid", Self::Mermaid),
        ("svg", Self::Svg),
    ];

    pub(crate) fn of(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(known, _)| *known == name).map(|(_, shape)| *shape)
    }

    /// The graph in this shape; `tree` is that form of it.
    pub(crate) fn draw(self, graph: &GraphSnapshot, tree: &str) -> String {
        match self {
            Self::Tree => format!("{}\n", tree.trim_end()),
            Self::Json => shapes::json(graph),
            Self::Dot => shapes::dot(graph),
            Self::Mermaid => shapes::mermaid(graph),
            Self::Svg => shapes::svg(graph),
        }
    }
}

/// Takes `--json` and the like out of the words of `plan`.
pub(crate) fn shape(words: &[String]) -> (Shape, Vec<String>) {
    let named = |word: &String| word.strip_prefix("--").and_then(Shape::of);
    let shape = words.iter().rev().find_map(named).unwrap_or_default();
    (shape, words.iter().filter(|w| named(w).is_none()).cloned().collect())
}

/// Links a graph without running it. The exit code when that is not possible.
fn planned(built: Built, messages: &Messages<'_>) -> Result<Planned, u8> {
    let Built { graph, places, .. } = built;
    Session::plan(graph).map_err(|e| {
        messages.error(places.of_failure(&e), &e.to_string());
        FAILED
    })
}

/// `weir plan`: the graph as far as it is known before it runs.
pub(crate) fn plan(built: Built, parsed: &Parsed, shape: Shape, messages: &Messages<'_>) -> u8 {
    let planned = match planned(built, messages) {
        Ok(planned) => planned,
        Err(code) => return code,
    };
    for note in &planned.notes {
        messages.screen().print(&format!("{}: {}: {}", word(note.level), note.topic, note.line));
    }
    if planned.is_partial {
        messages.screen().print("warning: some filters say what they make only when they run");
    }
    let mut text = shape.draw(&planned.graph.snapshot(), &planned.graph.tree());
    if shape == Shape::Tree {
        text += &urls(parsed);
    }
    screen::out(&messages.screen().clean(&text))
}

fn word(level: Level) -> &'static str {
    match level {
        Level::Error => "error",
        Level::Warning => "warning",
        Level::Info | Level::Debug => "note",
    }
}

/// How URLs with options behind them were read.
fn urls(parsed: &Parsed) -> String {
    let mut text = String::new();
    for item in &parsed.items {
        let Item::Declaration(decl) = item else { continue };
        let is_url = matches!(decl.kind, DeclKind::Source | DeclKind::Sink) && decl.name.text.contains("://");
        if is_url {
            let name = if crate::is_listener(decl) { StreamName::Public } else { StreamName::Secret };
            let options: Vec<&str> = decl.args.iter().map(|a| a.name.text.as_str()).collect();
            let behind = if options.is_empty() { "none".to_owned() } else { options.join(", ") };
            text += &format!("URL {}, options behind it: {behind}\n", redact(&decl.name.text, name));
        }
    }
    if text.is_empty() { text } else { format!("How URLs were read:\n{text}") }
}

/// `weir explain`: why each link is as it is.
pub(crate) fn explain(built: Built, messages: &Messages<'_>) -> u8 {
    match planned(built, messages) {
        Ok(planned) => screen::out(&messages.screen().clean(&planned.graph.explain())),
        Err(code) => code,
    }
}

/// `weir check`: everything that would go wrong, as far as that is known before.
pub(crate) fn check(built: Built, messages: &Messages<'_>) -> u8 {
    let mut wrong = same_place(&built);
    wrong.extend(no_folder(&built));
    wrong.sort_by_key(|d| d.span);
    wrong.iter().for_each(|d| messages.show(d));
    let Ok(planned) = planned(built, messages) else { return USAGE };
    let mut is_wrong = !wrong.is_empty();
    for (id, why) in planned.graph.unreached() {
        let why = why.unwrap_or_else(|| "nothing that it takes comes to it".to_owned());
        let node = planned.graph.node(id);
        is_wrong |= node.is_sink();
        let level = if node.is_sink() { "error" } else { "warning" };
        messages.screen().print(&format!("{level}: {} gets nothing: {why}", node.name));
        if let Some(remedy) = planned.graph.remedy(id) {
            messages.screen().print(&format!("  = help: {remedy}"));
        }
    }
    for note in planned.notes.iter().filter(|n| n.level == Level::Error) {
        is_wrong = true;
        messages.screen().print(&format!("error: {}: {}", note.topic, note.line));
    }
    if is_wrong { USAGE } else { OK }
}

/// Outputs of one kind that go to one place.
fn same_place(built: &Built) -> Vec<Diagnostic> {
    let mut seen: BTreeMap<String, ()> = BTreeMap::new();
    let mut wrong = Vec::new();
    for (id, node) in built.graph.nodes().filter(|(_, n)| n.plugin.role() == Role::Sink) {
        let has_dst = node.plugin.options().iter().any(|o| o.name == "dst");
        let Some(dst) = node.options.text("dst").filter(|dst| has_dst && dst.contains("://")) else { continue };
        let place = dst.split(['?', '#']).next().unwrap_or(dst).trim_end_matches('/').to_owned();
        if seen.insert(place, ()).is_some()
            && let Some(span) = built.places.name_of(id)
        {
            wrong.push(
                Diagnostic::error(span, "another output goes to the same place").help("give it a name of its own"),
            );
        }
    }
    wrong
}

/// Files in folders that are not there and cannot be made.
fn no_folder(built: &Built) -> Vec<Diagnostic> {
    let mut wrong = Vec::new();
    for (id, node) in built.graph.nodes().filter(|(_, n)| n.plugin.name() == "fout") {
        let Some(dst) = node.options.text("dst").filter(|d| !d.contains("://") && !d.contains('$')) else { continue };
        let folder = Path::new(dst).ancestors().skip(1).find(|a| a.as_os_str().is_empty() || a.exists());
        let is_writable = folder.is_none_or(|folder| {
            let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
            fs::metadata(folder).is_ok_and(|m| m.is_dir() && !m.permissions().readonly())
        });
        if let Some(span) = built.places.name_of(id).filter(|_| !is_writable) {
            wrong.push(Diagnostic::error(span, "its folder cannot be written to"));
        }
    }
    wrong
}

/// `weir convert [INPUT] OUTPUT`: words or a graph file to a graph file, or with `-` to words.
pub(crate) fn convert_to(input: &Input, parsed: &Parsed, target: &str, messages: &Messages<'_>) -> u8 {
    if target == "-" {
        return screen::out(&format!("{}\n", shell(&input.words)));
    }
    let Some(format) = Format::of(Path::new(target)) else {
        let error = format!("{target} is no graph file: its name ends in .toml, .yaml, .yml or .json");
        messages.screen().error(&error);
        return USAGE;
    };
    match fs::write(target, convert(&parsed.items, &own(parsed), format)) {
        Ok(()) => OK,
        Err(e) => {
            messages.screen().error(&format!("cannot write {target}: {e}"));
            FAILED
        }
    }
}

/// Options of weir itself as they are typed, but for that which says where the graph is written.
fn own(parsed: &Parsed) -> Vec<String> {
    let mut own = Vec::new();
    let mut words = parsed.own.iter();
    while let Some(word) = words.next() {
        let word = word.strip_prefix('-').filter(|w| w.starts_with('-')).unwrap_or(word);
        match word.split('=').next() {
            Some("-graph-out") if !word.contains('=') => drop(words.next()),
            // A file has words with the usual separators.
            Some("-graph-out" | "-seps") => {}
            // The others that take the word behind them.
            Some("-plugin" | "-api" | "-api-token") if !word.contains('=') => {
                own.push(words.next().map_or_else(|| word.to_owned(), |path| format!("{word}={path}")));
            }
            _ => own.push(word.to_owned()),
        }
    }
    own
}

/// Words for a shell.
fn shell(words: &[String]) -> String {
    weir::args::CommandLine::new(words, &[]).text().to_owned()
}

/// `weir fmt [--check] FILE...`.
pub(crate) fn fmt(words: &[String]) -> u8 {
    let screen = Screen::new([]);
    let only_check = words.iter().any(|w| w == "--check");
    let mut code = OK;
    let files: Vec<&String> = words.iter().filter(|w| *w != "--check").collect();
    if files.is_empty() {
        screen.error("fmt needs a file: weir fmt [--check] FILE.toml");
        return USAGE;
    }
    for name in files {
        let outcome = format_file(name, only_check);
        match outcome {
            Ok(false) => {}
            Ok(true) => {
                screen.print(&format!("{name} is not formatted"));
                code = code.max(FAILED);
            }
            Err(why) => {
                screen.error(&format!("{name}: {why}"));
                code = USAGE;
            }
        }
    }
    code
}

/// Whether a file would change; it does, unless that is only asked.
fn format_file(name: &str, only_check: bool) -> Result<bool, String> {
    if Format::of(Path::new(name)) != Some(Format::Toml) {
        return Err("only TOML files are formatted; for YAML and JSON use a tool of their own".to_owned());
    }
    let text = fs::read_to_string(name).map_err(|e| e.to_string())?;
    let formatted = format_toml(&text)?;
    if formatted == text || only_check {
        return Ok(formatted != text);
    }
    fs::write(name, formatted).map(|()| false).map_err(|e| e.to_string())
}

/// Whether a registry has a filter of a command's name, which then is meant.
pub(crate) fn is_filter(registry: &Registry, word: &str) -> bool {
    registry.get(word).is_some()
}
