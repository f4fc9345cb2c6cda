//! [`Block`]: frames of one track with their time (RFC 9559 10). It never looks into a frame.

use weir_media::Bytes;

use crate::ebml::{children, uint, vint};

const BLOCK: u32 = 0xa1;
const BLOCK_DURATION: u32 = 0x9b;
const REFERENCE_BLOCK: u32 = 0xfb;

/// Frames that stand together.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Block {
    /// Number of its track.
    pub(crate) track: u64,
    /// When the first frame is shown, after the cluster's time, in units of the file.
    pub(crate) time: i16,
    /// How long they last together, in the same units.
    pub(crate) duration: Option<u64>,
    pub(crate) is_key: bool,
    pub(crate) is_disposable: bool,
    pub(crate) frames: Vec<Bytes>,
}

impl Block {
    /// Reads the content of a SimpleBlock; `None` when it is damaged.
    pub(crate) fn simple(content: &Bytes) -> Option<Self> {
        let (mut block, flags) = Self::parse(content)?;
        block.is_key = flags & 0x80 != 0;
        block.is_disposable = flags & 0x01 != 0;
        Some(block)
    }

    /// Reads the content of a BlockGroup; `None` when it is damaged.
    pub(crate) fn group(content: &Bytes) -> Option<Self> {
        let child = |id| children(content).find(|(of, _)| *of == id).map(|(_, child)| child);
        let (mut block, _) = Self::parse(&content.slice_ref(child(BLOCK)?))?;
        block.is_key = child(REFERENCE_BLOCK).is_none();
        block.duration = child(BLOCK_DURATION).and_then(uint);
        Some(block)
    }

    fn parse(content: &Bytes) -> Option<(Self, u8)> {
        let (track, len) = vint(content)?;
        let [high, low, flags] = *content.get(len..)?.first_chunk()?;
        let frames = laced(&content.slice(len + 3..), flags >> 1 & 3)?;
        let time = i16::from_be_bytes([high, low]);
        Some((Self { track: track?, time, duration: None, is_key: false, is_disposable: false, frames }, flags))
    }
}

/// Cuts what is laced: by Xiph's sizes (1), in equal parts (2), or by EBML's sizes (3).
fn laced(data: &Bytes, lacing: u8) -> Option<Vec<Bytes>> {
    if lacing == 0 {
        return Some(vec![data.clone()]);
    }
    let (count, rest) = data.split_first()?;
    let count = usize::from(*count) + 1;
    let (sizes, used) = match lacing {
        1 => xiph(rest, count - 1)?,
        2 if rest.len().is_multiple_of(count) => (vec![rest.len() / count; count - 1], 0),
        2 => return None,
        _ => ebml(rest, count - 1)?,
    };
    let mut rest = data.slice(1 + used..);
    let mut frames = Vec::with_capacity(count);
    for size in sizes {
        if size > rest.len() {
            return None;
        }
        frames.push(rest.split_to(size));
    }
    frames.push(rest);
    Some(frames)
}

/// Sizes of all frames but the last, and the bytes they take.
fn xiph(bytes: &[u8], count: usize) -> Option<(Vec<usize>, usize)> {
    let mut at = 0;
    let mut size = || {
        let full = bytes.get(at..)?.iter().take_while(|byte| **byte == 255).count();
        let last = *bytes.get(at + full)?;
        at += full + 1;
        Some(full * 255 + usize::from(last))
    };
    let sizes = (0..count).map(|_| size()).collect::<Option<_>>()?;
    Some((sizes, at))
}

/// The same: the first size, and then by how much each differs from the one before.
fn ebml(bytes: &[u8], count: usize) -> Option<(Vec<usize>, usize)> {
    let (mut at, mut last) = (0, 0_i64);
    let mut sizes = Vec::with_capacity(count);
    for n in 0..count {
        let (value, len) = vint(bytes.get(at..)?)?;
        let value = i64::try_from(value?).ok()?;
        let middle = (1_i64 << (7 * len - 1)) - 1;
        last = if n == 0 { value } else { last.checked_add(value - middle)? };
        sizes.push(usize::try_from(last).ok()?);
        at += len;
    }
    Some((sizes, at))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lens(lacing: u8, rest: &[u8]) -> Option<Vec<usize>> {
        let content = Bytes::from([&[0x81, 0xff, 0xfe, 0x81 | lacing << 1][..], rest].concat());
        let block = Block::simple(&content)?;
        assert_eq!((block.track, block.time, block.is_key, block.is_disposable), (1, -2, true, true));
        Some(block.frames.iter().map(Bytes::len).collect())
    }

    #[test]
    fn every_lacing() {
        assert_eq!(lens(0, &[1; 7]), Some(vec![7]));
        assert_eq!(lens(1, &[&[2, 255, 3, 2][..], &[0; 265]].concat()), Some(vec![258, 2, 5]));
        assert_eq!(lens(2, &[&[2][..], &[0; 9]].concat()), Some(vec![3, 3, 3]));
        // The example of RFC 9559 10.4: 800, 500 and 1000 bytes.
        assert_eq!(lens(3, &[&[2, 0x43, 0x20, 0x5e, 0xd3][..], &[0; 2300]].concat()), Some(vec![800, 500, 1000]));
    }

    #[test]
    fn sizes_that_do_not_fit_are_damage() {
        assert_eq!(lens(1, &[1, 255, 255]), None);
        assert_eq!(lens(1, &[1, 9, 0, 0]), None);
        assert_eq!(lens(2, &[1, 0, 0, 0]), None);
        assert_eq!(lens(3, &[2, 0x81, 0x80, 0]), None);
        assert_eq!(lens(3, &[1]), None);
    }

    #[test]
    fn a_group_tells_a_key_by_what_it_refers_to() {
        let block = [0xa1, 0x86, 0x82, 0, 5, 0, 7, 7];
        let group = Bytes::from([&block[..], &[0x9b, 0x81, 40]].concat());
        let read = Block::group(&group).expect("it is whole");
        assert_eq!((read.track, read.time, read.is_key, read.duration), (2, 5, true, Some(40)));
        let inter = Bytes::from([&[0xfb, 0x81, 0xd8][..], &block].concat());
        assert!(!Block::group(&inter).expect("it is whole").is_key);
        assert_eq!(Block::group(&Bytes::from_static(&[0x9b, 0x81, 40])), None);
    }
}
