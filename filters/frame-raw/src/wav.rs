//! The head of a WAV file: RIFF chunks up to the samples. Reads RF64 too, and files that were never finished.
//!
//! Pure: it takes bytes and gives what is in them.

use weir_plugin::{Error, Result};

use crate::feed::Feed;
use crate::layout::Layout;
use crate::{MAX_CHANNELS, MAX_SAMPLE_RATE};

/// Bytes of `RIFF`, a size and `WAVE`.
const RIFF_HEAD: usize = 12;
/// Bytes of the name and the size of a chunk.
const CHUNK_HEAD: usize = 8;
/// Bytes of a `fmt ` chunk that are looked at: up to the codec in the GUID of the extensible form.
const FMT_READ: u32 = 26;
/// The shortest `fmt ` chunk.
const FMT_MIN: u32 = 16;

/// What samples are like.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Shape {
    pub(crate) layout: Layout,
    pub(crate) channels: u32,
    pub(crate) rate: u32,
}

impl Shape {
    /// Bytes of one sample of all channels.
    pub(crate) const fn frame(self) -> usize {
        self.layout.bytes() * self.channels as usize
    }
}

/// Where the head is being read.
#[derive(Clone, Copy, Default)]
enum Place {
    #[default]
    Riff,
    Chunk,
    /// In `fmt `, with this many bytes of it.
    Fmt(u32),
    /// This many bytes to step over.
    Skip(u64),
}

/// Reads the head.
#[derive(Default)]
pub(crate) struct Head {
    place: Place,
    shape: Option<Shape>,
}

/// A head that was read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Found {
    pub(crate) shape: Shape,
    /// Bytes of samples; `None` for all that comes.
    pub(crate) len: Option<u64>,
}

impl Head {
    /// What the samples are, once they begin; `None` until more bytes come.
    pub(crate) fn read(&mut self, feed: &mut Feed) -> Result<Option<Found>> {
        loop {
            let next = match self.place {
                Place::Riff => feed.exactly(RIFF_HEAD).map(|b| check_riff(&b)).transpose()?,
                Place::Chunk => match feed.exactly(CHUNK_HEAD) {
                    None => None,
                    Some(head) if head.starts_with(b"data") => return self.found(u32_at(&head, 4)).map(Some),
                    Some(head) => Some(place_of(&head)?),
                },
                Place::Fmt(len) => match feed.exactly(len.min(FMT_READ) as usize) {
                    None => None,
                    Some(fmt) => {
                        self.shape = Some(shape(&fmt)?);
                        Some(Place::Skip(padded(len) - u64::from(len.min(FMT_READ))))
                    }
                },
                Place::Skip(0) => Some(Place::Chunk),
                Place::Skip(len) => {
                    feed.some(usize::try_from(len).unwrap_or(usize::MAX)).map(|b| Place::Skip(len - b.len() as u64))
                }
            };
            match next {
                Some(place) => self.place = place,
                None => return Ok(None),
            }
        }
    }

    fn found(&self, len: u32) -> Result<Found> {
        let shape = self.shape.ok_or_else(|| Error::bad_input("the WAV file does not say what its samples are"))?;
        // Writers that cannot go back leave one of these; RF64 has the size elsewhere.
        let unknown = len == 0 || len == u32::MAX;
        Ok(Found { shape, len: (!unknown).then_some(len.into()) })
    }
}

fn check_riff(head: &[u8]) -> Result<Place> {
    let is_wav = matches!(&head[..4], b"RIFF" | b"RF64") && &head[8..] == b"WAVE";
    if is_wav { Ok(Place::Chunk) } else { Err(Error::bad_input("this is no WAV file: it does not begin with RIFF")) }
}

fn place_of(head: &[u8]) -> Result<Place> {
    let len = u32_at(head, 4);
    match &head[..4] {
        b"fmt " if len < FMT_MIN => {
            Err(Error::bad_input(format!("the fmt chunk of the WAV file has {len} bytes only")))
        }
        b"fmt " => Ok(Place::Fmt(len)),
        _ => Ok(Place::Skip(padded(len))),
    }
}

/// Chunks begin at even places.
fn padded(len: u32) -> u64 {
    u64::from(len) + u64::from(len % 2)
}

/// Reads a `fmt ` chunk, which has 16 bytes or more.
fn shape(fmt: &[u8]) -> Result<Shape> {
    /// `WAVE_FORMAT_EXTENSIBLE`: the codec is the start of a GUID.
    const EXTENSIBLE: u16 = 0xfffe;
    let codec = match (u16_at(fmt, 0), fmt.len() >= FMT_READ as usize) {
        (EXTENSIBLE, true) => u16_at(fmt, 24),
        (codec, _) => codec,
    };
    let bits = u16_at(fmt, 14);
    let layout = match (codec, bits) {
        (1, 8) => Layout::U8,
        (1, 16) => Layout::S16,
        (1, 24) => Layout::S24,
        (1, 32) => Layout::S32,
        (3, 32) => Layout::Flt,
        (3, 64) => Layout::Dbl,
        (1 | 3, _) => return Err(Error::unsupported(format!("WAV with samples of {bits} bits is not read"))),
        _ => return Err(Error::unsupported(format!("WAV with codec {codec:#x} is not read: only plain samples are"))),
    };
    let (channels, rate) = (u32::from(u16_at(fmt, 2)), u32_at(fmt, 4));
    if !(1..=MAX_CHANNELS).contains(&channels) || !(1..=MAX_SAMPLE_RATE).contains(&rate) {
        return Err(Error::bad_input(format!(
            "the WAV file has {channels} channels at {rate} Hz; up to {MAX_CHANNELS} at up to {MAX_SAMPLE_RATE} Hz are read"
        )));
    }
    let shape = Shape { layout, channels, rate };
    let align = usize::from(u16_at(fmt, 12));
    if align != shape.frame() {
        let is = shape.frame();
        return Err(Error::bad_input(format!("the WAV file says that a sample has {align} bytes, but it has {is}")));
    }
    Ok(shape)
}

fn u16_at(data: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([data[at], data[at + 1]])
}

fn u32_at(data: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([data[at], data[at + 1], data[at + 2], data[at + 3]])
}
