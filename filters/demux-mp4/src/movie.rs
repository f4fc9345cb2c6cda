//! The `moov` box: tracks with their sample entries, sample tables and edit lists (ISO/IEC 14496-12 8.2 to 8.7).
//!
//! One damaged track does not take the others with it: it is left out with a warning.

use std::num::NonZeroU32;

use shiguredo_mp4::aux::SampleTableAccessor;
use shiguredo_mp4::boxes::{
    Co64Box, CttsBox, ElstBox, ElstEntry, MdhdBox, MehdBox, MvhdBox, SampleEntry, StblBox, StcoBox, StscBox, StsdBox,
    StssBox, StszBox, SttsBox, TkhdBox, TrexBox, UnknownBox,
};
use shiguredo_mp4::{BoxSize, BoxType, Either, SampleFlags};
use weir_plugin::{Error, ErrorKind, Result};

use crate::boxes::{self, Child, FourCc};
use crate::entry::{self, Entry};
use crate::sample::Sample;

/// Most samples in the table of one track: 50 days of 60 pictures a second.
const MAX_TABLE_SAMPLES: u32 = 1 << 28;
/// From here on, a duration is one of the ways to say that it is not known: all bits set in 32 or 64 bits.
const UNKNOWN_DURATION: u64 = u32::MAX as u64;

/// What `moov` says.
#[derive(Debug)]
pub(crate) struct Movie {
    pub(crate) tracks: Vec<Track>,
    /// Whether samples may follow in movie fragments.
    pub(crate) fragmented: bool,
    /// Damaged tracks: one line each.
    pub(crate) warnings: Vec<String>,
}

/// One track.
#[derive(Debug)]
pub(crate) struct Track {
    /// Number, unique in the file.
    pub(crate) id: u32,
    pub(crate) enabled: bool,
    /// Media type: `vide`, `soun`...
    pub(crate) handler: FourCc,
    /// Timestamp units per second.
    pub(crate) timescale: u32,
    /// Length in units of `timescale`, when known.
    pub(crate) duration: Option<u64>,
    /// Average rate that the samples amount to, bits per second, when all are listed.
    pub(crate) bitrate: Option<u64>,
    /// ISO 639-2 tag unless undetermined.
    pub(crate) language: Option<String>,
    pub(crate) edits: Edits,
    /// How far composition times are before decoding times at most: 0 unless the file has negative offsets. Decoding is
    /// moved ahead by it, so that no picture is shown before it is decoded.
    pub(crate) early: i64,
    pub(crate) entries: Vec<Entry>,
    pub(crate) table: Table,
    /// Defaults for fragments.
    pub(crate) defaults: TrexBox,
}

/// The samples that `moov` itself lists.
#[derive(Debug)]
pub(crate) struct Table(SampleTableAccessor<StblBox>);

impl Movie {
    /// Reads a whole `moov` box.
    pub(crate) fn read(moov: Child<'_>) -> Result<Self> {
        let mvhd: MvhdBox = moov.need(b"mvhd")?.decode()?;
        let mvex = moov.find(b"mvex")?;
        let extends = mvex.map(Extends::read).transpose()?;
        let mut movie = Self { tracks: Vec::new(), fragmented: mvex.is_some(), warnings: Vec::new() };
        for child in moov.children(0) {
            let trak = child?;
            if &trak.kind != b"trak" {
                continue;
            }
            match Track::read(trak, mvhd.timescale.get(), extends.as_ref()) {
                Ok(track) => movie.tracks.push(track),
                Err(e) => movie.warnings.push(format!("a damaged track is left out: {e}")),
            }
        }
        Ok(movie)
    }
}

/// The `mvex` box.
#[derive(Default)]
struct Extends {
    defaults: Vec<TrexBox>,
    /// Length with all fragments, in units of the movie's timescale.
    duration: Option<u64>,
}

impl Extends {
    fn read(mvex: Child<'_>) -> Result<Self> {
        let mut this = Self::default();
        for child in mvex.children(0) {
            let child = child?;
            match &child.kind {
                b"trex" => this.defaults.push(child.decode()?),
                b"mehd" => this.duration = Some(child.decode::<MehdBox>()?.fragment_duration),
                _ => {}
            }
        }
        Ok(this)
    }

    /// The defaults of a track; all zero for one that is not listed.
    fn defaults(this: Option<&Self>, track_id: u32) -> TrexBox {
        let listed = this.and_then(|this| this.defaults.iter().find(|trex| trex.track_id == track_id));
        listed.cloned().unwrap_or(TrexBox {
            track_id,
            default_sample_description_index: 1,
            default_sample_duration: 0,
            default_sample_size: 0,
            default_sample_flags: SampleFlags::empty(),
        })
    }
}

impl Track {
    fn read(trak: Child<'_>, movie_timescale: u32, extends: Option<&Extends>) -> Result<Self> {
        let tkhd: TkhdBox = trak.need(b"tkhd")?.decode()?;
        let mdia = trak.need(b"mdia")?;
        let mdhd: MdhdBox = mdia.need(b"mdhd")?.decode()?;
        let stbl = mdia.need(b"minf")?.need(b"stbl")?;
        let stsd = stbl.need(b"stsd")?;
        let entries = entry::read_all(stsd)?;
        let table = Table::read(stbl, entries.len())?;
        let timescale = mdhd.timescale.get();
        let elst = match trak.find(b"edts")? {
            Some(edts) => edts.find(b"elst")?.map(|elst| elst.decode::<ElstBox>()).transpose()?,
            None => None,
        };
        let edits = Edits::new(&elst.map(|e| e.entries).unwrap_or_default(), movie_timescale, timescale)
            .ok_or_else(|| trak.fault("edit list beyond all time"))?;
        let listed = Some(table.duration()).filter(|_| table.len() > 0);
        let duration = match extends {
            Some(extends) => extends.duration.map(|d| scale(d, movie_timescale, timescale)),
            None => edits.length.or(listed).or(Some(mdhd.duration)),
        };
        Ok(Self {
            id: tkhd.track_id,
            enabled: tkhd.flag_track_enabled,
            handler: handler(mdia)?,
            timescale,
            duration: duration.filter(|d| (1..UNKNOWN_DURATION).contains(d)),
            bitrate: if extends.is_none() { table.bitrate(timescale) } else { None },
            language: language(mdhd.language.as_bytes()),
            edits,
            early: 0,
            entries,
            table,
            defaults: Extends::defaults(extends, tkhd.track_id),
        })
    }

    /// Decoding and composition time of a sample, as presented.
    pub(crate) const fn times(&self, sample: &Sample) -> (i64, i64) {
        let shift = self.edits.shift;
        (sample.dts.saturating_add(shift).saturating_sub(self.early), sample.cts.saturating_add(shift))
    }

    /// The first sample entry of a codec that is read here.
    pub(crate) fn first_usable_entry(&self) -> Option<usize> {
        self.entries.iter().position(|entry| !matches!(entry, Entry::Other(_)))
    }

    /// The name of the codec, for messages.
    pub(crate) fn codec_name(&self) -> String {
        match self.entries.first() {
            Some(Entry::Other(name)) => name.clone(),
            _ => boxes::name(&self.handler),
        }
    }
}

fn handler(mdia: Child<'_>) -> Result<FourCc> {
    let hdlr = mdia.need(b"hdlr")?;
    hdlr.body.get(8..).and_then(|b| b.first_chunk()).copied().ok_or_else(|| hdlr.fault("cut short"))
}

fn language(tag: [u8; 3]) -> Option<String> {
    let known = tag.iter().all(u8::is_ascii_lowercase) && &tag != b"und";
    known.then(|| tag.iter().map(|c| char::from(*c)).collect())
}

/// `value` units of `1/from` s in units of `1/to` s, to the nearest.
fn scale(value: u64, from: u32, to: u32) -> u64 {
    let scaled = (u128::from(value) * u128::from(to) + u128::from(from / 2)) / u128::from(from.max(1));
    u64::try_from(scaled).unwrap_or(u64::MAX)
}

/// What the edit list of a track asks for, in units of the track's timescale.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Edits {
    /// What every timestamp is moved by: leading empty edits less `skip`.
    pub(crate) shift: i64,
    /// Media time that is presented first. Sound before it is priming.
    pub(crate) skip: i64,
    /// How long is presented, when told.
    length: Option<u64>,
    /// It asks for more than a start and an end.
    pub(crate) complex: bool,
}

impl Edits {
    /// `None` when times are beyond 2^63.
    fn new(list: &[ElstEntry], movie_timescale: u32, timescale: u32) -> Option<Self> {
        let empty = list.iter().take_while(|edit| edit.media_time == -1).count();
        let wait = list[..empty].iter().try_fold(0u64, |sum, edit| sum.checked_add(edit.edit_duration))?;
        let wait = i64::try_from(scale(wait, movie_timescale, timescale)).ok()?;
        let Some(first) = list.get(empty) else { return Some(Self { shift: wait, ..Self::default() }) };
        let plain_rate = (first.media_rate.integer, first.media_rate.fraction) == (1, 0);
        Some(Self {
            shift: wait.checked_sub(first.media_time)?,
            skip: first.media_time,
            length: Some(scale(first.edit_duration, movie_timescale, timescale)).filter(|length| *length > 0),
            complex: !plain_rate || list.len() > empty + 1,
        })
    }
}

impl Table {
    fn read(stbl: Child<'_>, entries: usize) -> Result<Self> {
        let stsz: StszBox = stbl.need(b"stsz")?.decode()?;
        let count = match &stsz {
            StszBox::Fixed { sample_count, .. } => *sample_count,
            StszBox::Variable { entry_sizes } => u32::try_from(entry_sizes.len()).unwrap_or(u32::MAX),
        };
        if count > MAX_TABLE_SAMPLES {
            let text = format!("{count} samples in one track are more than the limit of {MAX_TABLE_SAMPLES}");
            return Err(Error::new(ErrorKind::Limit, text));
        }
        let mut stts_box: SttsBox = stbl.need(b"stts")?.decode()?;
        let mut ctts_box = stbl.find(b"ctts")?.map(|ctts| ctts.decode::<CttsBox>()).transpose()?;
        // The look-up below wants every run to have a sample.
        stts_box.entries.retain(|run| run.sample_count > 0);
        if let Some(ctts) = &mut ctts_box {
            ctts.entries.retain(|run| run.sample_count > 0);
        }
        let offsets = match stbl.find(b"co64")? {
            Some(co64) => Either::B(co64.decode::<Co64Box>()?),
            None => Either::A(stbl.need(b"stco")?.decode::<StcoBox>()?),
        };
        let placeholder = SampleEntry::Unknown(UnknownBox {
            box_type: BoxType::Normal(*b"free"),
            box_size: BoxSize::U32(8),
            payload: Vec::new(),
        });
        let table = StblBox {
            stsd_box: StsdBox { entries: vec![placeholder; entries] },
            stts_box,
            ctts_box,
            cslg_box: None,
            stsc_box: stbl.need(b"stsc")?.decode::<StscBox>()?,
            stsz_box: stsz,
            stco_or_co64_box: offsets,
            stss_box: stbl.find(b"stss")?.map(|stss| stss.decode::<StssBox>()).transpose()?,
            sdtp_box: None,
            unknown_boxes: Vec::new(),
        };
        SampleTableAccessor::new(table).map(Self).map_err(|e| stbl.fault(e))
    }

    /// Samples in it.
    pub(crate) fn len(&self) -> u32 {
        self.0.sample_count()
    }

    /// Sample `index`, counted from 0; `None` past the last one.
    pub(crate) fn get(&self, index: u32) -> Option<Sample> {
        let sample = self.0.get_sample(NonZeroU32::new(index.checked_add(1)?)?)?;
        let dts = i64::try_from(sample.timestamp()).unwrap_or(i64::MAX);
        Some(Sample {
            offset: sample.data_offset(),
            size: sample.data_size(),
            dts,
            cts: dts.saturating_add(sample.composition_time_offset().unwrap_or(0)),
            duration: sample.duration(),
            sync: sample.is_sync_sample(),
            entry: sample.chunk().sample_entry_index(),
        })
    }

    /// How far the composition time of a sample is before its decoding time at most.
    pub(crate) fn early(&self) -> i64 {
        let runs = self.0.stbl_box().ctts_box.iter().flat_map(|ctts| &ctts.entries);
        runs.map(|run| run.sample_offset.saturating_neg()).max().unwrap_or(0)
    }

    /// Sum of the durations of all samples.
    pub(crate) fn duration(&self) -> u64 {
        let runs = &self.0.stbl_box().stts_box.entries;
        runs.iter().map(|run| u64::from(run.sample_count) * u64::from(run.sample_delta)).sum()
    }

    /// Average rate over all samples, bits per second.
    fn bitrate(&self, timescale: u32) -> Option<u64> {
        let bytes: u64 = match &self.0.stbl_box().stsz_box {
            StszBox::Fixed { sample_size, sample_count } => u64::from(sample_size.get()) * u64::from(*sample_count),
            StszBox::Variable { entry_sizes } => entry_sizes.iter().map(|size| u64::from(*size)).sum(),
        };
        let rate = (u128::from(bytes) * 8 * u128::from(timescale)).checked_div(self.duration().into())?;
        u64::try_from(rate).ok().filter(|rate| *rate > 0)
    }

    /// The duration that all samples but perhaps the last have.
    pub(crate) fn common_duration(&self) -> Option<u32> {
        match &self.0.stbl_box().stts_box.entries[..] {
            [run] => Some(run.sample_delta),
            [run, last] if last.sample_count == 1 => Some(run.sample_delta),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use shiguredo_mp4::FixedPointNumber;

    use super::*;

    fn edit(edit_duration: u64, media_time: i64) -> ElstEntry {
        ElstEntry { edit_duration, media_time, media_rate: FixedPointNumber::new(1, 0) }
    }

    #[test]
    fn edit_lists_move_the_start() {
        let starts = |list: &[ElstEntry], from, to| Edits::new(list, from, to).map(|e| (e.shift, e.skip, e.length));
        assert_eq!(starts(&[], 1000, 48_000), Some((0, 0, None)));
        assert_eq!(starts(&[edit(500, 1024)], 1000, 48_000), Some((-1024, 1024, Some(24_000))));
        assert_eq!(starts(&[edit(21, -1), edit(0, 1024)], 1000, 12_800), Some((269 - 1024, 1024, None)));
        assert_eq!(starts(&[edit(21, -1)], 1000, 1000), Some((21, 0, None)));
        assert_eq!(starts(&[edit(u64::MAX, -1), edit(1, -1)], 1000, 1000), None);
        assert_eq!(starts(&[edit(0, i64::MIN)], 1000, 1000), None);
        let complex = |list: &[ElstEntry]| Edits::new(list, 1000, 1000).map(|e| e.complex);
        assert_eq!(complex(&[edit(5, 0), edit(5, 100)]), Some(true));
        assert_eq!(complex(&[edit(5, -1), edit(5, 100)]), Some(false));
    }

    #[test]
    fn languages_are_three_letters() {
        assert_eq!(language(*b"fra").as_deref(), Some("fra"));
        assert_eq!(language(*b"und"), None);
        assert_eq!(language(*b"```"), None);
    }
}
