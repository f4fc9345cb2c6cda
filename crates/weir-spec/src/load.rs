//! From files to words.

use std::collections::BTreeMap;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

use weir_args::{Diagnostic, Span, suggest};

use crate::convert::Format;
use crate::tree::{self, Key, Node, Value};
use crate::vars::Vars;
use crate::words::{Origin, Words};

/// Files that include each other, at most this deep.
const DEEPEST: usize = 8;
/// Longest file read, in bytes.
pub(crate) const FILE_MAX: u64 = 4 << 20;
/// Keys of a file.
const TOP: &[&str] = &["include", "vars", "session", "options", "graph", "$schema"];
/// What an entry of `graph` declares, and what stands for it in words.
const KINDS: &[(&str, Option<&str>, &str)] =
    &[("filter", None, ""), ("enc", None, "c="), ("in", Some("-i"), ""), ("out", Some("-o"), ""), ("word", None, "")];
/// Keys of an entry that are written in another way in words.
const NAMES: &[(&str, &str)] = &[("id", "FID"), ("from", "SID"), ("name", "N")];

/// What [`load`] needs of the world.
pub struct World<'a> {
    /// Reads a file as text.
    pub read: &'a dyn Fn(&Path) -> io::Result<String>,
    /// The value of an environment variable.
    pub environment: &'a dyn Fn(&str) -> Option<String>,
}

/// A graph file as words.
#[derive(Debug, Default)]
pub struct Loaded {
    /// Names and texts of all files read, the first being the one asked for. Spans of diagnostics name them by number.
    pub files: Vec<(String, String)>,
    /// The words: options of weir first, then options for all filters, then the graph.
    pub words: Vec<String>,
    /// Where they came from.
    pub origin: Origin,
    /// Values that came from the environment or from files of values. They may be secret.
    pub outside: Vec<String>,
    /// What is wrong.
    pub diagnostics: Vec<Diagnostic>,
}

/// Loads a graph file and all it includes.
#[must_use]
pub fn load(path: &Path, world: &World<'_>) -> Loaded {
    let mut loader = Loader { world, out: Loaded::default(), words: Words::default(), stack: Vec::new() };
    loader.file(path, None);
    loader.out.words = loader.words.words;
    loader.out.origin = loader.words.origin;
    loader.out
}

struct Loader<'a> {
    world: &'a World<'a>,
    out: Loaded,
    words: Words,
    /// Files being read now, with what they include.
    stack: Vec<PathBuf>,
}

impl Loader<'_> {
    fn problem(&mut self, file: usize, at: &Range<usize>, message: impl Into<String>) -> &mut Diagnostic {
        self.out.diagnostics.push(Diagnostic::error(Span::new(file, at.clone()), message));
        self.out.diagnostics.last_mut().expect("it was pushed")
    }

    /// Reads a file; `from` is where it is included.
    fn file(&mut self, path: &Path, from: Option<Span>) {
        let name = path.display().to_string();
        let text = match (self.world.read)(path) {
            Ok(text) if text.len() as u64 <= FILE_MAX => text,
            Ok(_) => return self.unread(from, &name, "it is too long for a graph"),
            Err(e) => return self.unread(from, &name, &e.to_string()),
        };
        let file = self.out.files.len();
        self.out.files.push((name.clone(), text.clone()));
        let Some(format) = Format::of(path) else {
            return self.unread(from, &name, "its name does not end in .toml, .yaml, .yml or .json");
        };
        match tree::read(&text, format) {
            Ok(Node { value: Value::Table(entries), .. }) => {
                self.stack.push(path.to_owned());
                self.document(file, entries, path.parent().unwrap_or_else(|| Path::new("")));
                self.stack.pop();
            }
            Ok(node) => {
                self.problem(file, &node.at, "a graph file is a table with a list called graph");
            }
            Err(e) => {
                self.problem(file, &e.at, e.message);
            }
        }
    }

    fn unread(&mut self, from: Option<Span>, name: &str, why: &str) {
        if from.is_none() && self.out.files.is_empty() {
            self.out.files.push((name.to_owned(), String::new()));
        }
        let span = from.unwrap_or(Span::new(0, 0..0));
        self.out.diagnostics.push(Diagnostic::error(span, format!("cannot read {name}: {why}")));
    }

    fn document(&mut self, file: usize, entries: Vec<(Key, Node)>, folder: &Path) {
        let mut vars = Vars { defaults: BTreeMap::new(), environment: self.world.environment, outside: Vec::new() };
        // Whatever the order in the file: what others need first.
        for wanted in TOP {
            for (_, node) in entries.iter().filter(|(key, _)| key.name == *wanted) {
                match *wanted {
                    "include" => self.includes(file, node, folder),
                    "vars" => self.vars(file, node, folder, &mut vars),
                    "session" => self.settings(file, node, "-", &mut vars),
                    "options" => self.settings(file, node, "--", &mut vars),
                    "graph" => self.graph(file, node, &mut vars),
                    _ => {} // for editors
                }
            }
        }
        for (key, _) in entries.iter().filter(|(key, _)| !TOP.contains(&key.name.as_str())) {
            let near = suggest(&key.name, TOP.iter().copied());
            let known = "a file has include, vars, session, options and graph".to_owned();
            self.problem(file, &key.at, format!("a graph file has no {}", key.name)).help =
                Some(near.map_or(known, |near| format!("did you mean {near}?")));
        }
        self.out.outside.extend(vars.outside);
    }

    fn includes(&mut self, file: usize, node: &Node, folder: &Path) {
        let one = [node.clone()];
        let list = if let Value::List(items) = &node.value { &items[..] } else { &one };
        for item in list {
            let Value::Text(name) = &item.value else {
                self.problem(file, &item.at, "expected the name of a file");
                continue;
            };
            let path = folder.join(name);
            if self.stack.contains(&path) || self.stack.len() >= DEEPEST {
                self.problem(file, &item.at, "this file includes itself, or includes are too deep");
                continue;
            }
            self.file(&path, Some(Span::new(file, item.at.clone())));
        }
    }

    /// `NAME = "default"`, or `NAME = { file = "..." }`.
    fn vars(&mut self, file: usize, node: &Node, folder: &Path, vars: &mut Vars<'_>) {
        let Value::Table(entries) = &node.value else {
            self.problem(file, &node.at, "vars is a table of names and values");
            return;
        };
        for (key, value) in entries {
            let text = match &value.value {
                Value::Text(s) | Value::Plain(s) => Ok(s.clone()),
                Value::Bool(b) => Ok(b.to_string()),
                Value::Table(table) => match &table[..] {
                    [(Key { name, .. }, Node { value: Value::Text(path), .. })] if name == "file" => {
                        let read = (self.world.read)(&folder.join(path));
                        read.map_err(|e| format!("cannot read {path}: {e}")).map(|text| {
                            let line = text.lines().next().unwrap_or_default().trim().to_owned();
                            vars.outside.push(line.clone());
                            line
                        })
                    }
                    _ => Err("expected { file = \"NAME\" }".to_owned()),
                },
                Value::List(_) => Err("a variable is one value".to_owned()),
            };
            match text {
                Ok(text) => drop(vars.defaults.insert(key.name.clone(), text)),
                Err(why) => drop(self.problem(file, &value.at, why)),
            }
        }
    }

    /// Options of weir or of all filters, a word each.
    fn settings(&mut self, file: usize, node: &Node, dashes: &str, vars: &mut Vars<'_>) {
        let Value::Table(entries) = &node.value else {
            self.problem(file, &node.at, "expected a table of options");
            return;
        };
        for (key, value) in entries {
            let Some(text) = self.text(file, value, vars) else { continue };
            self.words.word(dashes, Span::new(file, key.at.clone()));
            self.words.add(&key.name, Span::new(file, key.at.clone()));
            if value.value != Value::Bool(true) {
                self.words.add("=", Span::new(file, key.at.clone()));
                self.words.add(&text, Span::new(file, value.at.clone()));
            }
        }
    }

    fn graph(&mut self, file: usize, node: &Node, vars: &mut Vars<'_>) {
        let Value::List(entries) = &node.value else {
            self.problem(file, &node.at, "graph is a list of filters, inputs and outputs");
            return;
        };
        for entry in entries {
            match &entry.value {
                Value::Text(_) => self.raw(file, entry, vars),
                Value::Table(keys) => self.entry(file, entry, keys, vars),
                _ => drop(self.problem(file, &entry.at, "expected a table, or a text as on a command line")),
            }
        }
    }

    /// Words as on a command line: `-i FILE`, `c=avc`, `@1`.
    fn raw(&mut self, file: usize, node: &Node, vars: &mut Vars<'_>) {
        let Some(text) = self.text(file, node, vars) else { return };
        let place = Span::new(file, node.at.clone());
        let is_pair = |keyword: &&&str| text.starts_with(&format!("{keyword} "));
        if let Some(keyword) = ["-i", "-o", "-src", "-dst"].iter().find(is_pair) {
            self.words.word(keyword, place);
            self.words.word(text[keyword.len()..].trim_start(), place);
        } else {
            self.words.word(&text, place);
        }
    }

    fn entry(&mut self, file: usize, entry: &Node, keys: &[(Key, Node)], vars: &mut Vars<'_>) {
        let kinds: Vec<_> = keys.iter().filter(|(key, _)| KINDS.iter().any(|(name, ..)| *name == key.name)).collect();
        let [(kind, what)] = kinds[..] else {
            let message = match kinds[..] {
                [] => "this entry declares nothing: expected filter, enc, in, out or word",
                [.., (second, _)] => {
                    self.problem(file, &second.at, "an entry declares one thing: filter, enc, in, out or word");
                    return;
                }
            };
            let at = keys.first().map_or(entry.at.clone(), |(key, _)| key.at.clone());
            self.problem(file, &at, message);
            return;
        };
        if kind.name == "word" {
            if let Some((key, _)) = keys.iter().find(|(key, _)| key.name != "word") {
                self.problem(file, &key.at, "a word stands alone");
            }
            return self.raw(file, what, vars);
        }
        let Some(text) = self.text(file, what, vars) else { return };
        let Some((_, keyword, prefix)) = KINDS.iter().find(|(name, ..)| *name == kind.name) else { return };
        let (key_at, what_at) = (Span::new(file, kind.at.clone()), Span::new(file, what.at.clone()));
        if let Some(keyword) = keyword {
            self.words.word(keyword, key_at);
        }
        self.words.begin();
        self.words.add(prefix, key_at);
        self.words.add(&text, what_at);
        // A URL ends at an escape, whatever is in it.
        if keyword.is_some() && text.contains(':') {
            self.words.add(":gpac", what_at);
        }
        let mut opaque = false;
        for (key, value) in keys.iter().filter(|(key, _)| key.name != kind.name) {
            self.argument(file, key, value, &mut opaque, vars);
        }
    }

    fn argument(&mut self, file: usize, key: &Key, value: &Node, opaque: &mut bool, vars: &mut Vars<'_>) {
        if key.name == "props" {
            let Value::Table(props) = &value.value else {
                self.problem(file, &value.at, "props is a table of properties");
                return;
            };
            for (prop, value) in props {
                let prop = Key { name: format!("#{}", prop.name), at: prop.at.clone() };
                self.argument(file, &prop, value, opaque, vars);
            }
            return;
        }
        let name = NAMES.iter().find(|(name, _)| *name == key.name).map_or(key.name.as_str(), |(_, name)| name);
        if name.is_empty() || name.contains([':', '=']) {
            self.problem(file, &key.at, "this is no name of an option");
            return;
        }
        let Some(text) = self.text(file, value, vars) else { return };
        let (key_at, value_at) = (Span::new(file, key.at.clone()), Span::new(file, value.at.clone()));
        if text.contains("::") || text.ends_with(':') {
            self.problem(file, &value.at, "a value cannot hold two colons in a row, or end in one");
            return;
        }
        *opaque |= text.contains(':') || text.contains('<');
        self.words.add(if *opaque { "::" } else { ":" }, key_at);
        self.words.add(name, key_at);
        if value.value != Value::Bool(true) {
            self.words.add("=", key_at);
            self.words.add(&text, value_at);
        }
    }

    /// The text of a value, with variables filled. A list is joined with commas; those in its texts are doubled.
    fn text(&mut self, file: usize, node: &Node, vars: &mut Vars<'_>) -> Option<String> {
        match &node.value {
            Value::Text(text) => match vars.fill(text) {
                Ok(filled) => Some(filled),
                Err(why) => {
                    self.problem(file, &node.at, why);
                    None
                }
            },
            Value::Plain(text) => Some(text.clone()),
            Value::Bool(yes) => Some(if *yes { "yes" } else { "no" }.to_owned()),
            Value::List(items) => {
                let texts: Option<Vec<String>> = items.iter().map(|item| self.text(file, item, vars)).collect();
                Some(texts?.join(","))
            }
            Value::Table(_) => {
                self.problem(file, &node.at, "expected a value or a list of values");
                None
            }
        }
    }
}
