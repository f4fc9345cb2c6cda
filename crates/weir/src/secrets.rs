//! Where the secrets in a command line are, whatever is wrong with it: nothing here depends on its being understood.

use std::ops::Range;

use weir_args::value::{self, Typed};
use weir_args::{Arg, Declaration, Item, Parsed, Span, StreamName, Text, suggest, url};
use weir_plugin::{Kind, OptionDef, Registry};

use crate::arguments::is_reserved;

/// Places in `words` that must never be shown: values of secret options, by name and wherever they stand, also when the
/// name is misspelt; passwords, keys and queries in URLs.
#[must_use]
pub fn secrets(words: &[String], parsed: &Parsed, registry: &Registry) -> Vec<Span> {
    let names = Names::of(registry);
    let mut found = parsed.secrets(is_listener);
    let mut seen = vec![false; words.len()];
    for item in &parsed.items {
        (item.first_word()..item.first_word() + item.word_count()).for_each(|word| seen[word] = true);
        match item {
            Item::Declaration(decl) => {
                found.extend(names.in_args(&decl.args));
                found.extend(names.in_text(&decl.name.text).map(|r| within(&decl.name, r)));
            }
            Item::Global(g) if names.is_secret(&g.name.text) => found.extend(g.value.as_ref().map(|v| v.span)),
            _ => {}
        }
    }
    for (index, word) in words.iter().enumerate().filter(|(i, _)| !seen[*i]) {
        found.extend(names.in_text(word).map(|r| Span::new(index, r)));
        found.extend(after_equals(word).into_iter().flat_map(|from| in_url(index, word, from)));
    }
    found
}

/// Whether a declaration is a listener, whose stream name is public.
pub(crate) fn is_listener(decl: &Declaration) -> bool {
    let Some(arg) = decl.arg("rtmp_listen") else { return false };
    value::parse(Kind::Bool, arg.value_str()) == Ok(Typed::Bool(true))
}

fn within(text: &Text, range: Range<usize>) -> Span {
    let Span { word, start, .. } = text.span;
    Span::new(word, start + range.start..start + range.end)
}

fn after_equals(word: &str) -> Option<usize> {
    word.find('=').map(|at| at + 1)
}

/// Secrets of a URL that an unknown option names.
fn in_url(index: usize, word: &str, from: usize) -> impl Iterator<Item = Span> {
    let places = url::secrets(&word[from..], StreamName::Secret);
    places.into_iter().map(move |r| Span::new(index, from + r.start..from + r.end))
}

/// Option names of all filters.
struct Names {
    secret: Vec<&'static str>,
    other: Vec<&'static str>,
    /// Those of the others that stand in one table with a secret.
    beside: Vec<&'static str>,
}

impl Names {
    fn of(registry: &Registry) -> Self {
        let mut names = Self { secret: Vec::new(), other: Vec::new(), beside: Vec::new() };
        for table in registry.iter().map(|p| p.options()) {
            let (secret, other): (Vec<_>, Vec<_>) = table.iter().partition(|o| o.kind == Kind::Secret);
            let other = other.into_iter().map(|o: &OptionDef| o.name);
            if !secret.is_empty() {
                names.beside.extend(other.clone());
            }
            names.other.extend(other);
            names.secret.extend(secret.into_iter().map(|o| o.name));
        }
        names
    }

    /// Whether an option of this name, or what it is a slip for, holds a secret.
    fn is_secret(&self, name: &str) -> bool {
        let name = name.trim_start_matches(['!', '#', '-', '+', '@']);
        self.secret.contains(&name)
            || (!self.other.contains(&name) && suggest(name, self.secret.iter().copied()).is_some())
    }

    /// Values of secret arguments, and what follows one without being like any option: the rest of a value with colons.
    fn in_args(&self, args: &[Arg]) -> Vec<Span> {
        let mut found = Vec::new();
        let mut after_secret = false;
        for arg in args {
            let name = arg.name.text.trim_start_matches('!');
            if self.is_secret(name) {
                after_secret = true;
                found.extend(arg.value.as_ref().map(|v| v.span));
            } else if self.beside.contains(&name) {
                after_secret = false;
            } else if after_secret && !is_reserved(name) && !self.is_like_an_option(name) {
                found.push(arg.span());
            }
        }
        found
    }

    /// Whether a name is an option's, or may be a slip for one. Very short names are like too many.
    fn is_like_an_option(&self, name: &str) -> bool {
        let is_known = |known: &'static str| known == name;
        self.all().any(is_known) || (name.len() > 2 && suggest(name, self.all()).is_some())
    }

    fn all(&self) -> impl Iterator<Item = &'static str> {
        self.secret.iter().chain(&self.other).copied()
    }

    /// The value in a word such as `key=VALUE` that is no argument of anything.
    fn in_text(&self, word: &str) -> Option<Range<usize>> {
        let from = after_equals(word)?;
        self.is_secret(&word[..from - 1]).then_some(from..word.len())
    }
}
