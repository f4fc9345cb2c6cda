//! [`Nature`]: what losing a tag or message would mean, from its head alone.

use weir_media::Bytes;

use crate::{AudioBody, ExPacket, FrameType, Multitrack, ScriptData, TagKind, VideoBody};
use weir_amf::Limits;

/// What a tag or message is to those who join late or fall behind.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Nature {
    /// Metadata or decoder configuration, which everybody needs. One with the same number replaces it; tracks and kinds of
    /// header have numbers of their own.
    Header(u16),
    /// Decoding can start here; all sound and data that is no header.
    Key,
    /// Decoding of this track of pictures, which is not number 0, can start here.
    TrackKey(u8),
    /// A picture that needs others.
    Inter,
    /// As `Inter`, but no other picture needs it.
    Disposable,
    /// Nothing to show or to keep: a body that is empty, damaged, or a message to the player.
    Nothing,
}

impl Nature {
    /// The nature of a body.
    #[must_use]
    pub fn of(kind: TagKind, body: &Bytes) -> Self {
        match kind {
            TagKind::Video => VideoBody::parse(body).map_or(Self::Nothing, |body| Self::of_video(&body)),
            TagKind::Audio => AudioBody::parse(body).map_or(Self::Nothing, |body| Self::of_audio(&body)),
            TagKind::Script => match ScriptData::parse(body, Limits::SCRIPT) {
                Ok(script) if script.name == "onMetaData" => Self::Header(0),
                Ok(_) => Self::Key,
                Err(_) => Self::Nothing,
            },
        }
    }

    fn of_video(body: &VideoBody) -> Self {
        match body {
            VideoBody::Command(_) | VideoBody::Empty => Self::Nothing,
            VideoBody::Enhanced { body: enhanced, .. }
                if enhanced.packet == ExPacket::VIDEO_METADATA || body.is_sequence_header() =>
            {
                number(enhanced)
            }
            body if body.is_sequence_header() => Self::Header(0),
            VideoBody::Enhanced { body: enhanced, .. } if track(enhanced) > 0 => {
                if body.is_key_frame() {
                    Self::TrackKey(track(enhanced))
                } else {
                    Self::Inter
                }
            }
            body if body.is_key_frame() => Self::Key,
            VideoBody::Other { frame: FrameType::DISPOSABLE, .. } => Self::Disposable,
            _ => Self::Inter,
        }
    }

    fn of_audio(body: &AudioBody) -> Self {
        match body {
            AudioBody::Empty => Self::Nothing,
            AudioBody::Enhanced(enhanced) if body.is_sequence_header() => number(enhanced),
            body if body.is_sequence_header() => Self::Header(0),
            _ => Self::Key,
        }
    }
}

/// A header of a track: the kind of header below, the track above.
fn number(body: &crate::Enhanced) -> Nature {
    Nature::Header(u16::from(track(body)) << 8 | u16::from(body.packet.0))
}

/// The number of the track, or of the first one in a body of several.
fn track(body: &crate::Enhanced) -> u8 {
    /// Bytes of the codec's name, which stands before the number where each track has its own.
    const NAME: usize = 4;
    let at = match body.multitrack {
        None => return 0,
        Some(Multitrack::ManyCodecs) => body.head + NAME,
        Some(_) => body.head,
    };
    body.raw.get(at).copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn video(bytes: &'static [u8]) -> Nature {
        Nature::of(TagKind::Video, &Bytes::from_static(bytes))
    }

    fn audio(bytes: &'static [u8]) -> Nature {
        Nature::of(TagKind::Audio, &Bytes::from_static(bytes))
    }

    #[test]
    fn legacy_forms() {
        assert_eq!(video(&[0x17, 0, 0, 0, 0, 1]), Nature::Header(0));
        assert_eq!(video(&[0x27, 0, 0, 0, 0, 1]), Nature::Header(0), "the frame type of a header says nothing");
        assert_eq!(video(&[0x17, 1, 0, 0, 0, 1]), Nature::Key);
        assert_eq!(video(&[0x27, 1, 0, 0, 0, 1]), Nature::Inter);
        assert_eq!(video(&[0x32, 1]), Nature::Disposable);
        assert_eq!(video(&[0x17, 2, 0, 0, 0]), Nature::Inter, "the end of the sequence takes its turn");
        for nothing in [&[][..], &[0x57, 0], &[0x17], &[0x17, 9, 0, 0, 0, 1]] {
            assert_eq!(Nature::of(TagKind::Video, &Bytes::copy_from_slice(nothing)), Nature::Nothing, "{nothing:?}");
        }
        assert_eq!(audio(&[0xaf, 0, 0x12, 0x10]), Nature::Header(0));
        assert_eq!(audio(&[0xaf, 1, 0x21]), Nature::Key);
        assert_eq!(audio(&[0x2f, 1]), Nature::Key);
        assert_eq!(audio(&[]), Nature::Nothing);
    }

    #[test]
    fn headers_of_tracks_have_numbers_of_their_own() {
        let numbers = [
            video(b"\x90hvc1\x01"),
            video(b"\x94hvc1\x02"),
            video(b"\x96\x00hvc1\x01\x01"),
            video(b"\x96\x00avc1\x02\x01"),
        ];
        assert_eq!(numbers, [Nature::Header(0), Nature::Header(4), Nature::Header(0x100), Nature::Header(0x200)]);
        assert_eq!(audio(b"\x90Opus\x01"), Nature::Header(0));
        assert_eq!(audio(b"\x94Opus\x01"), Nature::Header(4), "the channel layout");
        assert_eq!(audio(b"\x95\x00Opus\x03\x01"), Nature::Header(0x300));
        assert_eq!(video(b"\x91hvc1\x00\x00\x00\x01"), Nature::Key);
        assert_eq!(video(b"\xa3hvc1\x01"), Nature::Inter);
    }

    #[test]
    fn key_pictures_say_of_which_track_they_are() {
        assert_eq!(video(b"\x96\x01avc1\x01\x00\x00\x00\x01"), Nature::TrackKey(1));
        assert_eq!(video(b"\xa6\x01avc1\x01\x00\x00\x00\x01"), Nature::Inter);
        assert_eq!(video(b"\x96\x01avc1\x00\x00\x00\x00\x01"), Nature::Key);
        assert_eq!(
            video(b"\x96\x11avc1\x00\x00\x00\x04\x00\x00\x00\x01"),
            Nature::Key,
            "several, the first among them"
        );
        let moved = b"\x97\x02\x03\xd0\x90\x06\x00avc1\x02\x01";
        assert_eq!(video(moved), Nature::Header(0x200), "behind a time offset");
        assert_eq!(video(b"\x96\x20avc1\x03\x00\x00\x01\x01"), Nature::Header(0x300));
    }

    #[test]
    fn scripts() {
        let script = |bytes: &'static [u8]| Nature::of(TagKind::Script, &Bytes::from_static(bytes));
        assert_eq!(script(b"\x02\x00\x0aonMetaData\x08\x00\x00\x00\x00\x00\x00\x09"), Nature::Header(0));
        assert_eq!(script(b"\x02\x00\x0aonTextData\x02\x00\x02hi"), Nature::Key);
        assert_eq!(script(b"\x05"), Nature::Nothing);
    }
}
