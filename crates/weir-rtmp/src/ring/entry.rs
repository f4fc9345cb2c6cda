//! What a ring keeps: [`Entry`], made once from [`Media`] by a [`Renderer`].

use std::fmt;
use std::sync::Arc;

use weir_media::{Bytes, Time};

use super::cursor::Cursor;
use crate::chunk::{Csid, MAX_MESSAGE, render, with_msid};
use crate::message::{Message, kind};

/// Message stream id that entries are rendered for: the first a client gets, so nearly all share the bytes as they are.
pub const SHARED_MSID: u32 = 1;

/// Which track of the wire a message belongs to.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Kind {
    /// Audio messages.
    Audio,
    /// Video messages.
    Video,
    /// Metadata and other script data.
    Data,
}

impl Kind {
    const fn wire(self) -> (u8, Csid) {
        match self {
            Self::Audio => (kind::AUDIO, Csid::AUDIO),
            Self::Video => (kind::VIDEO, Csid::VIDEO),
            Self::Data => (kind::DATA_AMF0, Csid::STREAM),
        }
    }
}

/// What losing a message would mean.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Class {
    /// Metadata or decoder configuration: never lost, and sent to whoever starts later. It replaces the header of the
    /// same kind with the same number; tracks and sorts of header need numbers of their own.
    Header(u16),
    /// Decoding can start here. Audio and data that are no headers are of this class.
    Key,
    /// Needs the frames since the last key frame.
    Inter,
    /// As [`Class::Inter`], but nothing needs it.
    Disposable,
}

/// What a peer gets in place of a message when it knows the original RTMP only, where each kind of media is one track.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Legacy {
    /// The same.
    #[default]
    Same,
    /// Nothing.
    Nothing,
    /// This body, and what losing it would mean: a header for a header, and none for what is none.
    As(Class, Bytes),
}

/// One message of a muxed stream.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Media {
    /// Its track.
    pub kind: Kind,
    /// What losing it would mean.
    pub class: Class,
    /// Decoding time in milliseconds, modulo 2³².
    pub timestamp: u32,
    /// The body of the RTMP message (an FLV tag's body). Metadata without `@setDataFrame`.
    pub body: Bytes,
    /// The same for peers of the original RTMP.
    pub legacy: Legacy,
}

/// A header as it may have to be sent again.
#[derive(PartialEq, Eq, Debug)]
pub(super) struct Header {
    pub(super) kind: Kind,
    pub(super) number: u16,
    body: Bytes,
    legacy: Legacy,
}

impl Header {
    /// Bytes of its bodies.
    pub(super) const fn len(&self) -> usize {
        self.body.len() + if let Legacy::As(_, body) = &self.legacy { body.len() } else { 0 }
    }

    /// The header's message with `timestamp` for `msid`; `None` when there is none for a peer of the original RTMP.
    pub(super) fn render(&self, timestamp: u32, msid: u32, chunk_size: u32, legacy: bool) -> Option<Bytes> {
        let body = match &self.legacy {
            Legacy::Nothing if legacy => return None,
            Legacy::As(_, body) if legacy => body,
            _ => &self.body,
        };
        let (kind, csid) = self.kind.wire();
        Some(render(&Message { kind, timestamp, msid, body: body.clone() }, csid, chunk_size))
    }
}

/// A message ready to send. Cheap to clone.
#[derive(Clone)]
pub struct Entry {
    wire: Bytes,
    arrived: Time,
    header: Option<Arc<Header>>,
    timestamp: u32,
    /// Per [`Kind`], a timestamp not above any that follows and not below any that went before.
    base: [u32; 3],
    kind: Kind,
    class: Class,
    /// As in [`Media`], with the message as chunks.
    legacy: Legacy,
}

impl Entry {
    /// The message as chunks for [`SHARED_MSID`].
    #[must_use]
    pub const fn wire(&self) -> &Bytes {
        &self.wire
    }

    /// The message as chunks for a cursor: the shared bytes, behind a head of their own when its message stream is not
    /// [`SHARED_MSID`].
    #[must_use]
    pub fn wire_for(&self, cursor: &Cursor) -> (Option<Bytes>, Bytes) {
        let wire = match &self.legacy {
            Legacy::As(_, wire) if cursor.legacy => wire,
            _ => &self.wire,
        };
        if cursor.msid == SHARED_MSID {
            return (None, wire.clone());
        }
        let (head, tail) = with_msid(wire, cursor.msid);
        (Some(Bytes::copy_from_slice(&head)), tail)
    }

    /// What losing it would mean to a cursor; `None` when it has nothing for it.
    pub(super) const fn class_for(&self, cursor: &Cursor) -> Option<Class> {
        match &self.legacy {
            Legacy::Nothing if cursor.legacy => None,
            Legacy::As(class, _) if cursor.legacy => Some(*class),
            _ => Some(self.class),
        }
    }

    /// Its track.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// What losing it would mean.
    #[must_use]
    pub const fn class(&self) -> Class {
        self.class
    }

    /// Its timestamp on the wire, in milliseconds modulo 2³².
    #[must_use]
    pub const fn timestamp(&self) -> u32 {
        self.timestamp
    }

    /// When it became due to every player that was there.
    #[must_use]
    pub const fn arrived(&self) -> Time {
        self.arrived
    }

    /// Whether video can start here.
    #[must_use]
    pub fn is_key(&self) -> bool {
        self.kind == Kind::Video && self.class == Class::Key
    }

    /// Whether it is metadata or decoder configuration.
    #[must_use]
    pub const fn is_header(&self) -> bool {
        matches!(self.class, Class::Header(_))
    }

    pub(super) const fn header(&self) -> Option<&Arc<Header>> {
        self.header.as_ref()
    }

    pub(super) const fn base(&self) -> [u32; 3] {
        self.base
    }

    /// Memory behind the entry, in bytes.
    pub(super) fn memory(&self) -> usize {
        let legacy = if let Legacy::As(_, wire) = &self.legacy { wire.len() } else { 0 };
        self.wire.len() + legacy + self.header.as_ref().map_or(0, |header| size_of::<Header>() + header.len())
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {:?} @{}ms, {} bytes", self.kind, self.class, self.timestamp, self.wire.len())
    }
}

/// Renders messages, one renderer per muxed stream and chunk size.
///
/// Timestamps never go back on a track: a message that would go back gets the timestamp of the one before it, and is
/// counted. Restarts of a source are for the owner to rebase.
#[derive(Debug)]
pub struct Renderer {
    chunk_size: u32,
    /// Last timestamp per [`Kind`].
    last: [Option<u32>; 3],
    clamped: u64,
}

impl Renderer {
    /// A renderer for connections that were told `chunk_size`.
    #[must_use]
    pub const fn new(chunk_size: u32) -> Self {
        Self { chunk_size, last: [None; 3], clamped: 0 }
    }

    /// Messages whose timestamp went back.
    #[must_use]
    pub const fn clamped(&self) -> u64 {
        self.clamped
    }

    /// Renders `media`, due at `arrived`. `None` when its body is longer than an RTMP message can be: treat that as a
    /// lost message.
    #[must_use]
    pub fn render(&mut self, media: Media, arrived: Time) -> Option<Entry> {
        if media.body.len() > MAX_MESSAGE as usize {
            return None;
        }
        let timestamp = self.advance(media.kind, media.timestamp);
        let (kind, csid) = media.kind.wire();
        let chunks = |body| render(&Message { kind, timestamp, msid: SHARED_MSID, body }, csid, self.chunk_size);
        let wire = chunks(media.body.clone());
        let header = match media.class {
            Class::Header(number) => {
                // Detached, so that a header in force does not keep a larger buffer alive.
                let body = Bytes::copy_from_slice(&media.body);
                Some(Arc::new(Header { kind: media.kind, number, body, legacy: media.legacy.clone() }))
            }
            _ => None,
        };
        let legacy = match media.legacy {
            Legacy::As(class, body) if body.len() <= MAX_MESSAGE as usize => Legacy::As(class, chunks(body)),
            Legacy::As(..) | Legacy::Nothing => Legacy::Nothing,
            Legacy::Same => Legacy::Same,
        };
        let base = [Kind::Audio, Kind::Video, Kind::Data].map(|kind| self.base(kind).unwrap_or(timestamp));
        Some(Entry { wire, arrived, header, timestamp, base, kind: media.kind, class: media.class, legacy })
    }

    /// The timestamp to use on the track of `kind`.
    fn advance(&mut self, kind: Kind, timestamp: u32) -> u32 {
        let clamped = self.base(kind).map_or(timestamp, |base| later(timestamp, base));
        self.clamped += u64::from(clamped != timestamp);
        self.last[kind as usize] = Some(clamped);
        clamped
    }

    /// Where the track of `kind` is. Data is taken along with audio and video, so that metadata sent again bears a
    /// timestamp close to theirs.
    fn base(&self, kind: Kind) -> Option<u32> {
        let own = self.last[kind as usize];
        if kind != Kind::Data {
            return own;
        }
        let media = match (self.last[Kind::Audio as usize], self.last[Kind::Video as usize]) {
            (Some(audio), Some(video)) => Some(if is_before(audio, video) { audio } else { video }),
            (audio, video) => audio.or(video),
        };
        match (own, media) {
            (Some(own), Some(media)) => Some(later(own, media)),
            (own, media) => own.or(media),
        }
    }
}

/// Whether `a` is before `b` on the wrapping clock of 2³² ms.
pub(super) const fn is_before(a: u32, b: u32) -> bool {
    a.wrapping_sub(b) >> 31 == 1
}

const fn later(a: u32, b: u32) -> u32 {
    if is_before(a, b) { b } else { a }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ring::{Ring, RingLimits, Start};

    fn media(kind: Kind, timestamp: u32) -> Media {
        Media { kind, class: Class::Key, timestamp, body: Bytes::from_static(&[0xaf, 1, 0x21]), legacy: Legacy::Same }
    }

    #[test]
    fn timestamps_never_go_back_on_a_track() {
        let mut renderer = Renderer::new(128);
        let mut render = |kind, ts| renderer.render(media(kind, ts), Time::ZERO).expect("short").timestamp();
        assert_eq!(render(Kind::Video, 100), 100);
        assert_eq!([90, 80, 95].map(|ts| render(Kind::Audio, ts)), [90, 90, 95]);
        assert_eq!([0, 120, 0].map(|ts| render(Kind::Data, ts)), [95, 120, 120]);
        assert_eq!(render(Kind::Video, 0xffff_fff0), 100);
        assert_eq!(renderer.clamped(), 4);
    }

    #[test]
    fn timestamps_wrap() {
        let mut renderer = Renderer::new(128);
        let mut render = |ts| renderer.render(media(Kind::Video, ts), Time::ZERO).expect("short").timestamp();
        assert_eq!([0xffff_fff0, 0x10, 0xffff_ffff].map(&mut render), [0xffff_fff0, 0x10, 0x10]);
    }

    #[test]
    fn other_message_streams_share_the_tail() {
        let entry = Renderer::new(128).render(media(Kind::Audio, 7), Time::ZERO).expect("short");
        let on = |msid| Ring::new(RingLimits::default(), 128).start(Start::Key, msid, Time::ZERO);
        assert_eq!(entry.wire_for(&on(SHARED_MSID)), (None, entry.wire().clone()));
        let (head, tail) = entry.wire_for(&on(2));
        assert_eq!(head.expect("a head")[8..], [2, 0, 0, 0]);
        assert_eq!(tail, entry.wire()[12..]);
    }

    #[test]
    fn too_long_a_body_is_refused() {
        let body = Bytes::from(vec![0; MAX_MESSAGE as usize + 1]);
        let long = Media { body, ..media(Kind::Video, 0) };
        assert!(Renderer::new(128).render(long, Time::ZERO).is_none());
    }
}
