//! Sample entries: what codec a track holds and how to set up its decoder (ISO/IEC 14496-12 8.5.2, 14496-14 5.6,
//! 14496-15 5.4 and 8.4, the bindings of AV1, VP9, Opus, FLAC and AC-3, and the QuickTime sound description versions 1
//! and 2).

use weir_codec::opus::OpusHead;
use weir_codec::{Colour, ErrorKind, StreamConfig};
use weir_media::{Bytes, CodecId, Frac, Prop, Props, StreamType};
use weir_plugin::Result;

use crate::boxes::{self, Child, Children, FourCc};

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

/// MPEG-1 audio, and MPEG-2 audio at its lower rates.
const MPEG_AUDIO_OBJECT_TYPES: [u8; 2] = [0x6b, 0x69];

/// A sample entry of a codec that is read here, or the name of one that is not.
#[derive(Clone, Debug)]
pub(crate) enum Entry {
    Known(Box<Known>),
    Other(String),
}

/// A sample entry of a codec that is read here.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    pub(crate) setup: Setup,
    /// Size from the entry; that of the configuration counts when it says one.
    pub(crate) size: Option<(u32, u32)>,
    /// Pixel aspect ratio, from `pasp`.
    pub(crate) sar: Option<Frac>,
    /// From `colr`; that of the configuration counts when it says one.
    pub(crate) colour: Option<Colour>,
    /// Average rate, bits per second, when the file says.
    pub(crate) bitrate: Option<u32>,
}

/// How a decoder is set up.
#[derive(Clone, Debug)]
pub(crate) enum Setup {
    Config(StreamConfig),
    /// By the first packet; until then it is as the entry says: rate in Hz and channels.
    ByPacket {
        codec: CodecId,
        rate: u32,
        channels: u32,
    },
}

impl Setup {
    pub(crate) fn codec(&self) -> CodecId {
        match self {
            Self::Config(config) => config.codec(),
            Self::ByPacket { codec, .. } => *codec,
        }
    }

    /// What it says, as properties.
    pub(crate) fn props(&self) -> Props {
        match self {
            Self::Config(config) => config.props(),
            Self::ByPacket { codec, rate, channels } => Props::new()
                .with(Prop::StreamType, StreamType::Audio)
                .with(Prop::CodecId, *codec)
                .with(Prop::SampleRate, *rate)
                .with(Prop::NumChannels, *channels),
        }
    }
}

impl Known {
    fn sound(setup: Setup, bitrate: Option<u32>) -> Entry {
        Entry::Known(Box::new(Self { setup, size: None, sar: None, colour: None, bitrate }))
    }
}

/// All entries of an `stsd` box.
pub(crate) fn read_all(stsd: Child<'_>) -> Result<Vec<Entry>> {
    let iso_v1 = stsd.body.first().is_some_and(|version| *version > 0);
    let entries: Vec<_> = stsd.children(8).map(|entry| read(entry?, iso_v1)).collect::<Result<_>>()?;
    if entries.is_empty() { Err(stsd.fault("no sample entry")) } else { Ok(entries) }
}

fn read(entry: Child<'_>, iso_v1: bool) -> Result<Entry> {
    match &entry.kind {
        b"avc1" | b"avc2" | b"avc3" | b"avc4" => read_visual(entry, CodecId::Avc, b"avcC"),
        b"hvc1" | b"hev1" => read_visual(entry, CodecId::Hevc, b"hvcC"),
        b"av01" => read_visual(entry, CodecId::Av1, b"av1C"),
        b"vp09" => read_visual(entry, CodecId::Vp9, b"vpcC"),
        b"mp4a" => read_mp4a(entry, iso_v1),
        b"Opus" | b"fLaC" => read_sound(entry, iso_v1),
        b"ac-3" => by_packet(entry, iso_v1, CodecId::Ac3, None),
        b"ec-3" => by_packet(entry, iso_v1, CodecId::Eac3, None),
        b".mp3" => by_packet(entry, iso_v1, CodecId::Mp3, None),
        other => Ok(Entry::Other(boxes::name(other))),
    }
}

fn read_visual(entry: Child<'_>, codec: CodecId, kind: &FourCc) -> Result<Entry> {
    let fields = entry.body.get(..VISUAL_FIELDS).ok_or_else(|| entry.fault("cut short"))?;
    let half = |at: usize| u32::from(u16::from_be_bytes([fields[at], fields[at + 1]]));
    let children = entry.children(VISUAL_FIELDS);
    let record = children.find_kind(kind)?.ok_or_else(|| entry.fault(format!("no {} in it", boxes::name(kind))))?;
    let config = StreamConfig::parse(codec, &Bytes::copy_from_slice(record.body)).map_err(|e| record.fault(e))?;
    Ok(Entry::Known(Box::new(Known {
        setup: Setup::Config(config),
        size: Some((half(24), half(26))),
        sar: children.find_kind(b"pasp")?.and_then(|pasp| aspect(pasp.body)),
        colour: children.find_kind(b"colr")?.and_then(|colr| nclx(colr.body)),
        bitrate: btrt(children)?,
    })))
}

/// The colour of a `colr` box; `None` when that holds a profile.
fn nclx(colr: &[u8]) -> Option<Colour> {
    let &[b'n', b'c', b'l', ref kind, 0, primaries, 0, transfer, 0, matrix, ref rest @ ..] = colr else { return None };
    let full_range = *kind == b'x' && rest.first().is_some_and(|byte| byte & 0x80 != 0);
    matches!(kind, b'x' | b'c').then_some(Colour { primaries, transfer, matrix, full_range })
}

fn aspect(pasp: &[u8]) -> Option<Frac> {
    let (num, den) = (word(pasp, 0)?, word(pasp, 4)?);
    Frac::new(num.into(), den).filter(|sar| sar.num > 0)
}

/// The average rate of a `btrt` box.
fn btrt(children: Children<'_>) -> Result<Option<u32>> {
    Ok(children.find_kind(b"btrt")?.and_then(|btrt| word(btrt.body, 8)).filter(|rate| *rate > 0))
}

/// The boxes behind the fields of an entry for sound.
fn sound_children<'a>(entry: Child<'a>, iso_v1: bool) -> Result<Children<'a>> {
    let version = entry.body.get(8..10).ok_or_else(|| entry.fault("cut short"))?;
    let extra = match (iso_v1, version) {
        (false, [0, 1]) => QUICKTIME_AUDIO_EXTRA[0],
        (false, [0, 2]) => QUICKTIME_AUDIO_EXTRA[1],
        _ => 0,
    };
    Ok(entry.children(AUDIO_FIELDS + extra))
}

/// An entry whose packets say what they are.
fn by_packet(entry: Child<'_>, iso_v1: bool, codec: CodecId, bitrate: Option<u32>) -> Result<Entry> {
    let fields = entry.body.get(..AUDIO_FIELDS).ok_or_else(|| entry.fault("cut short"))?;
    let half = |at: usize| u32::from(u16::from_be_bytes([fields[at], fields[at + 1]]));
    let bitrate = bitrate.or(btrt(sound_children(entry, iso_v1)?)?);
    Ok(Known::sound(Setup::ByPacket { codec, rate: half(24), channels: half(16) }, bitrate))
}

/// Opus and FLAC.
fn read_sound(entry: Child<'_>, iso_v1: bool) -> Result<Entry> {
    let children = sound_children(entry, iso_v1)?;
    let is_opus = &entry.kind == b"Opus";
    let kind = if is_opus { b"dOps" } else { b"dfLa" };
    let record = children.find_kind(kind)?.ok_or_else(|| entry.fault(format!("no {} in it", boxes::name(kind))))?;
    let config = if is_opus {
        OpusHead::parse_dops(record.body).map(StreamConfig::Opus)
    } else {
        // Behind version and flags.
        let blocks = Bytes::copy_from_slice(record.body.get(4..).unwrap_or_default());
        StreamConfig::parse(CodecId::Flac, &blocks)
    };
    Ok(Known::sound(Setup::Config(config.map_err(|e| record.fault(e))?), btrt(children)?))
}

fn read_mp4a(entry: Child<'_>, iso_v1: bool) -> Result<Entry> {
    let children = sound_children(entry, iso_v1)?;
    let wave = children.find_kind(b"wave")?;
    let esds = match wave {
        Some(wave) => wave.find(b"esds")?,
        None => children.find_kind(b"esds")?,
    };
    let esds = esds.ok_or_else(|| entry.fault("no esds in it"))?;
    let es = EsDescriptor::read(esds.body.get(4..).unwrap_or(&[])).ok_or_else(|| esds.fault("damaged descriptor"))?;
    let bitrate = Some(es.bitrate).filter(|rate| *rate > 0);
    if MPEG_AUDIO_OBJECT_TYPES.contains(&es.object_type) {
        return by_packet(entry, iso_v1, CodecId::Mp3, bitrate);
    }
    if !AAC_OBJECT_TYPES.contains(&es.object_type) {
        return Ok(Entry::Other(format!("mp4a with object type {:#04x}", es.object_type)));
    }
    match StreamConfig::parse(CodecId::Aac, &Bytes::copy_from_slice(es.specific)) {
        Ok(config) => Ok(Known::sound(Setup::Config(config), bitrate.or(btrt(children)?))),
        Err(e) => match e.kind {
            ErrorKind::Unsupported(kind) if e.element == "MPEG-4 audio object type" => {
                Ok(Entry::Other(format!("mp4a with audio object type {kind}")))
            }
            _ => Err(esds.fault(e)),
        },
    }
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
