//! Programme tables (ISO/IEC 13818-1 2.4.4): which programmes there are, and which streams belong to each. It keeps nothing.

use std::fmt;

use weir_media::CodecId;

/// table_id of a programme association section, and of a programme map section.
const PAT: u8 = 0;
const PMT: u8 = 2;
/// Bytes of a section before its own content, and of its check behind that.
const HEAD: usize = 8;
const CHECK: usize = 4;
/// The PID that stands for none.
const NO_PID: u16 = 0x1fff;
/// Descriptors: registration, language, and what DVB names AC-3, E-AC-3 with.
const REGISTRATION: u8 = 0x05;
const LANGUAGE: u8 = 0x0a;
const DVB_AC3: u8 = 0x6a;
const DVB_EAC3: u8 = 0x7a;

/// A section of the list of programmes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Association {
    pub(super) version: u8,
    pub(super) number: u8,
    pub(super) last: u8,
    /// Number of each programme and PID of its map.
    pub(super) programs: Vec<(u16, u16)>,
}

/// A programme: streams that are shown together, with one clock.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Program {
    /// Its number.
    pub number: u16,
    /// The PID whose packets carry its clock.
    pub clock_pid: Option<u16>,
    /// Its streams, as they are listed.
    pub streams: Vec<Stream>,
}

/// A stream of a programme.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Stream {
    /// Its PID.
    pub pid: u16,
    /// What is in it.
    pub content: Content,
    /// ISO 639-2 code.
    pub language: Option<String>,
}

/// What is in a stream.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Content {
    /// Media in its form for transport streams: Annex B, ADTS, frames one after the other.
    Media(CodecId),
    /// AAC in LATM, which is not read here.
    Latm,
    /// Anything else: its stream_type.
    Other(u8),
}

impl fmt::Display for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Media(codec) => f.write_str(codec.name()),
            Self::Latm => f.write_str("AAC in LATM"),
            Self::Other(0x01) => f.write_str("MPEG-1 video"),
            Self::Other(0x02) => f.write_str("MPEG-2 video"),
            Self::Other(0x06) => f.write_str("private data"),
            Self::Other(ty) => write!(f, "stream type {ty:#04x}"),
        }
    }
}

/// Version, number, last number and content of a section that holds now.
fn content(section: &[u8], table: u8) -> Option<(u16, [u8; 3], &[u8])> {
    let (head, rest) = section.split_first_chunk::<HEAD>()?;
    let is_current = head[5] & 1 != 0;
    let of = u16::from_be_bytes([head[3], head[4]]);
    let content = rest.get(..rest.len().checked_sub(CHECK)?)?;
    (head[0] == table && is_current).then_some((of, [head[5] >> 1 & 0x1f, head[6], head[7]], content))
}

fn pid(high: u8, low: u8) -> u16 {
    u16::from(high & 0x1f) << 8 | u16::from(low)
}

impl Association {
    /// Reads a section; `None` when it is of another table, or not in force yet.
    pub(super) fn parse(section: &[u8]) -> Option<Self> {
        let (_, [version, number, last], content) = content(section, PAT)?;
        let entries = content.chunks_exact(4).map(|e| (u16::from_be_bytes([e[0], e[1]]), pid(e[2], e[3])));
        // Number 0 is that of the network's own table.
        Some(Self { version, number, last, programs: entries.filter(|(number, _)| *number != 0).collect() })
    }
}

impl Program {
    /// Reads a section; `None` when it is of another table, or damaged.
    pub(super) fn parse(section: &[u8]) -> Option<Self> {
        let (number, _, content) = content(section, PMT)?;
        let (head, rest) = content.split_first_chunk::<4>()?;
        let (_, mut rest) = rest.split_at_checked(length(head[2], head[3]))?;
        let mut streams = Vec::new();
        while let Some(([ty, high, low, long, len], behind)) = rest.split_first_chunk::<5>() {
            let (info, next) = behind.split_at_checked(length(*long, *len))?;
            streams.push(Stream { pid: pid(*high, *low), content: Content::of(*ty, info), language: language(info) });
            rest = next;
        }
        Some(Self { number, clock_pid: Some(pid(head[0], head[1])).filter(|pid| *pid != NO_PID), streams })
    }
}

fn length(high: u8, low: u8) -> usize {
    usize::from(high & 0x0f) << 8 | usize::from(low)
}

/// Descriptors up to the first that is cut off.
fn descriptors(mut info: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    std::iter::from_fn(move || {
        let ([tag, len], rest) = info.split_first_chunk::<2>()?;
        let (body, next) = rest.split_at_checked((*len).into())?;
        info = next;
        Some((*tag, body))
    })
}

fn language(info: &[u8]) -> Option<String> {
    let (_, body) = descriptors(info).find(|(tag, _)| *tag == LANGUAGE)?;
    let code = body.get(..3).filter(|code| code.iter().all(u8::is_ascii_alphabetic))?;
    Some(String::from_utf8_lossy(code).to_lowercase())
}

impl Content {
    /// By stream_type, and by descriptors where that says nothing.
    fn of(ty: u8, info: &[u8]) -> Self {
        Self::Media(match ty {
            0x03 | 0x04 => CodecId::Mp3,
            0x0f => CodecId::Aac,
            0x11 => return Self::Latm,
            0x1b => CodecId::Avc,
            0x24 => CodecId::Hevc,
            0x81 => CodecId::Ac3,
            // On air, and on Blu-ray discs.
            0x87 | 0x84 => CodecId::Eac3,
            0x06 => return descriptors(info).find_map(private).map_or(Self::Other(ty), Self::Media),
            _ => return Self::Other(ty),
        })
    }
}

/// What a descriptor says of private data.
fn private((tag, body): (u8, &[u8])) -> Option<CodecId> {
    match (tag, body) {
        (DVB_AC3, _) | (REGISTRATION, [b'A', b'C', b'-', b'3', ..]) => Some(CodecId::Ac3),
        (DVB_EAC3, _) | (REGISTRATION, [b'E', b'A', b'C', b'3', ..]) => Some(CodecId::Eac3),
        (REGISTRATION, [b'H', b'E', b'V', b'C', ..]) => Some(CodecId::Hevc),
        _ => None,
    }
}
