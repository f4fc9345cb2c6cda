//! Sample entries: what codec a track holds and how to set up its decoder (ISO/IEC 14496-12 8.5.2, 14496-14 5.6,
//! 14496-15 5.4, and the QuickTime sound description versions 1 and 2).

use weir_codec::aac::{AudioSpecificConfig, SpecificConfig};
use weir_codec::avc::AvcConfig;
use weir_media::{Bytes, Frac};
use weir_plugin::Result;

use crate::boxes::{self, Child, Children};

/// Fixed fields of a visual sample entry, bytes.
const VISUAL_FIELDS: usize = 78;
/// Fixed fields of an audio sample entry, bytes.
const AUDIO_FIELDS: usize = 28;
/// What QuickTime adds to [`AUDIO_FIELDS`] in versions 1 and 2 of a sound description, bytes.
const QUICKTIME_AUDIO_EXTRA: [usize; 2] = [16, 36];
/// Descriptor tags of an `esds` (ISO/IEC 14496-1 table 1).
const TAG_ES: u8 = 3;
const TAG_DECODER_CONFIG: u8 = 4;
const TAG_DECODER_SPECIFIC: u8 = 5;
/// objectTypeIndication of MPEG-4 audio, and of MPEG-2 AAC main, LC and SSR.
const AAC_OBJECT_TYPES: [u8; 4] = [0x40, 0x66, 0x67, 0x68];

/// A sample entry of a codec that is read here, or the name of one that is not.
#[derive(Clone, Debug)]
pub(crate) enum Entry {
    Avc(Box<Avc>),
    Aac(Box<Aac>),
    Other(String),
}

/// An AVC sample entry.
#[derive(Clone, Debug)]
pub(crate) struct Avc {
    /// The `avcC` record as stored.
    pub(crate) record: Bytes,
    pub(crate) config: AvcConfig,
    /// Size from the entry; that of the SPS counts when it can be read.
    pub(crate) size: (u32, u32),
    /// Pixel aspect ratio, from `pasp`.
    pub(crate) sar: Option<Frac>,
    /// Average rate, bits per second, when the file says.
    pub(crate) bitrate: Option<u32>,
}

/// An AAC sample entry.
#[derive(Clone, Debug)]
pub(crate) struct Aac {
    /// The AudioSpecificConfig as stored.
    pub(crate) record: Bytes,
    pub(crate) config: AudioSpecificConfig,
    /// Average rate, bits per second, when the file says.
    pub(crate) bitrate: Option<u32>,
}

/// All entries of an `stsd` box.
pub(crate) fn read_all(stsd: Child<'_>) -> Result<Vec<Entry>> {
    let iso_v1 = stsd.body.first().is_some_and(|version| *version > 0);
    let entries: Vec<_> = stsd.children(8).map(|entry| read(entry?, iso_v1)).collect::<Result<_>>()?;
    if entries.is_empty() { Err(stsd.fault("no sample entry")) } else { Ok(entries) }
}

fn read(entry: Child<'_>, iso_v1: bool) -> Result<Entry> {
    match &entry.kind {
        b"avc1" | b"avc2" | b"avc3" | b"avc4" => read_avc(entry).map(|avc| Entry::Avc(Box::new(avc))),
        b"mp4a" => read_mp4a(entry, iso_v1),
        other => Ok(Entry::Other(boxes::name(other))),
    }
}

fn read_avc(entry: Child<'_>) -> Result<Avc> {
    let fields = entry.body.get(..VISUAL_FIELDS).ok_or_else(|| entry.fault("cut short"))?;
    let half = |at: usize| u32::from(u16::from_be_bytes([fields[at], fields[at + 1]]));
    let children = entry.children(VISUAL_FIELDS);
    let avcc = children.find_kind(b"avcC")?.ok_or_else(|| entry.fault("no avcC in it"))?;
    let config = AvcConfig::parse(avcc.body).map_err(|e| avcc.fault(e))?;
    Ok(Avc {
        record: Bytes::copy_from_slice(avcc.body),
        config,
        size: (half(24), half(26)),
        sar: children.find_kind(b"pasp")?.and_then(|pasp| aspect(pasp.body)),
        bitrate: btrt(children)?,
    })
}

fn aspect(pasp: &[u8]) -> Option<Frac> {
    let (num, den) = (word(pasp, 0)?, word(pasp, 4)?);
    Frac::new(num.into(), den).filter(|sar| sar.num > 0)
}

/// The average rate of a `btrt` box.
fn btrt(children: Children<'_>) -> Result<Option<u32>> {
    Ok(children.find_kind(b"btrt")?.and_then(|btrt| word(btrt.body, 8)).filter(|rate| *rate > 0))
}

fn read_mp4a(entry: Child<'_>, iso_v1: bool) -> Result<Entry> {
    let version = entry.body.get(8..10).ok_or_else(|| entry.fault("cut short"))?;
    let extra = match (iso_v1, version) {
        (false, [0, 1]) => QUICKTIME_AUDIO_EXTRA[0],
        (false, [0, 2]) => QUICKTIME_AUDIO_EXTRA[1],
        _ => 0,
    };
    let children = entry.children(AUDIO_FIELDS + extra);
    let wave = children.find_kind(b"wave")?;
    let esds = match wave {
        Some(wave) => wave.find(b"esds")?,
        None => children.find_kind(b"esds")?,
    };
    let esds = esds.ok_or_else(|| entry.fault("no esds in it"))?;
    let es = EsDescriptor::read(esds.body.get(4..).unwrap_or(&[])).ok_or_else(|| esds.fault("damaged descriptor"))?;
    if !AAC_OBJECT_TYPES.contains(&es.object_type) {
        return Ok(Entry::Other(format!("mp4a with object type {:#04x}", es.object_type)));
    }
    let config = AudioSpecificConfig::parse(es.specific).map_err(|e| esds.fault(e))?;
    if let SpecificConfig::Other { .. } = config.specific {
        return Ok(Entry::Other(format!("mp4a with audio object type {}", config.object_type.0)));
    }
    let bitrate = Some(es.bitrate).filter(|rate| *rate > 0);
    let record = Bytes::copy_from_slice(es.specific);
    Ok(Entry::Aac(Box::new(Aac { record, config, bitrate: bitrate.or(btrt(children)?) })))
}

/// The part of an ES_Descriptor (ISO/IEC 14496-1 7.2.6.5) that sets up a decoder.
struct EsDescriptor<'a> {
    object_type: u8,
    bitrate: u32,
    specific: &'a [u8],
}

impl<'a> EsDescriptor<'a> {
    fn read(data: &'a [u8]) -> Option<Self> {
        let es = descriptor(data, TAG_ES)?;
        let flags = *es.get(2)?;
        let mut skip = 3;
        if flags & 0x80 != 0 {
            skip += 2; // dependsOn_ES_ID
        }
        if flags & 0x40 != 0 {
            skip += 1 + usize::from(*es.get(skip)?); // URL
        }
        if flags & 0x20 != 0 {
            skip += 2; // OCR_ES_Id
        }
        let config = descriptor(es.get(skip..)?, TAG_DECODER_CONFIG)?;
        let object_type = *config.first()?;
        let bitrate = word(config, 9)?;
        let specific = descriptor(&config[13..], TAG_DECODER_SPECIFIC).unwrap_or(&[]);
        Some(Self { object_type, bitrate, specific })
    }
}

/// The content of the descriptor at the front of `data` when it has this tag. A size beyond the end means up to it.
fn descriptor(data: &[u8], tag: u8) -> Option<&[u8]> {
    let (first, mut rest) = data.split_first()?;
    let mut size = 0;
    // At most four size bytes, 7 bits each (ISO/IEC 14496-1 8.3.3).
    for _ in 0..4 {
        let (byte, after) = rest.split_first()?;
        rest = after;
        size = size << 7 | usize::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            break;
        }
    }
    (*first == tag).then(|| &rest[..size.min(rest.len())])
}

fn word(data: &[u8], at: usize) -> Option<u32> {
    data.get(at..)?.first_chunk().map(|bytes| u32::from_be_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptors_with_every_optional_field() {
        let config = [0x04, 0x80, 0x80, 0x12, 0x40, 0x15, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0xfa, 0, 0x05, 2, 0x12, 0x10];
        let es = [&[0, 1, 0xe0, 0, 9, 3, b'u', b'r', b'l', 0, 7][..], &config].concat();
        let whole = [&[0x03, es.len() as u8][..], &es].concat();
        let read = EsDescriptor::read(&whole).expect("a good descriptor");
        assert_eq!((read.object_type, read.bitrate, read.specific), (0x40, 64_000, &[0x12, 0x10][..]));
        for len in 0..whole.len() - 2 {
            let cut = EsDescriptor::read(&whole[..len]);
            assert!(cut.is_none_or(|es| es.specific.len() < 2), "cut at {len}");
        }
        assert!(EsDescriptor::read(&config).is_none(), "no ES descriptor around it");
    }
}
