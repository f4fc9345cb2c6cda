//! Names of codecs as playlists and web pages have them: RFC 6381, and for each codec its own document.

use std::fmt::Write as _;

use weir_media::CodecId;

use crate::avc::{NalType, nal_ranges, nal_type};

/// The name of a stream with this configuration record, such as `avc1.64001f`. `None` when the record does not hold what it
/// is made of, and for codecs without such a name.
#[must_use]
pub fn name(codec: CodecId, record: &[u8]) -> Option<String> {
    Some(match codec {
        CodecId::Avc => avc(record.get(1..4)?),
        CodecId::Hevc => hevc(record)?,
        CodecId::Av1 => av1(record)?,
        CodecId::Vp9 => match record {
            [_, _, _, _, profile, level, depth, ..] => format!("vp09.{profile:02}.{level:02}.{:02}", depth >> 4),
            _ => return None,
        },
        CodecId::Aac => format!("mp4a.40.{}", audio_object_type(record)?),
        CodecId::Mp3 => "mp4a.40.34".to_owned(),
        CodecId::Opus => "Opus".to_owned(),
        CodecId::Flac => "fLaC".to_owned(),
        CodecId::Ac3 => "ac-3".to_owned(),
        CodecId::Eac3 => "ec-3".to_owned(),
        _ => return None,
    })
}

/// The name of an AVC stream in Annex B, from an access unit with its parameter sets.
#[must_use]
pub fn name_of_annexb(unit: &[u8]) -> Option<String> {
    let sps = nal_ranges(unit).map(|range| &unit[range]).find(|nal| nal_type(nal) == NalType::Sps)?;
    Some(avc(sps.get(1..4)?))
}

/// The outermost audio object type of an AudioSpecificConfig (ISO/IEC 14496-3 1.6.2.1): that of HE-AAC is 5, not 2.
fn audio_object_type(record: &[u8]) -> Option<u8> {
    match record {
        [first, second, ..] if first >> 3 == 31 => Some(32 + ((first & 7) << 3 | second >> 5)),
        [first, _, ..] => Some(first >> 3),
        _ => None,
    }
}

/// Profile, constraints and level, as both records and parameter sets have them.
fn avc(bytes: &[u8]) -> String {
    bytes.iter().fold("avc1.".to_owned(), |mut name, byte| {
        let _ = write!(name, "{byte:02x}");
        name
    })
}

/// ISO/IEC 14496-15 annex E.3.
fn hevc(record: &[u8]) -> Option<String> {
    let first = *record.get(1)?;
    let space = ["", "A", "B", "C"][usize::from(first >> 6)];
    let tier = if first & 0x20 == 0 { 'L' } else { 'H' };
    let flags = u32::from_be_bytes(record.get(2..6)?.try_into().ok()?).reverse_bits();
    let mut name = format!("hvc1.{space}{}.{flags:X}.{tier}{}", first & 0x1f, record.get(12)?);
    let constraints = record.get(6..12)?;
    let told = constraints.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    for byte in &constraints[..told] {
        let _ = write!(name, ".{byte:X}");
    }
    Some(name)
}

/// AV1-ISOBMFF 5.
fn av1(record: &[u8]) -> Option<String> {
    let (profile, level, more) = (record.get(1)? >> 5, record.get(1)? & 0x1f, *record.get(2)?);
    let tier = if more & 0x80 == 0 { 'M' } else { 'H' };
    let depth = match (more & 0x40 != 0, more & 0x20 != 0) {
        (false, _) => 8,
        (true, false) => 10,
        (true, true) => 12,
    };
    Some(format!("av01.{profile}.{level:02}{tier}.{depth:02}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_standards() {
        let of = |codec, record: &[u8]| name(codec, record);
        assert_eq!(of(CodecId::Avc, &[1, 0x64, 0, 0x1f, 0xff]).as_deref(), Some("avc1.64001f"));
        let main10 = [1, 0x22, 0x20, 0, 0, 0, 0xb0, 0, 0, 0, 0, 0, 153];
        assert_eq!(of(CodecId::Hevc, &main10).as_deref(), Some("hvc1.2.4.H153.B0"));
        assert_eq!(of(CodecId::Av1, &[0x81, 0x08, 0x4c, 0]).as_deref(), Some("av01.0.08M.10"));
        assert_eq!(of(CodecId::Vp9, &[1, 0, 0, 0, 2, 31, 0xa2]).as_deref(), Some("vp09.02.31.10"));
        assert_eq!(of(CodecId::Aac, &[0x11, 0x90]).as_deref(), Some("mp4a.40.2"));
        assert_eq!(of(CodecId::Aac, &[0x2b, 0x11, 0x88]).as_deref(), Some("mp4a.40.5"));
        assert_eq!(of(CodecId::Mp3, &[]).as_deref(), Some("mp4a.40.34"));
    }

    #[test]
    fn records_cut_short_have_no_name() {
        for codec in [CodecId::Avc, CodecId::Hevc, CodecId::Av1, CodecId::Vp9, CodecId::Aac] {
            assert_eq!(name(codec, &[1]), None, "{codec:?}");
        }
    }

    #[test]
    fn parameter_sets_in_the_stream_tell_too() {
        let unit = [0, 0, 0, 1, 9, 0xf0, 0, 0, 0, 1, 0x67, 0x42, 0xc0, 0x1e, 0x8d, 0, 0, 1, 0x68, 1];
        assert_eq!(name_of_annexb(&unit).as_deref(), Some("avc1.42c01e"));
        assert_eq!(name_of_annexb(&unit[..6]), None);
    }
}
