//! [`Tables`]: what is kept of the samples of a track, and the boxes that say it (ISO/IEC 14496-12 8.6, 8.7).

use weir_codec::{StreamConfig, av1};
use weir_media::{Bytes, CodecId, Packet, Props, StreamType, rescale};

use crate::boxes::{full, i32, u32, u64};
use crate::entry::{entry, entry_of_packet};
use crate::{Error, Result};

/// Memory of one sample, bytes.
pub const SAMPLE_BYTES: usize = size_of::<Sample>();

/// One sample.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sample {
    /// Bytes.
    pub size: u32,
    /// Decoding time, from that of the first sample of the track.
    pub dts: i64,
    /// From decoding to composition.
    pub offset: i32,
    /// As the packet said, 0 when it did not.
    pub duration: u32,
    /// Decoding can start here.
    pub is_key: bool,
}

/// Samples that stand together.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Chunk {
    /// Where it begins in the file.
    pub at: u64,
    /// How many.
    pub samples: u32,
    /// Number of the sample entry, from 1.
    pub entry: u32,
}

/// What a file says of a track.
#[derive(Debug)]
pub struct Tables {
    /// Properties of the PID.
    pub props: Props,
    /// Sample entries: the decoder configuration of each, and the box.
    pub entries: Vec<(Bytes, Vec<u8>)>,
    /// What is written, where the file has an index.
    pub samples: Vec<Sample>,
    /// Where it stands.
    pub chunks: Vec<Chunk>,
    /// Decoding time of the first sample, in the timescale of the track.
    pub first_dts: i64,
    /// When its first sample is heard or seen, in the timescale of the track.
    pub starts: i64,
    /// Where it begins is known.
    pub began: bool,
}

impl Tables {
    /// A track with nothing in it.
    #[must_use]
    pub fn new(props: Props) -> Self {
        Self {
            props,
            entries: Vec::new(),
            samples: Vec::new(),
            chunks: Vec::new(),
            first_dts: 0,
            starts: 0,
            began: false,
        }
    }

    /// Units of its times per second.
    #[must_use]
    pub fn timescale(&self) -> u32 {
        self.props.timescale()
    }

    /// Whether it carries pictures.
    #[must_use]
    pub fn is_video(&self) -> bool {
        self.props.stream_type() == Some(StreamType::Visual)
    }

    /// The sample a packet is. The first one sets where the track begins. `None` when it is too large, or shown too far
    /// from where it is decoded.
    pub fn sample(&mut self, packet: &Packet) -> Option<Sample> {
        if !std::mem::replace(&mut self.began, true) {
            self.first_dts = packet.dts;
            let priming = self.props.i64(weir_media::Prop::Delay).unwrap_or(0).min(0);
            self.starts = packet.cts - priming;
        }
        Some(Sample {
            size: u32::try_from(packet.len()).ok()?,
            dts: packet.dts - self.first_dts,
            offset: i32::try_from(packet.cts - packet.dts).ok()?,
            duration: packet.duration,
            is_key: packet.is_key() || !self.is_video(),
        })
    }

    /// Puts the start of the track at this time, in its timescale, whatever comes first: for streams of which any part may
    /// be played with any part of another.
    pub fn begin_at(&mut self, time: i64) {
        (self.first_dts, self.starts, self.began) = (time, time, true);
    }

    /// Takes a decoder configuration for what follows. True when it is another than before.
    ///
    /// # Errors
    /// When it cannot be read, and for codecs that are not written.
    pub fn configure(&mut self, config: &Bytes) -> Result<bool> {
        let is_new = self.entries.last().is_none_or(|(last, _)| last != config);
        if is_new {
            let entry = entry(&self.props, config)?;
            self.entries.push((config.clone(), entry));
        }
        Ok(is_new)
    }

    /// Takes the configuration from the first packet, for codecs that have none of their own.
    ///
    /// # Errors
    /// When the packet is none of the codec.
    pub fn configure_by(&mut self, packet: &Packet) -> Result<()> {
        let codec = self.props.codec().filter(|codec| !StreamConfig::has_record(*codec));
        if let (Some(_), Some(data), true) = (codec, packet.bytes(), self.entries.is_empty()) {
            self.entries.push((Bytes::new(), entry_of_packet(&self.props, data)?));
        }
        Ok(())
    }

    /// A packet as it is kept: AV1 without temporal delimiters (AV1-ISOBMFF 2.4).
    ///
    /// # Errors
    /// When it is damaged.
    pub fn stored(&self, data: Bytes) -> Result<Bytes> {
        match self.props.codec() {
            Some(CodecId::Av1) => av1::without_delimiters(&data).map_err(|e| Error::BadInput(e.to_string())),
            _ => Ok(data),
        }
    }

    /// How long each sample lasts: until the next, and the last one as long as it says, or as the one before.
    pub fn durations(samples: &[Sample]) -> impl Iterator<Item = u32> + '_ {
        let last = samples.len().saturating_sub(1);
        samples.iter().enumerate().map(move |(i, s)| match samples.get(i + 1) {
            Some(next) => u32::try_from(next.dts - s.dts).unwrap_or(0),
            None if s.duration > 0 => s.duration,
            None => samples.get(last.wrapping_sub(1)).map_or(0, |b| u32::try_from(s.dts - b.dts).unwrap_or(0)),
        })
    }

    /// Length of all samples in decoding time.
    pub(crate) fn length(&self) -> u64 {
        Self::durations(&self.samples).map(u64::from).sum()
    }

    /// Time from where it is heard or seen to its end.
    pub(crate) fn shown(&self) -> u64 {
        let skipped = u64::try_from(self.starts - self.first_dts).unwrap_or(0);
        let ends = self.samples.iter().zip(Self::durations(&self.samples));
        let end = ends.map(|(s, d)| s.dts + i64::from(s.offset) + i64::from(d)).max().unwrap_or(0);
        u64::try_from(end).unwrap_or(0).saturating_sub(skipped)
    }

    /// `stts`, `ctts`, `stss`, `stsc`, `stsz` and `stco` or `co64`.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        counted(out, b"stts", 0, &runs(Self::durations(&self.samples)), |out, (n, d)| {
            u32(out, *n);
            u32(out, *d);
        });
        if self.samples.iter().any(|s| s.offset != 0) {
            counted(out, b"ctts", 1, &runs(self.samples.iter().map(|s| s.offset)), |out, (n, o)| {
                u32(out, *n);
                i32(out, *o);
            });
        }
        if self.samples.iter().any(|s| !s.is_key) {
            let keys: Vec<u32> = (1..).zip(&self.samples).filter(|(_, s)| s.is_key).map(|(n, _)| n).collect();
            counted(out, b"stss", 0, &keys, |out, n| u32(out, *n));
        }
        self.write_chunks(out);
    }

    fn write_chunks(&self, out: &mut Vec<u8>) {
        let mut maps: Vec<(u32, u32, u32)> = Vec::new();
        for (n, chunk) in (1_u32..).zip(&self.chunks) {
            if maps.last().is_none_or(|(_, samples, entry)| (*samples, *entry) != (chunk.samples, chunk.entry)) {
                maps.push((n, chunk.samples, chunk.entry));
            }
        }
        counted(out, b"stsc", 0, &maps, |out, (first, samples, entry)| {
            [*first, *samples, *entry].into_iter().for_each(|n| u32(out, n));
        });
        full(out, b"stsz", 0, 0, |out| {
            u32(out, 0);
            u32(out, u32::try_from(self.samples.len()).unwrap_or(u32::MAX));
            self.samples.iter().for_each(|s| u32(out, s.size));
        });
        if self.chunks.last().is_some_and(|c| u32::try_from(c.at).is_err()) {
            counted(out, b"co64", 0, &self.chunks, |out, c| u64(out, c.at));
        } else {
            counted(out, b"stco", 0, &self.chunks, |out, c| u32(out, u32::try_from(c.at).unwrap_or(u32::MAX)));
        }
    }

    /// A time of the track in another timescale.
    pub(crate) fn in_scale(&self, time: u64, scale: u32) -> u64 {
        let time = i64::try_from(time).unwrap_or(i64::MAX);
        u64::try_from(rescale(time, self.timescale(), scale)).unwrap_or(0)
    }
}

/// A full box of a count and as many entries.
fn counted<T>(out: &mut Vec<u8>, kind: &[u8; 4], version: u8, items: &[T], write: impl Fn(&mut Vec<u8>, &T)) {
    full(out, kind, version, 0, |out| {
        u32(out, u32::try_from(items.len()).unwrap_or(u32::MAX));
        items.iter().for_each(|item| write(out, item));
    });
}

/// Equal values in a row as a count and the value.
fn runs<T: PartialEq>(values: impl Iterator<Item = T>) -> Vec<(u32, T)> {
    let mut runs: Vec<(u32, T)> = Vec::new();
    for value in values {
        match runs.last_mut() {
            Some((count, last)) if *last == value => *count += 1,
            _ => runs.push((1, value)),
        }
    }
    runs
}
