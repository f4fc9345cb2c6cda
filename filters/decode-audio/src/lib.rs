//! Decoders of sound: the filters `aacdec`, `mp3dec` and `flacdec` on symphonia, `opusdec` on ropus; `aacdec` has syom for
//! what symphonia does not decode.
//!
//! One packet in, one block of samples out. They never resample and never mix channels, and make nothing up for what is
//! damaged.

mod codec;
mod decoder;
mod opus;
mod symphonia;
mod syom;

use weir_media::{Bundle, Cap, CodecId, Prop, SampleFormat, StreamType};
use weir_plugin::{Create, Filter, Lane, OptionDef, Options, Plugin, Registry, Result, Role};

/// Adds all decoders to a registry.
pub fn register(registry: &mut Registry) {
    [AAC, MP3, FLAC, OPUS].into_iter().for_each(|decoder| registry.register(decoder));
}

/// A filter type that decodes one codec.
#[derive(Clone, Copy, Debug)]
pub struct AudioDecoder {
    codec: CodecId,
    name: &'static str,
    summary: &'static str,
    help: &'static str,
}

/// What is true of all of them, behind what is true of one.
macro_rules! help {
    ($of_one:literal) => {
        concat!(
            $of_one,
            "\nThe priming of the encoder (Delay) is cut off. A damaged packet is left out with a warning; what follows is \
             marked as a discontinuity.\nIt is inserted where raw sound is asked for. What an encoder of the same graph made \
             is decoded only where this filter is named."
        )
    };
}

/// The filter type `aacdec`.
pub const AAC: AudioDecoder = AudioDecoder {
    codec: CodecId::Aac,
    name: "aacdec",
    summary: "AAC decoder, symphonia and syom",
    help: help!(
        "Decodes AAC-LC and HE-AAC (SBR, PS) of up to 8 channels to flt samples, interleaved in the order of FLAC and WAV; \
         one channel at the back becomes a pair. HE-AAC that does not say so in its configuration is decoded as the \
         AAC-LC it says it is: the lower half of the spectrum, and mono where PS makes stereo."
    ),
};

/// The filter type `mp3dec`.
pub const MP3: AudioDecoder = AudioDecoder {
    codec: CodecId::Mp3,
    name: "mp3dec",
    summary: "MP3 decoder, symphonia",
    help: help!("Decodes MPEG-1, 2 and 2.5 layer 3 to flt samples, interleaved."),
};

/// The filter type `flacdec`.
pub const FLAC: AudioDecoder = AudioDecoder {
    codec: CodecId::Flac,
    name: "flacdec",
    summary: "FLAC decoder, symphonia",
    help: help!("Decodes FLAC of any rate and number of channels to flt samples, interleaved."),
};

/// The filter type `opusdec`.
pub const OPUS: AudioDecoder = AudioDecoder {
    codec: CodecId::Opus,
    name: "opusdec",
    summary: "Opus decoder, ropus",
    help: help!(
        "Decodes Opus to flt samples at 48000 Hz, interleaved: mono, stereo, surround of up to 8 channels (in the order of \
         FLAC and WAV), and channels without a layout. Where nothing else tells the priming, that of the header is cut off."
    ),
};

impl Plugin for AudioDecoder {
    fn name(&self) -> &'static str {
        self.name
    }

    fn summary(&self) -> &'static str {
        self.summary
    }

    fn help(&self) -> &'static str {
        self.help
    }

    fn role(&self) -> Role {
        Role::Decoder
    }

    fn lane(&self) -> Lane {
        Lane::Compute
    }

    fn options(&self) -> &'static [OptionDef] {
        &[]
    }

    fn caps(&self, _options: &Options) -> Vec<Bundle> {
        let [ty, raw] = Cap::codec(StreamType::Audio, CodecId::Raw);
        vec![Bundle::new(
            Cap::framed(StreamType::Audio, self.codec),
            [ty, raw, Cap::is(Prop::AudioFormat, SampleFormat::Flt)],
        )]
    }

    fn create(&self, _with: Create) -> Result<Box<dyn Filter>> {
        Ok(Box::new(decoder::Decode::new(self.codec)))
    }
}
