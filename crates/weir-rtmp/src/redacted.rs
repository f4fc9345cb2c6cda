//! [`Redacted`]: text that may hold a credential. It prints shortened; only [`Redacted::expose`] gives it away.

use std::fmt;

/// Characters of a stream name that may be shown.
const SHOWN: usize = 4;

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Rule {
    /// The first [`SHOWN`] characters, and no query.
    Name,
    /// All but the query and the user and password.
    Address,
    /// Nothing.
    Secret,
}

/// Text that prints only in part, in `Display` and `Debug` alike. Control characters print as escapes.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Redacted {
    text: String,
    rule: Rule,
}

impl Redacted {
    /// A stream name or key: four characters are shown.
    #[must_use]
    pub fn name(text: impl Into<String>) -> Self {
        Self { text: text.into(), rule: Rule::Name }
    }

    /// An app or URL without a stream name: its query and its user and password are hidden.
    #[must_use]
    pub fn address(text: impl Into<String>) -> Self {
        Self { text: text.into(), rule: Rule::Address }
    }

    /// A query or password: nothing is shown.
    #[must_use]
    pub fn secret(text: impl Into<String>) -> Self {
        Self { text: text.into(), rule: Rule::Secret }
    }

    /// The whole text. For look-ups and the wire, never for a log, metric, API answer or error.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.text
    }

    /// Whether there is no text.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// Shown parts with "…" for what is hidden.
    fn shown(&self) -> (&str, &str, bool) {
        let before_query = self.text.split('?').next().unwrap_or_default();
        match self.rule {
            Rule::Secret => ("", "", !self.text.is_empty()),
            Rule::Name => {
                let end = before_query.char_indices().nth(SHOWN).map_or(before_query.len(), |(i, _)| i);
                ("", &before_query[..end], end < self.text.len())
            }
            Rule::Address => {
                let (scheme, rest) = before_query.split_at(before_query.find("://").map_or(0, |i| i + 3));
                let authority = rest.find('/').unwrap_or(rest.len());
                let host = rest[..authority].rfind('@').map_or(0, |i| i + 1);
                (scheme, &rest[host..], before_query.len() < self.text.len())
            }
        }
    }
}

impl fmt::Display for Redacted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, rest, hidden) = self.shown();
        write!(f, "{}{}{}", scheme.escape_debug(), rest.escape_debug(), if hidden { "…" } else { "" })
    }
}

impl fmt::Debug for Redacted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_only_what_it_may() {
        let cases = [
            (Redacted::name("key1"), "key1"),
            (Redacted::name("key1secret"), "key1…"),
            (Redacted::name("k?token=x"), "k…"),
            (Redacted::name("ключик"), "ключ…"),
            (Redacted::name(""), ""),
            (Redacted::address("live"), "live"),
            (Redacted::address("live?user=u"), "live…"),
            (Redacted::address("rtmp://u:p@h:1935/live?x"), "rtmp://h:1935/live…"),
            (Redacted::address("rtmp://u:p@h"), "rtmp://h"),
            (Redacted::address("a\nb"), "a\\nb"),
            (Redacted::secret("pw"), "…"),
            (Redacted::secret(""), ""),
        ];
        for (text, shown) in cases {
            assert_eq!(text.to_string(), shown);
            assert_eq!(format!("{text:?}"), format!("\"{shown}\""));
        }
    }
}
