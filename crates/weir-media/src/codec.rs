//! Closed lists of what a stream can be: type, codec, raw formats, and how a muxed stream is delivered.

use std::fmt;

/// What kind of stream a PID carries. Names follow GPAC.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum StreamType {
    /// Pictures.
    Visual,
    /// Sound.
    Audio,
    /// Subtitles.
    Text,
    /// Timed data.
    Metadata,
    /// Bytes of a container or an elementary-stream file.
    File,
}

impl StreamType {
    /// The name GPAC prints.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Visual => "Visual",
            Self::Audio => "Audio",
            Self::Text => "Text",
            Self::Metadata => "Metadata",
            Self::File => "File",
        }
    }
}

/// A codec, or raw media.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum CodecId {
    /// Uncompressed pictures or samples.
    Raw,
    /// H.264.
    Avc,
    /// H.265.
    Hevc,
    /// AV1.
    Av1,
    /// VP9.
    Vp9,
    /// MPEG-4 AAC.
    Aac,
    /// MPEG-1/2 layer 3.
    Mp3,
    /// Opus.
    Opus,
    /// FLAC.
    Flac,
    /// Dolby AC-3.
    Ac3,
    /// Dolby E-AC-3.
    Eac3,
}

impl CodecId {
    const NAMES: &'static [(Self, &'static [&'static str])] = &[
        (Self::Raw, &["raw"]),
        (Self::Avc, &["avc", "264", "h264"]),
        (Self::Hevc, &["hevc", "265", "h265"]),
        (Self::Av1, &["av1"]),
        (Self::Vp9, &["vp9"]),
        (Self::Aac, &["aac"]),
        (Self::Mp3, &["mp3"]),
        (Self::Opus, &["opus"]),
        (Self::Flac, &["flac"]),
        (Self::Ac3, &["ac3", "ac-3", "a52"]),
        (Self::Eac3, &["eac3", "ec-3", "ec3"]),
    ];

    /// The short name GPAC prints and accepts in `c=`.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(id, _)| *id == self).map_or("unknown", |(_, names)| names[0])
    }

    /// The codec of a name as typed in `c=NAME`, letter case ignored.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        let lower = name.to_ascii_lowercase();
        Self::NAMES.iter().find(|(_, names)| names.contains(&lower.as_str())).map(|(id, _)| *id)
    }

    /// Every name that [`CodecId::from_name`] knows first by, for help and suggestions.
    pub fn names() -> impl Iterator<Item = &'static str> {
        Self::NAMES.iter().map(|(_, names)| names[0])
    }

    /// The stream type a codec belongs to; `None` for [`CodecId::Raw`].
    #[must_use]
    pub const fn stream_type(self) -> Option<StreamType> {
        match self {
            Self::Raw => None,
            Self::Avc | Self::Hevc | Self::Av1 | Self::Vp9 => Some(StreamType::Visual),
            Self::Aac | Self::Mp3 | Self::Opus | Self::Flac | Self::Ac3 | Self::Eac3 => Some(StreamType::Audio),
        }
    }
}

impl fmt::Display for CodecId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Layout of a raw picture.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum PixelFormat {
    /// Planar 4:2:0, 8 bits: Y, U, V.
    Yuv420,
}

impl PixelFormat {
    /// GPAC's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Yuv420 => "yuv420",
        }
    }
}

/// Layout of raw samples.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum SampleFormat {
    /// Interleaved 32-bit floats, little endian, full scale ±1.
    Flt,
    /// Interleaved signed 16-bit integers, little endian.
    S16,
}

impl SampleFormat {
    /// GPAC's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Flt => "flt",
            Self::S16 => "s16",
        }
    }

    /// Bytes of one sample of one channel.
    #[must_use]
    pub const fn bytes(self) -> usize {
        match self {
            Self::Flt => 4,
            Self::S16 => 2,
        }
    }
}

/// How the consumer of a muxed stream keeps it; a muxer writes for one of these.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Delivery {
    /// A seekable file: an index may be written, earlier bytes may be patched at the end.
    File,
    /// Viewers who come and go: no index, no patching, headers repeatable.
    Live,
}
