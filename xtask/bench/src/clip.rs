//! The stream that is served: 2 Mb/s, 25 pictures and 43 sound messages a second, content of no meaning.

use std::path::Path;
use std::process::Command;

use weir_flv::{AacPacket, AudioBody, AvcPacket, Header, TagReader, VideoBody};
use weir_media::{Bytes, BytesMut};

use crate::Result;
use crate::process::weir;

/// Seconds of the clip; it is played for ever.
pub(crate) const SECONDS: u32 = 20;
/// Pictures per second.
pub(crate) const FPS: u32 = 25;
/// Bytes of a picture: with the sound, 2 Mb/s.
const PICTURE: usize = 9_680;
/// Bytes of a sound frame: 64 kb/s.
const SOUND: usize = 186;
/// Samples of a sound frame, and per second.
const SAMPLES: (u32, u32) = (1024, 44_100);

/// One message of the clip.
pub(crate) struct Message {
    /// Milliseconds.
    pub(crate) at: u32,
    /// The whole FLV tag.
    pub(crate) tag: Bytes,
}

/// All messages of the clip in order, behind its headers.
pub(crate) fn messages() -> Vec<Message> {
    let pictures = (0..SECONDS * FPS).map(|n| Message { at: n * 1000 / FPS, tag: picture(n) });
    let frames = SECONDS * SAMPLES.1 / SAMPLES.0;
    let sounds = (0..frames).map(|n| {
        let at = n * SAMPLES.0 * 10 / (SAMPLES.1 / 100);
        let mut tag = BytesMut::new();
        let body = AudioBody::Aac { packet: AacPacket::Raw, data: noise(n, SOUND) };
        body.write_tag(at, &mut tag).expect("a small body");
        Message { at, tag: tag.freeze() }
    });
    let mut all: Vec<Message> = pictures.chain(sounds).collect();
    all.sort_by_key(|m| m.at);
    all
}

fn picture(n: u32) -> Bytes {
    let key = n % (2 * FPS) == 0;
    let unit = noise(n, PICTURE);
    let mut data = BytesMut::new();
    data.extend_from_slice(&u32::try_from(unit.len()).expect("a small unit").to_be_bytes());
    data.extend_from_slice(&[if key { 0x65 } else { 0x41 }]);
    data.extend_from_slice(&unit[1..]);
    let mut tag = BytesMut::new();
    let body = VideoBody::Avc { key, packet: AvcPacket::Nalus, cts: 0, data: data.freeze() };
    body.write_tag(n * 1000 / FPS, &mut tag).expect("a small body");
    tag.freeze()
}

/// Bytes without a start code in them, the same for the same `seed`.
fn noise(seed: u32, len: usize) -> Bytes {
    let mut state = u64::from(seed) << 1 | 1;
    let mut next = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3] | 1
    };
    (0..len).map(|_| next()).collect()
}

/// Writes the clip. Its headers are those that weir itself makes for such a stream.
pub(crate) fn write(dir: &Path) -> Result<std::path::PathBuf> {
    let head = dir.join("head.flv");
    let words = ["-quiet", "avgen:sizes=640x360:dur=1/5", "c=avc", "c=aac", "-o"];
    let done = Command::new(weir()?).args(words).arg(&head).status().map_err(|e| e.to_string())?;
    if !done.success() {
        return Err("weir could not make the headers of the clip".to_owned());
    }
    let mut reader = TagReader::new();
    reader.push(&std::fs::read(&head).map_err(|e| e.to_string())?);
    let mut file = BytesMut::from(&Header::default().to_bytes()[..]);
    while let Some(tag) = reader.pull() {
        let tag = tag.map_err(|e| e.to_string())?;
        let is_header = VideoBody::parse(&tag.body).is_ok_and(|b| b.is_sequence_header())
            || AudioBody::parse(&tag.body).is_ok_and(|b| b.is_sequence_header());
        if is_header && tag.kind != weir_flv::TagKind::Script {
            weir_flv::write_tag(&tag, &mut file).map_err(|e| e.to_string())?;
        }
    }
    messages().iter().for_each(|m| file.extend_from_slice(&m.tag));
    let path = dir.join("clip.flv");
    std::fs::write(&path, &file).map_err(|e| e.to_string())?;
    Ok(path)
}
