//! [`Codec`] on Fraunhofer's FDK AAC.

use fdk_aac::enc::{AudioObjectType, BitRate, ChannelMode, Encoder, EncoderError, EncoderParams, Transport};

use crate::codec::{Codec, Config, FRAME};

/// An open FDK encoder.
pub(crate) struct Fdk {
    encoder: Encoder,
    config: Vec<u8>,
    priming: u32,
    /// A block as the library takes it.
    pcm: Vec<i16>,
    /// Room for the largest frame.
    frame: Vec<u8>,
}

impl Fdk {
    pub(crate) fn new(config: Config) -> Result<Self, String> {
        let encoder = Encoder::new(EncoderParams {
            bit_rate: BitRate::Cbr(config.rate),
            sample_rate: config.sample_rate,
            transport: Transport::Raw,
            channels: if config.channels == 1 { ChannelMode::Mono } else { ChannelMode::Stereo },
            audio_object_type: AudioObjectType::Mpeg4LowComplexity,
        })
        .map_err(said)?;
        let info = encoder.info().map_err(said)?;
        if info.frameLength as usize != FRAME || info.inputChannels as usize != config.channels {
            return Err(format!("made for {} samples of {} channels", info.frameLength, info.inputChannels));
        }
        let asc = info.confBuf.get(..info.confSize as usize).ok_or("its configuration is too long")?;
        Ok(Self {
            config: asc.to_vec(),
            priming: info.nDelay,
            pcm: Vec::with_capacity(FRAME * config.channels),
            frame: vec![0; info.maxOutBufBytes as usize],
            encoder,
        })
    }
}

impl Codec for Fdk {
    fn config(&self) -> &[u8] {
        &self.config
    }

    fn priming(&self) -> u32 {
        self.priming
    }

    fn encode(&mut self, block: &[f32], out: &mut Vec<Vec<u8>>) -> Result<(), String> {
        self.pcm.clear();
        self.pcm.extend(block.iter().map(|x| to_s16(*x)));
        let done = self.encoder.encode(&self.pcm, &mut self.frame).map_err(said)?;
        if done.input_consumed != self.pcm.len() {
            return Err(format!("took {} of {} samples", done.input_consumed, self.pcm.len()));
        }
        let frame = self.frame.get(..done.output_size).unwrap_or(&[]);
        out.extend((!frame.is_empty()).then(|| frame.to_vec()));
        Ok(())
    }
}

/// The inverse of dividing by 32768, so that sound that came as s16 stays as it was.
#[expect(clippy::cast_possible_truncation, reason = "clamped to the range")]
fn to_s16(x: f32) -> i16 {
    (x * 32_768.0).round().clamp(-32_768.0, 32_767.0) as i16
}

fn said(error: EncoderError) -> String {
    error.to_string()
}
