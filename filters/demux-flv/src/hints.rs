//! [`Hints`]: what `onMetaData` says of the tracks. Never believed where a track says it itself.

use weir_amf::Limits;
use weir_flv::MetaData;
use weir_media::{Bytes, Frac};

/// What `onMetaData` says, as far as tracks do not say it better themselves.
#[derive(Clone, Debug, Default)]
pub(crate) struct Hints {
    /// Length of the file, seconds.
    pub(crate) duration: Option<Frac>,
    pub(crate) fps: Option<Frac>,
    /// Width and height, pixels.
    pub(crate) size: Option<(u32, u32)>,
    /// Bits per second.
    pub(crate) video_rate: Option<u64>,
    /// Bits per second.
    pub(crate) audio_rate: Option<u64>,
}

impl Hints {
    /// Reads a script tag; `None` when it is other data or cannot be read.
    pub(crate) fn read(body: &Bytes) -> Option<Self> {
        let meta = MetaData::parse(body, Limits::SCRIPT).ok()??;
        Some(Self {
            duration: meta.duration.and_then(thousandths),
            fps: meta.frame_rate.and_then(frame_rate),
            size: meta.width.zip(meta.height).filter(|(w, h)| *w > 0 && *h > 0),
            video_rate: meta.video_data_rate.and_then(bits),
            audio_rate: meta.audio_data_rate.and_then(bits),
        })
    }
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
