//! The part of a picture parameter set (H.264 7.3.2.2) that slice headers depend on.

use super::nal::{NalType, nal_type};
use crate::bits::BitReader;
use crate::{Error, ErrorKind};

/// Most entries of slice_group_id walked over: macroblocks of the largest picture, level 6.2.
const MAX_MAP_UNITS: u32 = 139_264;

/// What a picture parameter set says, as far as slice headers need it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct PpsInfo {
    /// pic_parameter_set_id, 0 to 255.
    pub id: u8,
    /// seq_parameter_set_id, 0 to 31.
    pub sps_id: u8,
    /// bottom_field_pic_order_in_frame_present_flag.
    pub bottom_field_order_present: bool,
    /// num_ref_idx_l0_default_active and num_ref_idx_l1_default_active, 1 to 32.
    pub num_ref_idx: [u32; 2],
    /// weighted_pred_flag.
    pub weighted_pred: bool,
    /// weighted_bipred_idc.
    pub weighted_bipred_idc: u8,
    /// redundant_pic_cnt_present_flag.
    pub redundant_pic_cnt_present: bool,
}

impl PpsInfo {
    /// Reads a PPS NAL unit, header byte included. The elements after redundant_pic_cnt_present_flag are not
    /// looked at, so its SPS need not be known.
    ///
    /// # Errors
    /// When it is not a PPS, ends early, or has values that the specification forbids.
    pub fn parse(nal: &[u8]) -> Result<Self, Error> {
        if nal_type(nal) != NalType::Pps {
            let header = nal.first().copied().unwrap_or(0);
            return Err(Error::at_byte(ErrorKind::Invalid(header.into()), "nal_unit_type", 0));
        }
        let mut r = BitReader::rbsp(nal);
        let id = r.ue_max(255, "pic_parameter_set_id")? as u8;
        let sps_id = r.ue_max(31, "seq_parameter_set_id")? as u8;
        r.flag("entropy_coding_mode_flag")?;
        let bottom_field_order_present = r.flag("bottom_field_pic_order_in_frame_present_flag")?;
        skip_slice_groups(&mut r)?;
        let l0 = r.ue_max(31, "num_ref_idx_l0_default_active_minus1")? + 1;
        let l1 = r.ue_max(31, "num_ref_idx_l1_default_active_minus1")? + 1;
        let weighted_pred = r.flag("weighted_pred_flag")?;
        let weighted_bipred_idc = r.small(2, "weighted_bipred_idc")?;
        for element in ["pic_init_qp_minus26", "pic_init_qs_minus26", "chroma_qp_index_offset"] {
            r.se(element)?;
        }
        r.flag("deblocking_filter_control_present_flag")?;
        r.flag("constrained_intra_pred_flag")?;
        let redundant_pic_cnt_present = r.flag("redundant_pic_cnt_present_flag")?;
        Ok(Self {
            id,
            sps_id,
            bottom_field_order_present,
            num_ref_idx: [l0, l1],
            weighted_pred,
            weighted_bipred_idc,
            redundant_pic_cnt_present,
        })
    }
}

fn skip_slice_groups(r: &mut BitReader<'_>) -> Result<(), Error> {
    let last = r.ue_max(7, "num_slice_groups_minus1")?;
    if last == 0 {
        return Ok(());
    }
    match r.ue_max(6, "slice_group_map_type")? {
        0 => {
            for _ in 0..=last {
                r.ue("run_length_minus1")?;
            }
        }
        2 => {
            for _ in 0..last {
                r.ue("top_left")?;
                r.ue("bottom_right")?;
            }
        }
        3..=5 => {
            r.flag("slice_group_change_direction_flag")?;
            r.ue("slice_group_change_rate_minus1")?;
        }
        6 => {
            let units = r.ue_max(MAX_MAP_UNITS - 1, "pic_size_in_map_units_minus1")? + 1;
            // Ceil(Log2(num_slice_groups)) bits each.
            r.skip(units * (u32::BITS - last.leading_zeros()), "slice_group_id")?;
        }
        _ => {}
    }
    Ok(())
}
