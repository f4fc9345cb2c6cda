//! [`Steering`]: what a user says about the links of one filter (gpac-semantics 8), and whether a PID fits it.

use std::cmp::Ordering;

use weir_args::source_id::{Fragment, IdMatch, Media, Op, SourceId, Test, number};
use weir_args::value::{self, Kind, Typed};
use weir_media::{CodecId, Prop, Props, StreamType, Value};

use crate::NodeId;

/// Where PIDs of a filter may come from.
#[derive(Clone, PartialEq, Debug)]
pub enum From {
    /// From filters with these IDs; `negated`: from all others.
    Id {
        /// Which IDs.
        id: IdMatch,
        /// All but these.
        negated: bool,
    },
    /// From this filter, named by its place.
    Node(NodeId),
}

/// One source of a filter: an entry of its `SID`, or a link with `@` that leads to it.
#[derive(Clone, PartialEq, Debug)]
pub struct Source {
    /// From which filters.
    pub from: From,
    /// What must hold of a PID.
    pub fragments: Vec<Fragment>,
}

impl std::convert::From<SourceId> for Source {
    fn from(said: SourceId) -> Self {
        Self { from: From::Id { id: said.id, negated: said.negated }, fragments: said.fragments }
    }
}

/// What a user says about the links of a filter.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Steering {
    /// `FID`: its ID.
    pub id: Option<String>,
    /// `SID` and links with `@`: it takes PIDs of these only, and of others none. `None`: implicit links.
    pub sources: Option<Vec<Source>>,
    /// `RSID`: its PIDs go only to filters with sources.
    pub explicit_only: bool,
    /// `TAG`.
    pub tag: Option<String>,
    /// `ITAG`, which filters inserted behind it inherit.
    pub inherited_tag: Option<String>,
    /// `clone`: whether further PIDs may be served by copies. By default that depends on the linking mode.
    pub cloning: Option<bool>,
    /// `nomux`: whether a file may be copied to a file without a look inside.
    pub copies: Option<bool>,
    /// `ccp`: an encoder lets PIDs of these codecs pass.
    pub passes: Vec<CodecId>,
    /// `FBT`, `FBD`: most media in front of it, in microseconds.
    pub buffer_micros: Option<u64>,
    /// `FBU`: most packets in front of it.
    pub buffer_packets: Option<usize>,
}

/// A PID as sources look at it.
pub(crate) struct Offer<'a> {
    /// The filter it comes from, as the user declared it.
    pub(crate) declared: NodeId,
    /// Its steering.
    pub(crate) steering: &'a Steering,
    pub(crate) props: &'a Props,
    /// Which of the PIDs of its kind it is among those of its filter, from 1.
    pub(crate) nth: u32,
    /// The name of what feeds its filter, when that is one PID.
    pub(crate) parent: Option<&'a str>,
    /// What it holds is known only behind a demuxer.
    pub(crate) is_open: bool,
}

/// What sources say to a PID.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Verdict {
    /// It is not from there, or a test failed.
    No,
    /// It may come.
    Yes,
    /// It may come, to the copy of the filter for these values.
    Each(Vec<(String, Value)>),
}

impl Steering {
    /// Whether a PID may come to a filter with these sources.
    pub(crate) fn verdict(&self, offer: &Offer<'_>) -> Verdict {
        let Some(sources) = &self.sources else { return Verdict::Yes };
        let verdicts = sources.iter().filter(|s| s.is_from(offer)).map(|s| s.verdict(offer));
        verdicts.into_iter().find(|v| *v != Verdict::No).unwrap_or(Verdict::No)
    }
}

impl Source {
    fn is_from(&self, offer: &Offer<'_>) -> bool {
        match &self.from {
            From::Node(node) => *node == offer.declared,
            From::Id { id, negated } => {
                let have = offer.steering.id.as_deref();
                let is_it = match id {
                    IdMatch::Any => true,
                    IdMatch::Exact(id) => have == Some(id),
                    IdMatch::Prefix(start) => have.is_some_and(|id| id.starts_with(start.as_str())),
                };
                is_it != *negated
            }
        }
    }

    fn verdict(&self, offer: &Offer<'_>) -> Verdict {
        if !self.fragments.iter().all(|f| is_met(f, offer, true)) {
            return Verdict::No;
        }
        let each: Vec<_> = self.fragments.iter().filter_map(|f| each(f, offer.props)).collect();
        if each.is_empty() { Verdict::Yes } else { Verdict::Each(each) }
    }
}

/// Whether a PID passes a test. `absent` is for one that says nothing of what is tested. A stream that may still hold
/// anything passes every test of its kind and name.
pub(crate) fn is_met(fragment: &Fragment, offer: &Offer<'_>, absent: bool) -> bool {
    let props = offer.props;
    let text = |have: &Option<String>, want: &String| have.as_ref().map_or(absent, |have| have == want);
    let passes = match &fragment.test {
        Test::Media(..) | Test::Name(_) if offer.is_open => return true,
        Test::Property { name, .. } if offer.is_open && matches!(name.as_str(), "StreamType" | "CodecID") => {
            return true;
        }
        Test::Media(kind, nth) => is_kind(*kind, props.stream_type()) && nth.is_none_or(|n| n == offer.nth),
        Test::Raw => props.codec().map_or(absent, |c| c == CodecId::Raw),
        Test::Tag(tag) => text(&offer.steering.tag, tag),
        Test::InheritedTag(tag) => text(&offer.steering.inherited_tag, tag),
        Test::Property { name, op, value } => match props.by_name(name) {
            Some(have) => holds(have, *op, value, props),
            None => return absent,
        },
        Test::Name(name) => props.str(Prop::Name) == Some(name) || offer.parent == Some(name),
    };
    passes != fragment.negated
}

/// The property and value a fragment sorts PIDs by.
fn each(fragment: &Fragment, props: &Props) -> Option<(String, Value)> {
    match &fragment.test {
        Test::Property { name, op: Op::Each, .. } => Some((name.clone(), props.by_name(name)?.clone())),
        _ => None,
    }
}

fn is_kind(kind: Media, ty: Option<StreamType>) -> bool {
    let wanted = match kind {
        Media::Audio => StreamType::Audio,
        Media::Video => StreamType::Visual,
        Media::Text => StreamType::Text,
        Media::Metadata => StreamType::Metadata,
        Media::Scene | Media::Font => return false,
    };
    ty == Some(wanted)
}

/// Whether a value compares so with `text`, which may also name another property.
fn holds(have: &Value, op: Op, text: &str, props: &Props) -> bool {
    let other = props.by_name(text);
    match op {
        Op::Each => true,
        Op::Equal => other.map_or_else(|| is_written(have, text), |o| o == have),
        Op::NotEqual => !other.map_or_else(|| is_written(have, text), |o| o == have),
        Op::Less => order(have, text, other).is_none_or(Ordering::is_lt),
        Op::Greater => order(have, text, other).is_none_or(Ordering::is_gt),
    }
}

/// Whether `text` is a way to write the value.
fn is_written(have: &Value, text: &str) -> bool {
    match have {
        Value::Type(ty) => stream_type(text) == Some(*ty),
        Value::Codec(codec) => CodecId::from_name(text) == Some(*codec),
        Value::Bool(b) => value::parse(Kind::Bool, Some(text)) == Ok(Typed::Bool(*b)),
        Value::Str(have) => **have == *text,
        Value::Uint(_) | Value::Int(_) | Value::Frac(_) => ratio(have)
            .zip(number(text).map(|(num, den)| (i128::from(num), i128::from(den))))
            .is_some_and(|((a, b), (c, d))| a * d == c * b),
        Value::Bytes(_) | Value::Pixel(_) | Value::Sample(_) | Value::Delivery(_) => have.to_string() == text,
    }
}

/// The stream type of a name, or of the word that fragments have for it.
pub(crate) fn stream_type(text: &str) -> Option<StreamType> {
    const WORDS: &[(&str, StreamType)] = &[
        ("visual", StreamType::Visual),
        ("video", StreamType::Visual),
        ("audio", StreamType::Audio),
        ("text", StreamType::Text),
        ("metadata", StreamType::Metadata),
        ("file", StreamType::File),
    ];
    WORDS.iter().find(|(word, _)| word.eq_ignore_ascii_case(text)).map(|(_, ty)| *ty)
}

fn order(have: &Value, text: &str, other: Option<&Value>) -> Option<Ordering> {
    let (a, b) = ratio(have)?;
    let (c, d) = match other {
        Some(value) => ratio(value)?,
        None => number(text).map(|(num, den)| (i128::from(num), i128::from(den)))?,
    };
    Some((a * d).cmp(&(c * b)))
}

/// A number as numerator and positive denominator.
fn ratio(value: &Value) -> Option<(i128, i128)> {
    match value {
        Value::Uint(n) => Some(((*n).into(), 1)),
        Value::Int(n) => Some(((*n).into(), 1)),
        Value::Frac(f) => Some((f.num.into(), f.den.into())),
        _ => None,
    }
}
