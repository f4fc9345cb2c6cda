//! `cargo xtask tidy`: the invariants of docs/architecture.md, checked on what cargo knows of the crates and on the
//! sources. What it says names a file, a line and a rule.
//!
//! - [`crates`]: layers point down only, every third-party package has one owner, every manifest is complete;
//! - [`named`]: tests that documentation names exist;
//! - [`rules`]: what code of a layer may name, and how files look.

mod crates;
mod named;
mod rules;
mod source;

use std::fmt;
use std::fs;
use std::path::Path;

use self::source::Source;
use crate::run::{self, Result};

/// A broken rule, and where.
#[derive(PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Finding {
    path: String,
    line: usize,
    rule: &'static str,
    message: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}: {}", self.path, self.line, self.rule, self.message)
    }
}

/// Directories that hold what we wrote.
const OURS: &[&str] = &["crates", "filters", "tests", "xtask", "fuzz", "docs", ".ci", ".config", ".cargo"];
/// Directories that hold what programs made, and bytes for tests.
const NO_TEXT: &[&str] = &["target", "corpus", "seeds", "artifacts"];
/// Endings of files whose text is checked.
const TEXT: &[&str] = &["rs", "toml", "md", "h", "c", "sh", "yml", "yaml", "json"];

/// Checks everything.
pub(crate) fn tidy() -> Result<()> {
    let mut findings = crates::check(&crates::read()?);
    let (sources, texts) = read_files()?;
    let blocking = rules::blocking_crates(&sources);
    sources.iter().for_each(|s| rules::check(s, &blocking, &mut findings));
    texts.iter().for_each(|(path, text)| rules::check_text(path, text, &mut findings));
    texts.iter().for_each(|(path, text)| named::check(path, text, &mut findings));
    findings.sort();
    findings.iter().for_each(|f| println!("{f}"));
    match findings.len() {
        0 => {
            run::say(&format!("tidy: {} sources and {} other files keep the rules", sources.len(), texts.len()));
            Ok(())
        }
        n => Err(format!("xtask: tidy found {n} broken rules")),
    }
}

/// Path and text of a file.
type TextFile = (String, String);

/// Rust sources, and all other text files.
fn read_files() -> Result<(Vec<Source>, Vec<TextFile>)> {
    let mut paths = Vec::new();
    for dir in OURS {
        walk(&run::root().join(dir), &mut paths)?;
    }
    let top = fs::read_dir(run::root()).map_err(|e| format!("the checkout cannot be listed: {e}"))?;
    paths.extend(top.filter_map(|e| e.ok()?.path().into_os_string().into_string().ok()).filter(|p| is_text(p)));
    let (mut sources, mut texts) = (Vec::new(), Vec::new());
    for path in paths {
        let text = fs::read_to_string(&path).map_err(|e| format!("{path}: {e}"))?;
        let name = path.strip_prefix(&format!("{}/", run::root().display())).unwrap_or(&path).to_owned();
        if name.ends_with(".rs") { sources.push(Source::new(&name, &text)) } else { texts.push((name, text)) }
    }
    mark_test_modules(&mut sources);
    Ok((sources, texts))
}

fn walk(dir: &Path, paths: &mut Vec<String>) -> Result<()> {
    let Ok(entries) = fs::read_dir(dir) else { return Ok(()) };
    for entry in entries {
        let path = entry.map_err(|e| format!("{}: {e}", dir.display()))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if path.is_dir() {
            if !NO_TEXT.contains(&&*name) {
                walk(&path, paths)?;
            }
        } else if is_text(&name) || !name.contains('.') {
            paths.push(path.to_string_lossy().into_owned());
        }
    }
    Ok(())
}

fn is_text(name: &str) -> bool {
    name.rsplit_once('.').is_some_and(|(_, ending)| TEXT.contains(&ending))
}

/// A module declared under `#[cfg(test)]` is in a file of its own that does not say so.
fn mark_test_modules(sources: &mut [Source]) {
    let modules: Vec<String> = sources.iter().flat_map(Source::test_modules).collect();
    for source in sources {
        let held = |m: &String| source.path.strip_prefix(m.as_str()).is_some_and(|r| r == ".rs" || r.starts_with('/'));
        if modules.iter().any(held) {
            source.set_test();
        }
    }
}
