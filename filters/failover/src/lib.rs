//! `failover`: passes one of several sources on, and another when that one falls silent.
//!
//! Coded media passes as it is, on one endless line of time; it changes over at key pictures only. Never decodes, never
//! encodes, and keeps nothing back.

mod failover;

use weir_media::{Bundle, Cap, CodecId, Prop, StreamType};
use weir_plugin::{Create, Filter, Kind, Lane, OptionDef, Options, Plugin, Registry, Result, Role};

/// Adds `failover` to a registry.
pub fn register(registry: &mut Registry) {
    registry.register(FailoverType);
}

const OPTIONS: &[OptionDef] = &[
    OptionDef::new("timeout", Kind::Millis, "1s", "A source that sends nothing for this long has fallen silent"),
    OptionDef::new("stable", Kind::Millis, "2s", "A better source is gone back to when it has sent for this long"),
    OptionDef::new(
        "ends",
        Kind::Enum(&["first", "all"]),
        "first",
        "When it is over: when the first source has ended, or when all have",
    ),
];

struct FailoverType;

impl Plugin for FailoverType {
    fn name(&self) -> &'static str {
        "failover"
    }

    fn summary(&self) -> &'static str {
        "Goes on from another source when one falls silent"
    }

    fn help(&self) -> &'static str {
        "Sources are better the earlier they stand in the command line: -i rtmp://…:rtmp_listen=1 -i slate.mp4:loop=-1 \
         failover -o …. The first picture and the first sound of each are used. It goes on from the best source that sends, \
         at a key picture of it, and back as soon as a better one has been steady. Nothing is encoded again: sources need \
         the same codecs, and outputs are told when parameters differ. A slate of the same size and frame rate disturbs \
         players least: sources that are made or encoded here are asked to be like the first, and do what they can."
    }

    fn role(&self) -> Role {
        Role::Transform
    }

    fn lane(&self) -> Lane {
        Lane::Reactor
    }

    fn options(&self) -> &'static [OptionDef] {
        OPTIONS
    }

    fn caps(&self, _: &Options) -> Vec<Bundle> {
        let coded = |ty| {
            let cap = Cap::is(Prop::StreamType, ty);
            [cap, Cap::not(Prop::Unframed, true), Cap::not(Prop::CodecId, CodecId::Raw)]
        };
        [StreamType::Visual, StreamType::Audio].map(|ty| Bundle::new(coded(ty), coded(ty))).to_vec()
    }

    fn max_inputs(&self) -> usize {
        usize::MAX
    }

    fn explicit_only(&self) -> bool {
        true
    }

    fn tells_sources_apart(&self) -> bool {
        true
    }

    /// Silence is measured by the clock.
    fn is_live(&self, _: &Options) -> bool {
        true
    }

    fn create(&self, with: Create) -> Result<Box<dyn Filter>> {
        Ok(Box::new(failover::Failover::new(&with.options)))
    }
}
