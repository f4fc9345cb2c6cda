//! Places in the words of a command line, messages about them, and one line of text to point into.

use std::fmt;
use std::ops::Range;

/// A byte range in one word. Both ends lie on character borders.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Span {
    /// Index of the word.
    pub word: usize,
    /// First byte.
    pub start: usize,
    /// Byte after the last.
    pub end: usize,
}

impl Span {
    /// The bytes `range` of word `word`.
    #[must_use]
    pub const fn new(word: usize, range: Range<usize>) -> Self {
        Self { word, start: range.start, end: range.end }
    }

    /// Number of bytes.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.end.saturating_sub(self.start)
    }

    /// Whether it covers nothing: a place between two characters.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// From the start of `self` to the end of `last`; `self` when they lie in different words.
    #[must_use]
    pub const fn to(self, last: Self) -> Self {
        if self.word == last.word { Self { end: last.end, ..self } } else { self }
    }
}

/// A piece of a word, with its place.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Text {
    /// The text as typed.
    pub text: String,
    /// Where it stands.
    pub span: Span,
}

impl Text {
    /// The bytes `range` of `word`, which is word number `index`.
    pub(crate) fn of(index: usize, word: &str, range: Range<usize>) -> Self {
        Self { text: word[range.clone()].to_owned(), span: Span::new(index, range) }
    }

    /// A part of it, by bytes.
    ///
    /// # Panics
    /// When the range is not one of the text's, or splits a character.
    #[must_use]
    pub fn part(&self, range: Range<usize>) -> Self {
        let start = self.span.start;
        Self {
            text: self.text[range.clone()].to_owned(),
            span: Span::new(self.span.word, start + range.start..start + range.end),
        }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// How bad a [`Diagnostic`] is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Severity {
    /// The words can be used.
    Warning,
    /// The words must not be run.
    Error,
}

/// One message about one place.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// Where.
    pub span: Span,
    /// What is wrong: one plain sentence without a trailing period.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
}

impl Diagnostic {
    /// An error at `span`.
    #[must_use]
    pub fn error(span: Span, message: impl Into<String>) -> Self {
        Self { severity: Severity::Error, span, message: message.into(), help: None }
    }

    /// A warning at `span`.
    #[must_use]
    pub fn warning(span: Span, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(span, message) }
    }

    /// The same with advice.
    #[must_use]
    pub fn help(self, help: impl Into<String>) -> Self {
        Self { help: Some(help.into()), ..self }
    }
}

/// Words joined to one line of text, quoted as a shell needs, that spans can be found in again.
///
/// Control characters are shown escaped (`\n`), so the line is always one line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CommandLine {
    text: String,
    /// For each word: the place in `text` of each of its bytes and of its end.
    places: Vec<Vec<usize>>,
}

impl CommandLine {
    /// The line of `words`. Every span of `hidden` is shown as `***`; give it the places of secrets
    /// ([`Parsed::secrets`](crate::Parsed::secrets)).
    #[must_use]
    pub fn new(words: &[String], hidden: &[Span]) -> Self {
        let mut line = Self { text: String::new(), places: Vec::with_capacity(words.len()) };
        for (index, word) in words.iter().enumerate() {
            if index > 0 {
                line.text.push(' ');
            }
            line.push(word, |at| hidden.iter().any(|h| h.word == index && (h.start..h.end).contains(&at)));
        }
        line
    }

    fn push(&mut self, word: &str, is_hidden: impl Fn(usize) -> bool) {
        let quote = if needs_quotes(word) { "'" } else { "" };
        let mut places = Vec::with_capacity(word.len() + 1);
        let mut was_hidden = false;
        self.text.push_str(quote);
        for (at, c) in word.char_indices() {
            let hide = is_hidden(at);
            if !(hide && was_hidden) {
                places.resize(at + c.len_utf8(), self.text.len());
                push_shown(&mut self.text, c, hide);
            } else {
                let mark = places.last().copied().unwrap_or(0);
                places.resize(at + c.len_utf8(), mark);
            }
            was_hidden = hide;
        }
        places.push(self.text.len());
        self.text.push_str(quote);
        self.places.push(places);
    }

    /// The line.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The bytes of [`text`](Self::text) that show `span`; the end of the line for a place outside the words.
    #[must_use]
    pub fn range(&self, span: Span) -> Range<usize> {
        let place = |at: usize| self.places.get(span.word).and_then(|w| w.get(at).or_else(|| w.last())).copied();
        let (start, end) = (place(span.start), place(span.end));
        start.unwrap_or(self.text.len())..end.unwrap_or(self.text.len())
    }
}

fn push_shown(line: &mut String, c: char, hide: bool) {
    match c {
        _ if hide => line.push_str("***"),
        '\'' => line.push_str(r"'\''"),
        c if c.is_control() => line.extend(c.escape_default()),
        c => line.push(c),
    }
}

fn needs_quotes(word: &str) -> bool {
    let plain = |c: char| c.is_alphanumeric() || "-_=+:/.,@%^[]{}~".contains(c);
    word.is_empty() || word.starts_with('~') || !word.chars().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(words: &[&str], hidden: &[Span]) -> CommandLine {
        CommandLine::new(&words.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>(), hidden)
    }

    #[test]
    fn spans_are_found_again_behind_quotes() {
        let l = line(&["-i", "it's a.mp4", "x\ny:dur=5"], &[]);
        assert_eq!(l.text(), r"-i 'it'\''s a.mp4' 'x\ny:dur=5'");
        assert_eq!(&l.text()[l.range(Span::new(1, 5..10))], "a.mp4");
        assert_eq!(&l.text()[l.range(Span::new(2, 4..7))], "dur");
        assert_eq!(&l.text()[l.range(Span::new(0, 0..2))], "-i");
        assert!(l.range(Span::new(9, 0..2)).is_empty());
    }

    #[test]
    fn secrets_are_hidden_in_place() {
        let l = line(&["rtmp://u:p@h/a:x"], &[Span::new(0, 7..10)]);
        assert_eq!(l.text(), "rtmp://***@h/a:x");
        assert_eq!(&l.text()[l.range(Span::new(0, 7..10))], "***");
        assert_eq!(&l.text()[l.range(Span::new(0, 15..16))], "x");
    }
}
