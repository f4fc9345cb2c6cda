//! [`TagReader`]: bytes in any pieces to tags. Never fails for good, never holds more than one tag beyond what was
//! pushed, never copies a body out of its buffer.

use weir_media::{Buf, Bytes, BytesMut};

use crate::tag::RawHead;
use crate::{Header, MAX_BODY, ReadError, ReadErrorKind, TAG_HEADER, TAG_TRAILER, Tag};

/// Reads an FLV file that arrives in pieces.
///
/// Push bytes, then pull until `None`; at the end of the file call [`TagReader::finish`] and pull again until `None`.
/// Every tag keeps a share of the pushed memory alive, not a copy.
///
/// A wrong size between two tags is accepted when a tag follows. Anything else that is no tag is reported once, with
/// its place, and the reader searches for the next position that looks like a tag and ends in its right size.
/// Empty tags are skipped. E-RTMP script tags (type 15) come as plain script data.
#[derive(Debug)]
pub struct TagReader {
    buffer: BytesMut,
    /// File offset of the first byte of `buffer`.
    position: u64,
    state: State,
    max_body: usize,
    header: Option<Header>,
    tag_position: u64,
    skipped: u64,
    reported_encrypted: bool,
    finished: bool,
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// At the start of the file.
    Start,
    /// At the start of a tag.
    Tags,
    /// Somewhere after damage.
    Lost,
}

/// One step of the reader.
enum Step {
    /// Nothing can be done with the bytes there are.
    Starved,
    /// Something was skipped or the state changed.
    Again,
    Tag(Tag),
}

/// Whether a position after damage starts a tag.
enum Candidate {
    Tag,
    NoTag,
    /// More bytes would tell.
    Unknown,
}

impl Default for TagReader {
    fn default() -> Self {
        Self::new()
    }
}

impl TagReader {
    /// A reader at the start of a file that takes every body the format allows: up to [`MAX_BODY`].
    #[must_use]
    pub fn new() -> Self {
        Self::with_max_body(MAX_BODY)
    }

    /// A reader of tags without a file around them, as they are delivered live.
    #[must_use]
    pub fn of_tags() -> Self {
        Self { state: State::Tags, ..Self::new() }
    }

    /// A reader that treats tags with more than `max_body` body bytes as damage. It buffers at most that much of an
    /// incomplete tag.
    #[must_use]
    pub fn with_max_body(max_body: usize) -> Self {
        Self {
            buffer: BytesMut::new(),
            position: 0,
            state: State::Start,
            max_body,
            header: None,
            tag_position: 0,
            skipped: 0,
            reported_encrypted: false,
            finished: false,
        }
    }

    /// Adds the next bytes of the file by copying them.
    pub fn push(&mut self, data: &[u8]) {
        self.buffer.extend_from_slice(data);
    }

    /// Adds the next bytes of the file, without a copy when nothing is waiting and nobody else shares them.
    pub fn push_bytes(&mut self, data: Bytes) {
        if !self.buffer.is_empty() {
            return self.push(&data);
        }
        match data.try_into_mut() {
            Ok(owned) => self.buffer = owned,
            Err(shared) => self.push(&shared),
        }
    }

    /// Says that no more bytes come, so that what is left is judged as it is.
    pub fn finish(&mut self) {
        self.finished = true;
    }

    /// The file header, once read.
    #[must_use]
    pub const fn header(&self) -> Option<Header> {
        self.header
    }

    /// File offset of the tag that [`TagReader::pull`] gave last.
    #[must_use]
    pub const fn tag_position(&self) -> u64 {
        self.tag_position
    }

    /// Bytes lost to damage so far.
    #[must_use]
    pub const fn skipped(&self) -> u64 {
        self.skipped
    }

    /// The next tag or error; `None` when more bytes are needed, or, after [`TagReader::finish`], at the end.
    pub fn pull(&mut self) -> Option<Result<Tag, ReadError>> {
        loop {
            let step = match self.state {
                State::Start => self.read_header(),
                State::Tags => self.read_tag(),
                State::Lost => Ok(self.search()),
            };
            match step {
                Ok(Step::Tag(tag)) => return Some(Ok(tag)),
                Ok(Step::Again) => {}
                Ok(Step::Starved) => return None,
                Err(error) => return Some(Err(error)),
            }
        }
    }

    fn read_header(&mut self) -> Result<Step, ReadError> {
        match Header::parse(&self.buffer) {
            Ok(Some((header, len))) => {
                self.header = Some(header);
                self.state = State::Tags;
                self.advance(len);
                Ok(Step::Again)
            }
            Ok(None) => self.starve(),
            Err(kind) => {
                self.state = State::Lost;
                Err(self.error(kind))
            }
        }
    }

    fn read_tag(&mut self) -> Result<Step, ReadError> {
        let Some(head) = self.buffer.first_chunk() else { return self.starve() };
        let Some(raw) = RawHead::parse(head) else { return Err(self.lose(ReadErrorKind::NotATag)) };
        let len = raw.head.body_len;
        if len > self.max_body {
            return Err(self.lose(ReadErrorKind::TooLarge { len, max: self.max_body }));
        }
        match raw.trailer(&self.buffer) {
            // Some writers count one byte too few.
            Some(found) if found == raw.size() || found == raw.size() - 1 => self.take_tag(raw),
            Some(found) => self.take_doubtful(raw, found),
            // The last size of a file is often cut off; its tag is whole all the same.
            None if self.finished && self.buffer.len() >= TAG_HEADER + len => self.take_tag(raw),
            None => self.starve(),
        }
    }

    /// A tag followed by a wrong size: good when another tag, or exactly the end of the file, comes after it.
    fn take_doubtful(&mut self, raw: RawHead, found: u32) -> Result<Step, ReadError> {
        let rest = &self.buffer[raw.head.total_len()..];
        let good = match rest.first_chunk() {
            Some(head) => RawHead::parse(head).is_some(),
            None if self.finished => rest.is_empty(),
            None => return Ok(Step::Starved),
        };
        if good { self.take_tag(raw) } else { Err(self.lose(ReadErrorKind::Trailer { expected: raw.size(), found })) }
    }

    fn take_tag(&mut self, raw: RawHead) -> Result<Step, ReadError> {
        let whole = self.buffer.split_to(raw.head.total_len().min(self.buffer.len())).freeze();
        self.tag_position = self.position;
        self.position += whole.len() as u64;
        if raw.encrypted {
            return self.skip_encrypted();
        }
        let mut body = whole.slice(TAG_HEADER..TAG_HEADER + raw.head.body_len);
        if raw.amf3 {
            body = body.slice_ref(weir_amf::skip_format_byte(&body));
        }
        if body.is_empty() {
            return Ok(Step::Again);
        }
        Ok(Step::Tag(Tag { kind: raw.head.kind, timestamp: raw.head.timestamp, body }))
    }

    fn skip_encrypted(&mut self) -> Result<Step, ReadError> {
        if self.reported_encrypted {
            return Ok(Step::Again);
        }
        self.reported_encrypted = true;
        Err(ReadError { position: self.tag_position, kind: ReadErrorKind::Encrypted })
    }

    /// Looks for a tag that is whole and followed by its right size.
    fn search(&mut self) -> Step {
        let mut from = 0;
        let step = loop {
            match self.candidate(&self.buffer[from..]) {
                Candidate::Tag => break Step::Again,
                Candidate::Unknown => break Step::Starved,
                Candidate::NoTag => from += 1,
            }
        };
        self.skip(from);
        if matches!(step, Step::Again) {
            self.state = State::Tags;
        }
        step
    }

    fn candidate(&self, data: &[u8]) -> Candidate {
        let incomplete = if self.finished && !data.is_empty() { Candidate::NoTag } else { Candidate::Unknown };
        let Some(head) = data.first_chunk() else { return incomplete };
        match RawHead::parse(head) {
            Some(raw) if raw.head.body_len <= self.max_body => match raw.trailer(data) {
                Some(found) if found == raw.size() => Candidate::Tag,
                Some(_) => Candidate::NoTag,
                None => incomplete,
            },
            _ => Candidate::NoTag,
        }
    }

    /// Waits for more bytes; at the end of the file, gives up on the piece there is.
    fn starve(&mut self) -> Result<Step, ReadError> {
        if self.finished && !self.buffer.is_empty() {
            return Err(self.lose(ReadErrorKind::Truncated));
        }
        Ok(Step::Starved)
    }

    /// Reports what is wrong here and starts to search from the next byte on.
    fn lose(&mut self, kind: ReadErrorKind) -> ReadError {
        let error = self.error(kind);
        self.state = State::Lost;
        self.skip(1);
        error
    }

    const fn error(&self, kind: ReadErrorKind) -> ReadError {
        ReadError { position: self.position, kind }
    }

    fn skip(&mut self, len: usize) {
        self.skipped += len as u64;
        self.advance(len);
    }

    fn advance(&mut self, len: usize) {
        self.buffer.advance(len);
        self.position += len as u64;
    }
}

// A whole tag and the header after it must be addressable on every platform.
const _: () = assert!(MAX_BODY < usize::MAX - 2 * TAG_HEADER - TAG_TRAILER);
