//! Sample entries: what a decoder of a track is set up with (ISO/IEC 14496-12 8.5.2, 14496-14 5.6, 14496-15 5.4 and 8.4,
//! and for AV1, VP9, Opus, FLAC and AC-3 the bindings of each).

use crate::boxes::{boxed, full, u16, u32, zeros};
use crate::{Error, Result};
use weir_codec::opus::OpusHead;
use weir_codec::{Colour, ac3, mp3};
use weir_media::{Bytes, CodecId, Prop, Props};

/// 72 pixels per inch, in 16.16.
const RESOLUTION: u32 = 0x0048_0000;
/// objectTypeIndication of MPEG-4 audio, and of MPEG-1 and MPEG-2 audio at their lower rates (ISO/IEC 14496-1 table 5).
const MPEG4_AUDIO: u8 = 0x40;
const MPEG1_AUDIO: u8 = 0x6b;
const MPEG2_AUDIO: u8 = 0x69;
/// Header of the last metadata block, which is STREAMINFO.
const STREAM_INFO_BLOCK: [u8; 4] = [0x80, 0, 0, 34];

/// The sample entry of a track with these properties and this decoder configuration.
pub(crate) fn entry(props: &Props, config: &Bytes) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    let as_it_is =
        |kind: &'static [u8; 4]| move |out: &mut Vec<u8>| boxed(out, kind, |out| out.extend_from_slice(config));
    match props.codec() {
        Some(CodecId::Avc) => visual(&mut out, b"avc1", props, as_it_is(b"avcC")),
        Some(CodecId::Hevc) => visual(&mut out, b"hvc1", props, as_it_is(b"hvcC")),
        Some(CodecId::Av1) => visual(&mut out, b"av01", props, as_it_is(b"av1C")),
        Some(CodecId::Vp9) => visual(&mut out, b"vp09", props, as_it_is(b"vpcC")),
        Some(CodecId::Aac) => sound(&mut out, b"mp4a", props, |out| esds(out, MPEG4_AUDIO, config, props)),
        Some(CodecId::Opus) => {
            let head = OpusHead::parse(config).map_err(|e| Error::BadInput(e.to_string()))?;
            sound(&mut out, b"Opus", props, |out| boxed(out, b"dOps", |out| out.extend_from_slice(&head.build_dops())));
        }
        Some(CodecId::Flac) => sound(&mut out, b"fLaC", props, |out| {
            full(out, b"dfLa", 0, 0, |out| {
                out.extend_from_slice(&STREAM_INFO_BLOCK);
                out.extend_from_slice(config);
            });
        }),
        codec => return Err(not_written(codec)),
    }
    Ok(out)
}

/// The sample entry of a track whose packets say themselves what they are; `packet` is its first.
pub(crate) fn entry_of_packet(props: &Props, packet: &Bytes) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    let bad = |e: weir_codec::Error| Error::BadInput(e.to_string());
    match props.codec() {
        Some(codec @ (CodecId::Ac3 | CodecId::Eac3)) => {
            let specific = ac3::FrameHeader::parse(packet).map_err(bad)?.specific_box(packet);
            let kinds = if codec == CodecId::Ac3 { (b"ac-3", b"dac3") } else { (b"ec-3", b"dec3") };
            sound(&mut out, kinds.0, props, |out| boxed(out, kinds.1, |out| out.extend_from_slice(&specific)));
        }
        Some(CodecId::Mp3) => {
            let header = mp3::FrameHeader::parse(packet).map_err(bad)?;
            let object_type = if header.low_rate { MPEG2_AUDIO } else { MPEG1_AUDIO };
            sound(&mut out, b"mp4a", props, |out| esds(out, object_type, &[], props));
        }
        codec => return Err(not_written(codec)),
    }
    Ok(out)
}

fn not_written(codec: Option<CodecId>) -> Error {
    let name = codec.map_or("this codec", CodecId::name);
    Error::Unsupported(format!("MP4 files of {name} are not written"))
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
        if let Some(colour) = Colour::of(props) {
            nclx(out, &colour);
        }
        bitrate(out, props);
    });
}

/// What the samples of pictures mean (ISO/IEC 14496-12 12.1.5).
fn nclx(out: &mut Vec<u8>, colour: &Colour) {
    boxed(out, b"colr", |out| {
        out.extend_from_slice(b"nclx");
        [colour.primaries, colour.transfer, colour.matrix].into_iter().for_each(|index| u16(out, index.into()));
        out.push(if colour.full_range { 0x80 } else { 0 });
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

fn esds(out: &mut Vec<u8>, object_type: u8, config: &[u8], props: &Props) {
    let rate = props.u32(Prop::Bitrate).unwrap_or(0);
    full(out, b"esds", 0, 0, |out| {
        descriptor(out, 3, |out| {
            u16(out, 0); // ES_ID: that of the track
            out.push(0);
            descriptor(out, 4, |out| {
                out.push(object_type);
                out.push(0x15); // audio stream
                zeros(out, 3);
                u32(out, rate);
                u32(out, rate);
                if !config.is_empty() {
                    descriptor(out, 5, |out| out.extend_from_slice(config));
                }
            });
            descriptor(out, 6, |out| out.push(2)); // as in MP4 files
        });
    });
}
