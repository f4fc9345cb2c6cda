//! syom's decoder: packets of HE-AAC, and of AAC-LC with many channels, in; interleaved floats out, channels in the order
//! of WAV.

use syom::{DecodeOptions, Decoder, Frame};
use weir_media::Bytes;

use crate::codec::Codec;

/// -3 dB: half the power.
const HALF_POWER: f32 = std::f32::consts::FRAC_1_SQRT_2;

/// Most channels of a frame.
const MAX_CHANNELS: usize = 8;

/// An open decoder.
struct Syom {
    decoder: Decoder,
    record: Bytes,
    shape: Option<(u32, u8)>,
}

/// A decoder for streams with this AudioSpecificConfig.
pub(crate) fn open(record: &Bytes) -> Result<Box<dyn Codec>, String> {
    let decoder = Decoder::from_asc(record, DecodeOptions::unbounded()).map_err(|e| e.to_string())?;
    Ok(Box::new(Syom { decoder, record: record.clone(), shape: None }))
}

impl Codec for Syom {
    fn decode(&mut self, packet: &[u8]) -> Result<Vec<f32>, String> {
        let (mut samples, mut shape) = (Vec::new(), None);
        let done = self.decoder.decode_au(packet, |frame| {
            shape = interleave(&frame, &mut samples).map(|channels| (frame.sample_rate, channels));
            Ok(())
        });
        if let Err(e) = done {
            self.decoder.reset();
            self.decoder.set_asc(&self.record).map_err(|e| e.to_string())?;
            return Err(e.to_string());
        }
        if shape.is_none() {
            return Err("it has no channels that are known here".to_owned());
        }
        self.shape = shape;
        Ok(samples)
    }

    fn shape(&self) -> Option<(u32, u8)> {
        self.shape
    }
}

/// Appends a frame, its channels in turn. The answer is their number; `None` for a frame that has none, or too many.
fn interleave(frame: &Frame<'_>, to: &mut Vec<f32>) -> Option<u8> {
    let planes = frame.planar;
    if planes.is_empty() || planes.len() > MAX_CHANNELS || planes.iter().any(|p| p.len() < frame.samples) {
        return None;
    }
    // Four channels are front and one at the back here, but two pairs in WAV: the one at the back becomes a pair.
    let (count, share) = if planes.len() == 4 { (5, HALF_POWER) } else { (planes.len(), 1.0) };
    let channel = |n: usize| if n < 3 { (planes[n], 1.0) } else { (planes[n.min(planes.len() - 1)], share) };
    for at in 0..frame.samples {
        to.extend((0..count).map(channel).map(|(plane, share)| plane[at] * share));
    }
    u8::try_from(count).ok()
}
