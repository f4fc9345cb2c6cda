//! The filter: opens the file, opens a PID for each track and sends samples in decoding order.

use weir_media::{Bytes, Flags, Packet, Prop, Props};
use weir_plugin::{Ctx, Error, ErrorKind, Event, Filter, InId, Item, Lease, Level, Options, Result, Status, repeat};

use crate::boxes::FourCc;
use crate::movie::Track;
use crate::pid::Pid;
use crate::sample::Sample;
use crate::source::Source;
use crate::timeline::Timeline;
use crate::walk::{self, Step, Walk};

/// Largest sample read, bytes. A picture of 8K video at the highest rates stays below.
const MAX_SAMPLE: u32 = 32 << 20;
/// Samples sent, or boxes looked at, in one call.
const STEPS_PER_CALL: usize = 16;

/// What the options ask for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    /// Rounds after the first; `None` for ever.
    rounds: Option<u64>,
    /// Added to all timestamps, milliseconds.
    start_ms: i64,
    select: Select,
    /// Disabled tracks too.
    all: bool,
}

/// Which tracks are read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Select {
    All,
    Number(u32),
    Handler(FourCc),
}

impl Settings {
    /// # Errors
    /// When `tkid` is neither a number nor a media type.
    pub(crate) fn new(options: &Options) -> Result<Self> {
        let select = match options.text("tkid").unwrap_or("") {
            "" => Select::All,
            "video" => Select::Handler(*b"vide"),
            "audio" => Select::Handler(*b"soun"),
            text => Select::Number(
                text.parse()
                    .map_err(|_| Error::bad_option(format!("tkid is a track number, audio or video, not {text}")))?,
            ),
        };
        Ok(Self {
            rounds: u64::try_from(options.int("loop").unwrap_or(0)).ok(),
            start_ms: options.int("start").unwrap_or(0),
            select,
            all: options.bool("alltk").unwrap_or(false),
        })
    }

    /// Whether disabled tracks are read: those that are asked for by number are.
    fn takes_disabled(&self) -> bool {
        self.all || matches!(self.select, Select::Number(_))
    }

    fn wants(&self, track: &Track) -> bool {
        match self.select {
            Select::All => true,
            Select::Number(id) => track.id == id,
            Select::Handler(handler) => track.handler == handler,
        }
    }
}

/// The filter.
pub(crate) struct Demux {
    settings: Settings,
    state: State,
}

enum State {
    /// No file is known yet.
    Waiting,
    Reading(Box<Reader>),
    Done,
}

/// An open file.
struct Reader {
    source: Source,
    walk: Walk,
    timeline: Timeline,
    /// One for each track of the walk; empty until all are known well enough to be opened.
    pids: Vec<Pid>,
    /// Rounds to come; `None` for ever.
    rounds: Option<u64>,
    told: Told,
    /// What is kept of the file while it is read.
    _kept: Lease,
}

/// Warnings given, which every round would repeat.
#[derive(Default)]
struct Told {
    cut: bool,
    damaged: bool,
}

impl Demux {
    pub(crate) fn new(settings: Settings) -> Self {
        Self { settings, state: State::Waiting }
    }
}

impl Filter for Demux {
    fn process(&mut self, ctx: &mut Ctx<'_>) -> Result<Status> {
        match &mut self.state {
            State::Waiting => {
                // Only the properties are taken: the bytes that follow stay in the queue, unread.
                let Some(Item::Props(props)) = ctx.next(InId(0)) else { return Ok(Status::Idle) };
                self.state = State::Reading(Box::new(Reader::open(ctx, &props, self.settings)?));
                Ok(Status::Again)
            }
            State::Reading(reader) => {
                let status = repeat(STEPS_PER_CALL, || reader.step(ctx))?;
                if status == Status::Done {
                    self.state = State::Done;
                    ctx.end_all();
                }
                Ok(status)
            }
            State::Done => Ok(Status::Done),
        }
    }

    fn event(&mut self, ctx: &mut Ctx<'_>, event: Event) -> Result<()> {
        if let Event::Stop = event {
            self.state = State::Done;
            ctx.end_all();
        }
        Ok(())
    }
}

impl Reader {
    fn open(ctx: &mut Ctx<'_>, props: &Props, settings: Settings) -> Result<Self> {
        let path = props.str(Prop::FilePath).ok_or_else(|| {
            Error::unsupported("MP4 needs a seekable file, and this input is a stream without a file behind it")
        })?;
        let mut source = Source::open(path)?;
        let (movie, moov) = walk::open(&mut source)?;
        for warning in movie.warnings {
            ctx.log(Level::Warning, warning);
        }
        let tracks = choose(ctx, movie.tracks, settings)?;
        source.expect_readers(tracks.len());
        let kept = usize::try_from(moov.end - moov.start).unwrap_or(usize::MAX).saturating_add(source.capacity());
        let kept = ctx.memory().lease(kept).ok_or_else(|| {
            Error::new(ErrorKind::Limit, format!("{kept} bytes to read the file would exceed the memory limit"))
        })?;
        let timeline = Timeline::new(tracks.iter().map(|track| track.timescale).collect(), settings.start_ms);
        let walk = Walk::new(tracks, movie.fragmented.then_some(moov.end));
        let (pids, told) = (Vec::new(), Told::default());
        Ok(Self { source, walk, timeline, pids, rounds: settings.rounds, told, _kept: kept })
    }

    fn step(&mut self, ctx: &mut Ctx<'_>) -> Result<Status> {
        let step = self.walk.peek(&mut self.source)?;
        if let Some(fault) = self.walk.fault.take().filter(|_| !std::mem::replace(&mut self.told.damaged, true)) {
            ctx.log(Level::Warning, format!("the rest of the file is left out: {fault}"));
        }
        if step != Step::Looking && self.pids.is_empty() {
            self.open_pids(ctx)?;
        }
        match step {
            Step::Looking => {}
            Step::Sample(i, _) if !ctx.room(self.pids[i].out) => return Ok(Status::Idle),
            Step::Sample(i, sample) => self.send(ctx, i, sample)?,
            Step::End if self.next_round(ctx) => {}
            Step::End => return Ok(Status::Done),
        }
        Ok(Status::Again)
    }

    fn open_pids(&mut self, ctx: &mut Ctx<'_>) -> Result<()> {
        let tracks = self.walk.tracks.iter().enumerate();
        self.pids = tracks.map(|(i, track)| Pid::open(ctx, track, self.walk.head(i))).collect::<Result<_>>()?;
        Ok(())
    }

    fn next_round(&mut self, ctx: &mut Ctx<'_>) -> bool {
        if self.rounds == Some(0) {
            return false;
        }
        if !self.timeline.next_round() {
            ctx.log(Level::Warning, "a file whose samples take no time cannot be repeated");
            return false;
        }
        self.rounds = self.rounds.map(|left| left - 1);
        self.walk.rewind();
        self.pids.iter_mut().for_each(Pid::restart);
        true
    }

    fn send(&mut self, ctx: &mut Ctx<'_>, i: usize, sample: Sample) -> Result<()> {
        let track = &self.walk.tracks[i];
        if sample.size > MAX_SAMPLE {
            let text =
                format!("track {}: a sample of {} bytes is over the limit of {MAX_SAMPLE}", track.id, sample.size);
            return Err(Error::new(ErrorKind::Limit, text));
        }
        let Some(data) = self.source.read(sample.offset, sample.size as usize)? else {
            self.cut(ctx, i, sample);
            return Ok(());
        };
        let (dts, cts) = track.times(&sample);
        self.timeline.count(i, dts, cts, sample.duration);
        let offset = self.timeline.offset(i);
        let timing = Packet {
            cts: cts.saturating_add(offset),
            duration: sample.duration,
            flags: if sample.sync { Flags::KEY } else { Flags::NONE },
            origin: ctx.now(),
            ..Packet::new(Bytes::new(), dts.saturating_add(offset))
        };
        self.walk.take(i);
        self.pids[i].send(ctx, &self.walk.tracks[i], sample.entry, data.into(), timing)
    }

    /// The file ends before a sample: leaves out the rest of the track.
    fn cut(&mut self, ctx: &mut Ctx<'_>, i: usize, sample: Sample) {
        self.walk.cut(i);
        if !std::mem::replace(&mut self.told.cut, true) {
            let (id, len) = (self.walk.tracks[i].id, self.source.len());
            let at = sample.offset;
            let text = format!("the file is cut off: it ends at byte {len}, but track {id} has a sample at byte {at}");
            ctx.log(Level::Warning, text);
        }
    }
}

/// The tracks to read, in file order; the others are named in the log.
fn choose(ctx: &mut Ctx<'_>, tracks: Vec<Track>, settings: Settings) -> Result<Vec<Track>> {
    // A file without any enabled track was made by a writer that does not know the flag.
    let skip_disabled = tracks.iter().any(|track| track.enabled) && !settings.takes_disabled();
    let mut chosen: Vec<Track> = Vec::new();
    for track in tracks.into_iter().filter(|track| settings.wants(track)) {
        if let Some(why) = refusal(&track, &chosen, skip_disabled) {
            ctx.log(Level::Warning, format!("track {} is left out: {why}", track.id));
            continue;
        }
        if track.edits.complex {
            ctx.log(Level::Warning, format!("track {}: only the start of its edit list is honoured", track.id));
        }
        chosen.push(track);
    }
    if chosen.is_empty() {
        return Err(match settings.select {
            Select::All => Error::unsupported("no track of a codec that is read here in the file"),
            _ => Error::bad_option("no track of a codec that is read here is what tkid asks for"),
        });
    }
    Ok(chosen)
}

/// Why a track is not read.
fn refusal(track: &Track, chosen: &[Track], skip_disabled: bool) -> Option<String> {
    if track.first_usable_entry().is_none() {
        Some(format!("its codec is not supported ({})", track.codec_name()))
    } else if chosen.iter().any(|other| other.id == track.id) {
        Some("another one has the same number".to_owned())
    } else if skip_disabled && !track.enabled {
        Some("it is disabled; the option alltk reads it".to_owned())
    } else {
        None
    }
}
