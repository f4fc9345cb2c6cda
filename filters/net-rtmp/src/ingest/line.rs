//! [`Line`]: messages of senders that come one after the other, as the tags of one endless live FLV stream.

use std::collections::BTreeMap;
use std::time::Duration;

use weir_flv::{Nature, Tag, TagKind, Unwrapper, strip_set_data_frame, write_tag};
use weir_media::{Bytes, BytesMut, Flags, Packet, Time};
use weir_rtmp::message::{Message, kind};

use super::pictures::Pictures;

/// A sender that goes on where another stopped is no less than this behind it, milliseconds.
const STEP_MIN: i64 = 1;
/// A jump within what one sender sends, either way, that is taken for a new beginning.
const JUMP_MAX: i64 = 10_000;
/// Headers remembered, and bytes of one; others pass, but are not compared.
const HEADERS_MAX: usize = 64;
const HEADER_BYTES_MAX: usize = 16 << 10;

/// See the module documentation.
#[derive(Default)]
pub(crate) struct Line {
    unwrapper: Unwrapper,
    /// Added to the times of the sender.
    offset: i64,
    /// The sender is new: its first time says where its times begin.
    fresh: bool,
    /// The newest time on the line, and when it came.
    last: Option<(i64, Time)>,
    /// Pictures of this sender come only from its first key frame on.
    waits_for_key: bool,
    pictures: Pictures,
    /// Headers in force, by kind and number.
    headers: BTreeMap<(u8, u16), Bytes>,
}

impl Line {
    /// Another sender begins.
    pub(crate) fn begin(&mut self) {
        self.unwrapper = Unwrapper::new();
        self.fresh = true;
        self.waits_for_key = true;
        self.pictures = Pictures::default();
    }

    /// The tag of a message; `None` for what nobody needs.
    pub(crate) fn tag(&mut self, message: &Message, now: Time) -> Option<Packet> {
        let (kind, body) = match message.kind {
            kind::VIDEO => (TagKind::Video, message.body.clone()),
            kind::AUDIO => (TagKind::Audio, message.body.clone()),
            kind::DATA_AMF0 => (TagKind::Script, strip_set_data_frame(&message.body)),
            _ => return None,
        };
        let nature = if kind == TagKind::Video { self.pictures.nature(&body) } else { Nature::of(kind, &body) };
        let flags = match nature {
            Nature::Nothing => return None,
            Nature::Header(number) if !self.is_news(kind, number, &body) => return None,
            Nature::Header(_) => Flags::HEADER,
            Nature::Key if kind == TagKind::Video => {
                self.waits_for_key = false;
                Flags::KEY
            }
            // Where there are pictures, only they are a place to begin.
            Nature::Key if kind == TagKind::Audio && !self.has_pictures() => Flags::KEY,
            Nature::Key => Flags::NONE,
            Nature::Inter | Nature::TrackKey(_) | Nature::Disposable if self.waits_for_key => return None,
            Nature::Inter | Nature::TrackKey(_) => Flags::NONE,
            Nature::Disposable => Flags::DISPOSABLE,
        };
        let at = self.place(message.timestamp, now);
        let mut written = BytesMut::new();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "tag times wrap")]
        write_tag(&Tag { kind, timestamp: at as u32, body }, &mut written).ok()?;
        Some(Packet { flags, origin: now, ..Packet::new(written.freeze(), at) })
    }

    /// Whether a header says anything new. Senders repeat theirs, and who has come back mostly brings the same.
    fn is_news(&mut self, kind: TagKind, number: u16, body: &Bytes) -> bool {
        let key = (kind.id(), number);
        if self.headers.get(&key) == Some(body) {
            return false;
        }
        let fits = self.headers.len() < HEADERS_MAX || self.headers.contains_key(&key);
        if fits && body.len() <= HEADER_BYTES_MAX {
            // A copy of its own: it outlives what it came with.
            self.headers.insert(key, Bytes::copy_from_slice(body));
        }
        true
    }

    fn has_pictures(&self) -> bool {
        self.headers.keys().any(|(kind, _)| *kind == TagKind::Video.id())
    }

    /// The place of a time on the line. A new sender goes on as much later as it came later.
    fn place(&mut self, timestamp: u32, now: Time) -> i64 {
        let time = self.unwrapper.unwrap(timestamp);
        let jumped = |last: i64| (time.saturating_add(self.offset) - last).abs() > JUMP_MAX;
        match self.last {
            None => {
                if std::mem::take(&mut self.fresh) {
                    self.offset = -time;
                }
            }
            Some((last, at)) if self.fresh || jumped(last) => {
                self.fresh = false;
                let passed = i64::try_from(now.since(at).max(Duration::ZERO).as_millis()).unwrap_or(i64::MAX);
                self.offset = last.saturating_add(passed.max(STEP_MIN)).saturating_sub(time);
            }
            Some(_) => {}
        }
        let place = time.saturating_add(self.offset).max(0);
        if self.last.is_none_or(|(last, _)| place >= last) {
            self.last = Some((place, now));
        }
        place
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(kind: u8, timestamp: u32, body: &'static [u8]) -> Message {
        Message { kind, timestamp, msid: 1, body: Bytes::from_static(body) }
    }

    const VIDEO_HEADER: &[u8] = &[0x17, 0, 0, 0, 0, 1];
    const KEY: &[u8] = &[0x17, 1, 0, 0, 0, 1];
    const INTER: &[u8] = &[0x27, 1, 0, 0, 0, 1];
    const SOUND: &[u8] = &[0xaf, 1, 1];

    fn times(line: &mut Line, messages: &[(u8, u32, &'static [u8], u64)]) -> Vec<Option<i64>> {
        let at = |ms: u64| Time::from_millis(ms);
        messages.iter().map(|(k, t, body, ms)| line.tag(&message(*k, *t, body), at(*ms)).map(|p| p.dts)).collect()
    }

    #[test]
    fn begins_at_0_and_goes_on_over_a_wrap() {
        let mut line = Line::default();
        line.begin();
        let got = times(
            &mut line,
            &[
                (kind::VIDEO, u32::MAX - 9, VIDEO_HEADER, 0),
                (kind::VIDEO, u32::MAX - 9, KEY, 0),
                (kind::VIDEO, 30, INTER, 40),
            ],
        );
        assert_eq!(got, [Some(0), Some(0), Some(40)]);
    }

    #[test]
    fn the_next_sender_is_as_much_later_as_it_came_later() {
        let mut line = Line::default();
        line.begin();
        times(&mut line, &[(kind::VIDEO, 500, KEY, 0), (kind::VIDEO, 540, INTER, 40)]);
        line.begin();
        let got = times(
            &mut line,
            &[
                (kind::VIDEO, 0, INTER, 7_000),
                (kind::AUDIO, 0, SOUND, 7_000),
                (kind::VIDEO, 20, KEY, 7_020),
                (kind::VIDEO, 60, INTER, 7_060),
            ],
        );
        assert_eq!(got, [None, Some(7_000), Some(7_020), Some(7_060)], "pictures from a key frame on");
    }

    #[test]
    fn a_jump_within_a_stream_is_a_new_beginning() {
        let mut line = Line::default();
        line.begin();
        let got = times(
            &mut line,
            &[
                (kind::VIDEO, 0, KEY, 0),
                (kind::VIDEO, 40, INTER, 40),
                (kind::VIDEO, 90_000_000, INTER, 80),
                (kind::VIDEO, 90_000_040, INTER, 120),
                (kind::VIDEO, 0, INTER, 160),
                (kind::AUDIO, 5, SOUND, 160),
            ],
        );
        assert_eq!(got, [Some(0), Some(40), Some(80), Some(120), Some(160), Some(165)]);
    }

    /// Of several tracks, the first is where to begin; whatever its number.
    #[test]
    fn the_first_track_there_is_says_where_to_begin() {
        let kinds = |messages: &[&'static [u8]]| {
            let mut line = Line::default();
            line.begin();
            let flags = |body: &&'static [u8]| line.tag(&message(kind::VIDEO, 0, body), Time::ZERO).map(|p| p.flags);
            messages.iter().map(flags).collect::<Vec<_>>()
        };
        const HEADER_1: &[u8] = b"\x96\x00av01\x01\x01";
        const KEY_1: &[u8] = b"\x96\x01av01\x01\x01";
        const INTER_1: &[u8] = b"\xa6\x01av01\x01\x01";
        let (header, key, none) = (Some(Flags::HEADER), Some(Flags::KEY), Some(Flags::NONE));
        assert_eq!(kinds(&[HEADER_1, INTER_1, KEY_1, INTER_1]), [header, None, key, none]);
        assert_eq!(kinds(&[KEY_1, INTER_1]), [key, none], "a codec without a header");
        let both = kinds(&[HEADER_1, VIDEO_HEADER, KEY_1, KEY, KEY_1, INTER, INTER_1]);
        assert_eq!(both, [header, header, None, key, none, none, none]);
    }

    #[test]
    fn headers_that_say_nothing_new_are_left_out() {
        let mut line = Line::default();
        line.begin();
        let mut flags = |body: &'static [u8]| line.tag(&message(kind::VIDEO, 0, body), Time::ZERO).map(|p| p.flags);
        assert_eq!(flags(VIDEO_HEADER), Some(Flags::HEADER));
        assert_eq!(flags(VIDEO_HEADER), None);
        assert_eq!(flags(&[0x17, 0, 0, 0, 0, 2]), Some(Flags::HEADER));
        assert_eq!(flags(VIDEO_HEADER), Some(Flags::HEADER));
        assert_eq!(flags(KEY), Some(Flags::KEY));
    }

    /// After a loss, an edge lets nothing pass up to a key: sound alone has to have some.
    #[test]
    fn sound_alone_can_be_begun_anywhere() {
        let mut line = Line::default();
        line.begin();
        let mut flags = |kind, body: &'static [u8]| line.tag(&message(kind, 0, body), Time::ZERO).map(|p| p.flags);
        assert_eq!(flags(kind::AUDIO, SOUND), Some(Flags::KEY));
        assert_eq!(flags(kind::VIDEO, VIDEO_HEADER), Some(Flags::HEADER));
        assert_eq!(flags(kind::AUDIO, SOUND), Some(Flags::NONE));
    }

    #[test]
    fn metadata_loses_the_wrapping_of_publishers() {
        let mut line = Line::default();
        line.begin();
        let body = b"\x02\x00\x0d@setDataFrame\x02\x00\x0aonMetaData\x08\x00\x00\x00\x00\x00\x00\x09";
        let packet = line.tag(&message(kind::DATA_AMF0, 0, body), Time::ZERO).expect("kept");
        let tag = Tag::from_written(packet.bytes().expect("bytes")).expect("a whole tag");
        assert_eq!((tag.kind, tag.body.starts_with(b"\x02\x00\x0aonMetaData")), (TagKind::Script, true));
        assert_eq!(packet.flags, Flags::HEADER);
    }
}
