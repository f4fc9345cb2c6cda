//! From the samples of a container to framed access units: 4-byte lengths, no parameter sets and no delimiters in band.

use std::ops::Range;

use weir_media::Bytes;

use super::config::AvcConfig;
use super::framing::{LengthPrefixed, LengthSize, join_length_prefixed};
use super::info::AuInfo;
use super::nal::{NalType, is_reference, nal_type};
use super::params::ParameterSets;
use crate::Error;

/// One sample, framed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sample {
    /// NAL units after their 4-byte lengths; empty when the sample held nothing but what belongs elsewhere.
    pub data: Bytes,
    /// Has slices, and no other picture refers to it: it may be dropped.
    pub disposable: bool,
    /// The configuration from this sample on, when parameter sets in it changed that.
    pub config: Option<AvcConfig>,
}

/// Reads the samples that go with one [`AvcConfig`] and frames them all alike.
#[derive(Debug)]
pub struct SampleReader {
    size: LengthSize,
    sets: ParameterSets,
}

impl SampleReader {
    /// For samples that go with `config`.
    #[must_use]
    pub fn new(config: &AvcConfig) -> Self {
        Self { size: config.length_size, sets: ParameterSets::from_config(config) }
    }

    /// Whether a sample holds slices, and no other picture refers to it. False for a damaged one.
    #[must_use]
    pub fn is_disposable(&self, sample: &[u8]) -> bool {
        let mut has_slices = false;
        for unit in LengthPrefixed::new(sample, self.size) {
            let Ok(nal) = unit.map(|range| &sample[range]) else { return false };
            let is_slice = nal_type(nal).is_vcl();
            if is_slice && is_reference(nal) {
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
    /// [`ErrorKind::Truncated`](crate::ErrorKind::Truncated) when a length reaches past the end of the sample; then
    /// nothing of it is read.
    pub fn read(&mut self, sample: Bytes) -> Result<Sample, Error> {
        let units = LengthPrefixed::new(&sample, self.size).collect::<Result<Vec<Range<usize>>, _>>()?;
        let nals = || units.iter().map(|range| &sample[range.clone()]);
        let changed = nals().fold(false, |changed, nal| changed | self.sets.put(nal).unwrap_or(false));
        let config = if changed && self.sets.is_complete() { self.sets.config().ok() } else { None };
        let disposable = AuInfo::of(nals()).disposable;
        let kept = nals().filter(|nal| !in_config(nal));
        let kept_len: usize = kept.clone().map(|nal| 4 + nal.len()).sum();
        let as_it_is = self.size == LengthSize::Four && kept_len == sample.len();
        let data = if as_it_is { sample.clone() } else { join_length_prefixed(kept, LengthSize::Four)? };
        Ok(Sample { data, disposable, config })
    }
}

/// Whether a unit belongs into the decoder configuration, or nowhere, rather than into a framed access unit.
fn in_config(nal: &[u8]) -> bool {
    matches!(nal_type(nal), NalType::Sps | NalType::Pps | NalType::SpsExtension | NalType::Aud)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;
    use crate::avc::testing::{TestPoc, TestSlice, TestStream};

    const STREAM: TestStream = TestStream::FRAMES;
    /// The same ids, another content.
    const OTHER: TestStream = TestStream { poc: TestPoc::DecodingOrder, ..STREAM };
    const DELIMITER: &[u8] = &[0x09, 0xf0];

    fn config(stream: &TestStream, length_size: LengthSize) -> AvcConfig {
        let config = AvcConfig::from_parameter_sets(vec![stream.sps()], vec![stream.pps()]).expect("good sets");
        AvcConfig { length_size, ..config }
    }

    fn sample(nals: &[&[u8]], size: LengthSize) -> Bytes {
        join_length_prefixed(nals.iter().copied(), size).expect("short units")
    }

    fn slice(reference: bool) -> Bytes {
        STREAM.slice(&TestSlice { reference, ..TestSlice::P })
    }

    #[test]
    fn what_is_framed_already_is_not_copied() {
        let mut reader = SampleReader::new(&config(&STREAM, LengthSize::Four));
        for reference in [true, false] {
            let data = sample(&[&slice(reference), &slice(reference)], LengthSize::Four);
            let read = reader.read(data.clone()).expect("well formed");
            assert_eq!((read.data.as_ptr(), read.data.len()), (data.as_ptr(), data.len()));
            assert_eq!((read.disposable, read.config), (!reference, None));
            assert_eq!(reader.is_disposable(&data), !reference);
            assert!(!reader.is_disposable(&data[..data.len() - 1]), "damaged");
        }
    }

    #[test]
    fn short_lengths_become_long_and_what_is_no_picture_is_taken_out() {
        for size in [LengthSize::One, LengthSize::Two, LengthSize::Four] {
            let mut reader = SampleReader::new(&config(&STREAM, size));
            let (sps, pps, picture) = (STREAM.sps(), STREAM.pps(), STREAM.slice(&TestSlice::IDR));
            let extension = [0x6d, 0x80];
            let nals: [&[u8]; 7] = [DELIMITER, &sps, &extension, &pps, &[], &[0x06, 0x80], &picture];
            let read = reader.read(sample(&nals, size)).expect("well formed");
            assert_eq!(read.data, sample(&[&[0x06, 0x80], &picture], LengthSize::Four), "{size:?}");
            assert_eq!(read.config, None, "sets that are known");
            let read = reader.read(sample(&[DELIMITER], size)).expect("well formed");
            assert_eq!((read.data.len(), read.disposable), (0, false));
            assert!(!reader.is_disposable(&sample(&[DELIMITER], size)), "no picture");
        }
    }

    #[test]
    fn new_parameter_sets_come_out_as_a_configuration_once() {
        let mut reader = SampleReader::new(&config(&STREAM, LengthSize::Two));
        let picture = STREAM.slice(&TestSlice::IDR);
        let data = sample(&[&OTHER.sps(), &OTHER.pps(), &picture], LengthSize::Two);
        let read = reader.read(data.clone()).expect("well formed");
        assert_eq!(read.config, Some(config(&OTHER, LengthSize::Four)));
        assert_eq!(reader.read(data).expect("well formed").config, None);
    }

    #[test]
    fn sets_that_are_not_in_the_record_are_learnt_from_samples() {
        let empty = AvcConfig { sps: Vec::new(), pps: Vec::new(), ..config(&STREAM, LengthSize::Four) };
        let mut reader = SampleReader::new(&empty);
        let first = reader.read(sample(&[&STREAM.sps()], LengthSize::Four)).expect("well formed");
        assert_eq!((first.config, first.data.len()), (None, 0), "a PPS is missing");
        let second = reader.read(sample(&[&STREAM.pps()], LengthSize::Four)).expect("well formed");
        assert_eq!(second.config, Some(config(&STREAM, LengthSize::Four)));
    }

    #[test]
    fn a_sample_cut_anywhere_is_refused_and_changes_nothing() {
        let data = sample(&[&OTHER.sps(), &slice(true)], LengthSize::Four);
        let border = 4 + OTHER.sps().len();
        for len in (1..data.len()).filter(|len| *len != border) {
            let mut reader = SampleReader::new(&config(&STREAM, LengthSize::Four));
            let fault = reader.read(data.slice(..len)).expect_err("cut");
            assert_eq!(fault.kind, ErrorKind::Truncated, "at {len}");
            assert!(reader.read(data.clone()).expect("whole").config.is_some(), "learnt now, at {len}");
        }
    }

    #[test]
    fn an_unreadable_set_changes_nothing() {
        let mut reader = SampleReader::new(&config(&STREAM, LengthSize::Four));
        let read = reader.read(sample(&[&[0x67, 0x4d], &slice(true)], LengthSize::Four)).expect("well formed");
        assert_eq!((read.data, read.config), (sample(&[&slice(true)], LengthSize::Four), None));
    }
}
