//! [`Hints`]: what `onMetaData` says of the tracks. Never believed where a track says it itself.

use std::collections::BTreeMap;

use weir_amf::{Limits, Object, Value};
use weir_flv::MetaData;
use weir_media::{Bytes, Frac, Prop, Props};

/// Tracks after the first whose properties are kept.
const MAX_TRACKS: usize = 64;

/// What `onMetaData` says, as far as tracks do not say it better themselves.
#[derive(Clone, Debug, Default)]
pub(crate) struct Hints {
    /// Length of the file, seconds.
    duration: Option<Frac>,
    /// Of pictures and of sound, by the number of the track.
    video: BTreeMap<u8, TrackHints>,
    audio: BTreeMap<u8, TrackHints>,
}

/// What it says of one track.
#[derive(Clone, Debug, Default)]
struct TrackHints {
    fps: Option<Frac>,
    /// Width and height, pixels.
    size: Option<(u32, u32)>,
    /// Bits per second.
    rate: Option<u64>,
}

impl Hints {
    /// Reads a script tag; `None` when it is other data or cannot be read.
    pub(crate) fn read(body: &Bytes) -> Option<Self> {
        let meta = MetaData::parse(body, Limits::SCRIPT).ok()??;
        let mut this = Self { duration: meta.duration.and_then(thousandths), ..Self::default() };
        let size = meta.width.zip(meta.height).filter(|(w, h)| *w > 0 && *h > 0);
        if meta.video_codec.is_some() || size.is_some() {
            let (fps, rate) = (meta.frame_rate.and_then(frame_rate), meta.video_data_rate.and_then(bits));
            this.video.insert(0, TrackHints { fps, size, rate });
        }
        if meta.audio_codec.is_some() || meta.audio_sample_rate.is_some() {
            let rate = meta.audio_data_rate.and_then(bits);
            this.audio.insert(0, TrackHints { rate, ..TrackHints::default() });
        }
        further(&mut this.video, meta.extra.get("videoTrackIdInfoMap"), "videodatarate");
        further(&mut this.audio, meta.extra.get("audioTrackIdInfoMap"), "audiodatarate");
        Some(this)
    }

    /// How many tracks of pictures, and of sound, it tells of.
    pub(crate) fn tracks(&self) -> (usize, usize) {
        (self.video.len(), self.audio.len())
    }

    /// Adds what the properties of a track do not say.
    pub(crate) fn complete(&self, props: &mut Props, is_video: bool, track: u8) {
        if let Some(duration) = self.duration {
            props.set(Prop::Duration, duration);
        }
        let tracks = if is_video { &self.video } else { &self.audio };
        let Some(hints) = tracks.get(&track) else { return };
        if let Some((width, height)) = hints.size.filter(|_| props.get(Prop::Width).is_none()) {
            props.set(Prop::Width, width);
            props.set(Prop::Height, height);
        }
        if let Some(fps) = hints.fps.filter(|_| props.get(Prop::Fps).is_none()) {
            props.set(Prop::Fps, fps);
        }
        if let Some(rate) = hints.rate {
            props.set(Prop::Bitrate, rate);
        }
    }
}

/// The tracks after the first (E-RTMP v2, multitrack capabilities).
fn further(tracks: &mut BTreeMap<u8, TrackHints>, map: Option<&Value>, rate: &str) {
    let Some(map) = map.and_then(Value::as_object) else { return };
    for (key, value) in map.iter().take(MAX_TRACKS) {
        let track = std::str::from_utf8(key.as_bytes()).ok().and_then(|text| text.parse().ok());
        if let (Some(track @ 1..), Some(object)) = (track, value.as_object()) {
            let number = |name: &str| object.get(name).and_then(Value::as_f64);
            let fps = number("framerate").and_then(frame_rate);
            tracks.insert(track, TrackHints { fps, size: size(object), rate: number(rate).and_then(bits) });
        }
    }
}

fn size(object: &Object) -> Option<(u32, u32)> {
    let side = |name: &str| object.get(name).and_then(Value::as_u32).filter(|side| *side > 0);
    side("width").zip(side("height"))
}

/// A positive number of at most nine digits before the point, to three after it.
fn thousandths(value: f64) -> Option<Frac> {
    (value > 0.0 && value < 1e9).then(|| Frac { num: (value * 1000.0).round() as i64, den: 1000 })
}

/// A rate as a whole number or a multiple of 1000/1001 where it is near one.
fn frame_rate(fps: f64) -> Option<Frac> {
    let exact = thousandths(fps).filter(|_| fps <= 1000.0)?;
    let near = |num: f64, den: u32| {
        let close = (num / f64::from(den) - fps).abs() < 0.002;
        close.then_some(Frac { num: num as i64, den })
    };
    near(fps.round(), 1).or_else(|| near((fps * 1.001).round() * 1000.0, 1001)).or(Some(exact)).filter(|f| f.num > 0)
}

/// Kilobits to bits.
fn bits(kilobits: f64) -> Option<u64> {
    thousandths(kilobits).and_then(|rate| u64::try_from(rate.num).ok())
}
