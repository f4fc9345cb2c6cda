//! VP9: the configuration record and the start of a frame header. Frames are not read beyond their size.

use weir_media::Bytes;

use crate::bits::{BitReader, ByteReader};
use crate::{Colour, Error, ErrorKind};

/// Bytes of the record of a box: version and flags, and eight more.
const RECORD: usize = 12;
/// Bytes without version and flags, as some write it.
const BARE_RECORD: usize = 8;
/// frame_sync_code.
const SYNC: u32 = 0x49_83_42;
/// CS_RGB.
const RGB: u32 = 7;

/// VPCodecConfigurationRecord, the content of a `vpcC` box and of an enhanced FLV sequence start (VP codec ISO media
/// binding 2.2).
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Vp9Config {
    /// As a box has it: version and flags in front. It holds no data for the decoder.
    pub record: Bytes,
    /// 0 to 3.
    pub profile: u8,
    /// Ten times the level; 0 when not known.
    pub level: u8,
    /// 8, 10 or 12.
    pub bit_depth: u8,
    /// What the samples mean.
    pub colour: Colour,
}

impl Vp9Config {
    /// Reads a record, with version and flags in front or without.
    ///
    /// # Errors
    /// When it ends early or is of another version.
    pub fn parse(record: &[u8]) -> Result<Self, Error> {
        let whole = match record.len() {
            BARE_RECORD => [&[1, 0, 0, 0], record].concat(),
            _ => record.get(..RECORD).unwrap_or(record).to_vec(),
        };
        let mut r = ByteReader::new(&whole);
        let [version, _, _, _] = r.array("version")?;
        if version != 1 {
            return Err(Error::at_byte(ErrorKind::Invalid(version.into()), "version", 0));
        }
        let [profile, level, depth, primaries, transfer, matrix, _, _] = r.array("VPCodecConfigurationRecord")?;
        let colour = Colour { primaries, transfer, matrix, full_range: depth & 1 != 0 };
        Ok(Self { record: whole.into(), profile, level, bit_depth: depth >> 4, colour })
    }
}

/// Width and height of a key frame; `None` for other frames, which have those of frames before.
///
/// # Errors
/// When it is no frame, or ends early.
pub fn key_frame_size(frame: &[u8]) -> Result<Option<(u32, u32)>, Error> {
    let mut r = BitReader::plain(frame);
    let marker = r.bits(2, "frame_marker")?;
    if marker != 2 {
        return Err(Error::at_byte(ErrorKind::Invalid(marker.into()), "frame_marker", 0));
    }
    let profile = r.bits(1, "profile_low_bit")? | r.bits(1, "profile_high_bit")? << 1;
    if profile == 3 {
        r.flag("reserved_zero")?;
    }
    if r.flag("show_existing_frame")? || r.flag("frame_type")? {
        return Ok(None);
    }
    r.bits(2, "show_frame")?;
    let sync = r.bits(24, "frame_sync_code")?;
    if sync != SYNC {
        return Err(r.error(ErrorKind::Invalid(sync.into()), "frame_sync_code"));
    }
    if profile >= 2 {
        r.flag("ten_or_twelve_bit")?;
    }
    let odd = profile % 2 == 1;
    if r.bits(3, "color_space")? == RGB {
        r.bits(u32::from(odd), "reserved_zero")?;
    } else {
        r.bits(if odd { 4 } else { 1 }, "color_range")?;
    }
    let width = r.bits(16, "frame_width_minus_1")? + 1;
    Ok(Some((width, r.bits(16, "frame_height_minus_1")? + 1)))
}
