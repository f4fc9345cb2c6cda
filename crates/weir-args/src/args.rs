//! Cuts an argument string at its separators (gpac-semantics 2).

use crate::{Arg, Text, url};

/// Colons that a time after its first one may have: `TC01:02:03:04`.
const TIME_COLONS: usize = 3;

/// The arguments in `word[from..]` and the separators that are left over at its end.
pub(crate) fn split(index: usize, word: &str, from: usize) -> (Vec<Arg>, Text) {
    let mut args = Vec::new();
    let mut at = from;
    loop {
        let (lead, opaque) = lead_len(&word[at..]);
        let start = at + lead;
        if start == word.len() {
            return (args, Text::of(index, word, at..start));
        }
        let rest = &word[start..];
        let len = if opaque { rest.find("::").unwrap_or(rest.len()) } else { arg_len(rest) };
        let name = rest[..len].find('=').unwrap_or(len);
        let value = (name < len).then(|| Text::of(index, word, start + name + 1..start + len));
        args.push(Arg {
            lead: Text::of(index, word, at..start),
            name: Text::of(index, word, start..start + name),
            value,
            opaque,
        });
        at = start + len;
    }
}

/// The arguments of a line of an option file. One that begins with a separator is a single argument. Their places are in
/// the line, as if it followed a colon.
#[must_use]
pub fn arguments(line: &str) -> Vec<Arg> {
    let is_single = line.starts_with(':');
    let word = format!(":{line}");
    let (mut args, _) = split(0, &word, 0);
    if is_single && args.len() > 1 {
        let text = line.trim_start_matches(':');
        let (name, value) = text.split_once('=').map_or((text, None), |(name, value)| (name, Some(value)));
        let start = word.len() - text.len();
        let place = |from: usize, text: &str| Text::of(0, &word, from..from + text.len());
        args.truncate(1);
        args[0].name = place(start, name);
        args[0].value = value.map(|v| place(start + name.len() + 1, v));
    }
    args
}

/// Length of the separators `text` starts with, and whether they make what follows opaque.
fn lead_len(text: &str) -> (usize, bool) {
    let escape = if url::is_gpac(text) { ":gpac".len() } else { 0 };
    let colons = text[escape..].len() - text[escape..].trim_start_matches(':').len();
    (escape + colons, colons > 1)
}

/// Length of the argument that `text` starts with.
fn arg_len(text: &str) -> usize {
    for keyword in ["src=", "dst="] {
        if let Some(target) = text.strip_prefix(keyword) {
            return keyword.len() + url::end(target);
        }
    }
    let separator = text.find(':').unwrap_or(text.len());
    if text[..separator].contains('<') {
        return text.find(">:").map_or(text.len(), |at| at + 1);
    }
    plain_len(text)
}

fn plain_len(text: &str) -> usize {
    let mut from = 0;
    while let Some(at) = text[from..].find(':').map(|i| from + i) {
        if text[at..].starts_with("://") {
            let scheme = text[..at].rfind(['=', ',']).map_or(0, |i| i + 1);
            return scheme + url::end(&text[scheme..]);
        }
        from = match time_len(text, at).max(descriptor_len(text, at)) {
            0 if text[at + 1..].starts_with(['/', '\\']) => at + 1, // C:/ and C:\
            0 => return at,
            len => at + len,
        };
    }
    text.len()
}

/// Length from the colon at `at` on of a time such as `T01:02:03.5`, when that colon is the first in one; else 0.
fn time_len(text: &str, at: usize) -> usize {
    let digits = |t: &str| t.len() - t.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let before = text[..at].trim_end_matches(|c: char| c.is_ascii_digit());
    let is_mark = before.ends_with(['T', 'C']) || before.ends_with("=t") || before.ends_with(",t");
    if !is_mark || !(1..=2).contains(&(at - before.len())) {
        return 0;
    }
    let mut len = 0;
    for _ in 0..TIME_COLONS {
        match text[at + len..].strip_prefix(':').map(digits) {
            Some(n) if n > 0 => len += 1 + n,
            _ => break,
        }
    }
    len
}

/// Length from the colon at `at` on of a descriptor such as `=fd:3`; else 0.
fn descriptor_len(text: &str, at: usize) -> usize {
    let number = &text[at + 1..];
    let digits = number.len() - number.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let is_whole = matches!(number[digits..].chars().next(), None | Some(':'));
    if text[..at].ends_with("=fd") && digits > 0 && is_whole { 1 + digits } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Splits and writes the arguments down as `name|value`, opaque ones with a `*`.
    fn list(text: &str) -> Vec<String> {
        let (args, _) = split(0, text, 0);
        args.iter()
            .map(|a| format!("{}{}|{}", if a.opaque { "*" } else { "" }, a.name, a.value_str().unwrap_or("-")))
            .collect()
    }

    #[test]
    fn separators() {
        assert_eq!(list(":a=1:b:!c:#P=2"), ["a|1", "b|-", "!c|-", "#P|2"]);
        assert_eq!(list("::a=foo:b=bar"), ["*a|foo:b=bar"]);
        assert_eq!(list(":a=x::b=y:z::c=w"), ["a|x", "*b|y:z", "*c|w"]);
        assert_eq!(list(":gpac:a=1:gpac:b=2:gpac"), ["a|1", "b|2"]);
        assert_eq!(list(":gpac::a=1:2"), ["*a|1:2"]);
        assert_eq!(list(":a=:"), ["a|"]);
        assert_eq!(list("::::"), [""; 0]);
    }

    #[test]
    fn colons_that_are_not_separators() {
        assert_eq!(list(":src=C:/a.mp4:b"), ["src|C:/a.mp4", "b|-"]);
        assert_eq!(list(r":log=C:\a.txt:b"), [r"log|C:\a.txt", "b|-"]);
        assert_eq!(list(":dur=T00:01:30.5:b"), ["dur|T00:01:30.5", "b|-"]);
        assert_eq!(list(":xs=T00:01,T00:02:b"), ["xs|T00:01,T00:02", "b|-"]);
        assert_eq!(list(":at=2024-01-01T12:30:00Z:b"), ["at|2024-01-01T12:30:00Z", "b|-"]);
        assert_eq!(list(":tc=TC01:02:03:04:b"), ["tc|TC01:02:03:04", "b|-"]);
        assert_eq!(list(":d=t1:30:b"), ["d|t1:30", "b|-"]);
        assert_eq!(list(":key=fd:3:b:c=fd:x:k=fd:12"), ["key|fd:3", "b|-", "c|fd", "x|-", "k|fd:12"]);
        assert_eq!(list(":x=<a b='c:d'/>:y"), ["x|<a b='c:d'/>", "y|-"]);
        assert_eq!(list(":u=http://h:80/x:y=1"), ["u|http://h:80/x", "y|1"]);
        assert_eq!(list(":src=rtmp://h:1935/live:y=1"), ["src|rtmp://h:1935/live", "y|1"]);
        assert_eq!(list(":us=a,http://[::1]:80/x:y=1"), ["us|a,http://[::1]:80/x", "y|1"]);
        assert_eq!(list(":CT1:b"), ["CT1|-", "b|-"]);
    }
}
