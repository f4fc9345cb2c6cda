//! Reads words left to right into items (gpac-semantics 1, 2, 8.1).

use std::ops::Range;

use crate::{
    Arg, DeclKind, Declaration, Diagnostic, GlobalOption, Item, Link, LinkFrom, Separators, Severity, Span, StreamName,
    Text, args, suggest, url,
};

/// What a command line says.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Parsed {
    /// What was said, in order.
    pub items: Vec<Item>,
    /// The caller's own options as [`normalise`] gives them.
    pub own: Vec<String>,
    /// What is wrong with it, in order.
    pub diagnostics: Vec<Diagnostic>,
}

impl Parsed {
    /// Whether any diagnostic is an error.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.diagnostics.iter().any(|d| d.severity == Severity::Error)
    }

    /// The declarations, in the order that links count.
    pub fn declarations(&self) -> impl Iterator<Item = &Declaration> {
        self.items.iter().filter_map(|item| match item {
            Item::Declaration(d) => Some(d),
            _ => None,
        })
    }

    /// Places of the secrets in all URLs, for [`CommandLine::new`](crate::CommandLine::new). `is_listener` says of which
    /// declarations the stream name is public.
    #[must_use]
    pub fn secrets(&self, is_listener: impl Fn(&Declaration) -> bool) -> Vec<Span> {
        let mut found = Vec::new();
        for item in &self.items {
            let mut add = |text: &str, at: Span, name| {
                let places = url::secrets(text, name);
                found.extend(places.iter().map(|r| Span::new(at.word, at.start + r.start..at.start + r.end)));
            };
            match item {
                // A URL where a filter was expected: an error, but one that is shown.
                Item::Declaration(d) if d.kind == DeclKind::Filter && is_url(item) => {
                    let word = &item.words()[0];
                    add(&word[..url::end(word)], d.name.span, StreamName::Secret);
                }
                Item::Declaration(d) => {
                    let name = if is_listener(d) { StreamName::Public } else { StreamName::Secret };
                    let values = d.args.iter().filter_map(|a| a.value.as_ref());
                    std::iter::once(&d.name).chain(values).for_each(|t| add(&t.text, t.span, name));
                }
                Item::Global(g) => g.value.iter().for_each(|t| add(&t.text, t.span, StreamName::Secret)),
                Item::Link(_) => {}
            }
        }
        found
    }
}

/// Text from a word, fit for a message: control characters escaped.
fn shown(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() { out.extend(c.escape_default()) } else { out.push(c) }
    }
    out
}

/// A single-dash (or other) option that belongs to the caller and not to the grammar.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OwnOption<'a> {
    /// As typed, with its dashes: `-graph`, `--help`.
    pub name: &'a str,
    /// Whether it takes the word after it. A value attached with `=` is always possible.
    pub takes: Takes,
}

/// How many words an [`OwnOption`] takes after it, when no value is attached.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Takes {
    /// None.
    Nothing,
    /// The next one, whatever it is.
    Word,
    /// The next one unless it starts with `-`.
    OptionalWord,
}

/// Picks out the caller's own options: their words in the form usual elsewhere (`-graph` becomes `--graph`, `-h` stays),
/// and for each word of `words` whether it is one of them. The word after `-i` or `-o` never is.
#[must_use]
pub fn normalise(words: &[String], own: &[OwnOption<'_>]) -> (Vec<String>, Vec<bool>) {
    let mut out = Vec::new();
    let mut claimed = vec![false; words.len()];
    let mut at = 0;
    while let Some(word) = words.get(at) {
        let name = word.split_once('=').map_or(word.as_str(), |(name, _)| name);
        if is_dash_target(word) {
            at += 2;
            continue;
        }
        if let Some(option) = own.iter().find(|o| o.name == name) {
            let takes = match option.takes {
                _ if name.len() < word.len() => false,
                Takes::Nothing => false,
                Takes::Word => true,
                Takes::OptionalWord => words.get(at + 1).is_some_and(|next| !next.starts_with('-')),
            };
            let is_long = name.chars().count() > 2 && !name.starts_with("--");
            out.push(if is_long { format!("-{word}") } else { word.clone() });
            claimed[at] = true;
            if takes && at + 1 < words.len() {
                at += 1;
                claimed[at] = true;
                out.push(words[at].clone());
            }
        }
        at += 1;
    }
    (out, claimed)
}

/// Parses words that all belong to the grammar. Never fails: what is wrong is in the diagnostics.
#[must_use]
pub fn parse(words: &[String]) -> Parsed {
    parse_with(words, &[])
}

/// As [`parse`], leaving out the caller's own options.
#[must_use]
pub fn parse_with(words: &[String], own: &[OwnOption<'_>]) -> Parsed {
    parse_separated(words, own, Separators::default())
}

/// As [`parse_with`], for words with other separators. The texts of the items have the usual ones, their places are
/// those in `words`.
#[must_use]
pub fn parse_separated(words: &[String], own: &[OwnOption<'_>], separators: Separators) -> Parsed {
    if separators.is_usual() {
        return read(words, own);
    }
    let mut usual = words.to_vec();
    let (_, claimed) = normalise(words, own);
    let mut is_target = false;
    for (word, _) in usual.iter_mut().zip(claimed).filter(|(_, claimed)| !claimed) {
        // The dashes and the = of an option have no other form.
        if is_target || !word.starts_with('-') {
            *word = separators.usual(word);
        }
        is_target = !is_target && is_dash_target(word);
    }
    let mut parsed = read(&usual, own);
    separators.restore(&mut parsed.items, words);
    parsed
}

fn read(words: &[String], own: &[OwnOption<'_>]) -> Parsed {
    let (own_words, claimed) = normalise(words, own);
    let mut parser = Parser { words, own, declared: 0, pending: Vec::new(), out: Parsed::default() };
    parser.out.own = own_words;
    let mut at = 0;
    while at < words.len() {
        at += if claimed[at] { 1 } else { parser.word(at) };
    }
    parser.finish();
    parser.out
}

fn is_url(item: &Item) -> bool {
    item.words().first().is_some_and(|word| word.find("://").is_some_and(|at| word.find(':') == Some(at)))
}

fn is_dash_target(word: &str) -> bool {
    dash_target(word).is_some()
}

fn dash_target(word: &str) -> Option<DeclKind> {
    match word {
        "-i" | "-src" => Some(DeclKind::Source),
        "-o" | "-dst" => Some(DeclKind::Sink),
        _ => None,
    }
}

struct Parser<'a> {
    words: &'a [String],
    own: &'a [OwnOption<'a>],
    declared: usize,
    /// Links that wait for a declaration.
    pending: Vec<Span>,
    out: Parsed,
}

impl Parser<'_> {
    /// Reads what starts at word `at`; returns how many words that was.
    fn word(&mut self, at: usize) -> usize {
        let word = self.words[at].as_str();
        if let Some(kind) = dash_target(word) {
            return self.dash_target(kind, at);
        }
        if word.starts_with("--") || word.starts_with("-+") {
            self.global(at);
        } else if word.starts_with('-') {
            self.unknown_option(at);
        } else if word.starts_with('@') {
            self.link(at);
        } else if word.starts_with("src=") {
            self.target(DeclKind::Source, at, 0..4, at);
        } else if word.starts_with("dst=") {
            self.target(DeclKind::Sink, at, 0..4, at);
        } else if word.starts_with("c=") {
            self.filter(DeclKind::Encoder, at, 2);
        } else {
            // GPAC's encoders are one filter, which people name too.
            let is_encoder = word == "enc" || word.starts_with("enc:") || word.starts_with("ffenc:");
            let kind = if is_encoder { DeclKind::Encoder } else { DeclKind::Filter };
            self.filter(kind, at, 0);
        }
        1
    }

    fn error(&mut self, span: Span, message: impl Into<String>, help: impl Into<String>) {
        self.out.diagnostics.push(Diagnostic::error(span, message).help(help));
    }

    fn text(&self, at: usize, range: Range<usize>) -> Text {
        Text::of(at, &self.words[at], range)
    }

    fn whole(&self, at: usize) -> Span {
        Span::new(at, 0..self.words[at].len())
    }

    fn dash_target(&mut self, kind: DeclKind, at: usize) -> usize {
        if at + 1 == self.words.len() {
            let keyword = &self.words[at];
            let message = format!("{keyword} is the last word; a URL or file must follow it");
            self.error(self.whole(at), message, format!("for instance {keyword} video.mp4"));
            return 1;
        }
        self.target(kind, at, 0..self.words[at].len(), at + 1);
        2
    }

    /// A source or sink whose keyword is `keyword` of word `first` and whose URL is in word `at`.
    fn target(&mut self, kind: DeclKind, first: usize, keyword: Range<usize>, at: usize) {
        let start = if first == at { keyword.end } else { 0 };
        let word = self.words[at].as_str();
        let name = start..start + url::end(&word[start..]);
        if name.is_empty() {
            let what = if kind == DeclKind::Source { "source" } else { "sink" };
            let span = Span::new(at, name.clone());
            self.error(
                span,
                format!("the URL of this {what} is empty"),
                "a URL or file name comes first, then options",
            );
        }
        if let Some((range, message, help)) = url::check(&word[start..]) {
            self.error(Span::new(at, start + range.start..start + range.end), message, help);
        }
        self.declare(kind, self.text(first, keyword), at, name);
    }

    /// A filter or encoder whose name starts at byte `start` of word `at`.
    fn filter(&mut self, kind: DeclKind, at: usize, start: usize) {
        let word = self.words[at].as_str();
        let end = word[start..].find(':').map_or(word.len(), |i| start + i);
        self.declare(kind, self.text(at, 0..start), at, start..end);
        self.check_name(kind, at, start..end);
    }

    fn check_name(&mut self, kind: DeclKind, at: usize, name: Range<usize>) {
        let word = &self.words[at];
        let span = Span::new(at, name.clone());
        if word.is_empty() {
            self.error(span, "this word is empty", "a filter, -i URL or -o URL was expected; check your quotes");
        } else if kind == DeclKind::Encoder && (name.is_empty() || self.codec_is_missing()) {
            self.error(span, "this encoder names no codec", "write c=avc or enc:c=avc");
        } else if name.is_empty() {
            self.error(span, "a filter name is missing before this colon", "write NAME:option=value");
        } else if kind == DeclKind::Filter && word[name.end..].starts_with("://") {
            self.error(self.whole(at), "this is a URL, not a filter", "use -i URL to read it or -o URL to write to it");
        }
    }

    /// Whether the declaration just added is an encoder without a codec.
    fn codec_is_missing(&self) -> bool {
        match self.out.items.last() {
            Some(Item::Declaration(d)) => d.codec().is_none_or(|c| c.text.is_empty()),
            _ => false,
        }
    }

    fn declare(&mut self, kind: DeclKind, keyword: Text, at: usize, name: Range<usize>) {
        let (args, tail) = args::split(at, &self.words[at], name.end);
        for arg in &args {
            self.check_arg(arg);
        }
        let name = self.text(at, name);
        self.out.items.push(Item::Declaration(Declaration { kind, keyword, name, args, tail }));
        self.declared += 1;
        self.pending.clear();
    }

    fn check_arg(&mut self, arg: &Arg) {
        if arg.name.text.trim_start_matches(['!', '#']).is_empty() {
            self.error(arg.span(), "an option name is missing here", "write name=value");
        } else if let (Some(value), "src" | "dst") = (&arg.value, arg.name.as_str())
            && let Some((range, message, help)) = url::check(&value.text)
        {
            let Span { word, start, .. } = value.span;
            self.error(Span::new(word, start + range.start..start + range.end), message, help);
        }
    }

    fn global(&mut self, at: usize) {
        let word = self.words[at].as_str();
        let eq = word.find('=').unwrap_or(word.len());
        let value = (eq < word.len()).then(|| self.text(at, eq + 1..word.len()));
        let at_sign = word[2..eq].find(['@', ':']).map(|i| 2 + i);
        let filter = at_sign.map(|i| self.text(at, 2..i));
        let name = self.text(at, at_sign.map_or(2, |i| i + 1)..eq);
        if name.text.is_empty() {
            self.error(name.span, "an option name is missing here", "write --name=value or --filter@name=value");
        }
        let keyword = self.text(at, 0..2);
        let mark = self.text(at, at_sign.map_or(2..2, |i| i..i + 1));
        self.out.items.push(Item::Global(GlobalOption { keyword, filter, mark, name, value }));
    }

    fn unknown_option(&mut self, at: usize) {
        let word = self.words[at].as_str();
        let end = word.find('=').unwrap_or(word.len());
        let known = self.own.iter().map(|o| o.name).chain(["-i", "-o", "-src", "-dst"]);
        let message = format!("there is no option {}", shown(&word[..end]));
        let help = match suggest(&word[..end], known) {
            Some(near) => format!("did you mean {near}?"),
            None => "an option for all filters has two dashes: --name=value".into(),
        };
        self.error(Span::new(at, 0..end), message, help);
    }

    fn link(&mut self, at: usize) {
        let word = self.words[at].as_str();
        let body = word.find('#').unwrap_or(word.len());
        let absolute = word.starts_with("@@");
        let digits = if absolute { 2 } else { 1 }..body;
        let number = self.link_number(at, digits, absolute);
        let from = if absolute { LinkFrom::Nth(number.unwrap_or(0)) } else { LinkFrom::Back(number.unwrap_or(0)) };
        let target = number.and_then(|_| self.link_target(at, from));
        let fragments = word[body..].match_indices('#').map(|(i, _)| {
            let start = body + i + 1;
            self.text(at, start..word[start..].find('#').map_or(word.len(), |len| start + len))
        });
        let fragments = fragments.collect();
        if target.is_some() {
            self.pending.push(self.whole(at));
        }
        self.out.items.push(Item::Link(Link { word: self.text(at, 0..word.len()), from, target, fragments }));
    }

    fn link_number(&mut self, at: usize, digits: Range<usize>, absolute: bool) -> Option<usize> {
        let text = &self.words[at][digits.clone()];
        if text.is_empty() && !absolute {
            return Some(0);
        }
        if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
            // A number too large for us is beyond any declaration.
            return Some(text.parse().unwrap_or(usize::MAX));
        }
        let span = if text.is_empty() { self.whole(at) } else { Span::new(at, digits) };
        let help = "@ links from the filter just before, @1 from the one before that, @@0 from the first one";
        let message = match text.contains('@') {
            true => "a link is to the filter that follows; it cannot join two earlier ones",
            false => "a whole number must follow the @ of a link",
        };
        self.error(span, message, help);
        None
    }

    fn link_target(&mut self, at: usize, from: LinkFrom) -> Option<usize> {
        let target = match from {
            LinkFrom::Back(n) => self.declared.checked_sub(1).and_then(|last| last.checked_sub(n)),
            LinkFrom::Nth(n) => Some(n).filter(|n| *n < self.declared),
        };
        if target.is_none() {
            let before = match self.declared {
                0 => "nothing is declared before it".to_owned(),
                1 => "one filter is declared before it, which is @ or @@0".to_owned(),
                n => format!("{n} filters are declared before it: @ to @{0}, or @@0 to @@{0}", n - 1),
            };
            self.error(self.whole(at), "this link comes from a filter that does not exist", before);
        }
        target
    }

    fn finish(&mut self) {
        for span in std::mem::take(&mut self.pending) {
            let warning = Diagnostic::warning(span, "no filter follows this link, so it does nothing");
            self.out.diagnostics.push(warning.help("put the link before the filter it leads to"));
        }
    }
}
