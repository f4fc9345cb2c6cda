//! `m2tsmx`: an MPEG-2 transport stream (ISO/IEC 13818-1) of one programme: pictures in Annex B, sound in ADTS.
//!
//! It never looks into a coded picture further than to its first NAL unit, and never waits for a clock: the rate of the
//! stream is that of its media.

mod mux;

use weir_media::{Bundle, Cap, CodecId, Delivery, Prop, StreamType};
use weir_plugin::{Create, Filter, Kind, Lane, OptionDef, Options, Plugin, Registry, Result, Role, Split};

/// Adds `m2tsmx` to a registry.
pub fn register(registry: &mut Registry) {
    registry.register(TsMux);
}

/// Largest PID that streams may have.
const PID_MAX: i64 = 0x1ffe;

const OPTIONS: &[OptionDef] = &[
    OptionDef::new(
        "pat_rate",
        Kind::Millis,
        "200ms",
        "Time between programme tables; they also stand before each key picture",
    ),
    OptionDef::new("max_pcr", Kind::Millis, "100ms", "Longest time between clock references"),
    OptionDef::new("pcr_lead", Kind::Millis, "500ms", "How much later media is shown than its bytes come"),
    OptionDef::new("nb_pack", Kind::Int { min: 1, max: 32 }, "4", "Frames of sound in one PES packet"),
    OptionDef::new("sid", Kind::Int { min: 1, max: 65_535 }, "1", "Number of the programme"),
    OptionDef::new(
        "pmt_id",
        Kind::Int { min: 32, max: PID_MAX - 64 },
        "100",
        "PID of the programme map; streams have the PIDs behind it",
    ),
    OptionDef::new(
        "ileave",
        Kind::Millis,
        "1s",
        "How long one track waits for the others before it is written without them",
    ),
    Split::LENGTH,
    Split::SIZE,
];

struct TsMux;

impl Plugin for TsMux {
    fn name(&self) -> &'static str {
        "m2tsmx"
    }

    fn summary(&self) -> &'static str {
        "MPEG-2 transport stream muxer"
    }

    fn help(&self) -> &'static str {
        "A file that is cut anywhere can be played up to there, and from any key picture on. Timestamps wrap after 26.5 hours, \
         as the format has it."
    }

    fn role(&self) -> Role {
        Role::Mux
    }

    fn lane(&self) -> Lane {
        Lane::Reactor
    }

    fn options(&self) -> &'static [OptionDef] {
        OPTIONS
    }

    fn caps(&self, _: &Options) -> Vec<Bundle> {
        let file = [
            Cap::is(Prop::StreamType, StreamType::File),
            Cap::is(Prop::FileExt, "ts|m2t|mts"),
            Cap::is(Prop::Delivery, Delivery::File),
        ];
        vec![
            Bundle::new(Cap::unframed(StreamType::Visual, CodecId::Avc), file.clone()),
            Bundle::new(Cap::framed(StreamType::Audio, CodecId::Aac), file),
        ]
    }

    fn create(&self, with: Create) -> Result<Box<dyn Filter>> {
        Ok(Box::new(mux::Mux::new(mux::Settings::new(&with.options)?)))
    }
}
