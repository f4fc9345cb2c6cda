//! What the tests share.

mod client;
mod writer;

pub(crate) use client::{Peer, connect_body, connect_chunks};
pub(crate) use writer::{ExtStyle, RefWriter};

use weir_media::Bytes;
use weir_rtmp::ErrorKind;
use weir_rtmp::chunk::{ChunkReader, Limits};
use weir_rtmp::message::Message;

/// Bytes of hexadecimal text; spaces do not count.
pub(crate) fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(|b| !b.is_ascii_whitespace()).collect();
    let pair = |p: &[u8]| u8::from_str_radix(std::str::from_utf8(p).expect("ASCII"), 16).expect("hexadecimal");
    digits.chunks(2).map(pair).collect()
}

/// A small generator of pseudo-random numbers (splitmix64).
#[derive(Clone)]
pub(crate) struct Rng(pub(crate) u64);

impl Rng {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `n`, which is not 0.
    pub(crate) fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    /// A place to index into something of `len` items.
    pub(crate) fn index(&mut self, len: usize) -> usize {
        usize::try_from(self.below(len as u64)).expect("below a usize")
    }

    /// Bytes that are never 0.
    pub(crate) fn body(&mut self, len: usize) -> Bytes {
        (0..len).map(|_| u8::try_from(self.below(255) + 1).expect("a byte")).collect::<Vec<u8>>().into()
    }
}

/// Reads all messages of `input`, given to the reader in pieces of `split` bytes.
pub(crate) fn read_split(input: &[u8], split: usize) -> Result<Vec<Message>, ErrorKind> {
    let mut reader = ChunkReader::new(Limits::DEFAULT);
    let mut out = Vec::new();
    for mut piece in input.chunks(split) {
        while let Some(message) = reader.read(&mut piece)? {
            out.push(message);
        }
        assert!(piece.is_empty());
    }
    assert_eq!(reader.position(), input.len() as u64);
    Ok(out)
}

/// Reads all messages of `input`; every split must give the same.
pub(crate) fn read_all(input: &[u8]) -> Result<Vec<Message>, ErrorKind> {
    let whole = read_split(input, input.len().max(1));
    for split in [1, 2, 3, 7, 100] {
        assert_eq!(read_split(input, split), whole, "in pieces of {split}");
    }
    whole
}
