//! Capability algebra: which PIDs a filter takes, and which filters can follow each other.
//!
//! A filter lists [`Bundle`]s. Within a bundle, caps of one property are alternatives and different properties
//! must all hold (gpac-semantics 10).

use crate::{CodecId, Prop, Props, StreamType, Value};

/// One capability: a property and a value it must (or must not) have.
#[derive(Clone, PartialEq, Debug)]
pub struct Cap {
    /// The property.
    pub prop: Prop,
    /// The value. For string properties `a|b|c` lists alternatives and `*` means any.
    pub value: Value,
    /// The property must *not* have this value.
    pub excluded: bool,
    /// The property may be absent.
    pub optional: bool,
}

impl Cap {
    /// The property must have this value.
    #[must_use]
    pub fn is(prop: Prop, value: impl Into<Value>) -> Self {
        Self { prop, value: value.into(), excluded: false, optional: false }
    }

    /// The property must not have this value; absent is fine.
    #[must_use]
    pub fn not(prop: Prop, value: impl Into<Value>) -> Self {
        Self { excluded: true, ..Self::is(prop, value) }
    }

    /// The same, but an absent property is fine too.
    #[must_use]
    pub fn or_absent(self) -> Self {
        Self { optional: true, ..self }
    }

    /// The usual pair for a codec: its stream type and its id.
    #[must_use]
    pub fn codec(ty: StreamType, codec: CodecId) -> [Self; 2] {
        [Self::is(Prop::StreamType, ty), Self::is(Prop::CodecId, codec)]
    }

    /// A codec in packets that are whole units, its parameters in the properties.
    #[must_use]
    pub fn framed(ty: StreamType, codec: CodecId) -> [Self; 3] {
        let [ty, codec] = Self::codec(ty, codec);
        [ty, codec, Self::not(Prop::Unframed, true)]
    }

    /// A codec as its files have it: a stream of bytes, its parameters in it.
    #[must_use]
    pub fn unframed(ty: StreamType, codec: CodecId) -> [Self; 3] {
        let [ty, codec] = Self::codec(ty, codec);
        [ty, codec, Self::is(Prop::Unframed, true)]
    }
}

/// One way a filter can be used: what it takes and what it then gives.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Bundle {
    /// Conditions on an input PID. Empty for a source.
    pub inputs: Vec<Cap>,
    /// Promises about output PIDs. Empty for a sink.
    pub outputs: Vec<Cap>,
    /// Properties that it can change into what the next filter takes. A filter with such bundles is inserted where one
    /// of these is all that keeps a PID from a filter, and is made with a bundle that says what to change them into
    /// ([`Bundle::towards`]).
    pub adapts: Vec<Prop>,
}

impl Bundle {
    /// A bundle of these input and output caps.
    #[must_use]
    pub fn new(inputs: impl Into<Vec<Cap>>, outputs: impl Into<Vec<Cap>>) -> Self {
        Self { inputs: inputs.into(), outputs: outputs.into(), adapts: Vec::new() }
    }

    /// The same, able to change these properties.
    #[must_use]
    pub fn adapting(self, props: impl Into<Vec<Prop>>) -> Self {
        Self { adapts: props.into(), ..self }
    }

    /// The same, promising of each property it can change only what `next` takes.
    #[must_use]
    pub fn towards(&self, next: &Self) -> Self {
        let mut aimed = self.clone();
        for prop in &self.adapts {
            let asked = Group { prop: *prop, of: &next.inputs };
            if self.outputs.iter().any(|c| c.prop == *prop) {
                aimed.outputs.retain(|c| c.prop != *prop || takes(asked, &c.value));
            } else {
                aimed.outputs.extend(asked.iter().cloned());
            }
        }
        aimed
    }

    /// Whether a PID with these properties fits the input side; `Err` names the first property that does not.
    ///
    /// # Errors
    /// The property of the first cap that refused. A bundle without input caps refuses with `StreamType`.
    pub fn accepts(&self, pid: &Props) -> Result<(), Prop> {
        if self.inputs.is_empty() {
            return Err(Prop::StreamType);
        }
        groups(&self.inputs).try_for_each(|caps| {
            let fits = pid.get(caps.prop).map_or_else(|| takes_absent(caps), |have| takes(caps, have));
            if fits { Ok(()) } else { Err(caps.prop) }
        })
    }

    /// Whether what this bundle gives can be what `next` takes: some PID that keeps its promises fits.
    ///
    /// Properties it promises nothing about may turn out right, except those that tell kinds of stream apart.
    #[must_use]
    pub fn feeds(&self, next: &Self) -> bool {
        !self.outputs.is_empty()
            && !next.inputs.is_empty()
            && groups(&next.inputs).all(|ins| {
                let outs = Group { prop: ins.prop, of: &self.outputs };
                if outs.is_empty() { unsaid(ins) } else { compatible(outs, ins) }
            })
    }

    /// The stream type the outputs promise, when they promise one.
    #[must_use]
    pub fn output_type(&self) -> Option<StreamType> {
        self.outputs.iter().find_map(|c| match (&c.value, c.prop, c.excluded) {
            (Value::Type(t), Prop::StreamType, false) => Some(*t),
            _ => None,
        })
    }
}

/// The stream types and codecs that one side of a bundle is about. Bundles that have none in common never feed each other,
/// which is told by these much faster than by the bundles.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Kinds {
    types: u64,
    codecs: u64,
}

impl Kinds {
    /// Those of caps. Where they are not a plain list, all.
    #[must_use]
    pub fn of(caps: &[Cap]) -> Self {
        let mut kinds = Self { types: 0, codecs: 0 };
        for cap in caps {
            let (set, bit) = match cap.value {
                Value::Type(ty) => (&mut kinds.types, ty as u32),
                Value::Codec(codec) => (&mut kinds.codecs, codec as u32),
                _ => continue,
            };
            let is_plain = !cap.excluded && !cap.optional;
            *set |= if is_plain { 1 << (bit % u64::BITS) } else { u64::MAX };
        }
        let or_all = |set| if set == 0 { u64::MAX } else { set };
        Self { types: or_all(kinds.types), codecs: or_all(kinds.codecs) }
    }

    /// Those of a PID: one of each, or all where it says nothing.
    #[must_use]
    pub fn of_pid(pid: &Props) -> Self {
        let bit = |bit: Option<u32>| bit.map_or(u64::MAX, |bit| 1 << (bit % u64::BITS));
        Self { types: bit(pid.stream_type().map(|ty| ty as u32)), codecs: bit(pid.codec().map(|codec| codec as u32)) }
    }

    /// Whether a stream could be of both.
    #[must_use]
    pub const fn meets(self, other: Self) -> bool {
        self.types & other.types != 0 && self.codecs & other.codecs != 0
    }
}

/// The caps of one property among those of one side of a bundle.
#[derive(Clone, Copy)]
struct Group<'a> {
    prop: Prop,
    of: &'a [Cap],
}

impl<'a> Group<'a> {
    fn iter(self) -> impl Iterator<Item = &'a Cap> + Clone {
        self.of.iter().filter(move |c| c.prop == self.prop)
    }

    fn is_empty(self) -> bool {
        self.iter().next().is_none()
    }

    /// Whether one of the caps that exclude, or of those that do not, has this value.
    fn lists(self, value: &Value, excluded: bool) -> bool {
        self.iter().any(|c| c.excluded == excluded && same(&c.value, value))
    }
}

/// The caps of each property, in the order of the properties' first ones.
fn groups(caps: &[Cap]) -> impl Iterator<Item = Group<'_>> {
    let is_first = |(i, c): &(usize, &Cap)| !caps[..*i].iter().any(|d| d.prop == c.prop);
    caps.iter().enumerate().filter(is_first).map(move |(_, c)| Group { prop: c.prop, of: caps })
}

/// Whether a value that the output caps of a property promise, or its absence, is one that the input caps take.
fn compatible(outs: Group<'_>, ins: Group<'_>) -> bool {
    let other = outs.iter().any(|o| o.excluded); // anything but the excluded values, or nothing
    let absent = other || outs.iter().any(|o| o.optional);
    let gives = |v: &Value| outs.lists(v, false) || (other && !outs.lists(v, true));
    (absent && takes_absent(ins)) || has_example(outs.iter().chain(ins.iter()), |v| gives(v) && takes(ins, v))
}

/// Whether input caps may be met by a property that nothing was promised about.
fn unsaid(ins: Group<'_>) -> bool {
    takes_absent(ins) || (!tells_kinds(ins.prop) && has_example(ins.iter(), |v| takes(ins, v)))
}

/// Whether a single value of what caps list is like this; for `*` one that is in no list.
fn has_example<'a>(mut caps: impl Iterator<Item = &'a Cap>, is_wanted: impl Fn(&Value) -> bool) -> bool {
    caps.any(|c| match &c.value {
        Value::Str(list) if &**list == "*" => is_wanted(&"?".into()),
        Value::Str(list) if list.contains('|') => list.split('|').any(|text| is_wanted(&text.into())),
        single => is_wanted(single),
    })
}

/// Whether the input caps of a property take this value.
fn takes(ins: Group<'_>, value: &Value) -> bool {
    !ins.lists(value, true) && (ins.iter().all(|c| c.excluded) || ins.lists(value, false))
}

fn takes_absent(ins: Group<'_>) -> bool {
    ins.iter().all(|c| c.excluded || c.optional)
}

/// Whether a property tells kinds of stream apart, so that silence about it is no promise.
fn tells_kinds(prop: Prop) -> bool {
    matches!(prop, Prop::StreamType | Prop::CodecId | Prop::FileExt | Prop::Delivery)
}

/// Equal values; strings compare as `a|b|c` alternatives with `*` for any.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Str(a), Value::Str(b)) => {
            &**a == "*" || &**b == "*" || a.split('|').any(|x| b.split('|').any(|y| x.eq_ignore_ascii_case(y)))
        }
        _ => a == b,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SampleFormat;

    fn avc(unframed: bool) -> Props {
        let p = Props::new().with(Prop::StreamType, StreamType::Visual).with(Prop::CodecId, CodecId::Avc);
        if unframed { p.with(Prop::Unframed, true) } else { p }
    }

    #[test]
    fn framed_and_unframed_exclude_each_other() {
        let takes = |caps| Bundle::new(caps, []);
        let framed = takes(Cap::framed(StreamType::Visual, CodecId::Avc));
        let unframed = takes(Cap::unframed(StreamType::Visual, CodecId::Avc));
        assert_eq!((framed.accepts(&avc(false)), framed.accepts(&avc(true))), (Ok(()), Err(Prop::Unframed)));
        assert_eq!((unframed.accepts(&avc(true)), unframed.accepts(&avc(false))), (Ok(()), Err(Prop::Unframed)));
    }

    #[test]
    fn alternatives_within_a_property_and_all_properties() {
        let mux = Bundle::new(
            [
                Cap::is(Prop::StreamType, StreamType::Visual),
                Cap::is(Prop::CodecId, CodecId::Avc),
                Cap::is(Prop::CodecId, CodecId::Hevc),
                Cap::not(Prop::Unframed, true),
            ],
            [Cap::is(Prop::StreamType, StreamType::File), Cap::is(Prop::FileExt, "flv")],
        );
        assert_eq!(mux.accepts(&avc(false)), Ok(()));
        assert_eq!(mux.accepts(&avc(true)), Err(Prop::Unframed));
        assert_eq!(mux.accepts(&Props::new()), Err(Prop::StreamType));

        let sink = Bundle::new([Cap::is(Prop::StreamType, StreamType::File), Cap::is(Prop::FileExt, "mp4|flv")], []);
        assert!(mux.feeds(&sink));
        assert!(!sink.feeds(&mux));
        let reframer = Bundle::new(
            [Cap::is(Prop::CodecId, CodecId::Avc), Cap::is(Prop::Unframed, true)],
            [
                Cap::is(Prop::StreamType, StreamType::Visual),
                Cap::is(Prop::CodecId, CodecId::Avc),
                Cap::not(Prop::Unframed, true),
            ],
        );
        assert!(reframer.feeds(&mux));
        assert_eq!(mux.output_type(), Some(StreamType::File));
    }

    #[test]
    fn what_adapts_is_aimed_at_what_follows() {
        let rate = |hz: u32| Cap::is(Prop::SampleRate, hz);
        let format = |f: SampleFormat| Cap::is(Prop::AudioFormat, f);
        let raw = Cap::codec(StreamType::Audio, CodecId::Raw);
        let outputs = [&raw[..], &[format(SampleFormat::Flt), format(SampleFormat::S16)]].concat();
        let resample = Bundle::new(raw.clone(), outputs).adapting([Prop::SampleRate, Prop::AudioFormat]);
        let next =
            [&raw[..], &[rate(8_000), rate(16_000), Cap::is(Prop::NumChannels, 1_u32), format(SampleFormat::S16)]];
        let encoder = Bundle::new(next.concat(), []);
        assert!(resample.feeds(&encoder));
        let aimed = [&raw[..], &[format(SampleFormat::S16), rate(8_000), rate(16_000)]].concat();
        assert_eq!(resample.towards(&encoder).outputs, aimed, "the number of channels is none of its business");
        assert_eq!(resample.towards(&Bundle::new(raw.clone(), [])), resample, "nothing is asked for");
    }
}
