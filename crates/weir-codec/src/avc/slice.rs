//! Slice headers (H.264 7.3.3), as far as access unit borders and picture order need them.

use super::nal::{NalType, is_reference, nal_type};
use super::params::ParameterSets;
use super::pps::PpsInfo;
use super::sps::{ChromaFormat, PocType, SpsInfo};
use crate::bits::BitReader;
use crate::{Error, ErrorKind};

/// Most entries in one list of a header: twice 32 reference fields, and the end mark.
const MAX_LIST: usize = 66;

/// slice_type modulo 5.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum SliceType {
    /// 0: predicted from one list of earlier decoded pictures.
    P,
    /// 1: predicted from two lists.
    B,
    /// 2: intra.
    I,
    /// 3: P for switching between streams.
    Sp,
    /// 4: I for switching between streams.
    Si,
}

impl SliceType {
    /// The type of a slice NAL unit. Reads only the first two elements, so no parameter set is needed.
    ///
    /// # Errors
    /// When the unit has no slice header or ends early, or slice_type is over 9.
    pub fn of(nal: &[u8]) -> Result<Self, Error> {
        let mut r = slice_reader(nal)?;
        r.ue("first_mb_in_slice")?;
        Self::read(&mut r)
    }

    /// Whether the slice is decoded without other pictures.
    #[must_use]
    pub const fn is_intra(self) -> bool {
        matches!(self, Self::I | Self::Si)
    }

    fn read(r: &mut BitReader<'_>) -> Result<Self, Error> {
        Ok(match r.ue_max(9, "slice_type")? % 5 {
            0 => Self::P,
            1 => Self::B,
            2 => Self::I,
            3 => Self::Sp,
            _ => Self::Si,
        })
    }
}

/// What a coded picture is: a frame or one of its fields.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum PictureStructure {
    /// field_pic_flag is 0.
    Frame,
    /// The even rows.
    TopField,
    /// The odd rows.
    BottomField,
}

/// A slice header up to dec_ref_pic_marking.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct SliceHeader {
    /// first_mb_in_slice.
    pub first_mb: u32,
    /// slice_type.
    pub slice_type: SliceType,
    /// pic_parameter_set_id.
    pub pps_id: u8,
    /// seq_parameter_set_id of that PPS.
    pub sps_id: u8,
    /// colour_plane_id; 0 unless the planes have slices of their own.
    pub colour_plane: u8,
    /// frame_num.
    pub frame_num: u32,
    /// field_pic_flag and bottom_field_flag.
    pub structure: PictureStructure,
    /// nal_ref_idc is not 0.
    pub reference: bool,
    /// idr_pic_id of an IDR slice; `None` for others.
    pub idr_pic_id: Option<u32>,
    /// pic_order_cnt_lsb; 0 unless the POC type is 0.
    pub poc_lsb: u32,
    /// delta_pic_order_cnt_bottom; 0 when absent.
    pub delta_poc_bottom: i32,
    /// delta_pic_order_cnt; 0 when absent.
    pub delta_poc: [i32; 2],
    /// redundant_pic_cnt; 0 when absent.
    pub redundant_pic_cnt: u32,
    /// Whether memory_management_control_operation 5 is there: the picture resets order like an IDR.
    pub resets_order: bool,
}

impl SliceHeader {
    /// Reads the header of a slice NAL unit, with the parameter sets that are in force.
    ///
    /// # Errors
    /// [`ErrorKind::Missing`] when a parameter set was not seen; else when the unit has no slice header, ends
    /// early or has values that the specification forbids.
    pub fn parse(nal: &[u8], sets: &ParameterSets) -> Result<Self, Error> {
        let mut r = slice_reader(nal)?;
        let first_mb = r.ue("first_mb_in_slice")?;
        let slice_type = SliceType::read(&mut r)?;
        let missing = r.error(ErrorKind::Missing, "pic_parameter_set");
        let pps_id = r.ue_max(255, "pic_parameter_set_id")? as u8;
        let pps = sets.pps(pps_id).ok_or(missing)?;
        let sps = sets.sps(pps.sps_id).ok_or(Error { element: "seq_parameter_set", ..missing })?;
        let mut header = Self {
            first_mb,
            slice_type,
            pps_id,
            sps_id: pps.sps_id,
            colour_plane: 0,
            frame_num: 0,
            structure: PictureStructure::Frame,
            reference: is_reference(nal),
            idr_pic_id: None,
            poc_lsb: 0,
            delta_poc_bottom: 0,
            delta_poc: [0; 2],
            redundant_pic_cnt: 0,
            resets_order: false,
        };
        header.read_identity(&mut r, sps, nal_type(nal) == NalType::Idr)?;
        header.read_order(&mut r, sps, pps)?;
        if header.reference && header.idr_pic_id.is_none() {
            header.read_marking(&mut r, sps, pps)?;
        }
        Ok(header)
    }

    /// Whether a slice with the header `next`, coming after this one in the stream, starts another primary
    /// coded picture (H.264 7.4.1.2.4).
    #[must_use]
    pub fn starts_new_picture(&self, next: &Self) -> bool {
        let identity = |h: &Self| (h.frame_num, h.pps_id, h.structure, h.reference, h.idr_pic_id);
        let order = |h: &Self| (h.poc_lsb, h.delta_poc_bottom, h.delta_poc);
        identity(self) != identity(next) || order(self) != order(next)
    }

    /// Whether `next`, the picture after this one, is the other field of the same frame.
    #[must_use]
    pub fn is_pair_with(&self, next: &Self) -> bool {
        use PictureStructure::{BottomField, TopField};
        let opposite = matches!((self.structure, next.structure), (TopField, BottomField) | (BottomField, TopField));
        opposite && self.frame_num == next.frame_num && next.idr_pic_id.is_none() && !next.resets_order
    }

    fn read_identity(&mut self, r: &mut BitReader<'_>, sps: &SpsInfo, idr: bool) -> Result<(), Error> {
        if sps.separate_colour_planes {
            self.colour_plane = r.small(2, "colour_plane_id")?;
        }
        self.frame_num = r.bits(sps.frame_num_bits.into(), "frame_num")?;
        if !sps.frame_mbs_only && r.flag("field_pic_flag")? {
            self.structure = match r.flag("bottom_field_flag")? {
                false => PictureStructure::TopField,
                true => PictureStructure::BottomField,
            };
        }
        if idr {
            self.idr_pic_id = Some(r.ue_max(65_535, "idr_pic_id")?);
        }
        Ok(())
    }

    fn read_order(&mut self, r: &mut BitReader<'_>, sps: &SpsInfo, pps: &PpsInfo) -> Result<(), Error> {
        let both = pps.bottom_field_order_present && self.structure == PictureStructure::Frame;
        match &sps.poc {
            PocType::Lsb { bits } => {
                self.poc_lsb = r.bits((*bits).into(), "pic_order_cnt_lsb")?;
                if both {
                    self.delta_poc_bottom = r.se("delta_pic_order_cnt_bottom")?;
                }
            }
            PocType::Cycle { always_zero: false, .. } => {
                self.delta_poc[0] = r.se("delta_pic_order_cnt[0]")?;
                if both {
                    self.delta_poc[1] = r.se("delta_pic_order_cnt[1]")?;
                }
            }
            PocType::Cycle { .. } | PocType::DecodingOrder => {}
        }
        if pps.redundant_pic_cnt_present {
            self.redundant_pic_cnt = r.ue_max(127, "redundant_pic_cnt")?;
        }
        Ok(())
    }

    /// Walks to dec_ref_pic_marking of a reference picture that is not IDR, for operation 5.
    fn read_marking(&mut self, r: &mut BitReader<'_>, sps: &SpsInfo, pps: &PpsInfo) -> Result<(), Error> {
        let (p, b) = (matches!(self.slice_type, SliceType::P | SliceType::Sp), self.slice_type == SliceType::B);
        let lists = usize::from(p || b) + usize::from(b);
        if b {
            r.flag("direct_spatial_mv_pred_flag")?;
        }
        let mut active = pps.num_ref_idx;
        if lists > 0 && r.flag("num_ref_idx_active_override_flag")? {
            for count in &mut active[..lists] {
                *count = r.ue_max(31, "num_ref_idx_active_minus1")? + 1;
            }
        }
        for _ in 0..lists {
            skip_list_modification(r)?;
        }
        if (p && pps.weighted_pred) || (b && pps.weighted_bipred_idc == 1) {
            skip_weights(r, sps, &active[..lists])?;
        }
        self.resets_order = read_memory_control(r)?;
        Ok(())
    }
}

/// A reader at the first element of the slice header.
fn slice_reader(nal: &[u8]) -> Result<BitReader<'_>, Error> {
    if nal_type(nal).has_slice_header() {
        return Ok(BitReader::rbsp(nal));
    }
    let header = nal.first().copied().unwrap_or(0);
    Err(Error::at_byte(ErrorKind::Invalid(header.into()), "nal_unit_type", 0))
}

/// ref_pic_list_modification of one list, 7.3.3.1.
fn skip_list_modification(r: &mut BitReader<'_>) -> Result<(), Error> {
    if !r.flag("ref_pic_list_modification_flag")? {
        return Ok(());
    }
    for _ in 0..MAX_LIST {
        if r.ue_max(3, "modification_of_pic_nums_idc")? == 3 {
            return Ok(());
        }
        r.ue("pic_num")?;
    }
    Err(too_long(r, "ref_pic_list_modification"))
}

/// pred_weight_table, 7.3.3.2.
fn skip_weights(r: &mut BitReader<'_>, sps: &SpsInfo, active: &[u32]) -> Result<(), Error> {
    let chroma = sps.chroma_format != ChromaFormat::Monochrome && !sps.separate_colour_planes;
    r.ue("luma_log2_weight_denom")?;
    if chroma {
        r.ue("chroma_log2_weight_denom")?;
    }
    for _ in 0..active.iter().sum() {
        if r.flag("luma_weight_flag")? {
            r.se("luma_weight")?;
            r.se("luma_offset")?;
        }
        if chroma && r.flag("chroma_weight_flag")? {
            for _ in 0..2 {
                r.se("chroma_weight")?;
                r.se("chroma_offset")?;
            }
        }
    }
    Ok(())
}

/// dec_ref_pic_marking of a picture that is not IDR, 7.3.3.3: whether operation 5 is in it.
fn read_memory_control(r: &mut BitReader<'_>) -> Result<bool, Error> {
    let mut resets = false;
    if !r.flag("adaptive_ref_pic_marking_mode_flag")? {
        return Ok(false);
    }
    for _ in 0..MAX_LIST {
        let operands = match r.ue_max(6, "memory_management_control_operation")? {
            0 => return Ok(resets),
            5 => {
                resets = true;
                0
            }
            3 => 2,
            _ => 1,
        };
        for _ in 0..operands {
            r.ue("memory_management_control_operand")?;
        }
    }
    Err(too_long(r, "dec_ref_pic_marking"))
}

const fn too_long(r: &BitReader<'_>, element: &'static str) -> Error {
    r.error(ErrorKind::TooLarge { size: MAX_LIST as u64 + 1, limit: MAX_LIST as u64 }, element)
}
