//! From words to a graph file.

use std::collections::BTreeSet;
use std::path::Path;

use weir_args::{Arg, DeclKind, Declaration, Item};

/// Formats of graph files.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[expect(missing_docs, reason = "each is the format of its name")]
pub enum Format {
    Toml,
    Yaml,
    Json,
}

impl Format {
    /// The format of a file by the end of its name.
    #[must_use]
    pub fn of(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "toml" => Some(Self::Toml),
            "yaml" | "yml" => Some(Self::Yaml),
            "json" => Some(Self::Json),
            _ => None,
        }
    }
}

/// A value of a file to be written.
enum Out {
    Text(String),
    /// A number or `true`, as it is written in all formats.
    Plain(String),
}

/// Keys and values in order.
type Table = Vec<(String, Out)>;

/// A graph file that says what these words say. `own` are options of weir itself, as `-name` or `-name=value`.
#[must_use]
pub fn convert(items: &[Item], own: &[String], format: Format) -> String {
    let session = own.iter().map(|word| option(word.trim_start_matches('-'))).collect();
    let mut options = Table::new();
    let mut graph = Vec::new();
    let mut names = BTreeSet::new();
    for item in items {
        match item {
            Item::Declaration(decl) => graph.push(entry(decl).unwrap_or_else(|| raw(item))),
            Item::Global(global) => {
                let word = item.words().concat();
                match word.strip_prefix("--").filter(|_| names.insert(global.name.text.clone())) {
                    Some(rest) => options.push(option(rest)),
                    None => graph.push(raw(item)),
                }
            }
            Item::Link(_) => graph.push(raw(item)),
        }
    }
    match format {
        Format::Toml => toml(&session, &options, &graph),
        Format::Yaml => yaml(&session, &options, &graph),
        Format::Json => json(&session, &options, &graph),
    }
}

fn raw(item: &Item) -> Table {
    vec![("word".to_owned(), Out::Text(literal(&item.words().join(" "))))]
}

/// `NAME` or `NAME=VALUE`.
fn option(text: &str) -> (String, Out) {
    match text.split_once('=') {
        Some((name, value)) => (name.to_owned(), worth(value)),
        None => (text.to_owned(), Out::Plain("true".to_owned())),
    }
}

/// A declaration as a table; `None` for one that a table cannot hold.
fn entry(decl: &Declaration) -> Option<Table> {
    let kind = match (decl.kind, decl.keyword.text.is_empty()) {
        (DeclKind::Source, _) => "in",
        (DeclKind::Sink, _) => "out",
        (DeclKind::Encoder, false) => "enc",
        (DeclKind::Encoder, true) | (DeclKind::Filter, _) => "filter",
    };
    let mut table: Table = vec![(kind.to_owned(), Out::Text(literal(&decl.name.text)))];
    for arg in &decl.args {
        let (name, value) = argument(arg)?;
        if table.iter().any(|(known, _)| *known == name) {
            return None;
        }
        table.push((name, value));
    }
    Some(table)
}

fn argument(arg: &Arg) -> Option<(String, Out)> {
    let name = match arg.name.text.as_str() {
        "FID" => "id",
        "SID" => "from",
        "N" => "name",
        // These words mean something of their own in a table.
        "filter" | "enc" | "in" | "out" | "word" | "props" | "id" | "from" | "name" | "" => return None,
        other => other,
    };
    let value = match arg.value_str() {
        Some(value) if value.contains("::") || value.ends_with(':') => return None,
        Some(value) => worth(value),
        None => Out::Plain("true".to_owned()),
    };
    Some((name.to_owned(), value))
}

/// A value: whole numbers stand alone, everything else is a text.
fn worth(value: &str) -> Out {
    let digits = value.strip_prefix('-').unwrap_or(value);
    let is_number = (1..=15).contains(&digits.len())
        && digits.bytes().all(|b| b.is_ascii_digit())
        && (digits == "0" || !digits.starts_with('0'))
        && value != "-0";
    if is_number { Out::Plain(value.to_owned()) } else { Out::Text(literal(value)) }
}

/// A text that holds no variable.
fn literal(text: &str) -> String {
    text.replace("${", "$${")
}

/// A text in quotes, in a form that all three formats read.
fn quoted(text: &str) -> String {
    serde_json::Value::String(text.to_owned()).to_string().replace('\u{7f}', "\\u007f")
}

fn written(out: &Out) -> String {
    match out {
        Out::Text(text) => quoted(text),
        Out::Plain(text) => text.clone(),
    }
}

/// A key, bare where it may be.
fn key(name: &str) -> String {
    let is_bare = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
    if is_bare { name.to_owned() } else { quoted(name) }
}

fn toml(session: &Table, options: &Table, graph: &[Table]) -> String {
    let mut out = String::new();
    let lines = |table: &Table| -> String {
        table.iter().map(|(name, value)| format!("{} = {}\n", key(name), written(value))).collect()
    };
    for (header, table) in [("[session]", session), ("[options]", options)] {
        if !table.is_empty() {
            out += &format!("{header}\n{}\n", lines(table));
        }
    }
    for table in graph {
        out += &format!("[[graph]]\n{}\n", lines(table));
    }
    out.trim_end().to_owned() + "\n"
}

fn yaml(session: &Table, options: &Table, graph: &[Table]) -> String {
    let lines = |table: &Table, first: &str, rest: &str| -> String {
        let line = |(at, (name, value)): (usize, &(String, Out))| {
            // Words such as yes are no texts in YAML unless they are quoted.
            format!("{}{}: {}\n", if at == 0 { first } else { rest }, quoted_key(name), written(value))
        };
        table.iter().enumerate().map(line).collect()
    };
    let mut out = String::new();
    for (header, table) in [("session", session), ("options", options)] {
        if !table.is_empty() {
            out += &format!("{header}:\n{}", lines(table, "  ", "  "));
        }
    }
    out += if graph.is_empty() { "graph: []\n" } else { "graph:\n" };
    for table in graph {
        out += &lines(table, "  - ", "    ");
    }
    out
}

/// A key for YAML: bare only when no reader takes it for anything but a text.
fn quoted_key(name: &str) -> String {
    let is_plain = name.len() > 1 && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    let is_word = ["yes", "no", "on", "off", "true", "false", "null"].contains(&name);
    if is_plain && !is_word { name.to_owned() } else { quoted(name) }
}

fn json(session: &Table, options: &Table, graph: &[Table]) -> String {
    let object = |table: &Table, indent: &str| -> String {
        let entries: Vec<String> =
            table.iter().map(|(name, value)| format!("{indent}  {}: {}", quoted(name), written(value))).collect();
        format!("{{\n{}\n{indent}}}", entries.join(",\n"))
    };
    let mut parts = Vec::new();
    for (name, table) in [("session", session), ("options", options)] {
        if !table.is_empty() {
            parts.push(format!("  \"{name}\": {}", object(table, "  ")));
        }
    }
    let entries: Vec<String> = graph.iter().map(|table| format!("    {}", object(table, "    "))).collect();
    let list = if entries.is_empty() { "[]".to_owned() } else { format!("[\n{}\n  ]", entries.join(",\n")) };
    parts.push(format!("  \"graph\": {list}"));
    format!("{{\n{}\n}}\n", parts.join(",\n"))
}
