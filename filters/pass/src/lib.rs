//! `pass`: passes every input to an output of its own, unchanged. The smallest complete filter, for plugin authors to
//! read and for benchmarks to run.
//!
//! It never looks into a payload, never copies one, and never holds a packet back when there is room for it.

mod pass;

use weir_media::{Bundle, Cap, CodecId, Delivery, Prop, StreamType};
use weir_plugin::{Create, Filter, Lane, OptionDef, Options, Plugin, Registry, Result, Role};

/// Adds `pass` to a registry.
pub fn register(registry: &mut Registry) {
    registry.register(PassType);
}

/// The filter type: static facts and a factory.
struct PassType;

impl Plugin for PassType {
    fn name(&self) -> &'static str {
        "pass"
    }

    fn summary(&self) -> &'static str {
        "Passes every input through unchanged"
    }

    fn help(&self) -> &'static str {
        "Each input goes to an output of its own, with its properties, packets and end in their order. Put it anywhere \
         in a chain; it is never inserted by itself."
    }

    fn role(&self) -> Role {
        Role::Transform
    }

    fn lane(&self) -> Lane {
        Lane::Reactor
    }

    fn options(&self) -> &'static [OptionDef] {
        &[]
    }

    /// A bundle for each stream type, as what goes in as a type comes out as it.
    fn caps(&self, _: &Options) -> Vec<Bundle> {
        use StreamType::{Audio, File, Metadata, Text, Visual};
        [Visual, Audio, Text, Metadata, File].map(same_type).into()
    }

    fn max_inputs(&self) -> usize {
        usize::MAX
    }

    fn explicit_only(&self) -> bool {
        true
    }

    fn create(&self, _: Create) -> Result<Box<dyn Filter>> {
        Ok(Box::new(pass::Pass::default()))
    }
}

/// Any PID of a type to any PID of that type.
fn same_type(ty: StreamType) -> Bundle {
    let anything = match ty {
        StreamType::File => vec![
            Cap::is(Prop::FileExt, "*"),
            Cap::is(Prop::Delivery, Delivery::File),
            Cap::is(Prop::Delivery, Delivery::Live),
        ],
        _ => vec![Cap::is(Prop::CodecId, CodecId::Raw), Cap::not(Prop::CodecId, CodecId::Raw)],
    };
    let ty = Cap::is(Prop::StreamType, ty);
    Bundle::new([ty.clone()], [vec![ty], anything].concat())
}
