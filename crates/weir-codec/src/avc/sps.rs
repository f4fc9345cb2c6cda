//! What a sequence parameter set says (H.264 7.3.2.1.1, annex E).
//!
//! The syntax is read by h264-reader. [`Reader`] stands between to know at which bit a fault is, and to be
//! mild where streams in the field are wrong and decoders do not mind: the level is not held against the
//! picture size, and what follows the last element is ignored.

use h264_reader::nal::sps::{AspectRatioInfo, FrameMbsFlags, PicOrderCntType, SeqParameterSet, VuiParameters};
use h264_reader::nal::{Nal, RefNal};
use h264_reader::rbsp::{self, BitRead, BitReaderError};
use weir_media::Frac;

use super::nal::{NalType, nal_type};
use crate::bits::BitReader;
use crate::ratio::reduced;
use crate::{Error, ErrorKind};

/// Largest SPS read: 4 KiB. Real ones have less than 100 bytes; one with every list and HRD in it, under 2 KiB.
pub(crate) const MAX_SPS_LEN: usize = 4096;
/// Header, profile_idc, constraint flags and level_idc.
const FIXED_LEN: usize = 4;
/// The level that h264-reader checks sizes against, in place of the stream's own: 6.2, the highest.
const ASSUMED_LEVEL: u8 = 62;
/// h264-reader's name of the first cropping offset.
const CROPPING: &str = "left_offset";
/// Its name of the chroma format.
const CHROMA: &str = "chroma_format_idc";

/// chroma_format_idc.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ChromaFormat {
    /// 0: luma only.
    Monochrome,
    /// 1.
    Yuv420,
    /// 2.
    Yuv422,
    /// 3.
    Yuv444,
}

impl ChromaFormat {
    /// chroma_format_idc.
    #[must_use]
    pub const fn idc(self) -> u8 {
        match self {
            Self::Monochrome => 0,
            Self::Yuv420 => 1,
            Self::Yuv422 => 2,
            Self::Yuv444 => 3,
        }
    }

    const fn from_idc(idc: u32) -> Option<Self> {
        match idc {
            0 => Some(Self::Monochrome),
            1 => Some(Self::Yuv420),
            2 => Some(Self::Yuv422),
            3 => Some(Self::Yuv444),
            _ => None,
        }
    }
}

/// pic_order_cnt_type with its parameters (H.264 8.2.1).
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum PocType {
    /// 0: the low bits are in each slice header.
    Lsb {
        /// How many bits.
        bits: u8,
    },
    /// 1: a cycle of expected differences, with corrections in slice headers.
    Cycle {
        /// delta_pic_order_always_zero_flag.
        always_zero: bool,
        /// offset_for_non_ref_pic.
        non_ref: i32,
        /// offset_for_top_to_bottom_field.
        top_to_bottom: i32,
        /// offset_for_ref_frame, at most 255.
        ref_frames: Vec<i32>,
    },
    /// 2: output order is decoding order.
    DecodingOrder,
}

/// What a sequence parameter set says.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct SpsInfo {
    /// seq_parameter_set_id, 0 to 31.
    pub id: u8,
    /// profile_idc.
    pub profile: u8,
    /// constraint_set0_flag in the highest bit, and so on.
    pub constraints: u8,
    /// level_idc: ten times the level.
    pub level: u8,
    /// Pixels in a row, after cropping.
    pub width: u32,
    /// Rows of a frame, after cropping.
    pub height: u32,
    /// Shape of a pixel, width to height; `None` when unspecified.
    pub sar: Option<Frac>,
    /// Frames per second, in lowest terms, if the VUI says so. May vary unless `fixed_frame_rate`.
    pub frame_rate: Option<Frac>,
    /// fixed_frame_rate_flag.
    pub fixed_frame_rate: bool,
    /// Sampling of chroma.
    pub chroma_format: ChromaFormat,
    /// Bits of a luma sample, 8 to 14.
    pub bit_depth_luma: u8,
    /// Bits of a chroma sample, 8 to 14.
    pub bit_depth_chroma: u8,
    /// max_num_ref_frames.
    pub max_num_ref_frames: u32,
    /// How many frames at most come before a frame in decoding order and after it in output order, if the VUI
    /// says so. See [`SpsInfo::reorder_depth`].
    pub max_num_reorder_frames: Option<u32>,
    /// Whether every picture is a frame; else there may be fields.
    pub frame_mbs_only: bool,
    /// Whether the three colour planes have slices of their own.
    pub separate_colour_planes: bool,
    /// Bits of frame_num in slice headers.
    pub frame_num_bits: u8,
    /// How output order is coded.
    pub poc: PocType,
    /// Macroblocks of a whole frame.
    frame_size_in_mbs: u32,
}

impl SpsInfo {
    /// Reads an SPS NAL unit, header byte included.
    ///
    /// # Errors
    /// When it is not an SPS, ends early, or has values that the specification forbids.
    pub fn parse(nal: &[u8]) -> Result<Self, Error> {
        if nal_type(nal) != NalType::Sps {
            let header = nal.first().copied().unwrap_or(0);
            return Err(Error::at_byte(ErrorKind::Invalid(header.into()), "nal_unit_type", 0));
        }
        if nal.len() <= FIXED_LEN {
            return Err(Error::at_byte(ErrorKind::Truncated, "seq_parameter_set_data", nal.len() as u64));
        }
        if nal.len() > MAX_SPS_LEN {
            let kind = ErrorKind::TooLarge { size: nal.len() as u64, limit: MAX_SPS_LEN as u64 };
            return Err(Error::at_byte(kind, "seq_parameter_set_rbsp", 0));
        }
        let head = [nal[0], nal[1], nal[2], ASSUMED_LEVEL];
        let tail = [&nal[FIXED_LEN..]];
        let unit = RefNal::new(&head, &tail, true);
        let fault = Error::at_byte(ErrorKind::Truncated, "seq_parameter_set_data", 1);
        let mut reader =
            Reader { inner: unit.rbsp_bits(), mirror: BitReader::rbsp(nal), fault, cropping: 8, chroma: 8 };
        let sps = SeqParameterSet::from_bits(&mut reader).map_err(|_| reader.fault)?;
        let invalid = |value: u32, element, bit| Error { kind: ErrorKind::Invalid(value.into()), element, bit };
        let crop = sps.frame_cropping.as_ref().map_or(0, |crop| crop.left_offset);
        let size = sps.pixel_dimensions().ok().filter(|(width, height)| *width > 0 && *height > 0);
        let size = size.ok_or_else(|| invalid(crop, CROPPING, reader.cropping))?;
        let idc = sps.chroma_info.chroma_format.to_u32();
        let chroma_format = ChromaFormat::from_idc(idc).ok_or_else(|| invalid(idc, CHROMA, reader.chroma))?;
        Ok(Self::from_syntax(&sps, nal[3], size, chroma_format))
    }

    fn from_syntax(sps: &SeqParameterSet, level: u8, size: (u32, u32), chroma_format: ChromaFormat) -> Self {
        let vui = sps.vui_parameters.as_ref();
        let timing = vui.and_then(|vui| vui.timing_info.as_ref());
        let frame_mbs_only = sps.frame_mbs_flags == FrameMbsFlags::Frames;
        let fields = if frame_mbs_only { 1 } else { 2 };
        Self {
            id: sps.seq_parameter_set_id.id(),
            profile: sps.profile_idc.into(),
            constraints: sps.constraint_flags.into(),
            level,
            width: size.0,
            height: size.1,
            sar: vui.and_then(sample_aspect_ratio),
            frame_rate: timing.and_then(|t| frame_rate(t.time_scale, t.num_units_in_tick)),
            fixed_frame_rate: timing.is_some_and(|t| t.fixed_frame_rate_flag),
            chroma_format,
            bit_depth_luma: sps.chroma_info.bit_depth_luma_minus8 + 8,
            bit_depth_chroma: sps.chroma_info.bit_depth_chroma_minus8 + 8,
            max_num_ref_frames: sps.max_num_ref_frames,
            max_num_reorder_frames: vui
                .and_then(|vui| vui.bitstream_restrictions.as_ref())
                .map(|restrictions| restrictions.max_num_reorder_frames),
            frame_mbs_only,
            separate_colour_planes: sps.chroma_info.separate_colour_plane_flag,
            frame_num_bits: sps.log2_max_frame_num(),
            poc: poc_type(&sps.pic_order_cnt),
            frame_size_in_mbs: sps.pic_size_in_map_units().saturating_mul(fields),
        }
    }

    /// How many frames a decoder may have to hold before it knows which one is shown next: what the VUI says, or
    /// else the most that profile and level allow (H.264 E.2.1, max_num_reorder_frames), at most 16.
    #[must_use]
    pub fn reorder_depth(&self) -> usize {
        if self.poc == PocType::DecodingOrder || self.profile == 66 {
            return 0;
        }
        let intra_only = matches!(self.profile, 44 | 86 | 100 | 110 | 122 | 244) && self.constraints & 0x10 != 0;
        let limit = if intra_only { 0 } else { self.max_dpb_frames() };
        self.max_num_reorder_frames.unwrap_or(limit).min(16) as usize
    }

    /// MaxDpbFrames, H.264 A.3.1 item h.
    fn max_dpb_frames(&self) -> u32 {
        (max_dpb_mbs(self.level, self.constraints) / self.frame_size_in_mbs.max(1)).clamp(1, 16)
    }
}

/// MaxDpbMbs of a level, H.264 table A-1; that of the highest for one not in the table.
const fn max_dpb_mbs(level: u8, constraints: u8) -> u32 {
    match level {
        9 | 10 => 396,
        11 if constraints & 0x10 != 0 => 396,
        11 => 900,
        12 | 13 | 20 => 2_376,
        21 => 4_752,
        22 | 30 => 8_100,
        31 => 18_000,
        32 => 20_480,
        40 | 41 => 32_768,
        42 => 34_816,
        50 => 110_400,
        51 | 52 => 184_320,
        _ => 696_320,
    }
}

fn poc_type(syntax: &PicOrderCntType) -> PocType {
    match syntax {
        PicOrderCntType::TypeZero { log2_max_pic_order_cnt_lsb_minus4 } => {
            PocType::Lsb { bits: log2_max_pic_order_cnt_lsb_minus4 + 4 }
        }
        PicOrderCntType::TypeOne {
            delta_pic_order_always_zero_flag,
            offset_for_non_ref_pic,
            offset_for_top_to_bottom_field,
            offsets_for_ref_frame,
        } => PocType::Cycle {
            always_zero: *delta_pic_order_always_zero_flag,
            non_ref: *offset_for_non_ref_pic,
            top_to_bottom: *offset_for_top_to_bottom_field,
            ref_frames: offsets_for_ref_frame.clone(),
        },
        PicOrderCntType::TypeTwo => PocType::DecodingOrder,
    }
}

fn sample_aspect_ratio(vui: &VuiParameters) -> Option<Frac> {
    let (width, height) = vui.aspect_ratio_info.as_ref().and_then(AspectRatioInfo::get)?;
    Frac::new(width.into(), height.into())
}

/// A frame lasts two ticks (H.264 E.2.1).
fn frame_rate(time_scale: u32, units_in_tick: u32) -> Option<Frac> {
    reduced(time_scale.into(), u64::from(units_in_tick) * 2)
}

/// Passes on what h264-reader asks for, and reads the same elements once more to know place and value.
struct Reader<'a, R> {
    inner: R,
    mirror: BitReader<'a>,
    /// The error to give should the element read last be the one at fault.
    fault: Error,
    /// Where [`CROPPING`] and [`CHROMA`] are: h264-reader does not judge them.
    cropping: u64,
    chroma: u64,
}

impl<R> Reader<'_, R> {
    fn note<T: Into<i64>>(&mut self, element: &'static str, read: impl FnOnce(&mut BitReader<'_>) -> Result<T, Error>) {
        let start = self.mirror.error(ErrorKind::Truncated, element);
        match element {
            CROPPING => self.cropping = start.bit,
            CHROMA => self.chroma = start.bit,
            _ => {}
        }
        self.fault = match read(&mut self.mirror) {
            Ok(value) => Error { kind: ErrorKind::Invalid(value.into().unsigned_abs()), ..start },
            Err(error) => error,
        };
    }
}

impl<R: BitRead> BitRead for &mut Reader<'_, R> {
    fn read_ue(&mut self, name: &'static str) -> Result<u32, BitReaderError> {
        self.note(name, |r| r.ue(name));
        self.inner.read_ue(name)
    }

    fn read_se(&mut self, name: &'static str) -> Result<i32, BitReaderError> {
        self.note(name, |r| r.se(name));
        self.inner.read_se(name)
    }

    fn read_bit(&mut self, name: &'static str) -> Result<bool, BitReaderError> {
        self.note(name, |r| r.flag(name));
        self.inner.read_bit(name)
    }

    fn read<const BITS: u32, I: rbsp::Integer>(&mut self, name: &'static str) -> Result<I, BitReaderError> {
        self.note(name, |r| r.skip(BITS, name).map(|()| 0));
        self.inner.read::<BITS, I>(name)
    }

    fn read_var<I: rbsp::Integer>(&mut self, bit_count: u32, name: &'static str) -> Result<I, BitReaderError> {
        self.note(name, |r| r.skip(bit_count, name).map(|()| 0));
        self.inner.read_var(bit_count, name)
    }

    fn read_to<V: rbsp::Primitive>(&mut self, name: &'static str) -> Result<V, BitReaderError> {
        self.note(name, |r| r.skip(8 * size_of::<V>() as u32, name).map(|()| 0));
        self.inner.read_to(name)
    }

    fn skip(&mut self, bit_count: u32, name: &'static str) -> Result<(), BitReaderError> {
        self.note(name, |r| r.skip(bit_count, name).map(|()| 0));
        self.inner.skip(bit_count, name)
    }

    fn byte_aligned(&self) -> bool {
        self.inner.byte_aligned()
    }

    fn has_more_rbsp_data(&mut self, name: &'static str) -> Result<bool, BitReaderError> {
        self.inner.has_more_rbsp_data(name)
    }

    fn finish_rbsp(self) -> Result<(), BitReaderError> {
        Ok(())
    }

    fn finish_sei_payload(self) -> Result<(), BitReaderError> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::annexb::nal_ranges;
    use super::super::testing::TestStream;
    use super::*;

    /// 320x180, level 1.2, with a VUI.
    fn real() -> Vec<u8> {
        let data = include_bytes!("../../tests/data/v.264");
        let sps = nal_ranges(data).find(|range| nal_type(&data[range.clone()]) == NalType::Sps);
        data[sps.expect("the stream has one")].to_vec()
    }

    #[test]
    fn level_is_not_held_against_the_size() {
        let mut sps = real();
        sps[3] = 10;
        let info = SpsInfo::parse(&sps).unwrap();
        assert_eq!((info.level, info.width, info.height), (10, 320, 180));
    }

    #[test]
    fn what_follows_is_ignored() {
        let mut sps = real();
        let info = SpsInfo::parse(&sps).unwrap();
        sps.extend_from_slice(&[0x55, 0x00, 0x00]);
        assert_eq!(SpsInfo::parse(&sps), Ok(info));
    }

    #[test]
    fn reorder_depth_without_a_vui_is_that_of_the_level() {
        let info = SpsInfo::parse(&TestStream::FRAMES.sps()).unwrap();
        assert_eq!((info.max_num_reorder_frames, info.frame_rate, info.sar), (None, None, None));
        // 6x4 macroblocks at level 3: far more than 16 fit.
        assert_eq!(info.reorder_depth(), 16);
        let hd = SpsInfo { level: 40, frame_size_in_mbs: 120 * 68, ..info.clone() };
        assert_eq!(hd.reorder_depth(), 4);
        let intra = SpsInfo { profile: 110, constraints: 0x10, ..hd };
        assert_eq!(intra.reorder_depth(), 0);
    }

    #[test]
    fn fields_double_the_height() {
        let info = SpsInfo::parse(&TestStream::FIELDS.sps()).unwrap();
        assert_eq!((info.width, info.height, info.frame_mbs_only), (96, 64, false));
    }

    #[test]
    fn faults_name_element_value_and_bit() {
        let fault = |nal: &[u8]| SpsInfo::parse(nal).map_err(|e| (e.kind, e.element, e.bit)).unwrap_err();
        assert_eq!(fault(&[]), (ErrorKind::Invalid(0), "nal_unit_type", 0));
        assert_eq!(fault(&[0x68, 0xce]), (ErrorKind::Invalid(0x68), "nal_unit_type", 0));
        assert_eq!(fault(&[0x67, 77, 0, 30]), (ErrorKind::Truncated, "seq_parameter_set_data", 32));
        // id 0, then log2_max_frame_num_minus4 of 13: 1 0001110.
        assert_eq!(fault(&[0x67, 77, 0, 30, 0x8e]), (ErrorKind::Invalid(13), "log2_max_frame_num_minus4", 33));
        // High, id 0, chroma_format_idc 4, 8 bits, then the shortest of everything:
        // 1 00101 1 1 | 0 0 1 011 1 0 | 1 1 1 1 0 0 1
        let chroma = [0x67, 100, 0, 30, 0b1001_0111, 0b0010_1110, 0b1111_0010];
        assert_eq!(fault(&chroma), (ErrorKind::Invalid(4), CHROMA, 33));
        let long = [&[0x67_u8, 77, 0, 30][..], &[0xff; MAX_SPS_LEN]].concat();
        assert!(matches!(fault(&long).0, ErrorKind::TooLarge { limit: 4096, .. }));
    }

    #[test]
    fn cropping_everything_away_is_a_fault() {
        // Main, id 0, frame_num 4 bits, POC type 2, no references, no gaps, 1x1 macroblocks, frames, cropped by
        // 4 chroma columns on each side: 1 1 011 1 0 1 | 1 1 1 1 00101 00101 1 1 0 1
        let sps = [0x67, 77, 0, 30, 0b1101_1101, 0b1111_0010, 0b1001_0111, 0b0100_0000];
        let error = SpsInfo::parse(&sps).unwrap_err();
        assert_eq!((error.kind, error.element, error.bit), (ErrorKind::Invalid(4), CROPPING, 44));
    }
}
