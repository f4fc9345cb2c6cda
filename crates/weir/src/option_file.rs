//! Option files: arguments of a filter, kept in a text file that its declaration names (gpac-semantics 5.4).
//!
//! One argument string a line. A line that begins with a colon is one argument, whatever colons are in it; one that
//! begins with `//` is a comment. Nothing is read that is not a regular file.

use std::fs::{self, File};
use std::io::Read;

use weir_args::{Arg, arguments};

/// Longest file, in bytes.
const FILE_MAX: u64 = 1 << 20;
/// Longest line, in bytes.
const LINE_MAX: usize = 2000;
/// Files within files.
pub(crate) const DEPTH_MAX: usize = 5;

/// The arguments of a line.
pub(crate) struct Line {
    /// Its number, from 1.
    pub(crate) number: usize,
    pub(crate) args: Vec<Arg>,
}

/// Whether a text names a file.
pub(crate) fn is_file(path: &str) -> bool {
    fs::metadata(path).is_ok_and(|m| m.is_file())
}

/// The lines of a file that hold arguments.
///
/// # Errors
/// Why it cannot be used, in words that begin with its place.
pub(crate) fn read(path: &str) -> Result<Vec<Line>, String> {
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(|e| format!("{path}: {e}"))?;
    file.take(FILE_MAX + 1).read_to_end(&mut bytes).map_err(|e| format!("{path}: {e}"))?;
    if bytes.len() as u64 > FILE_MAX {
        return Err(format!("{path}: an option file has at most {FILE_MAX} bytes"));
    }
    let text = String::from_utf8(bytes).map_err(|_| format!("{path}: this is not UTF-8 text"))?;
    let lines = text.lines().enumerate().map(|(i, line)| (i + 1, line.trim()));
    let lines = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with("//"));
    lines
        .map(|(number, line)| match line.len() {
            0..=LINE_MAX => Ok(Line { number, args: arguments(line) }),
            _ => Err(format!("{path}:{number}: a line has at most {LINE_MAX} bytes")),
        })
        .collect()
}
