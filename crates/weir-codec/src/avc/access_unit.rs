//! Grouping NAL units into access units (H.264 7.4.1.2.3).

use std::mem;
use std::sync::Arc;

use weir_media::Bytes;

use super::info::AuInfo;
use super::nal::{NalType, nal_type};
use super::order::{Poc, PocState};
use super::params::ParameterSets;
use super::slice::SliceHeader;
use crate::bits::BitReader;
use crate::{Error, ErrorKind};

/// Most bytes of NAL units in one access unit: 64 MiB.
pub const MAX_ACCESS_UNIT_SIZE: usize = 64 << 20;
/// Most NAL units in one access unit: more than an 8K picture has when its slices fit in network packets.
pub const MAX_ACCESS_UNIT_NALS: usize = 16_384;

/// One coded frame with all that belongs to it. Two fields of one frame are together.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AccessUnit {
    /// Its NAL units, in stream order, without start codes. Never empty.
    pub nals: Vec<Bytes>,
    /// What it is.
    pub info: AuInfo,
    /// Header of its first slice, when that could be read.
    pub slice: Option<SliceHeader>,
    /// Its place in output order; `None` when no slice header could be read.
    pub poc: Option<Poc>,
    /// The parameter sets in force for its slices. The same `Arc` as long as nothing changes.
    pub sets: Arc<ParameterSets>,
    /// The first fault met in its parameter sets and slice headers. It is whole all the same.
    pub fault: Option<Error>,
}

impl AccessUnit {
    /// The NAL units as slices, for the functions that join them.
    pub fn slices(&self) -> impl Iterator<Item = &[u8]> + Clone {
        self.nals.iter().map(AsRef::as_ref)
    }
}

/// What has come of the picture in hand.
#[derive(Debug, Default)]
struct Picture {
    /// Whether a slice or data partition came.
    started: bool,
    /// Header of the last slice that could be read.
    header: Option<SliceHeader>,
    /// Colour planes, as bits, whose first macroblock came.
    first_mb_seen: u8,
    /// Whether this is the second field of its access unit.
    second_field: bool,
}

impl Picture {
    /// Whether a field of the other parity may yet join.
    fn awaits_field(&self) -> bool {
        use super::slice::PictureStructure::Frame;
        !self.second_field && self.header.is_some_and(|h| h.structure != Frame)
    }
}

/// How a slice relates to the picture in hand.
enum Relation {
    SamePicture,
    OtherField,
    NewUnit,
}

/// Groups NAL units, pushed in stream order, into access units.
///
/// Works with and without access unit delimiters, with many slices a picture in any order, data partitions,
/// redundant pictures and fields. When the parameter sets of a slice are missing, a new picture is taken to
/// start at each slice with first_mb_in_slice 0.
///
/// An access unit is known to be whole only when the next one starts, so it comes one NAL unit late.
#[derive(Debug, Default)]
pub struct AccessUnitSplitter {
    sets: Arc<ParameterSets>,
    order: PocState,
    nals: Vec<Bytes>,
    size: usize,
    /// Units that belong to this access unit if the next slice does, else to the next one.
    undecided: Vec<Bytes>,
    picture: Picture,
    slice: Option<SliceHeader>,
    slice_sets: Option<Arc<ParameterSets>>,
    poc: Option<Poc>,
    fault: Option<Error>,
    /// Over a limit: what comes is dropped up to the next access unit.
    dropping: bool,
    /// Bytes of NAL units pushed so far.
    pushed: u64,
}

impl AccessUnitSplitter {
    /// A splitter that knows no parameter sets.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A splitter for a stream whose parameter sets, or some of them, came by another way.
    #[must_use]
    pub fn with_sets(sets: ParameterSets) -> Self {
        Self { sets: Arc::new(sets), ..Self::default() }
    }

    /// Adds the next NAL unit. Gives the access unit before it when this one starts another.
    ///
    /// # Errors
    /// [`ErrorKind::TooLarge`] when the access unit in hand goes over [`MAX_ACCESS_UNIT_SIZE`] or
    /// [`MAX_ACCESS_UNIT_NALS`]. It is dropped, to its end; push on. The place counts bytes of NAL units.
    pub fn push(&mut self, nal: Bytes) -> Result<Option<AccessUnit>, Error> {
        self.pushed += nal.len() as u64;
        let kind = nal_type(&nal);
        if nal.is_empty() {
            return Ok(None);
        }
        if kind.has_slice_header() {
            return self.push_slice(nal);
        }
        let done = match kind {
            _ if !self.picture.started || !starts_unit(kind) => None,
            _ if kind == NalType::Prefix || self.picture.awaits_field() => {
                self.learn(&nal);
                self.undecided.push(nal);
                return self.check_limits().map(|()| None);
            }
            _ => self.cut(),
        };
        self.learn(&nal);
        self.picture.started |= kind.is_vcl();
        if self.undecided.is_empty() {
            self.keep(nal)
        } else {
            self.undecided.push(nal)
        }
        self.check_limits().map(|()| done)
    }

    /// Gives the last access unit; no more NAL units come. The splitter is then as new, but for parameter sets.
    pub fn finish(&mut self) -> Option<AccessUnit> {
        for nal in mem::take(&mut self.undecided) {
            self.keep(nal);
        }
        let last = self.cut();
        self.order = PocState::default();
        last
    }

    /// The parameter sets seen so far, those of the access unit in hand included.
    #[must_use]
    pub const fn sets(&self) -> &Arc<ParameterSets> {
        &self.sets
    }

    fn push_slice(&mut self, nal: Bytes) -> Result<Option<AccessUnit>, Error> {
        let header = SliceHeader::parse(&nal, &self.sets);
        let relation = self.relation(&nal, header.as_ref().ok());
        let done = match relation {
            Relation::NewUnit => self.cut(),
            Relation::OtherField => {
                self.picture = Picture { second_field: true, ..Picture::default() };
                None
            }
            Relation::SamePicture => None,
        };
        for nal in mem::take(&mut self.undecided) {
            self.keep(nal);
        }
        self.keep(nal);
        match header {
            Ok(header) => self.note_slice(header),
            Err(error) => self.fault = self.fault.or(Some(error)),
        }
        self.picture.started = true;
        self.check_limits().map(|()| done)
    }

    fn relation(&self, nal: &[u8], next: Option<&SliceHeader>) -> Relation {
        if !self.picture.started {
            return Relation::SamePicture;
        }
        let (Some(last), Some(next)) = (&self.picture.header, next) else {
            let first_mb = BitReader::rbsp(nal).ue("first_mb_in_slice");
            return if first_mb == Ok(0) { Relation::NewUnit } else { Relation::SamePicture };
        };
        if last.starts_new_picture(next) {
            let joins = self.picture.awaits_field() && last.is_pair_with(next);
            return if joins { Relation::OtherField } else { Relation::NewUnit };
        }
        // Encoders exist that give neighbouring IDR pictures the same idr_pic_id. A primary picture has its first
        // macroblock once, so a second one is of another picture.
        let repeated = next.first_mb == 0 && next.redundant_pic_cnt == 0;
        if repeated && self.picture.first_mb_seen >> next.colour_plane & 1 == 1 {
            return Relation::NewUnit;
        }
        Relation::SamePicture
    }

    /// A slice was added whose header is `header`.
    fn note_slice(&mut self, header: SliceHeader) {
        if self.picture.header.is_none()
            && let Some(sps) = self.sets.sps_of(&header)
        {
            let poc = self.order.next(sps, &header);
            self.poc = Some(self.poc.map_or(poc, |first| first.joined(poc)));
        }
        if self.slice.is_none() {
            self.slice = Some(header);
            self.slice_sets = Some(Arc::clone(&self.sets));
        }
        if header.first_mb == 0 {
            self.picture.first_mb_seen |= 1 << header.colour_plane;
        }
        self.picture.header = Some(header);
    }

    /// Takes note of a parameter set.
    fn learn(&mut self, nal: &[u8]) {
        if !matches!(nal_type(nal), NalType::Sps | NalType::Pps) {
            return;
        }
        let mut sets = ParameterSets::clone(&self.sets);
        match sets.put(nal) {
            Ok(true) => self.sets = Arc::new(sets),
            Ok(false) => {}
            Err(error) => self.fault = self.fault.or(Some(error)),
        }
    }

    fn keep(&mut self, nal: Bytes) {
        if !self.dropping {
            self.size = self.size.saturating_add(nal.len());
            self.nals.push(nal);
        }
    }

    fn check_limits(&mut self) -> Result<(), Error> {
        let count = self.nals.len() + self.undecided.len();
        let size = self.undecided.iter().map(Bytes::len).fold(self.size, usize::saturating_add);
        let over = [(size, MAX_ACCESS_UNIT_SIZE), (count, MAX_ACCESS_UNIT_NALS)].into_iter().find(|(n, max)| n > max);
        let Some((size, limit)) = over else { return Ok(()) };
        self.dropping = true;
        self.nals.clear();
        self.undecided.clear();
        self.size = 0;
        let kind = ErrorKind::TooLarge { size: size as u64, limit: limit as u64 };
        Err(Error::at_byte(kind, "access unit", self.pushed))
    }

    /// Ends the access unit in hand; units undecided open the next one.
    fn cut(&mut self) -> Option<AccessUnit> {
        let next = mem::take(&mut self.undecided);
        self.size = next.iter().map(Bytes::len).sum();
        let nals = mem::replace(&mut self.nals, next);
        self.picture = Picture::default();
        self.dropping = false;
        let (slice, poc, fault) = (self.slice.take(), self.poc.take(), self.fault.take());
        let sets = self.slice_sets.take().unwrap_or_else(|| Arc::clone(&self.sets));
        if nals.is_empty() {
            return None;
        }
        let info = AuInfo::of(nals.iter().map(AsRef::as_ref));
        Some(AccessUnit { nals, info, slice, poc, sets, fault })
    }
}

/// Whether a unit of this type, after a slice, starts the next access unit.
const fn starts_unit(kind: NalType) -> bool {
    matches!(kind, NalType::Sei | NalType::Sps | NalType::Pps | NalType::Aud | NalType::Prefix | NalType::SubsetSps)
        || matches!(kind, NalType::Other(16..=18))
}

#[cfg(test)]
mod tests {
    use super::super::slice::PictureStructure::{BottomField, TopField};
    use super::super::testing::{TestSlice, TestStream};
    use super::*;

    const AUD: Bytes = Bytes::from_static(&[0x09, 0xf0]);
    const SEI: Bytes = Bytes::from_static(&[0x06, 0x05, 0x01, 0x00, 0x80]);
    const PREFIX: Bytes = Bytes::from_static(&[0x6e, 0x40, 0x00, 0x01]);
    const FILLER: Bytes = Bytes::from_static(&[0x0c, 0xff, 0x80]);
    const END: Bytes = Bytes::from_static(&[0x0a]);

    /// Numbers of NAL units in each access unit.
    fn counts(nals: &[Bytes]) -> Vec<usize> {
        units(nals).iter().map(|unit| unit.nals.len()).collect()
    }

    fn units(nals: &[Bytes]) -> Vec<AccessUnit> {
        let mut splitter = AccessUnitSplitter::new();
        let mut out: Vec<_> = nals.iter().filter_map(|nal| splitter.push(nal.clone()).unwrap()).collect();
        out.extend(splitter.finish());
        assert_eq!(out.iter().flat_map(|unit| unit.nals.clone()).collect::<Vec<_>>(), nals);
        out
    }

    fn p(frame_num: u32, lsb: u32) -> TestSlice {
        TestSlice { frame_num, lsb, ..TestSlice::P }
    }

    #[test]
    fn slices_of_one_picture_stay_together_in_any_order() {
        let s = TestStream::FRAMES;
        let at = |slice: TestSlice, first_mb| s.slice(&TestSlice { first_mb, ..slice });
        let (idr, next) = (TestSlice::IDR, p(1, 2));
        let nals = [s.sps(), s.pps(), at(idr, 12), at(idr, 0), at(idr, 6), at(next, 6), at(next, 0), at(next, 12)];
        assert_eq!(counts(&nals), [5, 3]);
    }

    #[test]
    fn each_difference_of_7_4_1_2_4_starts_a_picture() {
        let s = TestStream { redundant: false, ..TestStream::FRAMES };
        let base = TestSlice { first_mb: 6, ..p(3, 6) };
        let others = [
            TestSlice { frame_num: 4, ..base },
            TestSlice { lsb: 8, ..base },
            TestSlice { reference: false, ..base },
            TestSlice { idr_pic_id: Some(1), ..base },
        ];
        for other in others {
            assert_eq!(counts(&[s.sps(), s.pps(), s.slice(&base), s.slice(&base), s.slice(&other)]), [4, 1]);
        }
    }

    #[test]
    fn idr_pictures_with_the_same_id_are_told_apart() {
        let s = TestStream::FRAMES;
        let slices = [0, 6].map(|first_mb| s.slice(&TestSlice { first_mb, ..TestSlice::IDR }));
        let nals = [s.sps(), s.pps(), slices[0].clone(), slices[1].clone(), slices[0].clone(), slices[1].clone()];
        assert_eq!(counts(&nals), [4, 2]);
    }

    #[test]
    fn redundant_slices_belong_to_the_primary_picture() {
        let s = TestStream { redundant: true, ..TestStream::FRAMES };
        let copy = TestSlice { redundant_pic_cnt: 1, ..TestSlice::IDR };
        assert_eq!(counts(&[s.sps(), s.pps(), s.slice(&TestSlice::IDR), s.slice(&copy), s.slice(&p(1, 2))]), [4, 1]);
    }

    #[test]
    fn units_before_and_after_slices_go_where_they_belong() {
        let s = TestStream::FRAMES;
        let (a, b) = (s.slice(&TestSlice::IDR), s.slice(&p(1, 2)));
        let nals = [AUD, s.sps(), s.pps(), SEI, a.clone(), FILLER, AUD, SEI, b.clone(), END, s.sps(), s.pps(), a];
        assert_eq!(counts(&nals), [6, 4, 3]);
        let split = [s.sps(), s.pps(), PREFIX, b.clone(), PREFIX, s.slice(&TestSlice { first_mb: 6, ..p(1, 2) })];
        assert_eq!(counts(&split), [6]);
        assert_eq!(counts(&[s.sps(), s.pps(), PREFIX, b, PREFIX, s.slice(&p(2, 4))]), [4, 2]);
    }

    #[test]
    fn an_access_unit_may_have_no_picture() {
        let s = TestStream::FRAMES;
        let units = units(&[s.sps(), s.pps(), END]);
        assert_eq!((units.len(), units[0].info.slices, units[0].poc, units[0].slice), (1, 0, None, None));
        assert!(units[0].sets.is_complete() && !units[0].info.disposable);
    }

    #[test]
    fn two_fields_are_one_unit_with_and_without_units_between() {
        let s = TestStream::FIELDS;
        let top = |slice: TestSlice| s.slice(&TestSlice { structure: TopField, ..slice });
        let bottom = |slice: TestSlice| s.slice(&TestSlice { structure: BottomField, ..slice });
        // An IDR frame may be an IDR field and a P field.
        let nals = [s.sps(), s.pps(), top(TestSlice::IDR), bottom(p(0, 1)), bottom(p(1, 3)), top(p(1, 2))];
        assert_eq!(counts(&nals), [4, 2]);
        let nals = [AUD, s.sps(), s.pps(), top(TestSlice::IDR), AUD, SEI, bottom(p(0, 1)), AUD, top(p(1, 2)), AUD];
        let split = units(&nals);
        assert_eq!(split.iter().map(|unit| unit.nals.len()).collect::<Vec<_>>(), [7, 3]);
        assert_eq!(split[0].poc, Some(Poc { value: 0, resets: true }));
        assert_eq!(split[1].poc, Some(Poc { value: 2, resets: false }));
    }

    #[test]
    fn a_field_without_its_other_one_stands_alone() {
        let s = TestStream::FIELDS;
        let top = |slice: TestSlice| s.slice(&TestSlice { structure: TopField, ..slice });
        assert_eq!(counts(&[s.sps(), s.pps(), top(TestSlice::IDR), AUD, top(p(1, 2)), top(p(2, 4))]), [3, 2, 1]);
    }

    #[test]
    fn earliest_field_gives_the_order_of_the_frame() {
        let s = TestStream::FIELDS;
        let field = |structure, frame_num, lsb| s.slice(&TestSlice { structure, frame_num, lsb, ..TestSlice::P });
        let idr = s.slice(&TestSlice { structure: BottomField, lsb: 0, ..TestSlice::IDR });
        let nals = [s.sps(), s.pps(), idr, field(TopField, 0, 1), field(BottomField, 1, 5), field(TopField, 1, 4)];
        let order: Vec<_> = units(&nals).iter().map(|unit| unit.poc.unwrap().value).collect();
        assert_eq!(order, [0, 4]);
    }

    #[test]
    fn a_unit_over_the_limit_is_dropped_alone() {
        let s = TestStream::FRAMES;
        let mut splitter = AccessUnitSplitter::new();
        for nal in [s.sps(), s.pps(), s.slice(&TestSlice::IDR)] {
            assert_eq!(splitter.push(nal), Ok(None));
        }
        let results: Vec<_> = (0..MAX_ACCESS_UNIT_NALS).map(|_| splitter.push(FILLER)).collect();
        let faults: Vec<_> = results.iter().filter_map(|r| r.as_ref().err()).collect();
        assert_eq!(faults.len(), 1);
        let limit = MAX_ACCESS_UNIT_NALS as u64;
        assert_eq!(faults[0].kind, ErrorKind::TooLarge { size: limit + 1, limit });
        assert_eq!(splitter.push(s.slice(&p(1, 2))), Ok(None));
        let next = splitter.push(s.slice(&p(2, 4))).unwrap().unwrap();
        assert_eq!((next.nals.len(), next.fault), (1, None));
    }

    #[test]
    fn unreadable_sets_are_kept_and_told() {
        let s = TestStream::FRAMES;
        let cut = s.sps().slice(..5);
        let got = units(&[cut, s.sps(), s.pps(), s.slice(&TestSlice::IDR)]);
        assert_eq!(got[0].fault.map(|e| (e.kind, e.element)), Some((ErrorKind::Truncated, "max_num_ref_frames")));
        assert!(got[0].slice.is_some());
    }
}
