//! The sequence header (AV1 5.5).

use weir_media::Frac;

use crate::bits::BitReader;
use crate::ratio::reduced;
use crate::{Colour, Error};

/// colour_primaries, transfer_characteristics and matrix_coefficients of sRGB.
const SRGB: (u8, u8, u8) = (1, 13, 0);
/// What they are when the header does not say: unspecified.
const UNSAID: (u8, u8, u8) = (2, 2, 2);

/// What a sequence header says.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct SequenceHeader {
    /// seq_profile, 0 to 2 in use.
    pub profile: u8,
    /// seq_level_idx of the first operating point.
    pub level: u8,
    /// Largest width of a frame, pixels.
    pub width: u32,
    /// Largest height of a frame, pixels.
    pub height: u32,
    /// Frames per second, in lowest terms, when all last equally long.
    pub frame_rate: Option<Frac>,
    /// 8, 10 or 12.
    pub bit_depth: u8,
    /// What the samples mean, if it says.
    pub colour: Option<Colour>,
}

impl SequenceHeader {
    /// Reads the payload of a sequence header unit.
    ///
    /// # Errors
    /// When it ends early, or has a code that is too long.
    pub fn parse(payload: &[u8]) -> Result<Self, Error> {
        let mut r = BitReader::plain(payload);
        let mut this = Self { profile: r.small(3, "seq_profile")?, ..Self::default() };
        r.flag("still_picture")?;
        let reduced = r.flag("reduced_still_picture_header")?;
        if reduced {
            this.level = r.small(5, "seq_level_idx")?;
        } else {
            this.read_operating_points(&mut r)?;
        }
        let width_bits = r.bits(4, "frame_width_bits_minus_1")? + 1;
        let height_bits = r.bits(4, "frame_height_bits_minus_1")? + 1;
        this.width = r.bits(width_bits, "max_frame_width_minus_1")? + 1;
        this.height = r.bits(height_bits, "max_frame_height_minus_1")? + 1;
        if !reduced && r.flag("frame_id_numbers_present_flag")? {
            r.bits(7, "delta_frame_id_length_minus_2")?;
        }
        r.bits(3, "use_128x128_superblock")?;
        if !reduced {
            skip_tools(&mut r)?;
        }
        r.bits(3, "enable_superres")?;
        this.read_colour(&mut r)?;
        Ok(this)
    }

    fn read_operating_points(&mut self, r: &mut BitReader<'_>) -> Result<(), Error> {
        let mut delay_bits = None;
        if r.flag("timing_info_present_flag")? {
            self.frame_rate = timing(r)?;
            if r.flag("decoder_model_info_present_flag")? {
                delay_bits = Some(r.bits(5, "buffer_delay_length_minus_1")? + 1);
                r.skip(32 + 10, "num_units_in_decoding_tick")?;
            }
        }
        let has_delay = r.flag("initial_display_delay_present_flag")?;
        for point in 0..=r.bits(5, "operating_points_cnt_minus_1")? {
            r.bits(12, "operating_point_idc")?;
            let level = r.small(5, "seq_level_idx")?;
            if level > 7 {
                r.flag("seq_tier")?;
            }
            if point == 0 {
                self.level = level;
            }
            if let Some(bits) = delay_bits
                && r.flag("decoder_model_present_for_this_op")?
            {
                r.skip(2 * bits + 1, "decoder_buffer_delay")?;
            }
            if has_delay && r.flag("initial_display_delay_present_for_this_op")? {
                r.bits(4, "initial_display_delay_minus_1")?;
            }
        }
        Ok(())
    }

    fn read_colour(&mut self, r: &mut BitReader<'_>) -> Result<(), Error> {
        let high = r.flag("high_bitdepth")?;
        let twelve = self.profile == 2 && high && r.flag("twelve_bit")?;
        self.bit_depth = match (high, twelve) {
            (false, _) => 8,
            (true, false) => 10,
            (true, true) => 12,
        };
        let mono = self.profile != 1 && r.flag("mono_chrome")?;
        let said = r.flag("color_description_present_flag")?;
        let (primaries, transfer, matrix) = if said {
            (
                r.small(8, "color_primaries")?,
                r.small(8, "transfer_characteristics")?,
                r.small(8, "matrix_coefficients")?,
            )
        } else {
            UNSAID
        };
        let full_range = (!mono && (primaries, transfer, matrix) == SRGB) || r.flag("color_range")?;
        self.colour = said.then_some(Colour { primaries, transfer, matrix, full_range });
        Ok(())
    }
}

/// Frames per second, when all last equally long.
fn timing(r: &mut BitReader<'_>) -> Result<Option<Frac>, Error> {
    let tick = r.bits(32, "num_units_in_display_tick")?;
    let scale = r.bits(32, "time_scale")?;
    if !r.flag("equal_picture_interval")? {
        return Ok(None);
    }
    let ticks = u64::from(r.ue("num_ticks_per_picture_minus_1")?) + 1;
    Ok(reduced(scale.into(), u64::from(tick) * ticks))
}

/// From enable_interintra_compound to order_hint_bits_minus_1.
fn skip_tools(r: &mut BitReader<'_>) -> Result<(), Error> {
    r.bits(4, "enable_interintra_compound")?;
    let order_hint = r.flag("enable_order_hint")?;
    if order_hint {
        r.bits(2, "enable_jnt_comp")?;
    }
    let screen_content = r.flag("seq_choose_screen_content_tools")? || r.flag("seq_force_screen_content_tools")?;
    if screen_content && !r.flag("seq_choose_integer_mv")? {
        r.flag("seq_force_integer_mv")?;
    }
    if order_hint {
        r.bits(3, "order_hint_bits_minus_1")?;
    }
    Ok(())
}
