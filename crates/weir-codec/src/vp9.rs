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
/// matrix_coefficients of H.273 by color_space.
const MATRICES: [u8; 8] = [UNSPECIFIED, 5, 1, 6, 7, 9, UNSPECIFIED, 0];
const UNSPECIFIED: u8 = 2;
/// chromaSubsampling of a record; 4:2:0 with samples where those of luma are.
const CHROMA_420: u8 = 1;
const CHROMA_422: u8 = 2;
const CHROMA_444: u8 = 3;

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

    /// The record for a stream that begins with this key frame, without a level; `None` for other frames.
    ///
    /// # Errors
    /// When it is no frame, or ends early.
    pub fn of_key_frame(frame: &[u8]) -> Result<Option<Self>, Error> {
        Ok(key_frame(frame)?.map(|frame| frame.config))
    }
}

/// Width and height of a key frame; `None` for other frames, which have those of frames before.
///
/// # Errors
/// When it is no frame, or ends early.
pub fn key_frame_size(frame: &[u8]) -> Result<Option<(u32, u32)>, Error> {
    Ok(key_frame(frame)?.map(|frame| frame.size))
}

/// What the header of a key frame says.
struct KeyFrame {
    config: Vp9Config,
    size: (u32, u32),
}

/// Reads the header of a key frame; `None` for other frames.
fn key_frame(frame: &[u8]) -> Result<Option<KeyFrame>, Error> {
    let mut r = BitReader::plain(frame);
    let marker = r.bits(2, "frame_marker")?;
    if marker != 2 {
        return Err(Error::at_byte(ErrorKind::Invalid(marker.into()), "frame_marker", 0));
    }
    let profile = r.small(1, "profile_low_bit")? | r.small(1, "profile_high_bit")? << 1;
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
    let config = colour_config(&mut r, profile)?;
    let width = r.bits(16, "frame_width_minus_1")? + 1;
    let height = r.bits(16, "frame_height_minus_1")? + 1;
    Ok(Some(KeyFrame { config, size: (width, height) }))
}

/// color_config; of levels it says nothing.
fn colour_config(r: &mut BitReader<'_>, profile: u8) -> Result<Vp9Config, Error> {
    let bit_depth = match profile {
        0 | 1 => 8,
        _ if r.flag("ten_or_twelve_bit")? => 12,
        _ => 10,
    };
    let has_chroma = profile % 2 == 1;
    let space = r.bits(3, "color_space")?;
    let (full_range, chroma) = if space == RGB {
        r.bits(u32::from(has_chroma), "reserved_zero")?;
        (true, CHROMA_444)
    } else {
        let full_range = r.flag("color_range")?;
        let halved = if has_chroma { r.bits(3, "subsampling")? >> 1 } else { 3 };
        // Across and down; down alone has no number of its own.
        (full_range, [CHROMA_444, CHROMA_420, CHROMA_422, CHROMA_420][halved as usize])
    };
    let matrix = MATRICES[space as usize];
    let colour = Colour { primaries: UNSPECIFIED, transfer: UNSPECIFIED, matrix, full_range };
    let depth = bit_depth << 4 | chroma << 1 | u8::from(full_range);
    let record = [1, 0, 0, 0, profile, 0, depth, UNSPECIFIED, UNSPECIFIED, matrix, 0, 0];
    Ok(Vp9Config { record: Bytes::copy_from_slice(&record), profile, level: 0, bit_depth, colour })
}
