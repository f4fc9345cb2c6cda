//! The stream that fan-out is measured with: 2 Mb/s, 25 pictures and 43 sound frames a second, a key frame every two.
//!
//! Its parameter sets are real and its payloads are noise, always the same: what is measured carries media and never
//! decodes it. In each payload is room for the time at which it was due, so that who gets it can tell how long it took.

use std::time::{SystemTime, UNIX_EPOCH};

use weir_flv::{AacPacket, AudioBody, AvcPacket, Header, TagKind, VideoBody};
use weir_media::{Bytes, BytesMut};

use crate::Result;

/// Bits per second of the media, without any framing.
pub(crate) const RATE: usize = 2_000_000;
/// Bits per second of the sound in it.
const SOUND_RATE: usize = 128_000;
/// Pictures per second.
const FPS: usize = 25;
/// Seconds from the first picture to the end.
const SECONDS: usize = 10;
/// Pictures from a key frame to the next.
const GOP: usize = 50;
/// Times the size of other pictures that a key frame has.
const KEY_WEIGHT: usize = 5;
/// Samples of a sound frame, and per second.
const SAMPLES: (usize, usize) = (1024, 44_100);

/// Bytes of the longest header.
const HEADER: usize = 64;
/// `AVCDecoderConfigurationRecord` of 1280x720 at 25 Hz, Constrained Baseline.
const AVC_CONFIG: &[u8] = &[
    0x01, 0x42, 0xc0, 0x1f, 0xff, 0xe1, 0x00, 0x19, 0x67, 0x42, 0xc0, 0x1f, 0xd9, 0x00, 0x50, 0x05, 0xbb, 0x01, 0x10,
    0x00, 0x00, 0x03, 0x00, 0x10, 0x00, 0x00, 0x03, 0x03, 0x20, 0xf1, 0x83, 0x24, 0x80, 0x01, 0x00, 0x05, 0x68, 0xcb,
    0x83, 0xcb, 0x20,
];
/// `AudioSpecificConfig` of AAC-LC, 44.1 kHz, stereo.
const AAC_CONFIG: &[u8] = &[0x12, 0x10];

/// Where in a body the time is that it was due: behind the headers, eight bytes.
const fn stamp_at(kind: TagKind) -> usize {
    match kind {
        TagKind::Video => 10,
        TagKind::Audio | TagKind::Script => 2,
    }
}

/// Says in a body that it is due now.
pub(crate) fn stamp(kind: TagKind, body: &mut [u8]) {
    let at = stamp_at(kind);
    if let Some(place) = body.get_mut(at..at + 8) {
        place.copy_from_slice(&now().to_be_bytes());
    }
}

/// Microseconds since a body was due; `None` for one that says nothing of it.
pub(crate) fn age(kind: TagKind, body: &[u8]) -> Option<u64> {
    // A header is shorter than the shortest media.
    let at = stamp_at(kind);
    let stamp = body.get(at..at + 8).filter(|_| body.len() > HEADER)?;
    Some(now().saturating_sub(u64::from_be_bytes(stamp.try_into().ok()?)))
}

/// Whether a body is a key frame.
pub(crate) fn is_key(kind: TagKind, body: &[u8]) -> bool {
    kind == TagKind::Video && body.len() > HEADER && body[0] == 0x17
}

/// The clock that all processes of a measurement share, microseconds.
fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}

/// One message of the stream, with the body as RTMP carries it.
pub(crate) struct Piece {
    pub(crate) millis: u32,
    pub(crate) kind: TagKind,
    pub(crate) body: Vec<u8>,
}

/// One message of the stream.
struct Message {
    millis: u32,
    body: Body,
}

enum Body {
    Video(VideoBody),
    Audio(AudioBody),
}

/// The clip as an FLV file.
pub(crate) fn flv() -> Result<Vec<u8>> {
    let mut file = BytesMut::from(&Header::default().to_bytes()[..]);
    let avc =
        VideoBody::Avc { key: true, packet: AvcPacket::SequenceHeader, cts: 0, data: Bytes::from_static(AVC_CONFIG) };
    avc.write_tag(0, &mut file)?;
    AudioBody::Aac { packet: AacPacket::SequenceHeader, data: Bytes::from_static(AAC_CONFIG) }
        .write_tag(0, &mut file)?;
    for message in messages() {
        match message.body {
            Body::Video(body) => body.write_tag(message.millis, &mut file)?,
            Body::Audio(body) => body.write_tag(message.millis, &mut file)?,
        }
    }
    Ok(file.to_vec())
}

/// The headers that come before the clip.
pub(crate) fn headers() -> Result<[Piece; 2]> {
    let (mut video, mut audio) = (BytesMut::new(), BytesMut::new());
    VideoBody::Avc { key: true, packet: AvcPacket::SequenceHeader, cts: 0, data: Bytes::from_static(AVC_CONFIG) }
        .write(&mut video)?;
    AudioBody::Aac { packet: AacPacket::SequenceHeader, data: Bytes::from_static(AAC_CONFIG) }.write(&mut audio);
    let piece = |kind, body: BytesMut| Piece { millis: 0, kind, body: body.to_vec() };
    Ok([piece(TagKind::Video, video), piece(TagKind::Audio, audio)])
}

/// The messages of the clip in order, with their times in milliseconds.
pub(crate) fn pieces() -> Result<Vec<Piece>> {
    let piece = |message: Message| {
        let mut bytes = BytesMut::new();
        let kind = match message.body {
            Body::Video(body) => {
                body.write(&mut bytes)?;
                TagKind::Video
            }
            Body::Audio(body) => {
                body.write(&mut bytes);
                TagKind::Audio
            }
        };
        Ok(Piece { millis: message.millis, kind, body: bytes.to_vec() })
    };
    messages().into_iter().map(piece).collect()
}

/// Milliseconds of one round.
pub(crate) const fn millis() -> u32 {
    (SECONDS * 1000) as u32
}

fn messages() -> Vec<Message> {
    let mut noise = Noise(0x2545_f491_4f6c_dd15);
    let frames = SECONDS * SAMPLES.1 / SAMPLES.0;
    let pictures = (0..SECONDS * FPS).map(|n| (n * 1000 / FPS, Some(n)));
    let sounds = (0..frames).map(|n| (n * SAMPLES.0 * 1000 / SAMPLES.1, None));
    let mut schedule: Vec<_> = pictures.chain(sounds).collect();
    schedule.sort_by_key(|(millis, _)| *millis);
    let message = |(millis, picture): (usize, Option<usize>)| Message {
        millis: u32::try_from(millis).expect("ten seconds"),
        body: match picture {
            Some(n) => video(&mut noise, n % GOP == 0),
            None => audio(&mut noise),
        },
    };
    schedule.into_iter().map(message).collect()
}

fn video(noise: &mut Noise, key: bool) -> Body {
    let units = GOP - 1 + KEY_WEIGHT;
    let plain = (RATE - SOUND_RATE) / 8 * GOP / FPS / units;
    let size = if key { plain * KEY_WEIGHT } else { plain };
    let mut data = u32::try_from(size).expect("pictures are small").to_be_bytes().to_vec();
    data.push(if key { 0x65 } else { 0x41 });
    data.extend(noise.take(size - 1));
    Body::Video(VideoBody::Avc { key, packet: AvcPacket::Nalus, cts: 0, data: data.into() })
}

fn audio(noise: &mut Noise) -> Body {
    let size = SOUND_RATE / 8 * SAMPLES.0 / SAMPLES.1;
    Body::Audio(AudioBody::Aac { packet: AacPacket::Raw, data: noise.take(size).collect() })
}

/// A xorshift generator of bytes that are never 0, so that no start code and no emulation is in them.
struct Noise(u64);

impl Noise {
    fn take(&mut self, count: usize) -> impl Iterator<Item = u8> + use<'_> {
        (0..count).map(|_| {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            (self.0 >> 32) as u8 | 1
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clip_has_its_rate() {
        let pieces = pieces().expect("small bodies");
        let bits: usize = pieces.iter().map(|piece| piece.body.len() * 8).sum();
        let rate = bits / SECONDS;
        assert!((RATE..RATE * 102 / 100).contains(&rate), "{rate}");
        assert!(pieces.is_sorted_by_key(|piece| piece.millis));
        assert_eq!(pieces.len() / SECONDS, 68);
    }

    #[test]
    fn a_stamp_is_found_again_and_headers_have_none() {
        for mut piece in pieces().expect("small bodies") {
            stamp(piece.kind, &mut piece.body);
            assert!(age(piece.kind, &piece.body).is_some_and(|age| age < 1_000_000_000));
        }
        assert!(headers().expect("small bodies").iter().all(|h| age(h.kind, &h.body).is_none()));
    }

    #[test]
    fn the_file_reads_back() {
        let mut reader = weir_flv::TagReader::new();
        reader.push(&flv().expect("small bodies"));
        let mut tags = 0;
        while let Some(tag) = reader.pull() {
            tag.expect("a good tag");
            tags += 1;
        }
        assert_eq!(tags, messages().len() + 2);
    }
}
