//! [`FrameSplitter`]: MP3, AC-3 and E-AC-3 as they stand in files and transport streams, frame after frame, to frames.
//! Never decodes, and holds no more than a frame.

use weir_media::{Bytes, CodecId};

use crate::{Error, ErrorKind, ac3, mp3};

/// Bytes that tell a frame and its size, of any of the codecs.
const HEAD: usize = 8;

/// A frame; of E-AC-3, with the frames that belong to it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SyncFrame {
    /// Place of its first byte in all that was pushed.
    pub at: u64,
    /// All of it.
    pub data: Bytes,
    /// Bytes before it that were no frame.
    pub skipped: u64,
}

/// Cuts a stream into frames, from any byte on and over damage.
#[derive(Debug)]
pub struct FrameSplitter {
    codec: CodecId,
    data: Vec<u8>,
    at: usize,
    /// Bytes before `data`.
    gone: u64,
    skipped: u64,
    /// The last frame ended where this one is to begin.
    is_in_sync: bool,
    is_finished: bool,
}

/// What stands at some place.
enum Here {
    Frame(usize),
    Other,
    /// Not before more comes.
    Unknown,
}

impl FrameSplitter {
    /// For a stream of this codec, one of those that have no record.
    #[must_use]
    pub const fn new(codec: CodecId) -> Self {
        Self { codec, data: Vec::new(), at: 0, gone: 0, skipped: 0, is_in_sync: false, is_finished: false }
    }

    /// Place of the next byte to be pushed.
    #[must_use]
    pub const fn position(&self) -> u64 {
        self.gone + self.data.len() as u64
    }

    /// Adds the next bytes.
    pub fn push(&mut self, bytes: &[u8]) {
        self.data.drain(..self.at);
        self.gone += self.at as u64;
        self.at = 0;
        self.data.extend_from_slice(bytes);
        self.is_finished = false;
    }

    /// Says that what was pushed ends here. What is cut off is dropped.
    pub const fn finish(&mut self) {
        self.is_finished = true;
    }

    /// The next frame; `None` without more input.
    pub fn pull(&mut self) -> Option<SyncFrame> {
        loop {
            match self.look() {
                Here::Frame(len) => {
                    let at = self.gone + self.at as u64;
                    let data = Bytes::copy_from_slice(&self.data[self.at..self.at + len]);
                    self.at += len;
                    self.is_in_sync = true;
                    return Some(SyncFrame { at, data, skipped: std::mem::take(&mut self.skipped) });
                }
                Here::Other => self.skip(),
                Here::Unknown if self.is_finished && self.at < self.data.len() => self.skip(),
                Here::Unknown => return None,
            }
        }
    }

    /// Goes on to what may be a sync word.
    fn skip(&mut self) {
        let first = if self.codec == CodecId::Mp3 { 0xff } else { 0x0b };
        let rest = &self.data[self.at + 1..];
        let more = rest.iter().position(|byte| *byte == first).unwrap_or(rest.len()) + 1;
        self.at += more;
        self.skipped += more as u64;
        self.is_in_sync = false;
    }

    fn look(&self) -> Here {
        let rest = &self.data[self.at..];
        let mut len = match self.head(rest) {
            Ok((len, _)) => len,
            Err(e) => return unless_cut(rest, &e),
        };
        // What belongs to it, and, where it is not clear that this is a frame, that another one follows.
        while let Some(next) = rest.get(len..).filter(|next| !next.is_empty()) {
            match self.head(next) {
                Ok((more, true)) => len += more,
                Ok((_, false)) => break,
                Err(e) => match unless_cut(next, &e) {
                    Here::Unknown if !self.is_finished => return Here::Unknown,
                    Here::Other if !self.is_in_sync => return Here::Other,
                    _ => break,
                },
            }
        }
        if len <= rest.len() { Here::Frame(len) } else { Here::Unknown }
    }

    /// Size of the frame that `data` begins with, and whether it belongs to the one before.
    fn head(&self, data: &[u8]) -> Result<(usize, bool), Error> {
        if self.codec != CodecId::Mp3 {
            return ac3::FrameHeader::parse(data).map(|header| (header.size.max(1), header.dependent));
        }
        let free = Error::at_byte(ErrorKind::Unsupported(0), "bitrate_index", 2);
        let header = mp3::FrameHeader::parse(data)?;
        header.size.filter(|size| *size > 0).map(|size| (size, false)).ok_or(free)
    }
}

/// A head that cannot be read is none, unless it is cut off.
fn unless_cut(data: &[u8], e: &Error) -> Here {
    if e.kind == ErrorKind::Truncated && data.len() < HEAD { Here::Unknown } else { Here::Other }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 48 kHz, stereo, 64 kbit/s.
    fn mp3(n: u8) -> Vec<u8> {
        let mut frame = vec![n; 192];
        frame[..4].copy_from_slice(&[0xff, 0xfb, 0x54, 0x00]);
        frame
    }

    /// E-AC-3 of 48 kHz in stereo, six blocks, 64 bytes.
    fn eac3(dependent: bool) -> Vec<u8> {
        let mut frame = vec![0; 64];
        frame[..6].copy_from_slice(&[0x0b, 0x77, if dependent { 0x40 } else { 0 }, 31, 0x34, 0x80]);
        frame
    }

    fn split(codec: CodecId, bytes: &[u8], piece: usize) -> (Vec<(u64, usize)>, u64) {
        let mut splitter = FrameSplitter::new(codec);
        let (mut frames, mut skipped) = (Vec::new(), 0);
        let mut pull = |splitter: &mut FrameSplitter| {
            while let Some(frame) = splitter.pull() {
                frames.push((frame.at, frame.data.len()));
                skipped += frame.skipped;
            }
        };
        for chunk in bytes.chunks(piece) {
            splitter.push(chunk);
            pull(&mut splitter);
        }
        splitter.finish();
        pull(&mut splitter);
        (frames, skipped)
    }

    #[test]
    fn frames_are_found_in_any_pieces() {
        let stream = [mp3(0), mp3(1), mp3(2)].concat();
        for piece in [1, 5, 192, 1000] {
            assert_eq!(split(CodecId::Mp3, &stream, piece), (vec![(0, 192), (192, 192), (384, 192)], 0), "{piece}");
        }
    }

    #[test]
    fn what_is_no_frame_is_stepped_over() {
        let stream =
            [&[0xff, 0xfb, 0x54, 0, 1, 2][..], &mp3(0), &mp3(1)[..100], &mp3(2), &mp3(3), &mp3(4)[..50]].concat();
        let (frames, skipped) = split(CodecId::Mp3, &stream, 7);
        assert_eq!(frames.first(), Some(&(6, 192)));
        assert!(frames.contains(&(6 + 192 + 100 + 192, 192)), "{frames:?}");
        assert!(skipped >= 6, "{skipped}");
    }

    #[test]
    fn frames_that_belong_together_stay_together() {
        let stream = [eac3(false), eac3(true), eac3(false), eac3(true), eac3(true)].concat();
        assert_eq!(split(CodecId::Eac3, &stream, 1000), (vec![(0, 128), (128, 192)], 0));
    }
}
