//! [`Walk`]: all samples of the chosen tracks, in decoding order over the tracks. Fragments are looked up as the walk
//! comes to them, so a long recording costs no long index.

use std::cmp::Ordering;
use std::ops::Range;

use weir_plugin::{Error, ErrorKind, Result};

use crate::boxes::{Child, Children, FourCc, Header};
use crate::fragment::{self, Queue};
use crate::movie::{Movie, Track};
use crate::sample::Sample;
use crate::source::Source;

/// Largest `moov` or `moof`: the index of about a day.
const MAX_INDEX_BOX: u64 = 64 << 20;
/// Most boxes at the top of a file before `moov`.
const MAX_BOXES: usize = 100_000;
/// Samples waiting before a track that brings none is no longer waited for.
const LOOK_AHEAD: usize = 1 << 16;
/// Samples of each track looked at before the first one leaves, to learn how pictures are reordered.
const PREVIEW: usize = 64;

/// What comes next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Step {
    /// A sample of the track with this index.
    Sample(usize, Sample),
    /// A box was looked at; ask again.
    Looking,
    /// Nothing is left.
    End,
}

/// A walk over the samples of a file.
#[derive(Debug)]
pub(crate) struct Walk {
    pub(crate) tracks: Vec<Track>,
    cursors: Vec<Cursor>,
    queues: Vec<Queue>,
    /// Where fragments may begin: after `moov`; `None` when there are none.
    fragments: Option<u64>,
    /// Where to look for the next fragment.
    scan: Option<u64>,
    /// Samples that each track should have waiting while there may be more.
    ahead: usize,
    /// Why the rest of the fragments is left out.
    pub(crate) fault: Option<Error>,
}

/// Where the walk is in one track.
#[derive(Debug, Default)]
struct Cursor {
    /// Next sample of the table in `moov`.
    table: u32,
    /// The sample to come.
    head: Option<Sample>,
    /// Its data is missing from here on.
    cut: bool,
}

/// Finds and reads `moov`; also says where it lies.
///
/// # Errors
/// When there is none, or it is cut off, too large or damaged.
pub(crate) fn open(source: &mut Source) -> Result<(Movie, Range<u64>)> {
    let mut at = 0;
    for _ in 0..MAX_BOXES {
        let Some(found) = header(source, at)? else { return Err(no_moov(at)) };
        let end = found.end(source.len());
        if &found.kind == b"moov" {
            let data = load(source, at, end)?.ok_or_else(|| {
                Error::bad_input(format!(
                    "the moov box at byte {at} is cut off: the file ends at byte {}",
                    source.len()
                ))
            })?;
            return Ok((Movie::read(first(&data, at)?)?, at..end));
        }
        at = end;
    }
    Err(Error::new(ErrorKind::Limit, format!("no moov among the first {MAX_BOXES} boxes")))
}

fn no_moov(at: u64) -> Error {
    Error::bad_input(format!(
        "no moov box up to byte {at}: this is not MP4, or the file is cut off or was never finished"
    ))
}

fn first(data: &[u8], at: u64) -> Result<Child<'_>> {
    Children::new(data, at).next().unwrap_or_else(|| Err(no_moov(at)))
}

/// A box header in the file.
struct Found {
    kind: FourCc,
    at: u64,
    size: u64,
}

impl Found {
    /// Where the box ends in a file of `len` bytes; beyond it when it is cut off.
    fn end(&self, len: u64) -> u64 {
        if self.size == 0 { len } else { self.at.saturating_add(self.size) }
    }
}

/// The header of the box at `at`; `None` when there is no whole one.
fn header(source: &mut Source, at: u64) -> Result<Option<Found>> {
    let len = source.len().saturating_sub(at).min(Header::MAX as u64);
    let Some(data) = source.read(at, len as usize)? else { return Ok(None) };
    Ok(Header::read(&data).map(|h| Found { kind: h.kind, at, size: h.size }))
}

/// A whole index box; `None` when the file ends inside it.
fn load(source: &mut Source, at: u64, end: u64) -> Result<Option<Vec<u8>>> {
    let size = end - at;
    if size > MAX_INDEX_BOX {
        let text = format!("the box at byte {at} has {size} bytes, over the limit of {MAX_INDEX_BOX}");
        return Err(Error::new(ErrorKind::Limit, text));
    }
    source.read(at, size as usize)
}

impl Walk {
    /// A walk over these tracks. `after_moov` is where fragments may begin, in a file that has them.
    pub(crate) fn new(tracks: Vec<Track>, after_moov: Option<u64>) -> Self {
        let (cursors, queues) = (Vec::new(), Vec::new());
        let mut walk = Self { tracks, cursors, queues, fragments: after_moov, scan: None, ahead: PREVIEW, fault: None };
        walk.rewind();
        walk
    }

    /// Back to the first sample.
    pub(crate) fn rewind(&mut self) {
        let queue = |track: &Track| Queue {
            end: i64::try_from(track.table.duration()).unwrap_or(i64::MAX),
            ..Queue::default()
        };
        self.queues = self.tracks.iter().map(queue).collect();
        self.cursors = self.tracks.iter().map(|_| Cursor::default()).collect();
        self.scan = self.fragments;
    }

    /// The next sample, without taking it. One box is looked at in a call at most. Fragments after a damaged one are
    /// left out.
    ///
    /// # Errors
    /// When the operating system refuses to read.
    pub(crate) fn peek(&mut self, source: &mut Source) -> Result<Step> {
        for i in 0..self.tracks.len() {
            self.fill(i);
        }
        if self.must_look() {
            self.look(source)?;
            return Ok(Step::Looking);
        }
        if self.ahead > 0 {
            self.learn_order();
        }
        let heads = self.cursors.iter().enumerate().filter_map(|(i, cursor)| Some((i, cursor.head?)));
        let next = heads.min_by(|a, b| self.order(*a, *b));
        Ok(next.map_or(Step::End, |(i, sample)| Step::Sample(i, sample)))
    }

    /// Takes the sample of a track that [`Walk::peek`] gave.
    pub(crate) fn take(&mut self, track: usize) {
        self.cursors[track].head = None;
    }

    /// The sample to come of a track, after [`Walk::peek`].
    pub(crate) fn head(&self, track: usize) -> Option<Sample> {
        self.cursors[track].head
    }

    /// Leaves out the rest of a track, whose data is not in the file.
    pub(crate) fn cut(&mut self, track: usize) {
        let cursor = &mut self.cursors[track];
        cursor.cut = true;
        cursor.head = None;
    }

    fn fill(&mut self, i: usize) {
        let cursor = &mut self.cursors[i];
        if cursor.cut {
            self.queues[i].samples.clear();
        } else if cursor.head.is_none() {
            cursor.head = match self.tracks[i].table.get(cursor.table) {
                Some(sample) => {
                    cursor.table += 1;
                    Some(sample)
                }
                None => self.queues[i].samples.pop_front(),
            };
        }
    }

    /// Whether a track has nothing to give yet, while there may be fragments and room to keep them.
    fn must_look(&self) -> bool {
        let waiting = self.queues.iter().map(|queue| queue.samples.len()).sum::<usize>();
        let starved = |(cursor, queue): (&Cursor, &Queue)| {
            !cursor.cut && (cursor.head.is_none() || queue.samples.len() < self.ahead)
        };
        self.scan.is_some() && waiting < LOOK_AHEAD && self.cursors.iter().zip(&self.queues).any(starved)
    }

    /// Finds out, once, how far composition times are before decoding times, which negative offsets allow.
    fn learn_order(&mut self) {
        self.ahead = 0;
        for ((track, cursor), queue) in self.tracks.iter_mut().zip(&self.cursors).zip(&self.queues) {
            let waiting = cursor.head.iter().chain(&queue.samples);
            let early = waiting.map(|sample| sample.dts.saturating_sub(sample.cts)).max().unwrap_or(0);
            track.early = track.table.early().max(early).max(0);
        }
    }

    fn order(&self, a: (usize, Sample), b: (usize, Sample)) -> Ordering {
        let due = |(i, sample): (usize, Sample)| i128::from(self.tracks[i].times(&sample).0);
        let scale = |(i, _): (usize, Sample)| i128::from(self.tracks[i].timescale);
        (due(a) * scale(b)).cmp(&(due(b) * scale(a)))
    }

    /// Looks at the next box after `moov`.
    fn look(&mut self, source: &mut Source) -> Result<()> {
        let Some(at) = self.scan.take() else { return Ok(()) };
        let Some(found) = header(source, at)? else { return Ok(()) };
        let end = found.end(source.len());
        if &found.kind != b"moof" {
            self.scan = Some(end);
            return Ok(());
        }
        match self.read_fragment(source, at, end) {
            Ok(()) => self.scan = Some(end),
            Err(e) if e.kind == ErrorKind::Io => return Err(e),
            Err(e) => self.fault = Some(e),
        }
        Ok(())
    }

    fn read_fragment(&mut self, source: &mut Source, at: u64, end: u64) -> Result<()> {
        let cut = || Error::bad_input(format!("the fragment at byte {at} is cut off"));
        let data = load(source, at, end)?.ok_or_else(cut)?;
        fragment::read(first(&data, at)?, &self.tracks, &mut self.queues)
    }
}
