//! [`Entry`]: what a file says of a track (RFC 9559 5.1.4). It never looks into media.

use weir_media::{Bytes, CodecId, StreamType};

use crate::ebml::{children, text, uint};

pub(crate) const TRACK_ENTRY: u32 = 0xae;
const TRACK_NUMBER: u32 = 0xd7;
const TRACK_TYPE: u32 = 0x83;
const CODEC_ID: u32 = 0x86;
const CODEC_PRIVATE: u32 = 0x63a2;
const CODEC_DELAY: u32 = 0x56aa;
const DEFAULT_DURATION: u32 = 0x0023_e383;
const LANGUAGE: u32 = 0x0022_b59c;
const LANGUAGE_BCP47: u32 = 0x0022_b59d;
const CONTENT_ENCODINGS: u32 = 0x6d80;
const CONTENT_ENCODING: u32 = 0x6240;
const CONTENT_COMPRESSION: u32 = 0x5034;
const CONTENT_ENCRYPTION: u32 = 0x5035;
const COMPRESSION_ALGORITHM: u32 = 0x4254;
const COMPRESSION_SETTINGS: u32 = 0x4255;
/// Algorithm that leaves out what all frames begin with.
const HEADER_STRIPPING: u64 = 3;
/// TrackType of pictures and of sound.
const VIDEO: u64 = 1;
const AUDIO: u64 = 2;
/// Most nanoseconds that a decoder is believed to be late, or a frame to last.
const MAX_NANOS: u64 = 10_000_000_000;
/// Longest beginning of frames that is left out of them; it is a few bytes.
const MAX_PREFIX: usize = 1024;
/// Longest name of a codec that is shown.
const MAX_NAME: usize = 40;

/// A track as it is listed.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Entry {
    pub(crate) number: u64,
    /// The codec, or why the track cannot be read.
    pub(crate) codec: Result<CodecId, String>,
    /// What its decoder is set up with; may be empty.
    pub(crate) private: Bytes,
    /// Nanoseconds from one frame to the next.
    pub(crate) frame_nanos: Option<u64>,
    /// Nanoseconds of sound at the start that are not to be heard.
    pub(crate) delay_nanos: u64,
    pub(crate) language: Option<String>,
    /// What each frame begins with and does not have.
    pub(crate) prefix: Bytes,
}

impl Entry {
    /// Reads a TrackEntry; `None` when it has no number.
    pub(crate) fn parse(content: &[u8]) -> Option<Self> {
        let find = |id| children(content).find(|(of, _)| *of == id).map(|(_, value)| value);
        let number = |id| find(id).and_then(uint);
        let name = find(CODEC_ID).map(text).unwrap_or_default();
        let private = find(CODEC_PRIVATE).unwrap_or_default();
        let (prefix, encoding) = encodings(find(CONTENT_ENCODINGS).unwrap_or_default());
        let codec = codec(&name, number(TRACK_TYPE));
        let language = find(LANGUAGE_BCP47).or_else(|| find(LANGUAGE)).map(text);
        Some(Self {
            number: number(TRACK_NUMBER)?,
            codec: encoding.map_or(codec, |why| Err(why.to_owned())),
            private: Bytes::copy_from_slice(private),
            frame_nanos: number(DEFAULT_DURATION).filter(|nanos| (1..=MAX_NANOS).contains(nanos)),
            delay_nanos: number(CODEC_DELAY).filter(|nanos| *nanos <= MAX_NANOS).unwrap_or(0),
            language: language.filter(|code| !code.is_empty() && code != "und"),
            prefix: Bytes::copy_from_slice(prefix),
        })
    }
}

/// What frames have lost, and why they cannot be read, if so.
fn encodings(content: &[u8]) -> (&[u8], Option<&'static str>) {
    let all: Vec<&[u8]> = children(content).filter(|(id, _)| *id == CONTENT_ENCODING).map(|(_, e)| e).collect();
    let Some(encoding) = all.first() else { return (&[], None) };
    if children(encoding).any(|(id, _)| id == CONTENT_ENCRYPTION) {
        return (&[], Some("it is encrypted"));
    }
    let compression = children(encoding).find(|(id, _)| *id == CONTENT_COMPRESSION).map_or(&[][..], |(_, c)| c);
    let setting = |id| children(compression).find(|(of, _)| *of == id).map(|(_, value)| value);
    let prefix = setting(COMPRESSION_SETTINGS).unwrap_or_default();
    let is_stripped = setting(COMPRESSION_ALGORITHM).and_then(uint) == Some(HEADER_STRIPPING);
    if is_stripped && all.len() == 1 && prefix.len() <= MAX_PREFIX {
        return (prefix, None);
    }
    (&[], Some("its frames are compressed"))
}

/// The codec of a CodecID (RFC 9559 27.7 and the codec mappings), if it is of that kind.
fn codec(name: &str, kind: Option<u64>) -> Result<CodecId, String> {
    let known = match name {
        "V_MPEG4/ISO/AVC" => Some(CodecId::Avc),
        "V_MPEGH/ISO/HEVC" => Some(CodecId::Hevc),
        "V_AV1" => Some(CodecId::Av1),
        "V_VP9" => Some(CodecId::Vp9),
        "A_AAC" => Some(CodecId::Aac),
        "A_OPUS" => Some(CodecId::Opus),
        "A_FLAC" => Some(CodecId::Flac),
        "A_MPEG/L3" => Some(CodecId::Mp3),
        "A_AC3" => Some(CodecId::Ac3),
        "A_EAC3" => Some(CodecId::Eac3),
        _ => None,
    };
    let ty = match kind {
        Some(VIDEO) => Some(StreamType::Visual),
        Some(AUDIO) => Some(StreamType::Audio),
        _ => None,
    };
    let fits = |codec: &CodecId| ty.is_some() && codec.stream_type() == ty;
    let shown = || name.chars().filter(|c| !c.is_control()).take(MAX_NAME).collect::<String>();
    known.filter(fits).ok_or_else(|| format!("{} is not supported", shown()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn element(id: u32, content: &[u8]) -> Vec<u8> {
        let id: Vec<u8> = id.to_be_bytes().into_iter().skip_while(|byte| *byte == 0).collect();
        [&id[..], &[0x80 | content.len() as u8], content].concat()
    }

    fn entry(codec: &str, kind: u8, more: &[u8]) -> Entry {
        let number = element(TRACK_NUMBER, &[3]);
        let content = [&number[..], &element(TRACK_TYPE, &[kind]), &element(CODEC_ID, codec.as_bytes()), more].concat();
        Entry::parse(&content).expect("it has a number")
    }

    #[test]
    fn a_codec_goes_with_its_kind() {
        assert_eq!(entry("V_VP9", 1, &[]).codec, Ok(CodecId::Vp9));
        assert_eq!(entry("V_VP9", 2, &[]).codec, Err("V_VP9 is not supported".to_owned()));
        assert_eq!(entry("S_TEXT/UTF8", 17, &[]).codec, Err("S_TEXT/UTF8 is not supported".to_owned()));
        assert_eq!(Entry::parse(&element(TRACK_TYPE, &[1])), None);
    }

    #[test]
    fn what_is_stripped_is_known_and_what_is_packed_is_refused() {
        let encoded =
            |kind: u32, content: &[u8]| element(CONTENT_ENCODINGS, &element(CONTENT_ENCODING, &element(kind, content)));
        let stripped = [element(COMPRESSION_ALGORITHM, &[3]), element(COMPRESSION_SETTINGS, &[0x0b, 0x77])].concat();
        let read = entry("A_AC3", 2, &encoded(CONTENT_COMPRESSION, &stripped));
        assert_eq!((read.codec, read.prefix), (Ok(CodecId::Ac3), Bytes::from_static(&[0x0b, 0x77])));
        let zlib = entry("A_AC3", 2, &encoded(CONTENT_COMPRESSION, &element(COMPRESSION_ALGORITHM, &[0])));
        assert_eq!(zlib.codec, Err("its frames are compressed".to_owned()));
        assert_eq!(entry("A_AC3", 2, &encoded(CONTENT_ENCRYPTION, &[])).codec, Err("it is encrypted".to_owned()));
    }
}
