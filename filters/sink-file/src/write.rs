//! The filter: takes packets in batches, writes them, and reports what it did.

use std::time::Duration;

use weir_media::{Bytes, Packet, Piece, Time};
use weir_plugin::{Ctx, Error, ErrorKind, Filter, InId, Item, Level, OutputRecord, Phase, Result, Status};

use crate::folder::Folder;
use crate::names::Names;
use crate::target::{Opened, Settings, Target};

/// Packets written together.
const BATCH_PACKETS: usize = 64;

/// Bytes after which a batch takes no more packets.
const BATCH_BYTES: usize = 1 << 20;

/// Least time between two records of the same phase.
const RECORD_EVERY: Duration = Duration::from_millis(200);

/// The filter.
pub(crate) struct FileWriter {
    settings: Settings,
    names: Names,
    state: State,
    phase: Phase,
    /// Bytes the system, or nobody, took so far.
    bytes: u64,
    recorded: Time,
}

/// Where the writer is in its life.
enum State {
    /// No stream came yet.
    Waiting,
    /// Dropping everything.
    Dropping,
    Writing(Target),
    /// Pieces go to files by name.
    Pieces(Folder),
    Ended,
}

/// What a batch of items amounts to.
#[derive(Default)]
struct Batch {
    /// To append, in order.
    pieces: Vec<Bytes>,
    /// Payload of all packets taken.
    bytes: usize,
    /// Came after the pieces.
    last: Option<Last>,
    /// Nothing follows.
    end: bool,
    /// How many items were taken.
    taken: usize,
}

/// What ends a batch, with its bytes: it is no plain append.
enum Last {
    /// Overwrites bytes of the file.
    Patch(u64, Bytes),
    /// Goes to another file.
    Piece(Piece, Bytes),
}

impl Batch {
    fn is_full(&self) -> bool {
        self.last.is_some() || self.end || self.taken >= BATCH_PACKETS || self.bytes >= BATCH_BYTES
    }

    fn add(&mut self, packet: &Packet) -> Result<()> {
        let not_bytes = || Error::new(ErrorKind::Unsupported, "a raw picture is not a byte stream");
        let piece = packet.bytes().ok_or_else(not_bytes)?.clone();
        match (&packet.piece, packet.patch_at) {
            (Some(place), _) => self.last = Some(Last::Piece(place.clone(), piece)),
            (None, Some(at)) => self.last = Some(Last::Patch(at, piece)),
            (None, None) => self.pieces.push(piece),
        }
        Ok(())
    }
}

impl Filter for FileWriter {
    fn start(&mut self, ctx: &mut Ctx<'_>) -> Result<()> {
        let checked = self.settings.check();
        self.publish(ctx, if checked.is_ok() { Phase::Starting } else { Phase::Failed });
        checked
    }

    fn process(&mut self, ctx: &mut Ctx<'_>) -> Result<Status> {
        let status = self.turn(ctx);
        if status.is_err() {
            self.publish(ctx, Phase::Failed);
        }
        status
    }
}

impl FileWriter {
    pub(crate) fn new(settings: Settings) -> Self {
        let names = Names::new(settings.name());
        Self { settings, names, state: State::Waiting, phase: Phase::Starting, bytes: 0, recorded: Time::ZERO }
    }

    /// Takes one batch and writes it.
    fn turn(&mut self, ctx: &mut Ctx<'_>) -> Result<Status> {
        let Some(input) = ctx.inputs().next() else { return Ok(Status::Idle) };
        let batch = self.gather(ctx, input)?;
        self.write(ctx, &batch)?;
        if batch.end {
            self.state = State::Ended;
            self.publish(ctx, Phase::Ended);
            return Ok(Status::Done);
        }
        if batch.bytes > 0 && (self.phase != Phase::Live || ctx.now().since(self.recorded) >= RECORD_EVERY) {
            self.publish(ctx, Phase::Live);
        }
        Ok(if batch.is_full() { Status::Again } else { Status::Idle })
    }

    fn gather(&mut self, ctx: &mut Ctx<'_>, input: InId) -> Result<Batch> {
        let mut batch = Batch::default();
        while !batch.is_full() {
            match ctx.next(input) {
                None => break,
                Some(Item::Props(_)) => self.open(ctx.utc_micros())?,
                Some(Item::Packet(packet)) => {
                    batch.bytes += packet.len();
                    if !matches!(self.state, State::Dropping) {
                        batch.add(&packet)?;
                    }
                }
                Some(Item::End) => batch.end = true,
            }
            batch.taken += 1;
        }
        Ok(batch)
    }

    /// Opens the target at the first properties; later ones change nothing in a file.
    fn open(&mut self, utc: u64) -> Result<()> {
        if matches!(self.state, State::Waiting) {
            let name = self.names.next(utc);
            self.state = match self.settings.open(&name)? {
                Opened::Nothing => State::Dropping,
                Opened::File(target) => State::Writing(target),
                Opened::Folder(folder) => State::Pieces(folder),
            };
        }
        Ok(())
    }

    fn write(&mut self, ctx: &mut Ctx<'_>, batch: &Batch) -> Result<()> {
        if matches!(self.state, State::Dropping) {
            self.bytes += batch.bytes as u64;
            return Ok(());
        }
        self.append(&batch.pieces)?;
        match &batch.last {
            None => Ok(()),
            Some(Last::Patch(at, bytes)) => self.patch(ctx, *at, bytes),
            Some(Last::Piece(Piece::Next, bytes)) => self.go_on(ctx.utc_micros(), bytes),
            Some(Last::Piece(piece, bytes)) => self.keep(ctx, piece, bytes),
        }
    }

    fn append(&mut self, pieces: &[Bytes]) -> Result<()> {
        let State::Writing(target) = &mut self.state else { return Ok(()) };
        let before = target.len();
        let appended = target.append(pieces);
        self.bytes += target.len() - before;
        appended.map_err(|e| Error::new(ErrorKind::Io, format!("cannot write {}: {e}", self.names.current())))
    }

    fn patch(&mut self, ctx: &mut Ctx<'_>, at: u64, piece: &Bytes) -> Result<()> {
        let State::Writing(target) = &mut self.state else { return Ok(()) };
        if !target.seekable {
            let name = self.settings.name();
            ctx.log(Level::Debug, format!("{name} cannot seek: {} bytes for offset {at} are not written", piece.len()));
            return Ok(());
        }
        let end = at.saturating_add(piece.len() as u64);
        if end > target.len() {
            return Err(Error::bad_input(format!("a patch of bytes {at} to {end} is past the end of the stream")));
        }
        target.patch(at, piece).map_err(|e| self.settings.error("write", &e))
    }

    /// Goes on with another file. The one before is complete, and stays whatever happens now.
    fn go_on(&mut self, utc: u64, bytes: &Bytes) -> Result<()> {
        self.state = State::Waiting;
        self.open(utc)?;
        self.append(std::slice::from_ref(bytes))
    }

    /// Puts a named piece where it belongs.
    fn keep(&mut self, ctx: &mut Ctx<'_>, piece: &Piece, bytes: &Bytes) -> Result<()> {
        let State::Pieces(folder) = &mut self.state else {
            return Err(Error::unsupported(format!(
                "{} is one file, and this stream is several",
                self.settings.name()
            )));
        };
        self.bytes += bytes.len() as u64;
        match piece {
            Piece::Of { name, last } => folder.append(name, bytes, *last),
            Piece::Whole(name) => folder.replace(name, bytes),
            Piece::Removed(name) => {
                // It is in nobody's way but that of the space it takes.
                if let Err(e) = folder.remove(name) {
                    ctx.log(Level::Warning, e.message);
                }
                Ok(())
            }
            Piece::Next => Ok(()), // goes to `go_on`
        }
    }

    fn publish(&mut self, ctx: &mut Ctx<'_>, phase: Phase) {
        self.phase = phase;
        self.recorded = ctx.now();
        ctx.record(OutputRecord {
            target: self.settings.name().to_owned(),
            phase,
            players: u32::from(phase == Phase::Live),
            players_total: u64::from(self.bytes > 0),
            bytes: self.bytes,
            ..OutputRecord::default()
        });
    }
}
