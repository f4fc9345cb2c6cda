//! What a sequence parameter set says (H.265 7.3.2.2, annex E), up to the frame rate.

use weir_media::Frac;

use super::nal::{NalType, nal_type};
use super::ptl::ProfileTierLevel;
use super::rps;
use crate::bits::BitReader;
use crate::ratio::reduced;
use crate::{Colour, Error, ErrorKind};

/// Largest SPS read, bytes; real ones have below 200.
const MAX_SPS_LEN: usize = 4096;
/// Largest side of a picture, pixels: above that of level 6.2.
const MAX_SIDE: u32 = 1 << 16;
/// aspect_ratio_idc that says that width and height follow.
const EXTENDED_SAR: u8 = 255;
/// Pixel shapes by aspect_ratio_idc from 1 (table E-1).
const SARS: [(i64, u32); 16] = [
    (1, 1),
    (12, 11),
    (10, 11),
    (16, 11),
    (40, 33),
    (24, 11),
    (20, 11),
    (32, 11),
    (80, 33),
    (18, 11),
    (15, 11),
    (64, 33),
    (160, 99),
    (4, 3),
    (3, 2),
    (2, 1),
];

/// Pictures that a decoder can hold (A.4.2).
const MAX_REORDER: u32 = 16;

/// What a sequence parameter set says.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct SpsInfo {
    /// sps_seq_parameter_set_id, 0 to 15.
    pub id: u8,
    /// Temporal layers, 1 to 7.
    pub temporal_layers: u8,
    /// sps_temporal_id_nesting_flag.
    pub temporal_id_nested: bool,
    /// Profile, tier and level.
    pub profile: ProfileTierLevel,
    /// chroma_format_idc: 0 monochrome, 1 4:2:0, 2 4:2:2, 3 4:4:4.
    pub chroma_format: u8,
    /// Bits of a luma sample, 8 to 16.
    pub bit_depth_luma: u8,
    /// Bits of a chroma sample, 8 to 16.
    pub bit_depth_chroma: u8,
    /// Pixels in a row, after cropping.
    pub width: u32,
    /// Rows, after cropping.
    pub height: u32,
    /// Shape of a pixel, width to height; `None` when unspecified.
    pub sar: Option<Frac>,
    /// What its samples mean, if it says.
    pub colour: Option<Colour>,
    /// Pictures per second, in lowest terms, if the VUI says.
    pub frame_rate: Option<Frac>,
    /// Pictures that may be decoded before one that is shown earlier, at most 16: sps_max_num_reorder_pics of all layers.
    pub reorder_depth: u32,
}

impl SpsInfo {
    /// Reads an SPS NAL unit, header included. What follows the frame rate is ignored.
    ///
    /// # Errors
    /// When it is not an SPS, ends early, or has values that the specification forbids.
    pub fn parse(nal: &[u8]) -> Result<Self, Error> {
        if nal_type(nal) != NalType::SPS {
            let header = nal.first().copied().unwrap_or(0);
            return Err(Error::at_byte(ErrorKind::Invalid(header.into()), "nal_unit_type", 0));
        }
        if nal.len() > MAX_SPS_LEN {
            let kind = ErrorKind::TooLarge { size: nal.len() as u64, limit: MAX_SPS_LEN as u64 };
            return Err(Error::at_byte(kind, "seq_parameter_set_rbsp", 0));
        }
        let mut r = BitReader::hevc_rbsp(nal);
        r.bits(4, "sps_video_parameter_set_id")?;
        let sub_layers = r.small(3, "sps_max_sub_layers_minus1")?;
        let mut sps = Self { temporal_layers: sub_layers + 1, ..Self::default() };
        sps.temporal_id_nested = r.flag("sps_temporal_id_nesting_flag")?;
        sps.profile = ProfileTierLevel::read(&mut r, sub_layers)?;
        sps.id = r.ue_max(15, "sps_seq_parameter_set_id")? as u8;
        sps.read_picture(&mut r)?;
        let poc_bits = r.ue_max(12, "log2_max_pic_order_cnt_lsb_minus4")? + 4;
        let layers = if r.flag("sps_sub_layer_ordering_info_present_flag")? { sub_layers + 1 } else { 1 };
        for _ in 0..layers {
            r.ue("sps_max_dec_pic_buffering_minus1")?;
            sps.reorder_depth = r.ue("sps_max_num_reorder_pics")?.min(MAX_REORDER);
            r.ue("sps_max_latency_increase_plus1")?;
        }
        skip_coding(&mut r)?;
        rps::skip_all(&mut r)?;
        if r.flag("long_term_ref_pics_present_flag")? {
            for _ in 0..r.ue_max(32, "num_long_term_ref_pics_sps")? {
                r.skip(poc_bits + 1, "lt_ref_pic_poc_lsb_sps")?;
            }
        }
        r.skip(2, "sps_temporal_mvp_enabled_flag")?;
        if r.flag("vui_parameters_present_flag")? {
            // Encoders are known that get it wrong: what stands before it holds all the same.
            let _cut_short = sps.read_vui(&mut r);
        }
        Ok(sps)
    }

    fn read_picture(&mut self, r: &mut BitReader<'_>) -> Result<(), Error> {
        self.chroma_format = r.ue_max(3, "chroma_format_idc")? as u8;
        let separate = self.chroma_format == 3 && r.flag("separate_colour_plane_flag")?;
        let width = r.ue_max(MAX_SIDE, "pic_width_in_luma_samples")?;
        let height = r.ue_max(MAX_SIDE, "pic_height_in_luma_samples")?;
        let (mut left_right, mut top_bottom) = (0, 0);
        if r.flag("conformance_window_flag")? {
            let mut pair = |name| Ok(r.ue_max(MAX_SIDE, name)? + r.ue_max(MAX_SIDE, name)?);
            left_right = pair("conf_win_left_offset")?;
            top_bottom = pair("conf_win_top_offset")?;
        }
        let (across, down) = match self.chroma_format {
            1 => (2, 2),
            2 => (2, 1),
            _ => (1, 1),
        };
        let cropped = |side: u32, by: u32| {
            let rest = side.checked_sub(by).filter(|rest| *rest > 0);
            rest.ok_or_else(|| r.error(ErrorKind::Invalid(by.into()), "conformance_window"))
        };
        self.width = cropped(width, left_right * if separate { 1 } else { across })?;
        self.height = cropped(height, top_bottom * if separate { 1 } else { down })?;
        self.bit_depth_luma = r.ue_max(8, "bit_depth_luma_minus8")? as u8 + 8;
        self.bit_depth_chroma = r.ue_max(8, "bit_depth_chroma_minus8")? as u8 + 8;
        Ok(())
    }

    fn read_vui(&mut self, r: &mut BitReader<'_>) -> Result<(), Error> {
        if r.flag("aspect_ratio_info_present_flag")? {
            let idc = r.small(8, "aspect_ratio_idc")?;
            let (num, den) = match idc {
                EXTENDED_SAR => (r.bits(16, "sar_width")?.into(), r.bits(16, "sar_height")?),
                _ => SARS.get(usize::from(idc).wrapping_sub(1)).copied().unwrap_or((0, 0)),
            };
            self.sar = Frac::new(num, den).filter(|sar| sar.num > 0);
        }
        if r.flag("overscan_info_present_flag")? {
            r.flag("overscan_appropriate_flag")?;
        }
        if r.flag("video_signal_type_present_flag")? {
            r.bits(3, "video_format")?;
            let full_range = r.flag("video_full_range_flag")?;
            if r.flag("colour_description_present_flag")? {
                let mut index = || r.small(8, "colour_description");
                let (primaries, transfer, matrix) = (index()?, index()?, index()?);
                self.colour = Some(Colour { primaries, transfer, matrix, full_range });
            }
        }
        if r.flag("chroma_loc_info_present_flag")? {
            r.ue("chroma_sample_loc_type_top_field")?;
            r.ue("chroma_sample_loc_type_bottom_field")?;
        }
        r.skip(3, "neutral_chroma_indication_flag")?;
        if r.flag("default_display_window_flag")? {
            for _ in 0..4 {
                r.ue("def_disp_win_offset")?;
            }
        }
        if r.flag("vui_timing_info_present_flag")? {
            let tick = r.bits(32, "vui_num_units_in_tick")?;
            let scale = r.bits(32, "vui_time_scale")?;
            self.frame_rate = reduced(scale.into(), tick.into());
        }
        Ok(())
    }
}

/// Block sizes, scaling lists and PCM.
fn skip_coding(r: &mut BitReader<'_>) -> Result<(), Error> {
    for _ in 0..6 {
        r.ue("log2_min_luma_coding_block_size_minus3")?;
    }
    if r.flag("scaling_list_enabled_flag")? && r.flag("sps_scaling_list_data_present_flag")? {
        skip_scaling_lists(r)?;
    }
    r.skip(2, "amp_enabled_flag")?;
    if r.flag("pcm_enabled_flag")? {
        r.skip(8, "pcm_sample_bit_depth_luma_minus1")?;
        r.ue("log2_min_pcm_luma_coding_block_size_minus3")?;
        r.ue("log2_diff_max_min_pcm_luma_coding_block_size")?;
        r.flag("pcm_loop_filter_disabled_flag")?;
    }
    Ok(())
}

fn skip_scaling_lists(r: &mut BitReader<'_>) -> Result<(), Error> {
    for size in 0..4_u32 {
        let lists = if size == 3 { 2 } else { 6 };
        for _ in 0..lists {
            if !r.flag("scaling_list_pred_mode_flag")? {
                r.ue("scaling_list_pred_matrix_id_delta")?;
                continue;
            }
            let coefficients = 64.min(1 << (4 + 2 * size)) + u32::from(size > 1);
            for _ in 0..coefficients {
                r.se("scaling_list_delta_coef")?;
            }
        }
    }
    Ok(())
}
