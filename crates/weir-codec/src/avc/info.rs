//! What one access unit is, judged by its NAL units alone.

use super::nal::{NalType, is_reference, nal_type};
use super::slice::SliceType;
use crate::Error;
use crate::bits::BitReader;

/// payloadType of a recovery point SEI message (H.264 D.1.1).
const RECOVERY_POINT: u64 = 6;

/// A recovery point SEI message, H.264 D.2.8: decoding may start here, as at a key frame, but pictures are right
/// only later.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct RecoveryPoint {
    /// Frames to decode before output is right; 0 for an open-GOP intra picture.
    pub frames: u32,
    /// Whether it will be exactly right then.
    pub exact: bool,
    /// Whether the stream was cut here, so frames shown next may be wrong.
    pub broken_link: bool,
}

/// What an access unit is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct AuInfo {
    /// Has an IDR slice: a key frame.
    pub idr: bool,
    /// Its recovery point message.
    pub recovery_point: Option<RecoveryPoint>,
    /// Has slices, and no other picture refers to it: it may be dropped.
    pub disposable: bool,
    /// B when any slice is B, else P or SP when any is, else I or SI; `None` without a readable slice.
    pub slice_type: Option<SliceType>,
    /// Has an SPS.
    pub has_sps: bool,
    /// Has a PPS.
    pub has_pps: bool,
    /// Slices and data partitions in it; 0 means that there is no picture.
    pub slices: u32,
}

impl AuInfo {
    /// Looks at the NAL units of an access unit. What cannot be read is taken as not there.
    pub fn of<'a>(nals: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut info = Self::default();
        let mut referenced = false;
        for nal in nals {
            referenced |= nal_type(nal).is_vcl() && is_reference(nal);
            info.add(nal);
        }
        info.disposable = info.slices > 0 && !referenced;
        info
    }

    /// Whether a player may start here: IDR, or an intra recovery point that needs no earlier picture.
    #[must_use]
    pub fn is_random_access(&self) -> bool {
        let intra = self.slice_type.is_some_and(SliceType::is_intra);
        self.idr || (intra && self.recovery_point.is_some_and(|point| point.frames == 0))
    }

    fn add(&mut self, nal: &[u8]) {
        let kind = nal_type(nal);
        self.slices = self.slices.saturating_add(kind.is_vcl().into());
        match kind {
            NalType::Slice | NalType::PartitionA => self.add_slice(nal),
            NalType::Idr => {
                self.idr = true;
                self.add_slice(nal);
            }
            NalType::Sei => self.recovery_point = self.recovery_point.or_else(|| recovery_point(nal).ok().flatten()),
            NalType::Sps => self.has_sps = true,
            NalType::Pps => self.has_pps = true,
            _ => {}
        }
    }

    fn add_slice(&mut self, nal: &[u8]) {
        let Ok(new) = SliceType::of(nal) else { return };
        let rank = |t: SliceType| match t {
            SliceType::I | SliceType::Si => 0,
            SliceType::P | SliceType::Sp => 1,
            SliceType::B => 2,
        };
        if self.slice_type.is_none_or(|old| rank(new) > rank(old)) {
            self.slice_type = Some(new);
        }
    }
}

/// The first recovery point among the messages of an SEI NAL unit.
fn recovery_point(nal: &[u8]) -> Result<Option<RecoveryPoint>, Error> {
    let mut r = BitReader::rbsp(nal);
    // A message has at least two bytes, and so have the trailing bits that may end the unit.
    while r.remaining() > 16 {
        let kind = sei_number(&mut r, "payloadType")?;
        let size = sei_number(&mut r, "payloadSize")?;
        if kind == RECOVERY_POINT {
            let frames = r.ue("recovery_frame_cnt")?;
            let exact = r.flag("exact_match_flag")?;
            let broken_link = r.flag("broken_link_flag")?;
            return Ok(Some(RecoveryPoint { frames, exact, broken_link }));
        }
        for _ in 0..size {
            r.bits(8, "sei_payload")?;
        }
    }
    Ok(None)
}

/// A number coded as bytes of 255 and a last byte that is less (H.264 7.3.2.3.1).
fn sei_number(r: &mut BitReader<'_>, element: &'static str) -> Result<u64, Error> {
    let mut number = 0;
    loop {
        let byte = r.small(8, element)?;
        number += u64::from(byte);
        if byte != 0xff {
            return Ok(number);
        }
    }
}
