//! The key-frame index that makes a file seekable. It is written at the start of the file, before its content is known:
//! room is reserved first and filled at the end. Never grows beyond that room.

use weir_media::{Bytes, BytesMut};

use crate::metadata::{FILLER, body_of, key_frames_value, write_body};
use crate::{Error, MAX_BODY, MetaData, TAG_HEADER, TAG_TRAILER};

/// Most key frames an index can have room for. Takes 1.2 MB at the start of the file.
pub const MAX_INDEX_SLOTS: usize = 65_536;

/// Bytes of one key frame in the script: two numbers of 9 bytes.
const SLOT: usize = 18;
/// Bytes of a filler property without its text: key and its length, marker, text length.
const FILLER_HEAD: usize = 2 + FILLER.len() + 1 + 2;
/// Bytes of each filler property but the last. FFmpeg refuses text from 1024 bytes on, so long room gets several.
const FILLER_STEP: usize = 1000;

/// One entry of the index.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct KeyFrame {
    /// Seconds from the start of the file.
    pub time: f64,
    /// File offset of the first byte of the key frame's tag.
    pub position: u64,
}

/// Collects key frames in bounded memory. When full it keeps every second one, then only takes every second, and so on:
/// the entries stay evenly spread over the whole file, at least half of the slots are used, the first stays first.
#[derive(Clone, Debug)]
pub struct KeyFrameIndex {
    slots: usize,
    /// Every how many key frames one is taken.
    stride: u64,
    seen: u64,
    entries: Vec<KeyFrame>,
}

impl KeyFrameIndex {
    /// An empty index for at most `slots` entries.
    #[must_use]
    pub const fn new(slots: usize) -> Self {
        Self { slots, stride: 1, seen: 0, entries: Vec::new() }
    }

    /// Adds the next key frame of the file.
    pub fn push(&mut self, frame: KeyFrame) {
        if self.seen.is_multiple_of(self.stride) && self.entries.len() == self.slots {
            self.thin();
        }
        if self.seen.is_multiple_of(self.stride) && self.entries.len() < self.slots {
            self.entries.push(frame);
        }
        self.seen += 1;
    }

    /// The key frames kept, in the order of the file.
    #[must_use]
    pub fn entries(&self) -> &[KeyFrame] {
        &self.entries
    }

    fn thin(&mut self) {
        let mut keep = false;
        self.entries.retain(|_| {
            keep = !keep;
            keep
        });
        self.stride = self.stride.saturating_mul(2);
    }
}

/// The `onMetaData` tag of a seekable file: always of the same size, whatever is known when it is written.
///
/// Write it after the file header, add every key frame, then set the duration and size and write it again over the
/// first one, at file offset [`HEADER_LEN`](crate::HEADER_LEN).
///
/// ```
/// use weir_flv::{KeyFrame, MetaData, SeekableScript};
/// use weir_media::BytesMut;
///
/// let mut script = SeekableScript::new(MetaData { width: Some(320), ..MetaData::default() }, 1000)?;
/// let mut start = BytesMut::new();
/// script.write_tag(&mut start)?;
///
/// script.index.push(KeyFrame { time: 0.0, position: 13 + start.len() as u64 });
/// script.set_end(12.5, 1_000_000);
/// let mut end = BytesMut::new();
/// script.write_tag(&mut end)?;
/// assert_eq!(start.len(), end.len());
/// # Ok::<(), weir_flv::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct SeekableScript {
    /// What is written besides the index. Values may change; properties may go away, and come as long as they fit in
    /// the room of the index. Its `key_frames` are not used.
    pub metadata: MetaData,
    /// The key frames so far.
    pub index: KeyFrameIndex,
    body_len: usize,
}

impl SeekableScript {
    /// Reserves room for `metadata` with a duration and a file size, and for `slots` key frames.
    ///
    /// # Errors
    /// [`Error::Slots`] or [`Error::TooLarge`].
    pub fn new(metadata: MetaData, slots: usize) -> Result<Self, Error> {
        if slots > MAX_INDEX_SLOTS {
            return Err(Error::Slots(slots));
        }
        let mut this = Self { metadata, index: KeyFrameIndex::new(slots), body_len: 0 };
        this.set_end(0.0, 0);
        let len = body_of(&this.properties()).len() + slots * SLOT + FILLER_HEAD;
        if len > MAX_BODY {
            return Err(Error::TooLarge { len });
        }
        this.body_len = len;
        Ok(this)
    }

    /// Sets what is known at the end: the duration in seconds and the size of the file in bytes.
    pub fn set_end(&mut self, duration: f64, file_size: u64) {
        self.metadata.duration = Some(duration);
        self.metadata.file_size = Some(file_size);
    }

    /// Bytes of the whole tag, the same for every writing.
    #[must_use]
    pub const fn tag_len(&self) -> usize {
        TAG_HEADER + self.body_len + TAG_TRAILER
    }

    /// Appends the tag as things stand, with timestamp 0.
    ///
    /// # Errors
    /// [`Error::Reserve`] when the metadata grew beyond its room; nothing is written then.
    pub fn write_tag(&self, out: &mut BytesMut) -> Result<(), Error> {
        write_body(&self.body()?, 0, out)
    }

    fn body(&self) -> Result<Bytes, Error> {
        let mut properties = self.properties();
        let needed = body_of(&properties).len() + FILLER_HEAD;
        let Some(spare) = self.body_len.checked_sub(needed) else {
            return Err(Error::Reserve { needed, reserved: self.body_len });
        };
        let mut room = spare + FILLER_HEAD;
        while room > 0 {
            // A step leaves at least the head of one more property.
            let step = if room > FILLER_STEP + FILLER_HEAD { FILLER_STEP } else { room };
            properties.push(FILLER, " ".repeat(step - FILLER_HEAD));
            room -= step;
        }
        Ok(body_of(&properties))
    }

    /// The properties without filler; the index is there even when it is empty.
    fn properties(&self) -> weir_amf::Object {
        let metadata = MetaData { key_frames: Vec::new(), ..self.metadata.clone() };
        let mut properties = metadata.to_object();
        properties.push("keyframes", key_frames_value(self.index.entries()));
        properties
    }
}
