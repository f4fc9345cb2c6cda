//! From the samples of a container to framed access units: 4-byte lengths, no parameter sets and no delimiters in band.

use std::collections::BTreeMap;
use std::ops::Range;

use weir_media::Bytes;

use super::config::HevcConfig;
use super::nal::{NalType, nal_type, temporal_id};
use super::sps::SpsInfo;
use crate::avc::{LengthPrefixed, LengthSize, join_length_prefixed};
use crate::bits::BitReader;
use crate::{Error, ErrorKind};

/// One sample, framed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sample {
    /// NAL units after their 4-byte lengths; empty when the sample held nothing but what belongs elsewhere.
    pub data: Bytes,
    /// Has slices, and no other picture refers to it: it may be dropped.
    pub disposable: bool,
    /// The configuration from this sample on, when parameter sets in it changed that.
    pub config: Option<HevcConfig>,
}

/// Reads the samples that go with one [`HevcConfig`] and frames them all alike.
#[derive(Debug)]
pub struct SampleReader {
    size: LengthSize,
    /// Parameter sets by type and id: at most 16, 16 and 64.
    sets: BTreeMap<(NalType, u8), Bytes>,
    top_layer: u8,
}

impl SampleReader {
    /// For samples that go with `config`.
    #[must_use]
    pub fn new(config: &HevcConfig) -> Self {
        let mut this = Self { size: config.length_size, sets: BTreeMap::new(), top_layer: 0 };
        for unit in config.units() {
            let _unreadable = this.put(unit);
        }
        this
    }

    /// Whether a sample holds slices, and no other picture refers to it. False for a damaged one.
    #[must_use]
    pub fn is_disposable(&self, sample: &[u8]) -> bool {
        let mut has_slices = false;
        for unit in LengthPrefixed::new(sample, self.size) {
            let Ok(nal) = unit.map(|range| &sample[range]) else { return false };
            let is_slice = nal_type(nal).is_vcl();
            if is_slice && !self.is_referred_to_by_none(nal) {
                return false;
            }
            has_slices |= is_slice;
        }
        has_slices
    }

    /// Reads one sample. Its data is passed on as it is, not copied, when nothing in it has to change. A parameter set
    /// that cannot be read is taken out like the others and changes nothing.
    ///
    /// # Errors
    /// [`ErrorKind::Truncated`] when a length reaches past the end of the sample; then nothing of it is read.
    pub fn read(&mut self, sample: Bytes) -> Result<Sample, Error> {
        let units = LengthPrefixed::new(&sample, self.size).collect::<Result<Vec<Range<usize>>, _>>()?;
        let nals = || units.iter().map(|range| &sample[range.clone()]);
        let changed = nals().fold(false, |changed, nal| changed | self.put(nal).unwrap_or(false));
        let config = if changed { self.config().ok() } else { None };
        let mut slices = nals().filter(|nal| nal_type(nal).is_vcl()).peekable();
        let disposable = slices.peek().is_some() && slices.all(|nal| self.is_referred_to_by_none(nal));
        let kept = nals().filter(|nal| !in_config(nal));
        let kept_len: usize = kept.clone().map(|nal| 4 + nal.len()).sum();
        let as_it_is = self.size == LengthSize::Four && kept_len == sample.len();
        let data = if as_it_is { sample.clone() } else { join_length_prefixed(kept, LengthSize::Four)? };
        Ok(Sample { data, disposable, config })
    }

    /// Keeps a copy of a parameter set in the place of the one with its id. Says whether that changed anything.
    fn put(&mut self, nal: &[u8]) -> Result<bool, Error> {
        let kind = nal_type(nal);
        if !kind.is_parameter_set() || self.sets.values().any(|set| set == nal) {
            return Ok(false);
        }
        if nal.len() > usize::from(u16::MAX) {
            let kind = ErrorKind::TooLarge { size: nal.len() as u64, limit: u16::MAX.into() };
            return Err(Error::at_byte(kind, "parameter set", 0));
        }
        let mut r = BitReader::hevc_rbsp(nal);
        let id = match kind {
            NalType::SPS => {
                let sps = SpsInfo::parse(nal)?;
                self.top_layer = sps.temporal_layers - 1;
                sps.id
            }
            NalType::VPS => r.small(4, "vps_video_parameter_set_id")?,
            _ => r.ue_max(63, "pps_pic_parameter_set_id")? as u8,
        };
        self.sets.insert((kind, id), Bytes::copy_from_slice(nal));
        Ok(true)
    }

    fn config(&self) -> Result<HevcConfig, Error> {
        let of =
            |wanted| self.sets.iter().filter(|((kind, _), _)| *kind == wanted).map(|(_, set)| set.clone()).collect();
        HevcConfig::from_parameter_sets(of(NalType::VPS), of(NalType::SPS), of(NalType::PPS))
    }

    /// Slices of the highest temporal layer that none of the same layer refers to are referred to by none.
    fn is_referred_to_by_none(&self, slice: &[u8]) -> bool {
        nal_type(slice).is_sub_layer_non_reference() && temporal_id(slice) >= self.top_layer
    }
}

/// Whether a unit belongs into the decoder configuration, or nowhere, rather than into a framed access unit.
fn in_config(nal: &[u8]) -> bool {
    let kind = nal_type(nal);
    kind.is_parameter_set() || kind == NalType::AUD
}
