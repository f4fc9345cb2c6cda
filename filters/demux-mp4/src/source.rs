//! [`Source`]: random access to a local file in large reads.
//!
//! Samples of a track lie one after the other or close together, so the file is read in blocks and samples are copied
//! out of them. A copy, and not a share, because a small packet that somebody keeps must not keep a whole block.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use weir_plugin::{Error, ErrorKind, Result};

/// Bytes read at once, unless a single piece needs more.
const READ_AHEAD: usize = 1 << 20;

/// A local file and the blocks of it read last.
#[derive(Debug)]
pub(crate) struct Source {
    file: File,
    len: u64,
    /// The block used last is at the end.
    blocks: Vec<Block>,
    keep: usize,
}

#[derive(Debug)]
struct Block {
    at: u64,
    data: Vec<u8>,
}

impl Block {
    fn get(&self, at: u64, len: usize) -> Option<&[u8]> {
        let start = usize::try_from(at.checked_sub(self.at)?).ok()?;
        self.data.get(start..start.checked_add(len)?)
    }
}

impl Source {
    /// Opens a file.
    ///
    /// # Errors
    /// When it cannot be opened, or is a pipe or a device.
    pub(crate) fn open(path: &str) -> Result<Self> {
        let fail = |e| Error::new(ErrorKind::Io, format!("cannot open {path}: {e}"));
        let meta = std::fs::metadata(path).map_err(fail)?;
        if !meta.is_file() {
            return Err(Error::unsupported(format!("{path} is not a regular file, and MP4 needs a seekable file")));
        }
        let file = File::open(Path::new(path)).map_err(fail)?;
        Ok(Self { file, len: meta.len(), blocks: Vec::new(), keep: 1 })
    }

    /// Length when opened, bytes.
    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    /// How many places are read in turn: so many blocks are kept, and one more.
    pub(crate) fn expect_readers(&mut self, readers: usize) {
        self.keep = readers + 1;
    }

    /// Bytes that are kept at most, single large pieces aside.
    pub(crate) const fn capacity(&self) -> usize {
        self.keep.saturating_mul(READ_AHEAD)
    }

    /// `len` bytes at `at`; `None` when the file ends before.
    ///
    /// # Errors
    /// When the operating system refuses.
    pub(crate) fn read(&mut self, at: u64, len: usize) -> Result<Option<Vec<u8>>> {
        if at.checked_add(len as u64).is_none_or(|end| end > self.len) {
            return Ok(None);
        }
        if let Some(hit) = self.blocks.iter().position(|block| block.get(at, len).is_some()) {
            self.blocks[hit..].rotate_left(1);
        } else if len > READ_AHEAD {
            return self.load(at, len, Vec::new()).map(|data| Some(data).filter(|data| data.len() == len));
        } else {
            let old = if self.blocks.len() < self.keep { Vec::new() } else { self.blocks.remove(0).data };
            let data = self.load(at, READ_AHEAD, old)?;
            self.blocks.push(Block { at, data });
        }
        Ok(self.blocks.last().and_then(|block| block.get(at, len)).map(<[u8]>::to_vec))
    }

    /// Up to `len` bytes at `at`, into the memory of `data`.
    fn load(&mut self, at: u64, len: usize, mut data: Vec<u8>) -> Result<Vec<u8>> {
        data.clear();
        let read =
            self.file.seek(SeekFrom::Start(at)).and_then(|_| (&self.file).take(len as u64).read_to_end(&mut data));
        read.map_err(|e| Error::new(ErrorKind::Io, format!("cannot read at byte {at}: {e}")))?;
        Ok(data)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_is_there_and_keeps_few_blocks() {
        let path = std::env::temp_dir().join(format!("weir-mp4dmx-source-{}", std::process::id()));
        let byte = |at: usize| (at % 251) as u8;
        std::fs::write(&path, (0..5 * READ_AHEAD).map(byte).collect::<Vec<_>>()).expect("room for a file");
        let mut source = Source::open(path.to_str().expect("a plain name")).expect("it is there");
        std::fs::remove_file(&path).expect("it is there");
        source.expect_readers(2);
        let places = [0, 10, 4 * READ_AHEAD, 20, READ_AHEAD - 5, 3 * READ_AHEAD, 0, 5 * READ_AHEAD - 30];
        for (at, len) in places.into_iter().flat_map(|at| [(at, 0), (at, 1), (at, 30)]).chain([(7, 2 * READ_AHEAD)]) {
            let want: Vec<u8> = (at..at + len).map(byte).collect();
            assert_eq!(source.read(at as u64, len).expect("readable").as_deref(), Some(&want[..]), "{len} at {at}");
            assert!(source.blocks.len() <= 3);
        }
        let end = 5 * READ_AHEAD as u64;
        assert_eq!((source.read(end - 1, 2), source.read(u64::MAX, 1)), (Ok(None), Ok(None)));
        assert_eq!(source.read(end, 0), Ok(Some(Vec::new())));
    }
}
