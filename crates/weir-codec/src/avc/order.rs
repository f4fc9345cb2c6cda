//! Picture order count (H.264 8.2.1) and the order in which pictures are shown.

use std::collections::VecDeque;

use super::slice::{PictureStructure, SliceHeader};
use super::sps::{PocType, SpsInfo};

/// Most frames a decoder holds back (H.264 A.3.1: MaxDpbFrames is at most 16).
pub const MAX_REORDER_DEPTH: usize = 16;

/// Place of a picture in output order.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Poc {
    /// PicOrderCnt: pictures between two resets are shown by rising value. Frames are usually 2 apart.
    pub value: i64,
    /// Whether all pictures decoded before are shown before this one: it is IDR, or has memory management
    /// operation 5 (then `value` is 0, as it counts for the pictures that follow).
    pub resets: bool,
}

impl Poc {
    /// The place of a frame whose first field is at `self` and whose second is at `second`.
    #[must_use]
    pub(super) fn joined(self, second: Self) -> Self {
        Self { value: self.value.min(second.value), resets: self.resets }
    }
}

/// Picture order count of the fields of a picture; those it does not have are `None`.
#[derive(Clone, Copy)]
struct FieldOrder {
    top: Option<i64>,
    bottom: Option<i64>,
}

impl FieldOrder {
    fn of(structure: PictureStructure, top: i64, bottom: i64) -> Self {
        let has_top = structure != PictureStructure::BottomField;
        let has_bottom = structure != PictureStructure::TopField;
        Self { top: has_top.then_some(top), bottom: has_bottom.then_some(bottom) }
    }

    fn earliest(self) -> i64 {
        self.top.into_iter().chain(self.bottom).min().unwrap_or(0)
    }
}

/// Computes the picture order count of pictures in decoding order.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct PocState {
    /// prevPicOrderCntMsb and prevPicOrderCntLsb.
    msb: i64,
    lsb: i64,
    /// prevFrameNum and prevFrameNumOffset.
    frame_num: i64,
    frame_num_offset: i64,
}

impl PocState {
    /// As before the first picture.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The order of the next coded picture, by the header of its first slice. To be called once for every frame,
    /// and once for every field of a frame coded as fields.
    pub fn next(&mut self, sps: &SpsInfo, slice: &SliceHeader) -> Poc {
        let idr = slice.idr_pic_id.is_some();
        if idr {
            *self = Self::default();
        }
        let order = match &sps.poc {
            PocType::Lsb { bits } => self.by_lsb(*bits, slice),
            PocType::Cycle { non_ref, top_to_bottom, ref_frames, .. } => {
                let number = self.frame_number(sps, slice);
                by_cycle(number, *non_ref, *top_to_bottom, ref_frames, slice)
            }
            PocType::DecodingOrder => {
                let value = 2 * self.frame_number(sps, slice) - i64::from(!slice.reference);
                FieldOrder::of(slice.structure, value, value)
            }
        };
        let earliest = order.earliest();
        if slice.resets_order {
            let lsb = order.top.map_or(0, |top| top.saturating_sub(earliest));
            *self = Self { lsb, ..Self::default() };
            return Poc { value: 0, resets: true };
        }
        Poc { value: earliest, resets: idr }
    }

    /// Type 0, 8.2.1.1.
    fn by_lsb(&mut self, bits: u8, slice: &SliceHeader) -> FieldOrder {
        let (lsb, period) = (i64::from(slice.poc_lsb), 1 << bits);
        let half = period / 2;
        let msb = if lsb < self.lsb && self.lsb - lsb >= half {
            self.msb.saturating_add(period)
        } else if lsb > self.lsb && lsb - self.lsb > half {
            self.msb.saturating_sub(period)
        } else {
            self.msb
        };
        if slice.reference {
            (self.msb, self.lsb) = (msb, lsb);
        }
        let first = msb.saturating_add(lsb);
        // delta_poc_bottom is 0 for a field.
        FieldOrder::of(slice.structure, first, first.saturating_add(slice.delta_poc_bottom.into()))
    }

    /// FrameNumOffset + frame_num of types 1 and 2.
    fn frame_number(&mut self, sps: &SpsInfo, slice: &SliceHeader) -> i64 {
        let frame_num = i64::from(slice.frame_num);
        if self.frame_num > frame_num {
            self.frame_num_offset += 1 << sps.frame_num_bits;
        }
        self.frame_num = frame_num;
        self.frame_num_offset + frame_num
    }
}

/// Type 1, 8.2.1.2.
fn by_cycle(number: i64, non_ref: i32, top_to_bottom: i32, ref_frames: &[i32], slice: &SliceHeader) -> FieldOrder {
    let sum = |offsets: &[i32]| offsets.iter().map(|offset| i64::from(*offset)).sum::<i64>();
    let len = ref_frames.len() as i64;
    let counted = if len == 0 { 0 } else { number };
    let counted = counted - i64::from(!slice.reference && counted > 0);
    let mut expected = 0_i64;
    if counted > 0 {
        let (cycles, place) = ((counted - 1) / len, (counted - 1) % len);
        expected = cycles.saturating_mul(sum(ref_frames)).saturating_add(sum(&ref_frames[..=place as usize]));
    }
    if !slice.reference {
        expected = expected.saturating_add(non_ref.into());
    }
    let top = expected.saturating_add(slice.delta_poc[0].into());
    let bottom = top.saturating_add(top_to_bottom.into()).saturating_add(slice.delta_poc[1].into());
    FieldOrder::of(slice.structure, top, bottom)
}

/// Finds, for frames in decoding order, how many places later or earlier they are shown.
///
/// Push each frame's [`Poc`] in decoding order and pull offsets, in the same order; an offset is known at most
/// `depth` frames later. With DTS n for the n-th frame, its CTS is n + offset + depth, in frames, which is never
/// before its DTS.
///
/// ```
/// use weir_codec::avc::{DisplayOrder, Poc};
/// let mut order = DisplayOrder::new(1);
/// for (value, resets) in [(0, true), (4, false), (2, false), (6, false)] {
///     order.push(Some(Poc { value, resets }));
/// }
/// order.finish();
/// let offsets: Vec<_> = std::iter::from_fn(|| order.pull()).collect();
/// assert_eq!(offsets, [0, 1, -1, 0]); // I P B P is shown as I B P P
/// ```
#[derive(Clone, Debug)]
pub struct DisplayOrder {
    depth: usize,
    /// Frames not shown yet, as (order, number in decoding order).
    waiting: Vec<(i64, u64)>,
    /// Offsets of the frames not pulled yet.
    offsets: VecDeque<Option<i64>>,
    pushed: u64,
    shown: u64,
}

impl DisplayOrder {
    /// For a stream in which at most `depth` frames are held back: [`SpsInfo::reorder_depth`]. More than
    /// [`MAX_REORDER_DEPTH`] is taken as that.
    #[must_use]
    pub fn new(depth: usize) -> Self {
        let depth = depth.min(MAX_REORDER_DEPTH);
        Self { depth, waiting: Vec::new(), offsets: VecDeque::new(), pushed: 0, shown: 0 }
    }

    /// Frames held back at most.
    #[must_use]
    pub const fn depth(&self) -> usize {
        self.depth
    }

    /// Changes the depth, for a new SPS. All frames pushed so far are shown before those that follow.
    pub fn set_depth(&mut self, depth: usize) {
        self.finish();
        self.depth = depth.min(MAX_REORDER_DEPTH);
    }

    /// Adds the next frame. `None` stands for a frame whose order is unknown: it is shown after all before it.
    pub fn push(&mut self, poc: Option<Poc>) {
        let poc = poc.unwrap_or(Poc { value: 0, resets: true });
        if poc.resets {
            self.finish();
        }
        self.waiting.push((poc.value, self.pushed));
        self.offsets.push_back(None);
        self.pushed += 1;
        while self.waiting.len() > self.depth {
            self.show_next();
        }
    }

    /// Says that all frames pushed so far are shown before those that follow, if any follow.
    pub fn finish(&mut self) {
        while !self.waiting.is_empty() {
            self.show_next();
        }
    }

    /// The offset of the next frame in decoding order, in frames; `None` while it is not known.
    pub fn pull(&mut self) -> Option<i64> {
        let offset = (*self.offsets.front()?)?;
        self.offsets.pop_front();
        Some(offset)
    }

    fn show_next(&mut self) {
        let Some(at) = (0..self.waiting.len()).min_by_key(|at| self.waiting[*at]) else { return };
        let (_, number) = self.waiting.swap_remove(at);
        let first = self.pushed - self.offsets.len() as u64;
        if let Some(slot) = self.offsets.get_mut((number - first) as usize) {
            *slot = Some(self.shown.wrapping_sub(number).cast_signed());
        }
        self.shown += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::super::params::ParameterSets;
    use super::super::slice::PictureStructure::{BottomField, TopField};
    use super::super::testing::{TestPoc, TestSlice, TestStream};
    use super::*;
    use proptest::prelude::*;

    fn order(stream: &TestStream, slices: &[TestSlice]) -> Vec<(i64, bool)> {
        let mut sets = ParameterSets::new();
        assert_eq!((sets.put(&stream.sps()), sets.put(&stream.pps())), (Ok(true), Ok(true)));
        let mut state = PocState::new();
        let next = |slice: &TestSlice| {
            let header = SliceHeader::parse(&stream.slice(slice), &sets).unwrap();
            assert_eq!((header.resets_order, header.poc_lsb), (slice.resets_order, slice.lsb));
            let poc = state.next(sets.sps_of(&header).unwrap(), &header);
            (poc.value, poc.resets)
        };
        slices.iter().map(next).collect()
    }

    fn values(stream: &TestStream, slices: &[TestSlice]) -> Vec<i64> {
        order(stream, slices).into_iter().map(|(value, _)| value).collect()
    }

    #[test]
    fn low_bits_wrap_in_both_directions() {
        let p = |lsb, reference| TestSlice { lsb, reference, ..TestSlice::P };
        let slices =
            [TestSlice::IDR, p(6, true), p(12, true), p(2, true), p(14, false), p(0, false), p(8, true), p(0, true)];
        assert_eq!(values(&TestStream::FRAMES, &slices), [0, 6, 12, 18, 14, 16, 24, 32]);
    }

    #[test]
    fn idr_and_operation_5_start_anew() {
        let p = |lsb| TestSlice { lsb, ..TestSlice::P };
        let slices = [TestSlice::IDR, p(4), TestSlice { resets_order: true, ..p(8) }, p(2), TestSlice::IDR, p(2)];
        let want = [(0, true), (4, false), (0, true), (2, false), (0, true), (2, false)];
        assert_eq!(order(&TestStream::FRAMES, &slices), want);
    }

    #[test]
    fn decoding_order_follows_frame_num_and_its_wraps() {
        let stream = TestStream { poc: TestPoc::DecodingOrder, ..TestStream::FRAMES };
        let p = |frame_num, reference| TestSlice { frame_num, reference, ..TestSlice::P };
        let slices = [TestSlice::IDR, p(1, false), p(1, true), p(15, true), p(0, true), p(1, true)];
        assert_eq!(values(&stream, &slices), [0, 1, 2, 30, 32, 34]);
        let resets = [TestSlice::IDR, TestSlice { resets_order: true, ..p(9, true) }, p(1, true)];
        assert_eq!(values(&stream, &resets), [0, 0, 2]);
    }

    #[test]
    fn cycle_of_expected_differences() {
        // I B P B P: reference frames 4 apart, the B between them 2 before its frame_num's P.
        let poc = TestPoc::Cycle { non_ref: -2, top_to_bottom: 1, ref_frames: vec![4] };
        let stream = TestStream { poc, ..TestStream::FRAMES };
        let p = |frame_num, reference| TestSlice { frame_num, reference, ..TestSlice::P };
        let slices = [TestSlice::IDR, p(1, true), p(2, false), p(2, true), p(3, false), p(15, true), p(0, true)];
        assert_eq!(values(&stream, &slices), [0, 4, 2, 8, 6, 60, 64]);
        let moved = TestSlice { delta: -3, ..p(1, true) };
        assert_eq!(values(&stream, &[TestSlice::IDR, moved]), [0, 1]);
    }

    #[test]
    fn cycle_without_reference_frames_and_with_fields() {
        let poc = TestPoc::Cycle { non_ref: 7, top_to_bottom: 1, ref_frames: vec![] };
        let stream = TestStream { poc, ..TestStream::FIELDS };
        let field = |structure, delta, reference| TestSlice { structure, delta, reference, ..TestSlice::P };
        let slices = [field(TopField, 2, true), field(BottomField, 2, true), field(TopField, 0, false)];
        assert_eq!(values(&stream, &slices), [2, 3, 7]);
    }

    #[test]
    fn unknown_order_is_decoding_order() {
        let mut order = DisplayOrder::new(16);
        order.push(Some(Poc { value: 5, resets: true }));
        order.push(Some(Poc { value: 3, resets: false }));
        assert_eq!(order.pull(), None);
        order.push(None);
        assert_eq!((order.pull(), order.pull(), order.pull()), (Some(1), Some(-1), None));
        order.finish();
        assert_eq!((order.pull(), order.pull()), (Some(0), None));
    }

    proptest! {
        /// Each frame is shown once, no CTS is before its DTS, and frames with a greater count are never shown before
        /// smaller ones that arrive in time.
        #[test]
        fn offsets_are_a_permutation(pocs in proptest::collection::vec((-20_i64..20, 0_u8..8), 0..60), depth in 0_usize..20) {
            let mut order = DisplayOrder::new(depth);
            let mut offsets = Vec::new();
            for (value, reset) in &pocs {
                order.push(Some(Poc { value: *value, resets: *reset == 0 }));
                offsets.extend(std::iter::from_fn(|| order.pull()));
                prop_assert!(order.waiting.len() <= order.depth());
            }
            order.finish();
            offsets.extend(std::iter::from_fn(|| order.pull()));
            prop_assert!(offsets.iter().all(|offset| offset + order.depth() as i64 >= 0));
            let mut shown: Vec<_> = (0_i64..).zip(&offsets).map(|(at, offset)| at + offset).collect();
            shown.sort_unstable();
            prop_assert_eq!(shown, (0..pocs.len() as i64).collect::<Vec<_>>());
        }
    }
}
