//! `reframer` and `restamp`: let streams through in real time, in part, or with other timestamps.
//!
//! Each input goes to an output of its own. They never look into a payload and never copy one; what they hold back is
//! bounded by what their inputs hold.

mod reframer;
mod restamp;

use weir_media::{Bundle, Cap, CodecId, Prop, StreamType};
use weir_plugin::{Create, Filter, Kind, Lane, OptionDef, Options, Plugin, Registry, Result, Role};

/// Adds `reframer` and `restamp` to a registry.
pub fn register(registry: &mut Registry) {
    registry.register(ReframerType);
    registry.register(RestampType);
}

const REFRAMER: &[OptionDef] = &[
    OptionDef::new(
        "rt",
        Kind::Enum(&["off", "on", "sync"]),
        "off",
        "Real time: each stream by a clock of its own (on), or all by one clock (sync)",
    ),
    OptionDef::new(
        "saps",
        Kind::Ints,
        "",
        "Keep only packets of these kinds: 0, those that need others; 1, key packets. Sound is always kept",
    ),
    OptionDef::new(
        "raw",
        Kind::Enum(&["no", "a", "v", "av"]),
        "no",
        "Have sound, pictures or both decoded before they come here",
    ),
    OptionDef::new(
        "xs",
        Kind::Frac,
        "0",
        "Start: packets before this time, in seconds, are left out, but for those from the last key packet on",
    ),
    OptionDef::new("xe", Kind::Frac, "0", "End: packets from this time on, in seconds, are left out; 0 for none"),
    OptionDef::new("xots", Kind::Bool, "no", "Keep the timestamps of what is cut out; else it begins at 0"),
    OptionDef::new("speed", Kind::Frac, "1", "How many seconds of media go by in one, with rt"),
];
const RESTAMP: &[OptionDef] = &[
    OptionDef::new("delay", Kind::Frac, "0", "Seconds to add to all timestamps"),
    OptionDef::new("delay_v", Kind::Frac, "0", "Seconds to add to those of pictures"),
    OptionDef::new("delay_a", Kind::Frac, "0", "Seconds to add to those of sound"),
    OptionDef::new(
        "fps",
        Kind::Frac,
        "0",
        "Have pictures follow each other at this rate, whatever their timestamps say; 0 keeps them",
    ),
    OptionDef::new("tsinit", Kind::Int { min: -1, max: i64::MAX }, "-1", "First timestamp of each stream; -1 keeps it"),
];

struct ReframerType;

impl Plugin for ReframerType {
    fn name(&self) -> &'static str {
        "reframer"
    }

    fn summary(&self) -> &'static str {
        "Lets streams through: in real time, or a part of them"
    }

    fn help(&self) -> &'static str {
        "With rt, a session without live outputs runs by the clock: -i film.mp4 reframer:rt=on -o out.flv. Times of xs and \
         xe count from the first packet of each stream."
    }

    fn role(&self) -> Role {
        Role::Transform
    }

    fn lane(&self) -> Lane {
        Lane::Reactor
    }

    fn options(&self) -> &'static [OptionDef] {
        REFRAMER
    }

    fn caps(&self, options: &Options) -> Vec<Bundle> {
        let raw = options.word("raw").unwrap_or("no");
        through(|ty| match ty {
            StreamType::Visual if raw.contains('v') => true,
            StreamType::Audio if raw.contains('a') => true,
            _ => false,
        })
    }

    fn max_inputs(&self) -> usize {
        usize::MAX
    }

    fn explicit_only(&self) -> bool {
        true
    }

    fn create(&self, with: Create) -> Result<Box<dyn Filter>> {
        Ok(Box::new(reframer::Reframer::new(&with.options)?))
    }
}

struct RestampType;

impl Plugin for RestampType {
    fn name(&self) -> &'static str {
        "restamp"
    }

    fn summary(&self) -> &'static str {
        "Gives packets other timestamps"
    }

    fn help(&self) -> &'static str {
        "A negative delay takes time away. Packets whose time would be before 0 keep it, and muxers shift them as they \
         shift any."
    }

    fn role(&self) -> Role {
        Role::Transform
    }

    fn lane(&self) -> Lane {
        Lane::Reactor
    }

    fn options(&self) -> &'static [OptionDef] {
        RESTAMP
    }

    fn caps(&self, _: &Options) -> Vec<Bundle> {
        through(|_| false)
    }

    fn max_inputs(&self) -> usize {
        usize::MAX
    }

    fn explicit_only(&self) -> bool {
        true
    }

    fn create(&self, with: Create) -> Result<Box<dyn Filter>> {
        Ok(Box::new(restamp::Restamp::new(&with.options)?))
    }
}

/// Whole units of any medium, each to the same medium; raw where that is asked for.
fn through(is_raw: impl Fn(StreamType) -> bool) -> Vec<Bundle> {
    let same = |ty| {
        let ty_cap = Cap::is(Prop::StreamType, ty);
        let framed = Cap::not(Prop::Unframed, true);
        let raw = Cap::is(Prop::CodecId, CodecId::Raw);
        if is_raw(ty) {
            Bundle::new([ty_cap.clone(), raw.clone()], [ty_cap, raw])
        } else {
            let any = [raw, Cap::not(Prop::CodecId, CodecId::Raw)];
            Bundle::new([ty_cap.clone(), framed.clone()], [&[ty_cap, framed][..], &any[..]].concat())
        }
    };
    [StreamType::Visual, StreamType::Audio, StreamType::Text, StreamType::Metadata].map(same).into()
}
