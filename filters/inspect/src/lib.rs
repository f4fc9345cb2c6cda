//! `inspect` and `probe`: what streams are, and what is in them, as text.
//!
//! They take streams and give none. They never look into a payload and never change one.

mod inspect;
mod line;
mod log;
mod probe;

use weir_media::{Bundle, Cap, Prop, StreamType};
use weir_plugin::{Create, Filter, Kind, Lane, OptionDef, Options, Plugin, Registry, Result, Role};

/// Adds `inspect` and `probe` to a registry.
pub fn register(registry: &mut Registry) {
    registry.register(InspectType);
    registry.register(ProbeType);
}

const LOG: OptionDef =
    OptionDef::new("log", Kind::Str, "stdout", "Where to write: stdout, stderr, null or the name of a file");

const INSPECT: &[OptionDef] = &[
    LOG,
    OptionDef::new(
        "mode",
        Kind::Enum(&["pck", "blk", "frame", "raw"]),
        "pck",
        "What to look at: packets as they come (pck, blk), whole frames (frame), or the bytes of a source (raw)",
    ),
    OptionDef::new("deep", Kind::Bool, "no", "A line for each packet; without it, streams are told and that is all"),
    OptionDef::new("full", Kind::Bool, "no", "All properties of each stream, one a line"),
    OptionDef::new(
        "fmt",
        Kind::Str,
        "",
        "The line of a packet: %dts%, %cts%, %dur%, %sap%, %size%, %pid%, %num%, %key%, %lf%; means deep",
    ),
    OptionDef::new("allp", Kind::Bool, "no", "Go on to the end of all streams even when nothing of them is printed"),
    OptionDef::new("start", Kind::Frac, "0", "Leave out packets before this time of a stream, in seconds"),
    OptionDef::new("dur", Kind::Frac, "0", "Leave out packets behind so many seconds of a stream; 0 for none"),
    OptionDef::new("interleave", Kind::Bool, "yes", "Streams as their packets come; no: one stream after the other"),
    OptionDef::new("stats", Kind::Bool, "no", "Counts of each stream in the end"),
];
const PROBE: &[OptionDef] = &[LOG];

struct InspectType;

impl Plugin for InspectType {
    fn name(&self) -> &'static str {
        "inspect"
    }

    fn summary(&self) -> &'static str {
        "Prints what streams are, and their packets"
    }

    fn help(&self) -> &'static str {
        "A line for each stream; with deep or fmt, a line for each packet too. Without those it ends as soon as all \
         streams are known."
    }

    fn role(&self) -> Role {
        Role::Sink
    }

    fn lane(&self) -> Lane {
        Lane::Blocking
    }

    fn options(&self) -> &'static [OptionDef] {
        INSPECT
    }

    fn caps(&self, options: &Options) -> Vec<Bundle> {
        match options.word("mode") {
            Some("raw") => vec![Bundle::new([Cap::is(Prop::StreamType, StreamType::File)], [])],
            _ => whole_units(),
        }
    }

    fn max_inputs(&self) -> usize {
        usize::MAX
    }

    fn explicit_only(&self) -> bool {
        true
    }

    fn create(&self, with: Create) -> Result<Box<dyn Filter>> {
        Ok(Box::new(inspect::Inspect::new(&with.options)?))
    }
}

struct ProbeType;

impl Plugin for ProbeType {
    fn name(&self) -> &'static str {
        "probe"
    }

    fn summary(&self) -> &'static str {
        "Prints how many streams come"
    }

    fn help(&self) -> &'static str {
        "The number of streams that reach it, and nothing else."
    }

    fn role(&self) -> Role {
        Role::Sink
    }

    fn lane(&self) -> Lane {
        Lane::Blocking
    }

    fn options(&self) -> &'static [OptionDef] {
        PROBE
    }

    fn caps(&self, _: &Options) -> Vec<Bundle> {
        whole_units()
    }

    fn max_inputs(&self) -> usize {
        usize::MAX
    }

    fn explicit_only(&self) -> bool {
        true
    }

    fn create(&self, with: Create) -> Result<Box<dyn Filter>> {
        Ok(Box::new(probe::Probe::new(&with.options)?))
    }
}

/// Media of any codec, in packets that are whole units.
fn whole_units() -> Vec<Bundle> {
    let any = |ty| Bundle::new([Cap::is(Prop::StreamType, ty), Cap::not(Prop::Unframed, true)], []);
    [StreamType::Visual, StreamType::Audio, StreamType::Text, StreamType::Metadata].map(any).into()
}
