//! What `onMetaData` says about the tracks.

use weir_flv::amf::Object;
use weir_flv::{CodecTag, MetaData};
use weir_media::{Frac, Prop, Props};
use weir_plugin::interleave::Track;

use crate::format::Format;

/// The metadata of all tracks: of the first of each kind at the top, of others in maps by their number (E-RTMP v2).
pub(crate) fn metadata(tracks: &[Track], formats: &[Format]) -> MetaData {
    let encoder = Some(concat!("weir ", env!("CARGO_PKG_VERSION")).into());
    let mut data = MetaData { encoder, ..MetaData::default() };
    let (mut video, mut audio) = (Object::new(), Object::new());
    for (track, format) in tracks.iter().zip(formats) {
        match (track.is_video(), format.number) {
            (true, 0) => top_video(&mut data, &track.props, format),
            (false, 0) => top_audio(&mut data, &track.props, format),
            (true, number) => video.set(number.to_string(), further_video(&track.props, format)),
            (false, number) => audio.set(number.to_string(), further_audio(&track.props, format)),
        }
    }
    for (name, map) in [("videoTrackIdInfoMap", video), ("audioTrackIdInfoMap", audio)] {
        if !map.is_empty() {
            data.extra.push(name, map);
        }
    }
    data
}

/// Kilobits per second.
fn kbps(props: &Props) -> Option<f64> {
    props.u32(Prop::Bitrate).or_else(|| props.u32(Prop::TargetRate)).map(|b| f64::from(b) / 1000.0)
}

fn top_video(data: &mut MetaData, props: &Props, format: &Format) {
    data.width = props.u32(Prop::Width);
    data.height = props.u32(Prop::Height);
    data.frame_rate = props.frac(Prop::Fps).map(Frac::as_f64);
    data.video_data_rate = kbps(props);
    data.video_codec = Some(format.tag());
}

fn top_audio(data: &mut MetaData, props: &Props, format: &Format) {
    data.audio_sample_rate = props.u32(Prop::SampleRate);
    data.audio_sample_size = Some(16);
    data.stereo = props.u32(Prop::NumChannels).map(|n| n > 1);
    data.audio_data_rate = kbps(props);
    data.audio_codec = Some(format.tag());
}

fn further_video(props: &Props, format: &Format) -> Object {
    object([
        ("width", props.u32(Prop::Width).map(f64::from)),
        ("height", props.u32(Prop::Height).map(f64::from)),
        ("framerate", props.frac(Prop::Fps).map(Frac::as_f64)),
        ("videodatarate", kbps(props)),
        ("videocodecid", Some(number(format))),
    ])
}

fn further_audio(props: &Props, format: &Format) -> Object {
    object([
        ("samplerate", props.u32(Prop::SampleRate).map(f64::from)),
        ("channels", props.u32(Prop::NumChannels).map(f64::from)),
        ("audiodatarate", kbps(props)),
        ("audiocodecid", Some(number(format))),
        ("audiosamplesize", Some(16.0)),
    ])
}

fn number(format: &Format) -> f64 {
    match format.tag() {
        CodecTag::Id(id) => f64::from(id),
        CodecTag::FourCc(name) => f64::from(name.number()),
    }
}

fn object(fields: [(&str, Option<f64>); 5]) -> Object {
    let mut object = Object::new();
    for (name, value) in fields {
        if let Some(value) = value {
            object.push(name, value);
        }
    }
    object
}
