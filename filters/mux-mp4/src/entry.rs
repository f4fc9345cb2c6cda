//! Sample entries: what a decoder of a track is set up with (ISO/IEC 14496-12 8.5.2, 14496-14 5.6, 14496-15 5.4).

use weir_media::{Bytes, CodecId, Prop, Props};
use weir_plugin::{Error, Result};

use crate::boxes::{boxed, full, u16, u32, zeros};

/// 72 pixels per inch, in 16.16.
const RESOLUTION: u32 = 0x0048_0000;

/// The sample entry of a track with these properties.
pub(crate) fn entry(props: &Props, config: &Bytes) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    match props.codec() {
        Some(CodecId::Avc) => visual(&mut out, b"avc1", props, |out| {
            boxed(out, b"avcC", |out| out.extend_from_slice(config));
        }),
        Some(CodecId::Aac) => sound(&mut out, b"mp4a", props, |out| esds(out, config, props)),
        codec => {
            let name = codec.map_or("this codec", CodecId::name);
            return Err(Error::unsupported(format!("MP4 files of {name} are not written")));
        }
    }
    Ok(out)
}

fn small(props: &Props, prop: Prop) -> u16 {
    props.u32(prop).and_then(|n| u16::try_from(n).ok()).unwrap_or(0)
}

fn visual(out: &mut Vec<u8>, kind: &[u8; 4], props: &Props, config: impl FnOnce(&mut Vec<u8>)) {
    boxed(out, kind, |out| {
        zeros(out, 6);
        u16(out, 1); // data reference
        zeros(out, 16);
        u16(out, small(props, Prop::Width));
        u16(out, small(props, Prop::Height));
        u32(out, RESOLUTION);
        u32(out, RESOLUTION);
        zeros(out, 4);
        u16(out, 1); // frames per sample
        zeros(out, 32);
        u16(out, 0x18); // depth
        u16(out, 0xffff);
        config(out);
        if let Some(sar) = props.frac(Prop::Sar).filter(|s| s.num > 0) {
            boxed(out, b"pasp", |out| {
                u32(out, u32::try_from(sar.num).unwrap_or(1));
                u32(out, sar.den);
            });
        }
        bitrate(out, props);
    });
}

fn bitrate(out: &mut Vec<u8>, props: &Props) {
    let Some(rate) = props.u32(Prop::Bitrate) else { return };
    boxed(out, b"btrt", |out| {
        u32(out, 0);
        u32(out, rate);
        u32(out, rate);
    });
}

fn sound(out: &mut Vec<u8>, kind: &[u8; 4], props: &Props, config: impl FnOnce(&mut Vec<u8>)) {
    boxed(out, kind, |out| {
        zeros(out, 6);
        u16(out, 1); // data reference
        zeros(out, 8);
        u16(out, small(props, Prop::NumChannels).max(1));
        u16(out, 16);
        zeros(out, 4);
        // 16.16; rates that do not fit are in the decoder's own configuration.
        u32(out, u32::from(small(props, Prop::SampleRate)) << 16);
        config(out);
        bitrate(out, props);
    });
}

/// A descriptor with its length in as few bytes as it takes (ISO/IEC 14496-1 8.3.3).
fn descriptor(out: &mut Vec<u8>, tag: u8, fill: impl FnOnce(&mut Vec<u8>)) {
    let mut body = Vec::new();
    fill(&mut body);
    out.push(tag);
    let bits = usize::BITS - body.len().leading_zeros();
    for group in (0..bits.div_ceil(7).max(1)).rev() {
        let more = if group > 0 { 0x80 } else { 0 };
        out.push(u8::try_from((body.len() >> (7 * group)) & 0x7f).unwrap_or(0) | more);
    }
    out.extend_from_slice(&body);
}

fn esds(out: &mut Vec<u8>, config: &[u8], props: &Props) {
    let rate = props.u32(Prop::Bitrate).unwrap_or(0);
    full(out, b"esds", 0, 0, |out| {
        descriptor(out, 3, |out| {
            u16(out, 0); // ES_ID: that of the track
            out.push(0);
            descriptor(out, 4, |out| {
                out.push(0x40); // MPEG-4 audio
                out.push(0x15); // audio stream
                zeros(out, 3);
                u32(out, rate);
                u32(out, rate);
                descriptor(out, 5, |out| out.extend_from_slice(config));
            });
            descriptor(out, 6, |out| out.push(2)); // as in MP4 files
        });
    });
}
