//! [`Pictures`]: what losing a picture of a relayed stream would mean: whether decoding can begin there, and whether others
//! need it, as far as the heads of its slices tell. Never changes a payload, and never looks further into one.

use weir_codec::{StreamConfig, StreamReader};
use weir_flv::{Content, Nature, Part, TagKind, VideoBody};
use weir_media::Bytes;

/// Headers by the low byte of their number, which is the kind of packet, that come before pictures of a track.
const CONFIGS: [u16; 2] = [0, 5];

/// The pictures of one sender.
#[derive(Default)]
pub(super) struct Pictures {
    /// The lowest of the tracks there are: who joins begins where it can be begun. Its key pictures come in front of those
    /// of others.
    leading: Option<u8>,
    /// Reads the slices of that track.
    reader: Option<StreamReader>,
}

impl Pictures {
    /// The nature of a body of pictures among those before it.
    pub(super) fn nature(&mut self, body: &Bytes) -> Nature {
        let nature = Nature::of(TagKind::Video, body);
        match nature {
            Nature::Header(number) if CONFIGS.contains(&(number & 0xff)) => self.configure((number >> 8) as u8, body),
            Nature::Key => self.lead(0),
            Nature::TrackKey(track) => self.lead(track),
            _ => {}
        }
        match nature {
            Nature::TrackKey(track) if self.leading == Some(track) => Nature::Key,
            Nature::Inter if self.is_disposable(body) => Nature::Disposable,
            nature => nature,
        }
    }

    /// A track is there.
    fn lead(&mut self, track: u8) {
        if self.leading.is_none_or(|leading| track < leading) {
            self.leading = Some(track);
            self.reader = None;
        }
    }

    fn configure(&mut self, track: u8, body: &Bytes) {
        self.lead(track);
        if self.leading != Some(track) {
            return;
        }
        let config = only_part(body).filter(|part| part.content == Content::Config);
        let config = config.and_then(|part| StreamConfig::parse(part.codec.codec()?, &part.data).ok());
        self.reader = config.map(|config| StreamReader::new(&config));
    }

    fn is_disposable(&self, body: &Bytes) -> bool {
        let Some(reader) = &self.reader else { return false };
        let picture =
            only_part(body).filter(|part| part.content == Content::Frames && Some(part.track) == self.leading);
        picture.is_some_and(|picture| reader.is_disposable(&picture.data))
    }
}

/// What a body holds of one track; `None` when it holds several.
fn only_part(body: &Bytes) -> Option<Part> {
    let parts = VideoBody::parse(body).ok()?.parts().ok()?;
    <[Part; 1]>::try_from(parts).ok().map(|[part]| part)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Records of a stream of 160x96 with 4-byte lengths.
    const AVCC: &[u8] =
        b"\x01\x4d\x40\x0b\xff\xe1\x00\x16\x67\x4d\x40\x0b\xec\xa1\x46\xd8\x08\x80\x00\x00\x03\x00\x80\x00\x00\x19\
        \x07\x8a\x14\xcb\x01\x00\x04\x68\xce\x0f\xc8";
    const HVCC: &[u8] =
        b"\x01\x01\x60\x00\x00\x00\x90\x00\x00\x00\x00\x00\x1e\xf0\x00\xfc\xfd\xf8\xf8\x00\x00\x0f\x03\x20\x00\x01\
        \x00\x18\x40\x01\x0c\x01\xff\xff\x01\x60\x00\x00\x03\x00\x90\x00\x00\x03\x00\x00\x03\x00\x1e\x95\x90\x09\
        \x21\x00\x01\x00\x29\x42\x01\x01\x01\x60\x00\x00\x03\x00\x90\x00\x00\x03\x00\x00\x03\x00\x1e\xa0\x14\x20\
        \x61\x65\x95\x91\x29\x30\xbc\x05\xa0\x20\x00\x00\x03\x00\x20\x00\x00\x03\x03\x21\x22\x00\x01\x00\x06\x44\
        \x01\xc0\x73\xc1\x89";

    fn natures(bodies: &[Vec<u8>]) -> Vec<Nature> {
        let mut pictures = Pictures::default();
        bodies.iter().map(|body| pictures.nature(&Bytes::copy_from_slice(body))).collect()
    }

    /// Units behind their lengths.
    fn framed(head: &[u8], units: &[&[u8]]) -> Vec<u8> {
        let units =
            units.iter().flat_map(|unit| [&u32::try_from(unit.len()).expect("short").to_be_bytes()[..], unit].concat());
        head.iter().copied().chain(units).collect()
    }

    const REFERENCE: &[u8] = &[0x41, 0x9a, 0x02];
    const DISPOSABLE: &[u8] = &[0x01, 0x9e, 0x02];
    const SEI: &[u8] = &[0x06, 0x80];

    #[test]
    fn slices_of_avc_tell_in_either_form() {
        let legacy: &[u8] = &[0x27, 1, 0, 0, 0];
        for (header, picture) in
            [(&b"\x17\0\0\0\0"[..], legacy), (b"\x90avc1", b"\xa3avc1"), (b"\x96\x00avc1\x02", b"\xa6\x03avc1\x02")]
        {
            let got = natures(&[
                framed(picture, &[DISPOSABLE]),
                [header, AVCC].concat(),
                framed(picture, &[SEI, REFERENCE, REFERENCE]),
                framed(picture, &[SEI, DISPOSABLE, DISPOSABLE]),
                framed(picture, &[SEI]),
                framed(picture, &[DISPOSABLE])[..picture.len() + 6].to_vec(),
            ]);
            let (track, inter) = (if header[0] == 0x96 { 0x200 } else { 0 }, Nature::Inter);
            let header = Nature::Header(track);
            assert_eq!(got, [inter, header, inter, Nature::Disposable, inter, inter], "{picture:?}");
        }
    }

    #[test]
    fn units_of_hevc_tell() {
        let unit = |kind: u8| [kind << 1, 1, 0x80];
        let picture = |kind: u8| framed(b"\xa3hvc1", &[&unit(kind)]);
        let got = natures(&[[b"\x90hvc1", HVCC].concat(), picture(1), picture(0), picture(9), picture(8)]);
        let (inter, disposable) = (Nature::Inter, Nature::Disposable);
        assert_eq!(got[1..], [inter, disposable, inter, disposable]);
    }

    /// Only the leading track is looked into: others have parameter sets of their own.
    #[test]
    fn other_tracks_are_as_they_say() {
        let got = natures(&[
            [&b"\x17\0\0\0\0"[..], AVCC].concat(),
            [b"\x96\x00avc1\x01", AVCC].concat(),
            framed(b"\xa6\x03avc1\x01", &[DISPOSABLE]),
            framed(&[0x27, 1, 0, 0, 0], &[DISPOSABLE]),
        ]);
        assert_eq!(got[2..], [Nature::Inter, Nature::Disposable]);
    }
}
