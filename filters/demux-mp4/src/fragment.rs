//! Movie fragments: the `moof` box (ISO/IEC 14496-12 8.8).

use std::collections::VecDeque;

use shiguredo_mp4::SampleFlags;
use shiguredo_mp4::boxes::{TfdtBox, TfhdBox, TrexBox, TrunBox, TrunSample};
use weir_plugin::{Error, ErrorKind, Result};

use crate::boxes::Child;
use crate::movie::Track;
use crate::sample::Sample;

/// Most samples in one `moof`: more than an hour of AAC in a single fragment.
const MAX_FRAGMENT_SAMPLES: u32 = 1 << 18;

/// The samples of one track that fragments brought and nobody took yet.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    pub(crate) samples: VecDeque<Sample>,
    /// Where a fragment that does not say its time goes on.
    pub(crate) end: i64,
}

/// Adds the samples of a `moof` box to the queues of their tracks. Fragments of other tracks are passed over.
pub(crate) fn read(moof: Child<'_>, tracks: &[Track], queues: &mut [Queue]) -> Result<()> {
    let mut left = MAX_FRAGMENT_SAMPLES;
    let mut data_end = moof.at;
    for child in moof.children(0) {
        let traf = child?;
        if &traf.kind != b"traf" {
            continue;
        }
        let head: TfhdBox = traf.need(b"tfhd")?.decode()?;
        let track = tracks.iter().position(|track| track.id == head.track_id);
        let mut fragment = Fragment {
            defaults: Defaults::new(&head, track.map(|i| &tracks[i].defaults)),
            base: match head.base_data_offset {
                Some(offset) => offset,
                None if head.default_base_is_moof => moof.at,
                None => data_end,
            },
            at: 0,
            dts: start(traf, track.map_or(0, |i| queues[i].end))?,
        };
        fragment.at = fragment.base;
        let mut queue = track.map(|i| &mut queues[i]);
        for child in traf.children(0) {
            let trun = child?;
            if &trun.kind == b"trun" {
                spend(&mut left, trun)?;
                fragment.run(trun, queue.as_deref_mut())?;
            }
        }
        data_end = fragment.at;
        if let Some(queue) = queue {
            queue.end = fragment.dts;
        }
    }
    Ok(())
}

/// Decoding time of the first sample of a track fragment.
fn start(traf: Child<'_>, otherwise: i64) -> Result<i64> {
    let Some(tfdt) = traf.find(b"tfdt")? else { return Ok(otherwise) };
    let time = tfdt.decode::<TfdtBox>()?.base_media_decode_time;
    i64::try_from(time).map_err(|_| tfdt.fault("a time beyond 2^63"))
}

/// Checks the sample count of a run before memory is taken for it.
fn spend(left: &mut u32, trun: Child<'_>) -> Result<()> {
    let count = trun.body.get(4..).and_then(|b| b.first_chunk()).map(|b| u32::from_be_bytes(*b));
    let count = count.ok_or_else(|| trun.fault("cut short"))?;
    *left = left.checked_sub(count).ok_or_else(|| {
        let text = format!("the fragment at byte {} has more than {MAX_FRAGMENT_SAMPLES} samples", trun.at);
        Error::new(ErrorKind::Limit, text)
    })?;
    Ok(())
}

/// What holds for samples that do not say it themselves.
struct Defaults {
    entry: usize,
    duration: u32,
    size: u32,
    flags: SampleFlags,
}

impl Defaults {
    fn new(head: &TfhdBox, track: Option<&TrexBox>) -> Self {
        let entry = head.sample_description_index.or(track.map(|t| t.default_sample_description_index));
        Self {
            entry: (entry.unwrap_or(1) as usize).saturating_sub(1),
            duration: head.default_sample_duration.or(track.map(|t| t.default_sample_duration)).unwrap_or(0),
            size: head.default_sample_size.or(track.map(|t| t.default_sample_size)).unwrap_or(0),
            flags: head.default_sample_flags.or(track.map(|t| t.default_sample_flags)).unwrap_or_default(),
        }
    }
}

/// One track fragment while its runs are read.
struct Fragment {
    defaults: Defaults,
    /// What the data offsets of runs count from.
    base: u64,
    /// Where the next sample lies.
    at: u64,
    /// When it is decoded.
    dts: i64,
}

impl Fragment {
    fn run(&mut self, trun: Child<'_>, mut queue: Option<&mut Queue>) -> Result<()> {
        let run: TrunBox = trun.decode()?;
        let beyond = || trun.fault("places or times beyond 2^63");
        if let Some(offset) = run.data_offset {
            self.at = self.base.checked_add_signed(offset.into()).ok_or_else(beyond)?;
        }
        for (i, listed) in run.samples.iter().enumerate() {
            let first_flags = run.first_sample_flags.filter(|_| i == 0);
            let sample = self.sample(listed, first_flags);
            self.at = self.at.checked_add(sample.size.into()).ok_or_else(beyond)?;
            self.dts = self.dts.checked_add(sample.duration.into()).ok_or_else(beyond)?;
            if let Some(queue) = &mut queue {
                queue.samples.push_back(sample);
            }
        }
        Ok(())
    }

    fn sample(&self, listed: &TrunSample, first_flags: Option<SampleFlags>) -> Sample {
        let flags = first_flags.or(listed.flags).unwrap_or(self.defaults.flags);
        Sample {
            offset: self.at,
            size: listed.size.unwrap_or(self.defaults.size),
            dts: self.dts,
            cts: self.dts.saturating_add(listed.composition_time_offset.unwrap_or(0)),
            duration: listed.duration.unwrap_or(self.defaults.duration),
            sync: !flags.sample_is_non_sync_sample(),
            entry: self.defaults.entry,
        }
    }
}
