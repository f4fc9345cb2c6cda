//! [`Codec`] on syom.

use syom::{EncodeOptions, Encoder};

use crate::codec::{Codec, Config, FRAME};

/// syom's AAC-LC has one frame of overlap before the first sample. Its look-ahead delays what it gives out, but not what
/// is in it.
const PRIMING: u32 = FRAME as u32;

/// An open syom encoder.
pub(crate) struct Syom {
    encoder: Encoder,
    config: Vec<u8>,
    /// A block as the library takes it: one plane for each channel.
    planes: Vec<Vec<f32>>,
}

impl Syom {
    pub(crate) fn new(config: Config) -> Result<Self, String> {
        // Looking one frame ahead hides what comes before an attack, for as much delay as FDK has.
        let options = EncodeOptions::raw().with_bitrate_bps(config.rate).with_lookahead(true);
        let encoder = Encoder::new(config.sample_rate, config.channels, &options).map_err(|e| e.to_string())?;
        Ok(Self { config: encoder.asc().to_vec(), planes: vec![Vec::with_capacity(FRAME); config.channels], encoder })
    }
}

impl Codec for Syom {
    fn config(&self) -> &[u8] {
        &self.config
    }

    fn priming(&self) -> u32 {
        PRIMING
    }

    fn encode(&mut self, block: &[f32], out: &mut Vec<Vec<u8>>) -> Result<(), String> {
        let channels = self.planes.len();
        for (i, plane) in self.planes.iter_mut().enumerate() {
            plane.clear();
            plane.extend(block.iter().skip(i).step_by(channels));
        }
        let planes: Vec<&[f32]> = self.planes.iter().map(Vec::as_slice).collect();
        let frame = |frame: syom::EncodedFrame<'_>| {
            out.push(frame.payload.to_vec());
            Ok(())
        };
        self.encoder.feed(&planes, frame).map(|_| ()).map_err(|e| e.to_string())
    }
}
