//! Which PIDs a filter takes: the value of `SID=`, and the `#fragments` of links (gpac-semantics 8.2, 8.3).
//!
//! Only what the text says; whether a PID fits is for those who know PIDs.

use crate::{Diagnostic, Span, Text, value};

/// One entry of `SID=`: `[!]ID[#FRAGMENT[#FRAGMENT...]]`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SourceId {
    /// `!`: from every filter but those.
    pub negated: bool,
    /// From which filters.
    pub id: IdMatch,
    /// All must hold.
    pub fragments: Vec<Fragment>,
    /// Its place.
    pub span: Span,
}

/// Filters, by their `FID`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum IdMatch {
    /// `*` or nothing: any filter, whether it has an ID or not.
    Any,
    /// The one with this ID.
    Exact(String),
    /// `ID*`: those whose ID begins so.
    Prefix(String),
}

/// A test of a PID.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fragment {
    /// `!`: it must not pass.
    pub negated: bool,
    /// The test.
    pub test: Test,
    /// Its place.
    pub span: Span,
}

/// What a [`Fragment`] asks.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Test {
    /// `video`, `audio2`: a kind of media, and of those the Nth of its filter, from 1.
    Media(Media, Option<u32>),
    /// `raw`: not coded.
    Raw,
    /// `TAG=T`: the tag of the filter the PID comes from.
    Tag(String),
    /// `ITAG=T`: the tag inherited on the way.
    InheritedTag(String),
    /// A property. A PID without it passes.
    Property {
        /// Its name; `ID` also as `PID`.
        name: String,
        /// How it compares.
        op: Op,
        /// With what: a value, or the name of another property of the PID.
        value: String,
    },
    /// Anything else: the name of the PID.
    Name(String),
}

/// Kinds of media that fragments can name.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[expect(missing_docs, reason = "each is its word")]
pub enum Media {
    Audio,
    Video,
    Scene,
    Font,
    Text,
    Metadata,
}

/// How a property compares.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Op {
    /// `NAME=V`.
    Equal,
    /// `NAME=!V`.
    NotEqual,
    /// `NAME-V`: less. Only numbers compare; anything else passes.
    Less,
    /// `NAME+V`: greater.
    Greater,
    /// `NAME=*` or `NAME=`: any value, and each value to a copy of the filter of its own.
    Each,
}

/// Words for kinds of media: those of GPAC, and the handler codes of ISO files.
const MEDIA: &[(&str, Media)] = &[
    ("audio", Media::Audio),
    ("soun", Media::Audio),
    ("video", Media::Video),
    ("vide", Media::Video),
    ("scene", Media::Scene),
    ("sdsm", Media::Scene),
    ("font", Media::Font),
    ("text", Media::Text),
    ("subt", Media::Text),
    ("meta", Media::Metadata),
];

/// Reads the value of `SID=`.
///
/// # Errors
/// Everything wrong with it.
pub fn parse(text: &Text) -> Result<Vec<SourceId>, Vec<Diagnostic>> {
    let (mut found, mut wrong) = (Vec::new(), Vec::new());
    for entry in pieces(text, ',') {
        let mut parts = pieces(&entry, '#').into_iter();
        let id = parts.next().unwrap_or_else(|| entry.clone());
        let (negated, name) = match id.text.strip_prefix('!') {
            Some(rest) => (true, rest),
            None => (false, id.text.as_str()),
        };
        let mut fragments = Vec::new();
        for part in parts {
            match fragment(&part) {
                Ok(fragment) => fragments.push(fragment),
                Err(problem) => wrong.push(problem),
            }
        }
        found.push(SourceId { negated, id: id_match(name), fragments, span: entry.span });
    }
    if wrong.is_empty() { Ok(found) } else { Err(wrong) }
}

fn id_match(name: &str) -> IdMatch {
    match (name, name.strip_suffix('*')) {
        ("" | "*", _) => IdMatch::Any,
        (_, Some(prefix)) => IdMatch::Prefix(prefix.to_owned()),
        _ => IdMatch::Exact(name.to_owned()),
    }
}

/// Reads one fragment, without its `#`.
///
/// # Errors
/// It says nothing, or counts from 0.
pub fn fragment(text: &Text) -> Result<Fragment, Diagnostic> {
    let (negated, body) = match text.text.strip_prefix('!') {
        Some(rest) => (true, rest),
        None => (false, text.text.as_str()),
    };
    if body.is_empty() {
        return Err(Diagnostic::error(text.span, "a test of the PID is missing here")
            .help("write video, audio2, raw, NAME=VALUE or the name of a PID"));
    }
    let test = match media(body) {
        Some((_, Some(0))) => {
            return Err(Diagnostic::error(text.span, "PIDs of a kind are counted from 1"));
        }
        Some((kind, nth)) => Test::Media(kind, nth),
        None if body.eq_ignore_ascii_case("raw") => Test::Raw,
        None => property(body).unwrap_or_else(|| Test::Name(body.to_owned())),
    };
    Ok(Fragment { negated, test, span: text.span })
}

/// A word for a kind of media, and the number behind it.
fn media(text: &str) -> Option<(Media, Option<u32>)> {
    let word = text.trim_end_matches(|c: char| c.is_ascii_digit());
    let (_, kind) = MEDIA.iter().find(|(known, _)| known.eq_ignore_ascii_case(word))?;
    let number = &text[word.len()..];
    let nth = if number.is_empty() { None } else { Some(number.parse().unwrap_or(u32::MAX)) };
    Some((*kind, nth))
}

/// `NAME=VALUE`, `NAME-VALUE`, `NAME+VALUE`: the first sign found, in this order.
fn property(text: &str) -> Option<Test> {
    let (name, op, value) = if let Some((name, value)) = text.split_once('=') {
        match value.strip_prefix('!') {
            Some(rest) => (name, Op::NotEqual, rest),
            None if matches!(value, "" | "*") => (name, Op::Each, ""),
            None => (name, Op::Equal, value),
        }
    } else if let Some((name, value)) = text.split_once('-') {
        (name, Op::Less, value)
    } else {
        let (name, value) = text.split_once('+')?;
        (name, Op::Greater, value)
    };
    let value = value.to_owned();
    Some(match (name, op) {
        ("", _) => return None,
        ("TAG", Op::Equal) => Test::Tag(value),
        ("ITAG", Op::Equal) => Test::InheritedTag(value),
        ("PID", op) => Test::Property { name: "ID".to_owned(), op, value },
        (name, op) => Test::Property { name: name.to_owned(), op, value },
    })
}

/// The parts of a text between separators, each in its place.
fn pieces(text: &Text, separator: char) -> Vec<Text> {
    let mut at = 0;
    let piece = |part: &str| {
        let range = at..at + part.len();
        at = range.end + separator.len_utf8();
        text.part(range)
    };
    text.text.split(separator).map(piece).collect()
}

/// A number as it is written in a fragment: whole, with units, or a fraction; compared as a ratio.
#[must_use]
pub fn number(text: &str) -> Option<(i64, i64)> {
    match value::parse(value::Kind::Int { min: i64::MIN, max: i64::MAX }, Some(text)) {
        Ok(value::Typed::Int(n)) => Some((n, 1)),
        _ => match value::parse(value::Kind::Frac, Some(text)) {
            Ok(value::Typed::Frac { num, den }) => Some((num, den.into())),
            _ => None,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Text {
        Text { text: text.to_owned(), span: Span::new(2, 10..10 + text.len()) }
    }

    fn test(source: &str) -> (bool, Test) {
        let fragment = fragment(&text(source)).expect("a sound fragment");
        (fragment.negated, fragment.test)
    }

    fn property(name: &str, op: Op, value: &str) -> Test {
        Test::Property { name: name.to_owned(), op, value: value.to_owned() }
    }

    #[test]
    fn tests_of_a_pid() {
        assert_eq!(test("VIDEO"), (false, Test::Media(Media::Video, None)));
        assert_eq!(test("!audio2"), (true, Test::Media(Media::Audio, Some(2))));
        assert_eq!(test("soun"), (false, Test::Media(Media::Audio, None)));
        assert_eq!(test("raw"), (false, Test::Raw));
        assert_eq!(test("V1"), (false, Test::Name("V1".to_owned())));
        assert_eq!(test("PID=1"), (false, property("ID", Op::Equal, "1")));
        assert_eq!(test("PID=!1"), (false, property("ID", Op::NotEqual, "1")));
        assert_eq!(test("Width-320"), (false, property("Width", Op::Less, "320")));
        assert_eq!(test("Width+320"), (false, property("Width", Op::Greater, "320")));
        assert_eq!(test("ServiceID=*"), (false, property("ServiceID", Op::Each, "")));
        assert_eq!(test("ServiceID="), (false, property("ServiceID", Op::Each, "")));
        assert_eq!(test("TAG=a"), (false, Test::Tag("a".to_owned())));
        assert_eq!(test("ITAG=a"), (false, Test::InheritedTag("a".to_owned())));
        assert!(fragment(&text("")).is_err() && fragment(&text("!")).is_err() && fragment(&text("video0")).is_err());
    }

    #[test]
    fn lists_of_ids_with_their_places() {
        let ids = parse(&text("rf,src*#audio#ID=2,!x,*,#V1")).expect("sound");
        let matches: Vec<_> = ids.iter().map(|s| (s.negated, s.id.clone(), s.fragments.len())).collect();
        let exact = |id: &str| IdMatch::Exact(id.to_owned());
        let prefix = IdMatch::Prefix("src".to_owned());
        let any = IdMatch::Any;
        assert_eq!(
            matches,
            [
                (false, exact("rf"), 0),
                (false, prefix, 2),
                (true, exact("x"), 0),
                (false, any.clone(), 0),
                (false, any, 1)
            ]
        );
        assert_eq!(ids[1].fragments[1].span, Span::new(2, 24..28));
        let wrong = parse(&text("a#,b#video0")).expect_err("two mistakes");
        assert_eq!(wrong.iter().map(|d| d.span).collect::<Vec<_>>(), [Span::new(2, 12..12), Span::new(2, 15..21)]);
    }

    #[test]
    fn numbers() {
        assert_eq!(number("48k"), Some((48_000, 1)));
        assert_eq!(number("30000/1001"), Some((30_000, 1001)));
        assert_eq!(number("aac"), None);
    }
}
