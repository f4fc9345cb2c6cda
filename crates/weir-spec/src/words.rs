//! Words with the memory of where each part came from.

use weir_args::Span;

/// Where parts of words came from.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Origin {
    /// For each word: its parts, as a range of the word and a place in a file.
    words: Vec<Vec<(usize, usize, Span)>>,
}

impl Origin {
    /// The place in the files of a place in the words: `word` of the result is the number of the file. `None` for a word
    /// that is not there.
    #[must_use]
    pub fn of(&self, span: Span) -> Option<Span> {
        let parts = self.words.get(span.word)?;
        let touched = |(start, end, _): &&(usize, usize, Span)| {
            (*start < span.end && span.start < *end) || (span.is_empty() && (*start..=*end).contains(&span.start))
        };
        let mut touched = parts.iter().filter(touched);
        let first = touched.next().or_else(|| parts.last())?.2;
        Some(touched.next_back().map_or(first, |(.., last)| first.to(*last)))
    }
}

/// Words as they grow.
#[derive(Default)]
pub(crate) struct Words {
    pub(crate) words: Vec<String>,
    pub(crate) origin: Origin,
}

impl Words {
    /// Begins a word.
    pub(crate) fn begin(&mut self) {
        self.words.push(String::new());
        self.origin.words.push(Vec::new());
    }

    /// Adds to the last word what came from `place`.
    pub(crate) fn add(&mut self, text: &str, place: Span) {
        if let (Some(word), Some(parts)) = (self.words.last_mut(), self.origin.words.last_mut()) {
            parts.push((word.len(), word.len() + text.len(), place));
            word.push_str(text);
        }
    }

    /// A whole word.
    pub(crate) fn word(&mut self, text: &str, place: Span) {
        self.begin();
        self.add(text, place);
    }
}
