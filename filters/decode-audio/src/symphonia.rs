//! symphonia's decoders: packets of AAC-LC, MP3 and FLAC in, interleaved floats out.

use symphonia_bundle_flac::FlacDecoder;
use symphonia_bundle_mp3::MpaDecoder;
use symphonia_codec_aac::AacDecoder;
use symphonia_core::codecs::audio::well_known::{CODEC_ID_AAC, CODEC_ID_FLAC, CODEC_ID_MP3};
use symphonia_core::codecs::audio::{AudioCodecId, AudioCodecParameters, AudioDecoder, AudioDecoderOptions};
use symphonia_core::errors::Error;
use symphonia_core::packet::PacketRef;
use symphonia_core::units::{Duration, Timestamp};
use weir_codec::aac::AudioSpecificConfig;
use weir_codec::flac::StreamInfo;

use crate::codec::Codec;

/// An open decoder.
struct Symphonia<D>(D);

/// A decoder of AAC-LC.
pub(crate) fn aac(rate: u32, channels: u8) -> Result<Box<dyn Codec>, String> {
    let config = AudioSpecificConfig::lc(rate, channels).and_then(|c| c.build()).map_err(|e| e.to_string())?;
    opened(AacDecoder::try_new(&parameters(CODEC_ID_AAC, &config), &AudioDecoderOptions::default()))
}

/// A decoder of MP3, which finds all it needs in the frames.
pub(crate) fn mp3() -> Result<Box<dyn Codec>, String> {
    opened(MpaDecoder::try_new(&parameters(CODEC_ID_MP3, &[]), &AudioDecoderOptions::default()))
}

/// A decoder of FLAC.
pub(crate) fn flac(info: &StreamInfo) -> Result<Box<dyn Codec>, String> {
    opened(FlacDecoder::try_new(&parameters(CODEC_ID_FLAC, &info.record), &AudioDecoderOptions::default()))
}

fn parameters(codec: AudioCodecId, record: &[u8]) -> AudioCodecParameters {
    let mut parameters = AudioCodecParameters::new();
    parameters.for_codec(codec).with_extra_data(record.into());
    parameters
}

fn opened<D: AudioDecoder + 'static>(decoder: Result<D, Error>) -> Result<Box<dyn Codec>, String> {
    Ok(Box::new(Symphonia(decoder.map_err(|e| e.to_string())?)))
}

impl<D: AudioDecoder> Codec for Symphonia<D> {
    fn decode(&mut self, packet: &[u8]) -> Result<Vec<f32>, String> {
        let packet = PacketRef::new(0, Timestamp::from(0), Duration::from(0_u64), packet);
        let mut samples = Vec::new();
        match self.0.decode_ref(&packet) {
            Ok(decoded) => decoded.copy_to_vec_interleaved(&mut samples),
            Err(e) => {
                self.0.reset();
                return Err(e.to_string());
            }
        }
        Ok(samples)
    }
}
