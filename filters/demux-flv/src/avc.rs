//! From the AVC samples of a container to framed access units as weir passes them on: 4-byte lengths, no parameter
//! sets and no delimiters in band.

use std::ops::Range;

use weir_codec::avc::{self, AuInfo, AvcConfig, LengthPrefixed, LengthSize, NalType, ParameterSets};
use weir_media::Bytes;

/// Turns the samples of one sample entry into access units.
#[derive(Debug)]
pub(crate) struct AvcSamples {
    size: LengthSize,
    sets: ParameterSets,
}

/// One access unit.
#[derive(Debug)]
pub(crate) struct AccessUnit {
    pub(crate) data: Bytes,
    /// No other picture refers to it.
    pub(crate) disposable: bool,
    /// Set when parameter sets in band changed the configuration.
    pub(crate) config: Option<AvcConfig>,
}

impl AvcSamples {
    /// For samples that go with `config`.
    pub(crate) fn new(config: &AvcConfig) -> Self {
        Self { size: config.length_size, sets: ParameterSets::from_config(config) }
    }

    /// Reads one sample. Its data is passed on as it is when nothing in it has to change.
    ///
    /// # Errors
    /// When a NAL unit reaches past the end of the sample.
    pub(crate) fn read(&mut self, sample: Bytes) -> Result<AccessUnit, weir_codec::Error> {
        let units = LengthPrefixed::new(&sample, self.size).collect::<Result<Vec<Range<usize>>, _>>()?;
        let nals = || units.iter().map(|range| &sample[range.clone()]);
        let changed = nals().fold(false, |changed, nal| changed | self.sets.put(nal).unwrap_or(false));
        let config = if changed && self.sets.is_complete() { self.sets.config().ok() } else { None };
        let disposable = AuInfo::of(nals()).disposable;
        let kept = nals().filter(|nal| !in_config(nal));
        let kept_len: usize = kept.clone().map(|nal| 4 + nal.len()).sum();
        let as_it_is = self.size == LengthSize::Four && kept_len == sample.len();
        let data = if as_it_is { sample.clone() } else { avc::join_length_prefixed(kept, LengthSize::Four)? };
        Ok(AccessUnit { data, disposable, config })
    }
}

/// Whether a unit belongs into the decoder configuration, or nowhere, rather than into a framed access unit.
fn in_config(nal: &[u8]) -> bool {
    matches!(avc::nal_type(nal), NalType::Sps | NalType::Pps | NalType::SpsExtension | NalType::Aud)
}

/// The record for a configuration whose access units have 4-byte lengths: `stored` itself when it already says so.
///
/// # Errors
/// When the record cannot hold its sets.
pub(crate) fn record(config: &AvcConfig, stored: &Bytes) -> Result<Bytes, weir_codec::Error> {
    match config.length_size {
        LengthSize::Four => Ok(stored.clone()),
        _ => AvcConfig { length_size: LengthSize::Four, ..config.clone() }.build(),
    }
}
