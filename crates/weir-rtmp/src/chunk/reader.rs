//! [`ChunkReader`]: bytes of any split in, whole messages out. Every size the peer declares meets a limit before memory
//! is taken.

use super::extended::{Peek, Style, Verdict};
use super::header::{Header, HeaderBytes};
use super::stream::Stream;
use super::{DEFAULT_CHUNK_SIZE, MAX_CHUNK_SIZE};
use crate::error::ErrorKind;
use crate::message::{Message, kind};

/// Work of reading one chunk header, against [`WORK_PER_BYTE`].
const WORK_PER_CHUNK: u64 = 16;
/// Work that each byte received pays for. Chunks of three bytes and more pay for themselves.
const WORK_PER_BYTE: u64 = 4;
/// Unpaid work at which the peer is refused: about 1 MiB sent in chunks of one byte.
const WORK_DEBT_MAX: u64 = 4 << 20;

/// What a peer may ask the reader to hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Longest video or aggregate message, in bytes.
    pub video: u32,
    /// Longest audio, data, shared-object or unknown message, in bytes.
    pub other: u32,
    /// Longest command, in bytes.
    pub command: u32,
    /// Memory all unfinished messages may hold together, in bytes.
    pub partial: usize,
    /// Chunk streams with remembered state.
    pub chunk_streams: usize,
}

/// Longest user control message: the longest known has 44 bytes.
const USER_CONTROL_MAX: u32 = 256;

impl Limits {
    /// Limits for peers that only play: what they send is commands.
    pub const PLAYER: Self =
        Self { video: 1 << 20, other: 256 << 10, command: 64 << 10, partial: 1 << 20, chunk_streams: 64 };

    /// Limits that fit every known publisher and server.
    pub const DEFAULT: Self =
        Self { video: 8 << 20, other: 1 << 20, command: 64 << 10, partial: 16 << 20, chunk_streams: 64 };

    fn check(&self, kind: u8, length: u32) -> Result<(), ErrorKind> {
        let (limit, exact) = match kind {
            kind::SET_CHUNK_SIZE | kind::ABORT | kind::ACK | kind::WINDOW_ACK_SIZE => (4, true),
            kind::SET_PEER_BANDWIDTH => (5, true),
            kind::USER_CONTROL => (USER_CONTROL_MAX, false),
            kind::COMMAND_AMF0 | kind::COMMAND_AMF3 => (self.command, false),
            kind::VIDEO | kind::AGGREGATE => (self.video, false),
            _ => (self.other, false),
        };
        let bad = if exact { length != limit } else { length > limit };
        if bad { Err(ErrorKind::MessageLength { kind, length, limit }) } else { Ok(()) }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// What the next byte belongs to. `stream` indexes [`ChunkReader::streams`].
#[derive(Debug)]
enum Stage {
    Header,
    /// Perhaps an extended timestamp before `chunk` bytes of payload.
    Peek {
        stream: usize,
        chunk: usize,
        peek: Peek,
    },
    /// Payload, of which `left` bytes are still to come in this chunk.
    Payload {
        stream: usize,
        left: usize,
    },
    /// Four zero bytes and what follows, kept in the body from `start` on until it is clear whether the zeros are a
    /// timestamp or the first of `chunk` bytes of payload.
    Trial {
        stream: usize,
        chunk: usize,
        start: usize,
    },
}

/// Reads one direction of a connection. Applies SetChunkSize and Abort by itself, and hands them out as well.
#[derive(Debug)]
pub struct ChunkReader {
    limits: Limits,
    chunk_size: u32,
    streams: Vec<Stream>,
    style: Style,
    header: HeaderBytes,
    stage: Stage,
    /// Bytes looked at too early, to be read before the input. Almost always empty.
    replay: Vec<u8>,
    partial: usize,
    debt: u64,
    position: u64,
}

impl ChunkReader {
    /// A reader at the start of a connection: chunks of [`DEFAULT_CHUNK_SIZE`].
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            chunk_size: DEFAULT_CHUNK_SIZE,
            streams: Vec::new(),
            style: Style::default(),
            header: HeaderBytes::default(),
            stage: Stage::Header,
            replay: Vec::new(),
            partial: 0,
            debt: 0,
            position: 0,
        }
    }

    /// From the next message on, these limits hold.
    pub const fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
    }

    /// Bytes taken from the input so far.
    #[must_use]
    pub const fn position(&self) -> u64 {
        self.position
    }

    /// Chunk size the peer sends with now.
    #[must_use]
    pub const fn chunk_size(&self) -> u32 {
        self.chunk_size
    }

    /// Memory that unfinished messages hold, in bytes.
    #[must_use]
    pub const fn partial_bytes(&self) -> usize {
        self.partial
    }

    /// Takes bytes from the front of `input` up to the end of the next message. `None` once the input is used up: call
    /// again with more.
    ///
    /// # Errors
    /// The peer broke the protocol or a limit. The reader must not be used after that.
    pub fn read(&mut self, input: &mut &[u8]) -> Result<Option<Message>, ErrorKind> {
        while !self.replay.is_empty() || !input.is_empty() {
            let message = if self.replay.is_empty() { self.read_input(input) } else { self.read_replay() }?;
            if message.is_some() {
                return Ok(message);
            }
        }
        Ok(None)
    }

    fn read_input(&mut self, input: &mut &[u8]) -> Result<Option<Message>, ErrorKind> {
        let before = input.len();
        let result = self.step(input);
        let taken = (before - input.len()) as u64;
        self.position += taken;
        self.debt = self.debt.saturating_sub(taken * WORK_PER_BYTE);
        result
    }

    fn read_replay(&mut self) -> Result<Option<Message>, ErrorKind> {
        let held = std::mem::take(&mut self.replay);
        let mut rest = held.as_slice();
        let message = self.step(&mut rest)?;
        self.replay.extend_from_slice(rest);
        Ok(message)
    }

    /// Reads on within one stage. Takes at least one byte of a non-empty `input`.
    fn step(&mut self, input: &mut &[u8]) -> Result<Option<Message>, ErrorKind> {
        match std::mem::replace(&mut self.stage, Stage::Header) {
            Stage::Header => match self.header.take(input) {
                Some(header) => self.open_chunk(&header),
                None => Ok(None),
            },
            Stage::Peek { stream, chunk, peek } => self.peek(stream, chunk, peek, input),
            Stage::Payload { stream, left } => self.payload(stream, left, input),
            Stage::Trial { stream, chunk, start } => self.trial(stream, chunk, start, input),
        }
    }

    fn open_chunk(&mut self, header: &Header) -> Result<Option<Message>, ErrorKind> {
        self.debt += WORK_PER_CHUNK;
        if self.debt > WORK_DEBT_MAX {
            return Err(ErrorKind::TinyChunks);
        }
        let stream = self.stream_of(header)?;
        let s = &mut self.streams[stream];
        let continues = s.in_message();
        let is_same = header.form.fmt() == 3;
        if continues && !is_same {
            return Err(ErrorKind::HeaderInMessage { csid: header.csid });
        }
        if !continues {
            s.begin(header);
            self.limits.check(s.kind, s.length)?;
        }
        let chunk = s.missing().min(self.chunk_size as usize);
        match s.extended {
            Some(value) if is_same && self.style != Style::Absent => {
                let peek = Peek::new(value, s.timestamp, continues);
                self.stage = Stage::Peek { stream, chunk, peek };
                Ok(None)
            }
            _ => self.open_payload(stream, chunk),
        }
    }

    fn stream_of(&mut self, header: &Header) -> Result<usize, ErrorKind> {
        if let Some(i) = self.streams.iter().position(|s| s.csid == header.csid) {
            return Ok(i);
        }
        Stream::may_open(header)?;
        if self.streams.len() >= self.limits.chunk_streams {
            return Err(ErrorKind::TooManyChunkStreams);
        }
        self.streams.push(Stream::new(header.csid));
        Ok(self.streams.len() - 1)
    }

    /// Goes on to the payload; a message without any is complete at once.
    fn open_payload(&mut self, stream: usize, left: usize) -> Result<Option<Message>, ErrorKind> {
        if left == 0 {
            return self.close_chunk(stream);
        }
        self.stage = Stage::Payload { stream, left };
        Ok(None)
    }

    fn peek(
        &mut self,
        stream: usize,
        chunk: usize,
        mut peek: Peek,
        input: &mut &[u8],
    ) -> Result<Option<Message>, ErrorKind> {
        let Some(&byte) = input.split_off_first() else {
            self.stage = Stage::Peek { stream, chunk, peek };
            return Ok(None);
        };
        match peek.push(byte, &mut self.style) {
            Verdict::More => self.stage = Stage::Peek { stream, chunk, peek },
            Verdict::Timestamp => return self.open_payload(stream, chunk),
            Verdict::Payload => {
                self.replay.extend_from_slice(peek.bytes());
                return self.open_payload(stream, chunk);
            }
            Verdict::Try => {
                let start = self.streams[stream].body.len();
                self.append(stream, peek.bytes())?;
                self.stage = Stage::Trial { stream, chunk, start };
            }
        }
        Ok(None)
    }

    fn payload(&mut self, stream: usize, left: usize, input: &mut &[u8]) -> Result<Option<Message>, ErrorKind> {
        let n = left.min(input.len());
        let (now, rest) = input.split_at(n);
        *input = rest;
        self.append(stream, now)?;
        if n == left {
            return self.close_chunk(stream);
        }
        self.stage = Stage::Payload { stream, left: left - n };
        Ok(None)
    }

    fn append(&mut self, stream: usize, bytes: &[u8]) -> Result<(), ErrorKind> {
        self.partial += self.streams[stream].append(bytes);
        if self.partial > self.limits.partial { Err(ErrorKind::TooMuchPartial) } else { Ok(()) }
    }

    /// Collects one byte past where payload would end if the zeros were payload, then one byte past where it would end if
    /// they were a timestamp: one of the two must look like a chunk header.
    fn trial(
        &mut self,
        stream: usize,
        chunk: usize,
        start: usize,
        input: &mut &[u8],
    ) -> Result<Option<Message>, ErrorKind> {
        let held = self.streams[stream].body.len() - start;
        let target = if held <= chunk { chunk + 1 } else { chunk + 5 };
        let (now, rest) = input.split_at(input.len().min(target - held));
        *input = rest;
        self.append(stream, now)?;
        let held = held + now.len();
        if held > chunk && !self.looks_like_header(stream, start + chunk, 0) {
            return self.settle(stream, chunk, start, Style::Zero);
        }
        if held == chunk + 5 {
            // Writers of zeros do not interleave: only after a whole message may a new chunk stream open. Otherwise, zeros
            // are far likelier a timestamp than payload.
            let s = &self.streams[stream];
            let opens = start + chunk >= s.length as usize && s.body[start + chunk + 4] >> 6 == 0;
            let is_zero = opens || self.looks_like_header(stream, start + chunk, 4);
            return self.settle(stream, chunk, start, if is_zero { Style::Zero } else { Style::Absent });
        }
        self.stage = Stage::Trial { stream, chunk, start };
        Ok(None)
    }

    /// Whether a chunk header of a known stream may begin `skip` bytes after the end of a chunk of `stream` at `end`.
    fn looks_like_header(&self, stream: usize, end: usize, skip: usize) -> bool {
        let s = &self.streams[stream];
        let byte = s.body[end + skip];
        let (fmt, id) = (byte >> 6, u32::from(byte & 0x3f));
        let known = match id {
            0 | 1 => self.streams.iter().find(|s| s.csid >= 64),
            _ => self.streams.iter().find(|s| s.csid == id),
        };
        let in_message = end < s.length as usize;
        match known {
            Some(next) if next.csid == s.csid && in_message => fmt == 3,
            Some(_) => true,
            None => id == 2 && fmt < 2,
        }
    }

    /// Ends a trial: drops the zeros or keeps them, and hands back what was read past the chunk.
    fn settle(
        &mut self,
        stream: usize,
        chunk: usize,
        start: usize,
        style: Style,
    ) -> Result<Option<Message>, ErrorKind> {
        self.style = style;
        let body = &mut self.streams[stream].body;
        if style == Style::Zero {
            body.drain(start..start + 4);
        }
        let held = body.len() - start;
        if held < chunk {
            return self.open_payload(stream, chunk - held);
        }
        self.replay.extend(body.drain(start + chunk..));
        self.close_chunk(stream)
    }

    /// The chunk is complete; so is the message, perhaps.
    fn close_chunk(&mut self, stream: usize) -> Result<Option<Message>, ErrorKind> {
        let s = &mut self.streams[stream];
        if s.missing() > 0 {
            return Ok(None);
        }
        let (message, held) = s.finish();
        self.partial -= held;
        self.apply(&message)?;
        Ok(Some(message))
    }

    /// Acts on the messages that are about chunks themselves.
    fn apply(&mut self, message: &Message) -> Result<(), ErrorKind> {
        let Ok(word) = <[u8; 4]>::try_from(&message.body[..]) else { return Ok(()) };
        let word = u32::from_be_bytes(word);
        match message.kind {
            kind::SET_CHUNK_SIZE if word == 0 || word >> 31 == 1 => return Err(ErrorKind::ChunkSize(word)),
            kind::SET_CHUNK_SIZE => self.chunk_size = word.min(MAX_CHUNK_SIZE),
            kind::ABORT => self.abort(word),
            _ => {}
        }
        Ok(())
    }

    /// Forgets the unfinished message of `csid`; the header it began with still governs.
    fn abort(&mut self, csid: u32) {
        if let Some(s) = self.streams.iter_mut().find(|s| s.csid == csid) {
            self.partial -= std::mem::take(&mut s.body).capacity();
        }
    }
}
