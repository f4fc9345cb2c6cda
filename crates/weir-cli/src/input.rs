//! What is to be run: words, or a graph file that stands for words.

use std::io::{self, Read};
use std::path::Path;

use weir::spec::{Format, Loaded, World, load};

/// Longest file that is taken for a graph, in bytes.
const FILE_MAX: u64 = 4 << 20;

/// Words, and the files they came from.
pub(crate) struct Input {
    pub(crate) words: Vec<String>,
    /// Of a graph file.
    pub(crate) files: Option<Loaded>,
}

impl Input {
    /// Words as they are typed.
    pub(crate) fn words(words: &[String]) -> Self {
        Self { words: words.to_vec(), files: None }
    }

    /// A graph file. Words behind it are added: options of weir, or more of the graph.
    pub(crate) fn file(path: &str, more: &[String]) -> Self {
        let environment = |name: &str| std::env::var(name).ok();
        let loaded = load(Path::new(path), &World { read: &read, environment: &environment });
        Self { words: [&loaded.words[..], more].concat(), files: Some(loaded) }
    }

    /// A graph file when the first word is one, and else words.
    pub(crate) fn either(words: &[String]) -> Self {
        match words {
            [first, more @ ..] if is_file(first) => Self::file(first, more),
            _ => Self::words(words),
        }
    }
}

/// Whether a word names a graph file.
fn is_file(word: &str) -> bool {
    Format::of(Path::new(word)).is_some()
}

fn read(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    std::fs::File::open(path)?.take(FILE_MAX + 1).read_to_string(&mut text)?;
    Ok(text)
}
