//! FLAC: STREAMINFO, and how long a frame lasts. Frames are not decoded.

use weir_media::Bytes;

use crate::bits::BitReader;
use crate::{Error, ErrorKind};

/// Bytes of STREAMINFO.
const STREAM_INFO: usize = 34;
/// Bytes of a metadata block header.
const BLOCK_HEADER: usize = 4;
const MAGIC: &[u8] = b"fLaC";

/// What STREAMINFO says (RFC 9639 8.2).
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct StreamInfo {
    /// Its 34 bytes.
    pub record: Bytes,
    /// Hz, at least 1.
    pub sample_rate: u32,
    /// 1 to 8.
    pub channels: u8,
    /// Bits of a sample, 4 to 32.
    pub bits: u8,
    /// Samples of each channel in every frame but the last; `None` when it varies.
    pub block_size: Option<u32>,
}

impl StreamInfo {
    /// Reads STREAMINFO, bare or as a metadata block, after the name of the format or without it.
    ///
    /// # Errors
    /// When it ends early, or the first block is another.
    pub fn parse(data: &[u8]) -> Result<Self, Error> {
        let named = data.strip_prefix(MAGIC);
        let block = named.unwrap_or(data);
        let is_block = named.is_some() || block.len() >= STREAM_INFO + BLOCK_HEADER;
        if is_block && block.first().is_some_and(|kind| kind & 0x7f != 0) {
            return Err(Error::at_byte(ErrorKind::Missing, "STREAMINFO", 0));
        }
        let bare = block.get(if is_block { BLOCK_HEADER } else { 0 }..).unwrap_or_default();
        let record = bare.get(..STREAM_INFO).ok_or(Error::at_byte(ErrorKind::Truncated, "STREAMINFO", 0))?;
        let mut r = BitReader::plain(record);
        let (least, most) = (r.bits(16, "minimum block size")?, r.bits(16, "maximum block size")?);
        r.skip(48, "frame sizes")?;
        let sample_rate = r.bits(20, "sample rate")?;
        if sample_rate == 0 {
            return Err(r.error(ErrorKind::Invalid(0), "sample rate"));
        }
        let channels = r.small(3, "channels")? + 1;
        let bits = r.small(5, "bits per sample")? + 1;
        let block_size = Some(most).filter(|size| *size == least && *size > 0);
        Ok(Self { record: Bytes::copy_from_slice(record), sample_rate, channels, bits, block_size })
    }
}

impl StreamInfo {
    /// Whether a decoder is set up alike: they may differ in what is only known at the end, length and checksum.
    #[must_use]
    pub fn is_alike(&self, other: &Self) -> bool {
        let said = |info: &Self| (info.sample_rate, info.channels, info.bits, info.block_size);
        said(self) == said(other)
    }
}

/// Samples of each channel in a frame (RFC 9639 9.1.1); `None` for what is no frame.
#[must_use]
pub fn frame_samples(frame: &[u8]) -> Option<u32> {
    let &[0xff, sync, sizes, _, ref rest @ ..] = frame else { return None };
    if sync & 0xfe != 0xf8 {
        return None;
    }
    // The coded number in front of an uncommon size: as many bytes as its first one begins with ones.
    let after_number = || rest.get((rest.first()?.leading_ones().max(1) as usize)..);
    Some(match sizes >> 4 {
        0 => return None,
        1 => 192,
        n @ 2..=5 => 144 << n,
        6 => u32::from(*after_number()?.first()?) + 1,
        7 => u32::from(u16::from_be_bytes(*after_number()?.first_chunk()?)) + 1,
        n => 1 << n,
    })
}
