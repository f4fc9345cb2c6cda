//! The filter: takes packets in batches, writes them, and reports what it did.

use std::time::Duration;

use weir_media::{Bytes, Packet, Time};
use weir_plugin::{Ctx, Error, ErrorKind, Filter, InId, Item, Level, OutputRecord, Phase, Result, Status};

use crate::target::{Settings, Target};

/// Packets written together.
const BATCH_PACKETS: usize = 64;

/// Bytes after which a batch takes no more packets.
const BATCH_BYTES: usize = 1 << 20;

/// Least time between two records of the same phase.
const RECORD_EVERY: Duration = Duration::from_millis(200);

/// The filter.
pub(crate) struct FileWriter {
    settings: Settings,
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
    patch: Option<(u64, Bytes)>,
    /// Nothing follows.
    end: bool,
    /// How many items were taken.
    taken: usize,
}

impl Batch {
    fn is_full(&self) -> bool {
        self.patch.is_some() || self.end || self.taken >= BATCH_PACKETS || self.bytes >= BATCH_BYTES
    }

    fn add(&mut self, packet: &Packet) -> Result<()> {
        let not_bytes = || Error::new(ErrorKind::Unsupported, "a raw picture is not a byte stream");
        let piece = packet.bytes().ok_or_else(not_bytes)?.clone();
        match packet.patch_at {
            Some(at) => self.patch = Some((at, piece)),
            None => self.pieces.push(piece),
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
    pub(crate) const fn new(settings: Settings) -> Self {
        Self { settings, state: State::Waiting, phase: Phase::Starting, bytes: 0, recorded: Time::ZERO }
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
                Some(Item::Props(_)) => self.open()?,
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
    fn open(&mut self) -> Result<()> {
        if matches!(self.state, State::Waiting) {
            self.state = self.settings.open()?.map_or(State::Dropping, State::Writing);
        }
        Ok(())
    }

    fn write(&mut self, ctx: &mut Ctx<'_>, batch: &Batch) -> Result<()> {
        let State::Writing(target) = &mut self.state else {
            self.bytes += batch.bytes as u64;
            return Ok(());
        };
        let appended = target.append(&batch.pieces);
        self.bytes = target.len();
        appended.map_err(|e| self.settings.error("write", &e))?;
        let Some((at, piece)) = &batch.patch else { return Ok(()) };
        if !target.seekable {
            let name = self.settings.name();
            ctx.log(Level::Debug, format!("{name} cannot seek: {} bytes for offset {at} are not written", piece.len()));
            return Ok(());
        }
        let end = at.saturating_add(piece.len() as u64);
        if end > target.len() {
            return Err(Error::bad_input(format!("a patch of bytes {at} to {end} is past the end of the stream")));
        }
        target.patch(*at, piece).map_err(|e| self.settings.error("write", &e))
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
