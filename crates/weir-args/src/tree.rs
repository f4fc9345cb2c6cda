//! The syntax tree of a command line. Every node keeps its text and its place, so that it prints back exactly.

use std::fmt;

use crate::{Span, Text};

/// One thing said on a command line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Item {
    /// A filter, source, sink or encoder.
    Declaration(Declaration),
    /// A link directive; it is for the declaration that follows.
    Link(Link),
    /// An option for all filters.
    Global(GlobalOption),
}

/// What a [`Declaration`] declares.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum DeclKind {
    /// A filter by register name: `avgen:dur=5`.
    Filter,
    /// A source by URL: `-i URL`, `-src URL`, `src=URL`.
    Source,
    /// A sink by URL: `-o URL`, `-dst URL`, `dst=URL`.
    Sink,
    /// An encoder by codec: `c=avc:b=1M`, `enc:b=1M:c=avc`.
    Encoder,
}

/// A filter, source, sink or encoder with its arguments.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Declaration {
    /// What it is.
    pub kind: DeclKind,
    /// `-i`, `-src`, `src=`, `-o`, `-dst`, `dst=` or `c=`; empty for a filter and for `enc`.
    pub keyword: Text,
    /// Register name, URL, or the codec after `c=`; `enc` for that form (see [`Declaration::codec`]).
    pub name: Text,
    /// Arguments in order.
    pub args: Vec<Arg>,
    /// Separators after the last argument; they mean nothing.
    pub tail: Text,
}

/// One argument: `name`, `name=value`, `!name`, `#Property=value`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Arg {
    /// The separators before it: `:`, `::` or `:gpac:`.
    pub lead: Text,
    /// The name with its `!` or `#`.
    pub name: Text,
    /// The text after the first `=`.
    pub value: Option<Text>,
    /// It followed a doubled separator: colons in the value are part of it.
    pub opaque: bool,
}

/// Where a [`Link`] comes from.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum LinkFrom {
    /// `@N`: N declarations further back than the one just before.
    Back(usize),
    /// `@@N`: declaration number N of the whole line, from 0.
    Nth(usize),
}

/// A link directive: `@`, `@N`, `@@N`, each with `#fragments`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Link {
    /// The whole word.
    pub word: Text,
    /// Which filter it comes from, as written.
    pub from: LinkFrom,
    /// Index of that filter among all declarations, from 0; `None` when there is none (then a diagnostic says so).
    pub target: Option<usize>,
    /// The fragments without their `#`, raw. All must hold.
    pub fragments: Vec<Text>,
}

/// An option for all filters: `--name`, `--name=value`, `--filter@name=value`, `--filter:name=value`, `-+name=value`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GlobalOption {
    /// `--` or `-+`.
    pub keyword: Text,
    /// Only for filters of this register name.
    pub filter: Option<Text>,
    /// What stands behind the filter: `@`, or `:` as in GPAC.
    pub mark: Text,
    /// Option name.
    pub name: Text,
    /// The text after `=`.
    pub value: Option<Text>,
}

impl Arg {
    /// The property name of `#Name=value`.
    #[must_use]
    pub fn property(&self) -> Option<&str> {
        self.name.text.strip_prefix('#')
    }

    /// The text of the value.
    #[must_use]
    pub fn value_str(&self) -> Option<&str> {
        self.value.as_ref().map(Text::as_str)
    }

    /// Place of name and value.
    #[must_use]
    pub fn span(&self) -> Span {
        self.value.as_ref().map_or(self.name.span, |v| self.name.span.to(v.span))
    }
}

impl Declaration {
    /// The codec of an encoder: the name in `c=avc`, the value of the argument `c` in `enc:c=avc`.
    #[must_use]
    pub fn codec(&self) -> Option<&Text> {
        match (self.kind, self.keyword.text.is_empty()) {
            (DeclKind::Encoder, false) => Some(&self.name),
            (DeclKind::Encoder, true) => self.arg("c")?.value.as_ref(),
            _ => None,
        }
    }

    /// The last argument of this name: later ones win.
    #[must_use]
    pub fn arg(&self, name: &str) -> Option<&Arg> {
        self.args.iter().rev().find(|a| a.name.text == name)
    }

    /// Place of the whole declaration, without a `-i` or `-o` in the word before.
    #[must_use]
    pub fn span(&self) -> Span {
        let start = if self.keyword.span.word == self.name.span.word { self.keyword.span } else { self.name.span };
        start.to(self.tail.span)
    }
}

impl GlobalOption {
    /// Place of the whole option.
    #[must_use]
    pub fn span(&self) -> Span {
        self.keyword.span.to(self.value.as_ref().unwrap_or(&self.name).span)
    }
}

/// What a [`Token`] is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[expect(missing_docs, reason = "each kind is named after the part of the tree it is")]
pub enum TokenKind {
    Keyword,
    Name,
    Url,
    Codec,
    Separator,
    ArgName,
    Equals,
    Value,
    Link,
}

/// A piece of an item. The tokens of an item tile its words.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Token {
    /// What it is.
    pub kind: TokenKind,
    /// Its place; never empty.
    pub span: Span,
}

/// Collects pieces in order, from which tokens and printed words are both made.
struct Pieces<'a>(Vec<(TokenKind, &'a str, Span)>);

impl<'a> Pieces<'a> {
    fn add(&mut self, kind: TokenKind, text: &'a Text) {
        self.add_str(kind, &text.text, text.span);
    }

    fn add_str(&mut self, kind: TokenKind, text: &'a str, span: Span) {
        if !text.is_empty() {
            self.0.push((kind, text, span));
        }
    }

    /// `=` in front of a value.
    fn add_value(&mut self, value: Option<&'a Text>) {
        if let Some(v) = value {
            let Span { word, start, .. } = v.span;
            self.add_str(TokenKind::Equals, "=", Span::new(word, start.saturating_sub(1)..start));
            self.add(TokenKind::Value, v);
        }
    }
}

impl Item {
    fn pieces(&self) -> Vec<(TokenKind, &str, Span)> {
        let mut p = Pieces(Vec::new());
        match self {
            Self::Declaration(d) => d.add_to(&mut p),
            Self::Link(l) => p.add(TokenKind::Link, &l.word),
            Self::Global(g) => g.add_to(&mut p),
        }
        p.0
    }

    /// The pieces of the item, in order.
    #[must_use]
    pub fn tokens(&self) -> Vec<Token> {
        self.pieces().into_iter().map(|(kind, _, span)| Token { kind, span }).collect()
    }

    /// The words of the item, exactly as they were.
    #[must_use]
    pub fn words(&self) -> Vec<String> {
        let mut words = vec![String::new(); self.word_count()];
        let first = self.first_word();
        for (_, text, span) in self.pieces() {
            words[span.word - first].push_str(text);
        }
        words
    }

    /// Index of its first word.
    #[must_use]
    pub fn first_word(&self) -> usize {
        match self {
            Self::Declaration(d) => d.keyword.span.word,
            Self::Link(l) => l.word.span.word,
            Self::Global(g) => g.keyword.span.word,
        }
    }

    /// Number of its words: two for `-i URL`.
    #[must_use]
    pub fn word_count(&self) -> usize {
        match self {
            Self::Declaration(d) => d.name.span.word - d.keyword.span.word + 1,
            Self::Link(_) | Self::Global(_) => 1,
        }
    }
}

impl Declaration {
    fn add_to<'a>(&'a self, p: &mut Pieces<'a>) {
        p.add(TokenKind::Keyword, &self.keyword);
        let kind = match (self.kind, self.keyword.text.is_empty()) {
            (DeclKind::Source | DeclKind::Sink, _) => TokenKind::Url,
            (DeclKind::Encoder, false) => TokenKind::Codec,
            _ => TokenKind::Name,
        };
        p.add(kind, &self.name);
        for arg in &self.args {
            p.add(TokenKind::Separator, &arg.lead);
            p.add(TokenKind::ArgName, &arg.name);
            p.add_value(arg.value.as_ref());
        }
        p.add(TokenKind::Separator, &self.tail);
    }
}

impl GlobalOption {
    fn add_to<'a>(&'a self, p: &mut Pieces<'a>) {
        p.add(TokenKind::Keyword, &self.keyword);
        if let Some(filter) = &self.filter {
            p.add(TokenKind::Name, filter);
            p.add(TokenKind::Separator, &self.mark);
        }
        p.add(TokenKind::ArgName, &self.name);
        p.add_value(self.value.as_ref());
    }
}

impl fmt::Display for Item {
    /// The words as they were, joined with spaces and not quoted.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words().join(" "))
    }
}
