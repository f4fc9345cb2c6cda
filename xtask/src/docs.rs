//! `cargo xtask docs`: a page for every filter, the schema of graph files, shell completions and the manual page, made from
//! what the `weir` program says of itself.
//!
//! The pages hold nothing that `weir -h NAME` does not say, so that they cannot be wrong on their own.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::process::Command;

use crate::run::{self, Result, cargo, say, step, target_dir};

/// Directory of the pages, from the checkout.
const DIR: &str = "docs/filters";
/// What the program prints as a whole, from the checkout, and the words that make it do so.
const WHOLE: &[(&str, &[&str])] = &[
    ("docs/schema/weir-graph.schema.json", &["-h", "schema"]),
    ("docs/api/openapi.json", &["-h", "openapi"]),
    ("docs/completions/weir.bash", &["completions", "bash"]),
    ("docs/completions/_weir", &["completions", "zsh"]),
    ("docs/completions/weir.fish", &["completions", "fish"]),
    ("docs/man/weir.1", &["man"]),
];

/// What to do with the pages made.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Write them, and remove pages of filters that are gone.
    Write,
    /// Compare them with those written.
    Check,
}

/// Makes all pages.
///
/// # Errors
/// The program cannot be built or speaks in a way that is not understood, or pages differ.
pub(crate) fn docs(mode: Mode) -> Result<()> {
    step("build", &mut cargo(&["build", "--quiet", "--workspace", "--bins"]))?;
    let pages = pages(|about| run::output(Command::new(target_dir().join("debug/weir")).args(["-h", about])))?;
    let there = written()?;
    WHOLE.iter().try_for_each(|(file, words)| whole(mode, file, words))?;
    match mode {
        Mode::Write => write(&pages, &there),
        Mode::Check => check(&pages, &there),
    }
}

/// Writes a file that the program prints as a whole, or compares it with the one written.
fn whole(mode: Mode, file: &str, words: &[&str]) -> Result<()> {
    let text = run::output(Command::new(target_dir().join("debug/weir")).args(words))?;
    let path = run::root().join(file);
    match mode {
        Mode::Write => {
            let folder = path.parent().ok_or("a file has a folder")?;
            fs::create_dir_all(folder).and_then(|()| fs::write(&path, text)).map_err(|e| format!("{file}: {e}"))
        }
        Mode::Check if fs::read_to_string(&path).is_ok_and(|there| there == text) => Ok(()),
        Mode::Check => Err(format!("{file} is not what the program says; cargo xtask docs writes it")),
    }
}

/// File name to text, for every filter and the list of them.
fn pages(help: impl Fn(&str) -> Result<String>) -> Result<BTreeMap<String, String>> {
    let mut pages = BTreeMap::new();
    let mut index = "# Filters\n\nMade by `cargo xtask docs` from what `weir -h NAME` says; do not edit.\n".to_owned();
    // Names are indented under the title of their group.
    for line in help("filters")?.lines() {
        match line.strip_prefix("  ").and_then(|l| l.split_once(' ')) {
            Some((name, summary)) => {
                let _ = writeln!(index, "| [{name}]({name}.md) | {} |", escape(summary.trim()));
                pages.insert(format!("{name}.md"), page(name, &help(name)?)?);
            }
            None if line.ends_with(':') => {
                let _ = write!(index, "\n## {}\n\n| Filter | What it does |\n|---|---|\n", line.trim_end_matches(':'));
            }
            None => {} // what else the list says is for the terminal
        }
    }
    if pages.is_empty() {
        return Err("weir -h filters lists nothing in a form that is known here".to_owned());
    }
    pages.insert("README.md".to_owned(), index);
    Ok(pages)
}

/// The page of one filter: its help, word for word.
fn page(name: &str, help: &str) -> Result<String> {
    if !help.starts_with(name) {
        return Err(format!("weir -h {name} is about something else"));
    }
    Ok(format!("# {name}\n\n```text\n{}\n```\n", help.trim_end()))
}

/// Text that Markdown shows as it is, in a table too.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '|' | '*' | '<' | '[' | ']' | '\\' | '`') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// Pages in the checkout.
fn written() -> Result<BTreeMap<String, String>> {
    let dir = run::root().join(DIR);
    let Ok(entries) = fs::read_dir(&dir) else { return Ok(BTreeMap::new()) };
    let read = |entry: std::io::Result<fs::DirEntry>| {
        let entry = entry?;
        Ok((entry.file_name().to_string_lossy().into_owned(), fs::read_to_string(entry.path())?))
    };
    entries.map(read).collect::<std::io::Result<_>>().map_err(|e| format!("{DIR}: {e}"))
}

fn write(pages: &BTreeMap<String, String>, there: &BTreeMap<String, String>) -> Result<()> {
    let dir = run::root().join(DIR);
    let failed = |e: std::io::Error| format!("{DIR}: {e}");
    fs::create_dir_all(&dir).map_err(failed)?;
    for name in there.keys().filter(|n| !pages.contains_key(*n)) {
        fs::remove_file(dir.join(name)).map_err(failed)?;
    }
    for (name, text) in pages {
        fs::write(dir.join(name), text).map_err(failed)?;
    }
    say(&format!("docs: {} pages in {DIR}", pages.len()));
    Ok(())
}

fn check(pages: &BTreeMap<String, String>, there: &BTreeMap<String, String>) -> Result<()> {
    let names = pages.keys().chain(there.keys()).filter(|n| pages.get(*n) != there.get(*n));
    let differ: std::collections::BTreeSet<_> = names.map(String::as_str).collect();
    if differ.is_empty() {
        say(&format!("docs: {} pages say what the program says", pages.len()));
        return Ok(());
    }
    let list = differ.into_iter().collect::<Vec<_>>().join(", ");
    Err(format!("xtask: out of date in {DIR}: {list}; run cargo xtask docs and commit"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HELP: &str = "x (output, runs on the event loop)\nWrites *things*\n";

    #[test]
    fn a_page_says_what_help_says() {
        let page = page("x", HELP).expect("good help");
        assert_eq!(page, "# x\n\n```text\nx (output, runs on the event loop)\nWrites *things*\n```\n");
    }

    #[test]
    fn help_in_another_form_is_an_error() {
        assert!(page("y", HELP).is_err());
        assert!(pages(|_| Ok(String::new())).is_err());
    }

    #[test]
    fn pages_that_differ_are_named() {
        let help = |about: &str| Ok(if about == "filters" { "Outputs:\n  x   Does x\n" } else { HELP }.to_owned());
        let pages = pages(help).expect("good help");
        assert_eq!(pages.keys().collect::<Vec<_>>(), ["README.md", "x.md"]);
        assert_eq!(check(&pages, &pages), Ok(()));
        let mut there = pages.clone();
        there.insert("gone.md".to_owned(), String::new());
        there.insert("x.md".to_owned(), String::new());
        let problem = check(&pages, &there).expect_err("two differ");
        assert!(problem.contains("gone.md, x.md;"), "{problem}");
    }
}
