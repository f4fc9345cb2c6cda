//! Where the secrets in a command line are, whatever is wrong with it: nothing here depends on its being understood.

use std::ops::Range;

use weir_args::value::{self, Typed};
use weir_args::{Arg, Declaration, Item, Parsed, Span, StreamName, Text, suggest, url};
use weir_plugin::{Kind, Registry};

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
}

impl Names {
    fn of(registry: &Registry) -> Self {
        let all = registry.iter().flat_map(|p| p.options());
        let (secret, other): (Vec<_>, Vec<_>) = all.partition(|o| o.kind == Kind::Secret);
        let names = |options: Vec<&weir_plugin::OptionDef>| options.into_iter().map(|o| o.name).collect();
        Self { secret: names(secret), other: names(other) }
    }

    /// Whether an option of this name, or what it is a slip for, holds a secret.
    fn is_secret(&self, name: &str) -> bool {
        let name = name.trim_start_matches(['!', '#', '-', '+', '@']);
        self.secret.contains(&name)
            || (!self.other.contains(&name) && suggest(name, self.secret.iter().copied()).is_some())
    }

    /// Values of secret arguments, and what stands behind one without being like any option: the rest of a value with
    /// colons.
    fn in_args(&self, args: &[Arg]) -> Vec<Span> {
        let is_secret = |a: &Arg| self.is_secret(&a.name.text);
        let first = args.iter().position(is_secret).unwrap_or(args.len());
        let known = || self.other.iter().chain(&self.secret).copied();
        let is_rest = |a: &&Arg| !is_reserved(&a.name.text) && suggest(&a.name.text, known()).is_none();
        let values = args.iter().filter(|a| is_secret(a)).filter_map(|a| a.value.as_ref());
        values.map(|v| v.span).chain(args[first..].iter().filter(is_rest).map(Arg::span)).collect()
    }

    /// The value in a word such as `key=VALUE` that is no argument of anything.
    fn in_text(&self, word: &str) -> Option<Range<usize>> {
        let from = after_equals(word)?;
        self.is_secret(&word[..from - 1]).then_some(from..word.len())
    }
}
