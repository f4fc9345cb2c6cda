//! Pictures of a file, one by one. Knows nothing of times.

use weir_media::{Bytes, Frame, FramePool, PixelFormat};
use weir_plugin::{Error, ErrorKind, Lease, Memory, Result};

use crate::feed::Feed;
use crate::y4m::{self, Header, MAX_LINE};

/// Most bytes of a picture: 8192x8192.
const MAX_PICTURE: u64 = 96 << 20;

/// What a piece of a file turned out to be.
pub(crate) enum Piece {
    /// What the pictures that follow are like.
    Header(Header),
    /// One picture.
    Picture(Frame),
}

enum State {
    Header,
    Mark,
    Picture,
}

/// Reads pictures.
pub(crate) struct Pictures {
    feed: Feed,
    is_y4m: bool,
    state: State,
    width: u32,
    height: u32,
    /// Bytes of a picture.
    len: usize,
    /// The picture being filled, and how far; empty between pictures.
    block: Vec<u8>,
    filled: usize,
    pool: FramePool,
    /// Of one picture.
    lease: Option<Lease>,
}

impl Pictures {
    /// A reader of Y4M.
    pub(crate) fn y4m() -> Self {
        Self {
            feed: Feed::default(),
            is_y4m: true,
            state: State::Header,
            width: 0,
            height: 0,
            len: 0,
            block: Vec::new(),
            filled: 0,
            pool: FramePool::new(),
            lease: None,
        }
    }

    /// A reader of pictures of this size without anything between them.
    ///
    /// # Errors
    /// The size is none, or too large.
    pub(crate) fn packed(width: u32, height: u32, memory: &Memory) -> Result<Self> {
        let mut pictures = Self { is_y4m: false, state: State::Picture, ..Self::y4m() };
        pictures.set_size(width, height, memory)?;
        Ok(pictures)
    }

    pub(crate) fn push(&mut self, block: Bytes) {
        self.feed.push(block);
    }

    /// Begins the file anew.
    pub(crate) fn restart(&mut self) {
        self.feed.clear();
        self.filled = 0;
        self.state = if self.is_y4m { State::Header } else { State::Picture };
    }

    /// Whether what is in hand is a part of something.
    pub(crate) fn is_within(&self) -> bool {
        self.filled > 0 || self.feed.is_within_header() || (self.is_y4m && matches!(self.state, State::Picture))
    }

    /// The next piece; `None` until more bytes come.
    pub(crate) fn pull(&mut self, memory: &Memory) -> Result<Option<Piece>> {
        loop {
            match self.state {
                State::Header => {
                    let Some(line) = self.line()? else { return Ok(None) };
                    let header = y4m::header(&line)?;
                    self.set_size(header.width, header.height, memory)?;
                    self.state = State::Mark;
                    return Ok(Some(Piece::Header(header)));
                }
                State::Mark => {
                    let Some(line) = self.line()? else { return Ok(None) };
                    y4m::check_mark(&line)?;
                    self.state = State::Picture;
                }
                State::Picture => return Ok(self.fill().map(Piece::Picture)),
            }
        }
    }

    fn line(&mut self) -> Result<Option<Vec<u8>>> {
        self.feed
            .line(MAX_LINE)
            .map_err(|_| Error::bad_input(format!("a line of the Y4M file is over {MAX_LINE} bytes long")))
    }

    fn set_size(&mut self, width: u32, height: u32, memory: &Memory) -> Result<()> {
        let pixels = u64::from(width) * u64::from(height);
        if pixels == 0 {
            return Err(Error::bad_input(format!("pictures of {width}x{height} cannot be")));
        }
        let too_large = || {
            let most = MAX_PICTURE >> 20;
            Error::new(ErrorKind::Limit, format!("pictures of {width}x{height} are over the limit of {most} MiB"))
        };
        if pixels > MAX_PICTURE {
            return Err(too_large());
        }
        let (_, len) = Frame::layout(PixelFormat::Yuv420, width, height);
        if len as u64 > MAX_PICTURE {
            return Err(too_large());
        }
        self.lease = None; // of the size before
        let refused = || Error::new(ErrorKind::Limit, "no memory is left for a picture (-memory)");
        self.lease = Some(memory.lease(len).ok_or_else(refused)?);
        (self.width, self.height, self.len, self.filled) = (width, height, len, 0);
        Ok(())
    }

    /// A picture, once it is whole.
    fn fill(&mut self) -> Option<Frame> {
        while self.filled < self.len {
            let data = self.feed.some(self.len - self.filled)?;
            if self.filled == 0 && self.block.len() != self.len {
                self.block = self.pool.take(self.len);
            }
            self.block[self.filled..][..data.len()].copy_from_slice(&data);
            self.filled += data.len();
        }
        self.filled = 0;
        self.state = if self.is_y4m { State::Mark } else { State::Picture };
        let data = self.pool.freeze(std::mem::take(&mut self.block));
        Frame::new(PixelFormat::Yuv420, self.width, self.height, data)
    }
}
