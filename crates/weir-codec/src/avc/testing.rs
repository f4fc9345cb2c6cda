//! Parameter sets and slices made by hand, for what encoders at hand do not produce: fields, redundant pictures,
//! picture order types 1 and 2, memory management operation 5.

use weir_media::Bytes;

use super::slice::PictureStructure;
use crate::bits::BitWriter;

fn ue(w: &mut BitWriter, value: u32) {
    let code = u64::from(value) + 1;
    let bits = 64 - code.leading_zeros();
    w.bits(bits - 1, 0);
    w.bits(bits, code as u32);
}

fn se(w: &mut BitWriter, value: i32) {
    ue(w, if value > 0 { 2 * value.unsigned_abs() - 1 } else { 2 * value.unsigned_abs() });
}

/// A NAL unit of `header` and the bits written, with stop bit and emulation prevention.
fn nal(header: u8, mut w: BitWriter) -> Bytes {
    w.flag(true);
    let mut out = vec![header];
    let mut zeros = 0;
    for byte in w.finish() {
        if zeros >= 2 && byte <= 3 {
            out.push(3);
            zeros = 0;
        }
        zeros = if byte == 0 { zeros + 1 } else { 0 };
        out.push(byte);
    }
    out.into()
}

/// How order is coded in a [`TestStream`].
#[derive(Clone)]
pub(crate) enum TestPoc {
    Lsb,
    Cycle { non_ref: i32, top_to_bottom: i32, ref_frames: Vec<i32> },
    DecodingOrder,
}

/// A stream with 4 bits of frame_num and of pic_order_cnt_lsb, 96x64.
#[derive(Clone)]
pub(crate) struct TestStream {
    pub(crate) poc: TestPoc,
    pub(crate) fields: bool,
    pub(crate) redundant: bool,
}

impl TestStream {
    pub(crate) const FRAMES: Self = Self { poc: TestPoc::Lsb, fields: false, redundant: false };
    pub(crate) const FIELDS: Self = Self { poc: TestPoc::Lsb, fields: true, redundant: false };

    pub(crate) fn sps(&self) -> Bytes {
        let mut w = BitWriter::default();
        w.bits(24, 0x4d_001e);
        ue(&mut w, 0);
        ue(&mut w, 0);
        match &self.poc {
            TestPoc::Lsb => {
                ue(&mut w, 0);
                ue(&mut w, 0);
            }
            TestPoc::Cycle { non_ref, top_to_bottom, ref_frames } => {
                ue(&mut w, 1);
                w.flag(false);
                se(&mut w, *non_ref);
                se(&mut w, *top_to_bottom);
                ue(&mut w, ref_frames.len() as u32);
                ref_frames.iter().for_each(|offset| se(&mut w, *offset));
            }
            TestPoc::DecodingOrder => ue(&mut w, 2),
        }
        ue(&mut w, 4);
        w.flag(false);
        ue(&mut w, 5);
        ue(&mut w, if self.fields { 1 } else { 3 });
        w.flag(!self.fields);
        if self.fields {
            w.flag(false);
        }
        w.bits(3, 0b100);
        nal(0x67, w)
    }

    pub(crate) fn pps(&self) -> Bytes {
        let mut w = BitWriter::default();
        ue(&mut w, 0);
        ue(&mut w, 0);
        w.bits(2, 0);
        for _ in 0..3 {
            ue(&mut w, 0);
        }
        w.bits(3, 0);
        for _ in 0..3 {
            se(&mut w, 0);
        }
        w.bits(2, 0);
        w.flag(self.redundant);
        nal(0x68, w)
    }

    pub(crate) fn slice(&self, slice: &TestSlice) -> Bytes {
        let mut w = BitWriter::default();
        ue(&mut w, slice.first_mb);
        ue(&mut w, if slice.idr_pic_id.is_some() { 7 } else { 5 });
        ue(&mut w, 0);
        w.bits(4, slice.frame_num);
        if self.fields {
            w.flag(slice.structure != PictureStructure::Frame);
            if slice.structure != PictureStructure::Frame {
                w.flag(slice.structure == PictureStructure::BottomField);
            }
        }
        if let Some(id) = slice.idr_pic_id {
            ue(&mut w, id);
        }
        match self.poc {
            TestPoc::Lsb => w.bits(4, slice.lsb),
            TestPoc::Cycle { .. } => se(&mut w, slice.delta),
            TestPoc::DecodingOrder => {}
        }
        if self.redundant {
            ue(&mut w, slice.redundant_pic_cnt);
        }
        if slice.idr_pic_id.is_none() {
            // num_ref_idx_active_override_flag and ref_pic_list_modification_flag of a P slice.
            w.bits(2, 0);
        }
        if slice.reference {
            write_marking(&mut w, slice);
        }
        w.bits(16, 0xabcd);
        let kind = if slice.idr_pic_id.is_some() { 5 } else { 1 };
        nal(if slice.reference { 0x60 } else { 0 } | kind, w)
    }
}

fn write_marking(w: &mut BitWriter, slice: &TestSlice) {
    if slice.idr_pic_id.is_some() {
        w.bits(2, 0);
        return;
    }
    w.flag(slice.resets_order);
    if slice.resets_order {
        // Operation 1 with its operand, operation 5, end.
        [1, 0, 5, 0].iter().for_each(|code| ue(w, *code));
    }
}

/// A slice of a [`TestStream`]: P unless it is IDR.
#[derive(Clone, Copy)]
pub(crate) struct TestSlice {
    pub(crate) first_mb: u32,
    pub(crate) frame_num: u32,
    pub(crate) structure: PictureStructure,
    pub(crate) idr_pic_id: Option<u32>,
    pub(crate) lsb: u32,
    pub(crate) delta: i32,
    pub(crate) redundant_pic_cnt: u32,
    pub(crate) reference: bool,
    pub(crate) resets_order: bool,
}

impl TestSlice {
    pub(crate) const IDR: Self = Self { idr_pic_id: Some(0), ..Self::P };
    pub(crate) const P: Self = Self {
        first_mb: 0,
        frame_num: 0,
        structure: PictureStructure::Frame,
        idr_pic_id: None,
        lsb: 0,
        delta: 0,
        redundant_pic_cnt: 0,
        reference: true,
        resets_order: false,
    };
}
