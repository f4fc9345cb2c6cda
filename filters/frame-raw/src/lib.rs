//! `rfpcm` and `rfrawvid`: samples and pictures from files that hold them as they are: WAV, PCM, Y4M, YUV.
//!
//! They never scale, resample or mix.

mod feed;
mod layout;
mod pcm;
mod picture;
mod sound;
mod video;
mod wav;
mod y4m;

use weir_media::{Bundle, Cap, CodecId, PixelFormat, Prop, SampleFormat, StreamType};
use weir_plugin::{Create, Filter, Kind, Lane, OptionDef, Options, Plugin, Registry, Result, Role};

/// Most channels of a file of samples: more than any loudspeaker set has, and a packet stays small.
const MAX_CHANNELS: u32 = 64;
/// Highest sample rate of a file, Hz: twice that of studios.
const MAX_SAMPLE_RATE: u32 = 768_000;
/// Most samples in one packet.
const MAX_FRAME_LEN: i64 = 65_536;

const PCM_OPTIONS: &[OptionDef] = &[
    OptionDef::new(
        "sr",
        Kind::Int { min: 1, max: MAX_SAMPLE_RATE as i64 },
        "44100",
        "Samples per second of a .pcm file",
    ),
    OptionDef::new("safmt", Kind::Enum(layout::NAMES), "", "Layout of the samples of a .pcm file"),
    OptionDef::new("ch", Kind::Int { min: 1, max: MAX_CHANNELS as i64 }, "2", "Channels of a .pcm file"),
    OptionDef::new("framelen", Kind::Int { min: 1, max: MAX_FRAME_LEN }, "1024", "Samples in one packet"),
];

const VIDEO_OPTIONS: &[OptionDef] = &[
    OptionDef::new("size", Kind::Size, "", "Size of the pictures of a .yuv file"),
    OptionDef::new("spfmt", Kind::Enum(&["yuv420"]), "yuv420", "Layout of the pictures of a .yuv file"),
    OptionDef::new("fps", Kind::Frac, "25", "Pictures per second of a .yuv file, and of a .y4m file that tells none"),
];

/// Adds `rfpcm` and `rfrawvid` to a registry.
pub fn register(registry: &mut Registry) {
    registry.register(Samples);
    registry.register(Pictures);
}

fn file(extensions: &str) -> [Cap; 2] {
    [Cap::is(Prop::StreamType, StreamType::File), Cap::is(Prop::FileExt, extensions)]
}

/// The type `rfpcm`.
struct Samples;

impl Plugin for Samples {
    fn name(&self) -> &'static str {
        "rfpcm"
    }

    fn summary(&self) -> &'static str {
        "Reads raw samples: WAV, PCM"
    }

    fn help(&self) -> &'static str {
        "A .wav file says what is in it. A .pcm file does not: `safmt` is needed, and `sr` and `ch` where they differ from \
         the default; its samples are interleaved and little endian. Samples of 16 bits and floats of 32 bits stay as they \
         are, those of 8 bits become 16, all others floats of 32 bits. A part of a sample at the end is left out."
    }

    fn role(&self) -> Role {
        Role::Transform
    }

    fn lane(&self) -> Lane {
        Lane::Compute
    }

    fn options(&self) -> &'static [OptionDef] {
        PCM_OPTIONS
    }

    fn caps(&self, _: &Options) -> Vec<Bundle> {
        let mut samples = Cap::codec(StreamType::Audio, CodecId::Raw).to_vec();
        samples.extend([SampleFormat::S16, SampleFormat::Flt].map(|f| Cap::is(Prop::AudioFormat, f)));
        vec![Bundle::new(file("wav|wave|pcm"), samples)]
    }

    fn create(&self, with: Create) -> Result<Box<dyn Filter>> {
        Ok(Box::new(sound::SoundReader::new(&with.options)))
    }
}

/// The type `rfrawvid`.
struct Pictures;

impl Plugin for Pictures {
    fn name(&self) -> &'static str {
        "rfrawvid"
    }

    fn summary(&self) -> &'static str {
        "Reads raw pictures: Y4M, YUV"
    }

    fn help(&self) -> &'static str {
        "A .y4m file says what is in it. A .yuv file does not: `size` is needed, and `fps` where it differs from the default. \
         Pictures are 4:2:0 of 8 bits; a part of one at the end is left out."
    }

    fn role(&self) -> Role {
        Role::Transform
    }

    fn lane(&self) -> Lane {
        Lane::Compute
    }

    fn options(&self) -> &'static [OptionDef] {
        VIDEO_OPTIONS
    }

    fn caps(&self, _: &Options) -> Vec<Bundle> {
        let mut pictures = Cap::codec(StreamType::Visual, CodecId::Raw).to_vec();
        pictures.push(Cap::is(Prop::PixelFormat, PixelFormat::Yuv420));
        vec![Bundle::new(file("y4m|yuv"), pictures)]
    }

    fn create(&self, with: Create) -> Result<Box<dyn Filter>> {
        Ok(Box::new(video::VideoReader::new(&with.options, with.memory)?))
    }
}
