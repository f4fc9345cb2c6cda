//! Cutting an ADTS stream into frames.

use weir_media::Bytes;

use super::adts::{ADTS_HEADER_LEN, AdtsHeader};
use super::config::AudioSpecificConfig;
use crate::Error;
use crate::window::Window;

/// What one ADTS frame carries, or one raw data block of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AdtsFrame {
    /// The header of the frame.
    pub header: AdtsHeader,
    /// Raw data, without header and CRC. One raw data block; or all of them, one after the other, where the
    /// frame has several and no CRC, as only a decoder can tell their borders.
    pub payload: Bytes,
    /// Samples of each channel in `payload`: 1024 for each raw data block.
    pub samples: u32,
    /// Whether this is the first frame, or the header is of another stream than the one before: see
    /// [`AdtsFrame::config`].
    pub config_changed: bool,
    /// Bytes dropped just before this frame because they were no frame.
    pub skipped: u64,
}

impl AdtsFrame {
    /// The configuration of this frame.
    ///
    /// # Errors
    /// As [`AudioSpecificConfig::from_adts`].
    pub fn config(&self) -> Result<AudioSpecificConfig, Error> {
        AudioSpecificConfig::from_adts(&self.header, &self.payload)
    }
}

/// Cuts an ADTS stream that arrives in pieces of any size into frames.
///
/// At the start, after bytes that are no frame, and where the header says another stream, a header counts only
/// when the same one stands again where its frame ends, or the stream ends there. So tags before the first
/// frame, junk, and lost bytes are stepped over, and told in [`AdtsFrame::skipped`].
///
/// Push a piece, then pull until `None`; after the last piece call [`finish`](Self::finish) and pull again.
#[derive(Debug, Default)]
pub struct AdtsSplitter {
    window: Window,
    /// Header of the last frame; `None` before the first one.
    last: Option<AdtsHeader>,
    /// Whether the next frame is expected to start at the front.
    locked: bool,
    skipped: u64,
    total_skipped: u64,
    finished: bool,
    /// Blocks of a frame that were not pulled yet, the next one last.
    blocks: Vec<AdtsFrame>,
}

impl AdtsSplitter {
    /// As before the first frame.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the next piece of the stream.
    pub fn push(&mut self, piece: Bytes) {
        self.window.push(piece);
    }

    /// Says that no more pieces come. A frame that is not whole is dropped.
    pub const fn finish(&mut self) {
        self.finished = true;
    }

    /// Bytes dropped so far because they were no frame.
    #[must_use]
    pub const fn total_skipped(&self) -> u64 {
        self.total_skipped
    }

    /// The next frame, or `None` when more input is needed or, after [`finish`](Self::finish), all was given.
    pub fn pull(&mut self) -> Option<AdtsFrame> {
        loop {
            if let Some(block) = self.blocks.pop() {
                return Some(block);
            }
            let Some(head) = self.window.peek(ADTS_HEADER_LEN) else { break };
            let header = AdtsHeader::parse(head).ok();
            match header.map(|header| self.judge(&header)) {
                Some(Verdict::Frame) => self.cut(header?),
                Some(Verdict::NeedMore) => return None,
                Some(Verdict::NoFrame) | None => self.skip(),
            }
        }
        while self.finished && self.window.len() > 0 {
            self.skip();
        }
        None
    }

    fn judge(&mut self, header: &AdtsHeader) -> Verdict {
        let len = usize::from(header.frame_len);
        if self.window.len() < len {
            return if self.finished { Verdict::NoFrame } else { Verdict::NeedMore };
        }
        if self.locked && self.last.is_some_and(|last| last.same_config(header)) {
            return Verdict::Frame;
        }
        match self.window.peek(len + ADTS_HEADER_LEN) {
            Some(both) => match AdtsHeader::parse(&both[len..]) {
                Ok(next) if next.same_config(header) => Verdict::Frame,
                _ => Verdict::NoFrame,
            },
            None if self.finished => Verdict::Frame,
            None => Verdict::NeedMore,
        }
    }

    fn skip(&mut self) {
        let dropped = self.window.skip_to(0xff) as u64;
        self.skipped += dropped;
        self.total_skipped += dropped;
        self.locked = false;
    }

    /// Takes the whole frame at the front and leaves its blocks to be pulled.
    fn cut(&mut self, header: AdtsHeader) {
        let Some(frame) = self.window.take(header.frame_len.into()) else { return };
        let payload = frame.slice(header.header_len()..);
        let config_changed = self.last.is_none_or(|last| !last.same_config(&header));
        self.last = Some(header);
        self.locked = true;
        let make = |payload, samples| AdtsFrame { header, payload, samples, config_changed: false, skipped: 0 };
        self.blocks = match split_blocks(&header, &frame) {
            Some(blocks) => blocks.into_iter().rev().map(|block| make(block, 1024)).collect(),
            None => vec![make(payload, header.samples())],
        };
        if let Some(first) = self.blocks.last_mut() {
            first.config_changed = config_changed;
            first.skipped = std::mem::take(&mut self.skipped);
        }
    }
}

enum Verdict {
    Frame,
    NoFrame,
    NeedMore,
}

/// Cuts a frame with CRC into its raw data blocks, each without its own CRC (ISO/IEC 14496-3 1.A.3.2,
/// adts_header_error_check). `None` when the frame has no CRC or its positions make no sense.
fn split_blocks(header: &AdtsHeader, frame: &Bytes) -> Option<Vec<Bytes>> {
    const CRC_LEN: usize = 2;
    if !header.crc_present || header.blocks == 1 {
        return None;
    }
    let positions = frame.get(ADTS_HEADER_LEN..header.header_len() - CRC_LEN)?;
    let payload = frame.slice(header.header_len()..);
    let mut starts = vec![0];
    starts.extend(positions.chunks_exact(2).map(|p| usize::from(u16::from_be_bytes([p[0], p[1]]))));
    starts.push(payload.len());
    starts
        .windows(2)
        .map(|pair| {
            let end = pair[1].checked_sub(CRC_LEN)?;
            (pair[0] < end && pair[1] <= payload.len()).then(|| payload.slice(pair[0]..end))
        })
        .collect()
}
