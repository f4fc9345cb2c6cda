//! Properties of a framed AVC PID, from the parameter sets in force. Computed again only when those change.

use std::sync::Arc;

use weir_codec::avc::ParameterSets;
use weir_media::{CodecId, Frac, Prop, Props, StreamType};
use weir_plugin::{Error, Result};

use crate::packetize::Timed;

/// What the properties of an output are made from.
#[derive(Default)]
pub(crate) struct Described {
    /// What the input says of the stream.
    base: Props,
    /// Parameter sets, SPS in use and frame rate that the last properties are of.
    from: Option<(Arc<ParameterSets>, u8, Option<Frac>)>,
}

impl Described {
    /// Takes over what the input says; it counts from the next access unit on.
    pub(crate) fn rebase(&mut self, base: Props) {
        self.base = base;
        self.from = None;
    }

    /// The properties that hold from this access unit on, when they may be new. One whose SPS is not known changes nothing.
    pub(crate) fn update(&mut self, next: &Timed, timescale: u32) -> Result<Option<Props>> {
        let Some(sps) = next.unit.sps() else { return Ok(None) };
        let sets = &next.unit.au.sets;
        let same = |(old, id, rate): &(Arc<ParameterSets>, u8, Option<Frac>)| {
            Arc::ptr_eq(old, sets) && *id == sps.id && *rate == next.rate
        };
        if self.from.as_ref().is_some_and(same) {
            return Ok(None);
        }
        let config = sets.config().and_then(|config| config.build());
        let config = config.map_err(|e| Error::bad_input(format!("the parameter sets make no avcC: {e}")))?;
        let mut props = self
            .base
            .clone()
            .with(Prop::StreamType, StreamType::Visual)
            .with(Prop::CodecId, CodecId::Avc)
            .with(Prop::DecoderConfig, config)
            .with(Prop::Timescale, timescale)
            .with(Prop::Width, sps.width)
            .with(Prop::Height, sps.height);
        props.remove(Prop::Unframed);
        let fps = next.rate.or_else(|| self.base.frac(Prop::Fps)).or(sps.frame_rate);
        set_or_remove(&mut props, Prop::Fps, fps);
        set_or_remove(&mut props, Prop::Sar, sps.sar);
        self.from = Some((Arc::clone(sets), sps.id, next.rate));
        Ok(Some(props))
    }
}

fn set_or_remove(props: &mut Props, prop: Prop, value: Option<Frac>) {
    match value {
        Some(value) => props.set(prop, value),
        None => props.remove(prop),
    }
}
