//! The filter: opens its input when the session starts and turns it into blocks while there is room for them.

use std::fs::File;
use std::io::{self, ErrorKind as Os, Read, Seek};
use std::os::fd::AsFd;

use weir_media::{Bytes, Flags, Packet, Prop, Props, StreamType, local_path};
use weir_plugin::{Ctx, Error, ErrorKind, Event, Filter, Options, OutId, Result, Status, repeat};

use crate::{extension, is_stdin};

/// Bytes of a block unless told otherwise.
const DEFAULT_BLOCK: usize = 64 << 10;

/// Bytes of a file after which a call reads no further block.
const BYTES_PER_CALL: usize = 512 << 10;

/// What the options say.
pub(crate) struct Settings {
    /// Path to read; `None` for standard input.
    path: Option<String>,
    url: String,
    ext: Option<String>,
    block: usize,
    rounds: Rounds,
}

/// Rounds still to come after this one.
#[derive(Clone, Copy)]
enum Rounds {
    Endless,
    More(u64),
}

impl Rounds {
    /// Takes one round; `None` when none is left.
    const fn take(self) -> Option<Self> {
        match self {
            Self::Endless => Some(self),
            Self::More(0) => None,
            Self::More(n) => Some(Self::More(n - 1)),
        }
    }
}

impl Settings {
    pub(crate) fn of(options: &Options) -> Result<Self> {
        let src =
            options.text("src").filter(|s| !s.is_empty()).ok_or_else(|| Error::bad_option("fin needs src=PATH"))?;
        let rounds =
            options.int("loop").map_or(Rounds::More(0), |n| u64::try_from(n).map_or(Rounds::Endless, Rounds::More));
        let path = match is_stdin(src) {
            true if !matches!(rounds, Rounds::More(0)) => return Err(Error::bad_option("standard input cannot loop")),
            true => None,
            false => {
                Some(local_path(src).ok_or_else(|| Error::bad_option(format!("{src} is not a local file")))?.to_owned())
            }
        };
        let block = options.int("block_size").and_then(|n| usize::try_from(n).ok()).filter(|n| *n > 0);
        Ok(Self { path, url: src.to_owned(), ext: extension(options), block: block.unwrap_or(DEFAULT_BLOCK), rounds })
    }

    /// What to call the input in messages.
    fn name(&self) -> &str {
        self.path.as_deref().unwrap_or("standard input")
    }

    /// Standard input gives one block, as the next may be long in coming.
    fn blocks_per_call(&self) -> usize {
        if self.path.is_some() { (BYTES_PER_CALL / self.block).max(1) } else { 1 }
    }

    fn props(&self) -> Props {
        let url = if self.path.is_some() { self.url.as_str() } else { "stdin" };
        let mut props =
            Props::new().with(Prop::StreamType, StreamType::File).with(Prop::Url, url).with(Prop::Timescale, 1000u32);
        let base = self.path.as_deref().and_then(|p| p.rsplit('/').next()).unwrap_or("stdin");
        props.set(Prop::Name, base);
        if let Some(path) = &self.path {
            props.set(Prop::FilePath, path.as_str());
        }
        if let Some(ext) = &self.ext {
            props.set(Prop::FileExt, ext.as_str());
        }
        props
    }

    fn error(&self, verb: &str, e: &io::Error) -> Error {
        Error::new(ErrorKind::Io, format!("cannot {verb} {}: {e}", self.name()))
    }

    fn open(&self) -> Result<File> {
        let Some(path) = &self.path else {
            // A duplicate of the descriptor: std's own handle would buffer a second time.
            return io::stdin().as_fd().try_clone_to_owned().map(File::from).map_err(|e| self.error("open", &e));
        };
        let file = File::open(path).map_err(|e| self.error("open", &e))?;
        // Opening a directory works, reading it does not.
        if file.metadata().map_err(|e| self.error("open", &e))?.is_dir() {
            return Err(Error::new(ErrorKind::Io, format!("{path} is a directory, not a file")));
        }
        Ok(file)
    }
}

/// An input being read.
struct Open {
    file: File,
    out: OutId,
    /// Bytes of this round so far.
    read: u64,
    /// What the next block is marked with.
    flags: Flags,
    /// Where blocks are read to before they are copied to memory of their exact size.
    buffer: Vec<u8>,
}

/// The filter.
pub(crate) struct FileReader {
    settings: Settings,
    open: Option<Open>,
}

impl FileReader {
    pub(crate) const fn new(settings: Settings) -> Self {
        Self { settings, open: None }
    }

    /// Sends one block.
    fn step(&mut self, ctx: &mut Ctx<'_>) -> Result<Status> {
        let Some(open) = &mut self.open else { return Ok(Status::Done) };
        if !ctx.room(open.out) {
            return Ok(Status::Idle);
        }
        match open.file.read(&mut open.buffer) {
            Ok(0) if open.rewind(&mut self.settings)? => {}
            Ok(0) => {
                self.close(ctx);
                return Ok(Status::Done);
            }
            Ok(n) => open.send(ctx, n),
            Err(e) if e.kind() == Os::Interrupted => {}
            Err(e) => return Err(self.settings.error("read", &e)),
        }
        Ok(Status::Again)
    }

    /// Ends the output and closes the input.
    fn close(&mut self, ctx: &mut Ctx<'_>) {
        if let Some(open) = self.open.take() {
            ctx.end(open.out);
        }
    }
}

impl Filter for FileReader {
    fn start(&mut self, ctx: &mut Ctx<'_>) -> Result<()> {
        let file = self.settings.open()?;
        let out = ctx.open(self.settings.props());
        self.open = Some(Open { file, out, read: 0, flags: Flags::NONE, buffer: vec![0; self.settings.block] });
        Ok(())
    }

    fn process(&mut self, ctx: &mut Ctx<'_>) -> Result<Status> {
        repeat(self.settings.blocks_per_call(), || self.step(ctx))
    }

    fn event(&mut self, ctx: &mut Ctx<'_>, event: Event) -> Result<()> {
        if matches!(event, Event::Stop) {
            self.close(ctx);
        }
        Ok(())
    }
}

impl Open {
    /// Goes back to the start when there is another round. False when there is none.
    fn rewind(&mut self, settings: &mut Settings) -> Result<bool> {
        if self.read == 0 {
            return Err(Error::bad_input(format!("{} is empty", settings.name())));
        }
        let Some(left) = settings.rounds.take() else { return Ok(false) };
        settings.rounds = left;
        self.file.rewind().map_err(|e| settings.error("rewind", &e))?;
        self.read = 0;
        self.flags = Flags::DISCONTINUITY;
        Ok(true)
    }

    /// Sends the first `n` bytes of the buffer.
    fn send(&mut self, ctx: &mut Ctx<'_>, n: usize) {
        self.read += n as u64;
        let mut block = Packet::new(Bytes::copy_from_slice(&self.buffer[..n]), 0);
        block.origin = ctx.now();
        block.flags = std::mem::replace(&mut self.flags, Flags::NONE);
        ctx.send(self.out, block);
    }
}
