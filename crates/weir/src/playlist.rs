//! What is in a list of files: the `srcs` of `flist`, or a text with a file a line (gpac-semantics 24.4).
//!
//! Only names are read here, never media. What a list cannot say here is an error at its line, or a warning where the
//! file can be played without it.

use std::fs::{self, File};
use std::io::Read;
use std::path::Path;
use std::time::SystemTime;

use weir_args::{Arg, DeclKind, Declaration, Text};
use weir_media::{file_ext, local_path};
use weir_plugin::Options;

/// Longest list, in bytes.
const LIST_MAX: u64 = 1 << 20;
/// Files in a list: all are open at once.
const MOST_FILES: usize = 100;
/// Extensions of lists (gpac-semantics 24.4).
const EXTENSIONS: &[&str] = &["m3u", "pl"];

/// The files of a list, and what is to be told of it.
#[derive(Default)]
pub(crate) struct Playlist {
    pub(crate) files: Vec<String>,
    pub(crate) warnings: Vec<String>,
}

/// Whether a source is a list by its name.
pub(crate) fn is_list(url: &str) -> bool {
    local_path(url).and_then(file_ext).is_some_and(|ext| EXTENSIONS.contains(&ext.as_str()))
}

/// The filter that plays the list a source names.
pub(crate) fn played(source: Declaration) -> Declaration {
    let span = source.name.span;
    let text = |text: &str| Text { text: text.to_owned(), span };
    let src = Arg { lead: text(""), name: text("src"), value: Some(source.name.clone()), opaque: false };
    let args = std::iter::once(src).chain(source.args).collect();
    Declaration { kind: DeclKind::Filter, name: text("flist"), args, ..source }
}

impl Playlist {
    /// The files of the list `src`, or those of `srcs` in the order of `fsort`.
    pub(crate) fn of(options: &Options) -> Result<Self, String> {
        if let Some(path) = options.text("src").filter(|path| !path.is_empty()) {
            return Self::read(local_path(path).unwrap_or(path));
        }
        let mut list = Self::default();
        for name in options.texts("srcs").unwrap_or_default() {
            list.add(name, "")?;
        }
        list.sort(options.word("fsort").unwrap_or("no"));
        Ok(list)
    }

    /// The files in a list at `path`.
    fn read(path: &str) -> Result<Self, String> {
        let mut text = String::new();
        let file = File::open(path).map_err(|e| format!("{path}: {e}"))?;
        file.take(LIST_MAX + 1).read_to_string(&mut text).map_err(|e| format!("{path}: {e}"))?;
        if text.len() as u64 > LIST_MAX {
            return Err(format!("{path}: a list has at most {LIST_MAX} bytes"));
        }
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        let mut list = Self::default();
        let mut times = 1;
        for (number, line) in (1..).zip(text.trim_start_matches('\u{feff}').lines().map(str::trim)) {
            let at = |why: String| format!("{path}:{number}: {why}");
            if let Some(comment) = line.strip_prefix('#') {
                times = list.directive(comment, times).map_err(at)?;
                continue;
            }
            if line.contains(" @ ") || line.contains(" && ") {
                return Err(at("an entry is one file here, without filters of its own".to_owned()));
            }
            for _ in 0..if line.is_empty() { 0 } else { times } {
                list.add(line, folder).map_err(at)?;
            }
            times = if line.is_empty() { times } else { 1 };
        }
        Ok(list)
    }

    /// Reads a line such as ` repeat=2`, and returns how often the next file is played.
    fn directive(&mut self, line: &str, times: usize) -> Result<usize, String> {
        let mut times = times;
        if line.starts_with('#') || line.starts_with("EXT") {
            return Ok(times);
        }
        for word in line.split_whitespace() {
            match word.split_once('=') {
                Some(("repeat", n)) => {
                    let more = n.parse::<usize>().ok().filter(|n| *n < MOST_FILES);
                    times = 1 + more.ok_or_else(|| format!("repeat: expected a number below {MOST_FILES}"))?;
                }
                Some((name, _)) if name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_') => {
                    self.warnings.push(format!("{name}= in a list is not known, and passed over"));
                }
                _ => {}
            }
        }
        Ok(times)
    }

    /// Adds the files of a name, which may be a pattern.
    fn add(&mut self, name: &str, folder: &str) -> Result<(), String> {
        let name = match local_path(name) {
            Some(path) if !folder.is_empty() && !Path::new(path).is_absolute() => format!("{folder}/{path}"),
            Some(path) => path.to_owned(),
            None => return Err(format!("{name} is no local file; a list is of files")),
        };
        if Path::new(&name).is_file() {
            self.files.push(name);
        } else if name.contains(['*', '?', '[']) {
            let found = glob::glob(&name).map_err(|e| format!("{name}: {e}"))?.flatten().filter(|p| p.is_file());
            let files = found.filter_map(|path| path.into_os_string().into_string().ok());
            self.files.extend(files.take(MOST_FILES + 1));
        } else {
            self.warnings.push(format!("{name} is not there, and left out"));
        }
        if self.files.len() > MOST_FILES {
            return Err(format!("a list has at most {MOST_FILES} files"));
        }
        Ok(())
    }

    fn sort(&mut self, by: &str) {
        let date = |path: &String| fs::metadata(path).and_then(|m| m.modified()).unwrap_or(SystemTime::UNIX_EPOCH);
        match by {
            "name" => self.files.sort(),
            "size" => self.files.sort_by_key(|path| fs::metadata(path).map_or(0, |m| m.len())),
            "date" => self.files.sort_by_key(date),
            "datex" => self.files.sort_by_key(|path| std::cmp::Reverse(date(path))),
            _ => {}
        }
    }
}
