//! [`Reader`]: Matroska as it comes to tracks and blocks (RFC 9559). Segments and clusters are gone into without looking at
//! their sizes, as their contents tell where they end; so those of live streams, which are not known, make no difference.
//! Its memory is bounded whatever comes.

use weir_media::{Buf, Bytes, BytesMut};

use crate::block::Block;
use crate::ebml::{Front, Head, children, float, head, uint};
use crate::entry::{Entry, TRACK_ENTRY};

const EBML: u32 = 0x1a45_dfa3;
const SEGMENT: u32 = 0x1853_8067;
const CLUSTER: u32 = 0x1f43_b675;
const INFO: u32 = 0x1549_a966;
const TRACKS: u32 = 0x1654_ae6b;
const TIMESTAMP: u32 = 0xe7;
const SIMPLE_BLOCK: u32 = 0xa3;
const BLOCK_GROUP: u32 = 0xa0;
const TIMESTAMP_SCALE: u32 = 0x002a_d7b1;
const DURATION: u32 = 0x4489;
/// What is stepped over whatever its size: SeekHead, Cues, Chapters, Tags, Attachments and Void.
const LONG: [u32; 6] = [0x114d_9b74, 0x1c53_bb6b, 0x1043_a770, 0x1254_c367, 0x1941_a469, 0xec];

/// Longest block, bytes: a picture of 1.2 Gbit/s at 5 a second.
const MAX_BLOCK: u64 = 32 << 20;
/// Longest list of tracks: records of decoders are in it, and pictures of fonts are not.
const MAX_TRACKS: u64 = 4 << 20;
/// Longest of other elements that are read.
const MAX_OTHER: u64 = 64 << 10;
/// An element that nobody knows and that is longer is taken for damage.
const MAX_UNKNOWN: u64 = 16 << 20;
/// Largest cluster time: far over any file, and far under what would overflow.
const MAX_TIME: u64 = 1 << 53;

/// What comes out of a stream.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Event {
    /// Another file begins.
    Begin,
    Info(Info),
    Tracks(Vec<Entry>),
    /// A block, with the time of its cluster in units of the file.
    Block(i64, Block),
    /// Something was left out: what and where.
    Damage(String),
}

/// What is true of all tracks.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Info {
    /// Nanoseconds that a unit of time takes.
    pub(crate) scale: u64,
    /// Length of the whole in units of time.
    pub(crate) duration: Option<f64>,
}

impl Default for Info {
    fn default() -> Self {
        Self { scale: 1_000_000, duration: None }
    }
}

/// Takes a stream apart.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    buffer: BytesMut,
    /// Bytes before `buffer`.
    gone: u64,
    /// Bytes that are still to be stepped over.
    skip: u64,
    /// Where the search for the next cluster began, after damage.
    lost_at: Option<u64>,
    cluster: Option<i64>,
    is_finished: bool,
}

impl Reader {
    /// Adds the next bytes.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        let stepped = self.skip.min(bytes.len() as u64);
        self.skip -= stepped;
        self.gone += stepped;
        self.buffer.extend_from_slice(&bytes[stepped as usize..]);
    }

    /// Says that nothing more comes.
    pub(crate) const fn finish(&mut self) {
        self.is_finished = true;
    }

    /// What comes next; `None` without more input.
    pub(crate) fn pull(&mut self) -> Option<Event> {
        loop {
            if self.skip > 0 {
                return None;
            }
            if let Some(from) = self.lost_at {
                match self.search() {
                    true => return Some(self.found(from)),
                    false if self.is_finished => return self.cut_off(from),
                    false => return None,
                }
            }
            let from = self.gone;
            match head(&self.buffer) {
                Front::Head(head) => match self.element(head) {
                    Step::Given(event) => return Some(event),
                    Step::On => {}
                    Step::Wait if self.is_finished => return self.cut_off(from),
                    Step::Wait => return None,
                    Step::Damage => self.lose(),
                },
                Front::Cut if self.is_finished && !self.buffer.is_empty() => return self.cut_off(from),
                Front::Cut => return None,
                Front::Invalid => self.lose(),
            }
        }
    }

    fn advance(&mut self, len: u64) {
        let here = len.min(self.buffer.len() as u64);
        self.buffer.advance(here as usize);
        self.gone += here;
        self.skip = len - here;
    }

    /// What is left at the end is no whole element.
    fn cut_off(&mut self, from: u64) -> Option<Event> {
        let len = self.buffer.len() as u64 + self.gone - from;
        self.advance(self.buffer.len() as u64);
        self.lost_at = None;
        (len > 0).then(|| Event::Damage(format!("the last {len} bytes are no whole element and are left out")))
    }

    /// What stands here is no element that belongs here.
    fn lose(&mut self) {
        self.lost_at = Some(self.gone);
        self.cluster = None;
        self.advance(1);
    }

    /// Goes to where a cluster or a file begins; false when that is not in what came so far.
    fn search(&mut self) -> bool {
        let begins = |four: &[u8]| [CLUSTER, EBML].iter().any(|id| four == id.to_be_bytes());
        let found = self.buffer.windows(4).position(begins);
        let kept = self.buffer.len().min(3);
        self.advance(found.unwrap_or(self.buffer.len() - kept) as u64);
        found.is_some()
    }

    fn found(&mut self, from: u64) -> Event {
        self.lost_at = None;
        let to = self.gone;
        Event::Damage(format!("{} bytes from byte {from} on are damaged and are skipped", to - from))
    }

    fn element(&mut self, head: Head) -> Step {
        let limit = match head.id {
            SEGMENT | CLUSTER => {
                self.cluster = None;
                self.advance(head.head_len as u64);
                return Step::On;
            }
            TRACKS => MAX_TRACKS,
            SIMPLE_BLOCK | BLOCK_GROUP => MAX_BLOCK,
            EBML | INFO | TIMESTAMP => MAX_OTHER,
            id => return self.step_over(head, if LONG.contains(&id) { u64::MAX } else { MAX_UNKNOWN }),
        };
        let Some(len) = head.len.filter(|len| *len <= limit) else { return Step::Damage };
        let whole = head.head_len + len as usize;
        if self.buffer.len() < whole {
            return Step::Wait;
        }
        let at = self.gone;
        let content = self.buffer.split_to(whole).freeze().slice(head.head_len..);
        self.gone += whole as u64;
        self.read(head.id, &content, at)
    }

    fn step_over(&mut self, head: Head, limit: u64) -> Step {
        let Some(len) = head.len.filter(|len| *len <= limit) else { return Step::Damage };
        self.advance(len.saturating_add(head.head_len as u64));
        Step::On
    }

    fn read(&mut self, id: u32, content: &Bytes, at: u64) -> Step {
        let block = |block: Option<Block>| match (block, self.cluster) {
            (Some(block), Some(cluster)) => Event::Block(cluster, block),
            (None, _) => Event::Damage(format!("a damaged block at byte {at} is left out")),
            (_, None) => Event::Damage(format!("a block at byte {at} that belongs to no cluster is left out")),
        };
        Step::Given(match id {
            EBML => Event::Begin,
            INFO => Event::Info(Info::parse(content)),
            TRACKS => Event::Tracks(
                children(content).filter(|(id, _)| *id == TRACK_ENTRY).filter_map(|(_, e)| Entry::parse(e)).collect(),
            ),
            SIMPLE_BLOCK => block(Block::simple(content)),
            BLOCK_GROUP => block(Block::group(content)),
            _ => {
                self.cluster = uint(content).filter(|time| *time <= MAX_TIME).map(u64::cast_signed);
                return Step::On;
            }
        })
    }
}

/// What became of an element.
enum Step {
    Given(Event),
    /// It was passed.
    On,
    /// It is not whole yet.
    Wait,
    /// It cannot be.
    Damage,
}

impl Info {
    fn parse(content: &[u8]) -> Self {
        let mut info = Self::default();
        for (id, value) in children(content) {
            match id {
                TIMESTAMP_SCALE => info.scale = uint(value).filter(|scale| *scale > 0).unwrap_or(info.scale),
                DURATION => info.duration = float(value).filter(|duration| *duration > 0.0),
                _ => {}
            }
        }
        info
    }
}
