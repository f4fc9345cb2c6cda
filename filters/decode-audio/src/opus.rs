//! ropus's decoder: packets of Opus in, interleaved floats out, channels in the order of WAV.

use ropus::OpusMSDecoder;
use weir_codec::opus::{OpusHead, RATE, packet_samples};

use crate::codec::Codec;

/// Most channels without a layout: what raw sound may have.
const MAX_DISCRETE: u8 = 64;

/// Where the channels of Vorbis's order (RFC 7845, 5.1.1.2) are in WAV's, by their number from 3 on.
const FROM_VORBIS: [&[usize]; 6] = [
    &[0, 2, 1],
    &[0, 1, 2, 3],
    &[0, 2, 1, 3, 4],
    &[0, 2, 1, 5, 3, 4],
    &[0, 2, 1, 6, 5, 3, 4],
    &[0, 2, 1, 7, 5, 6, 3, 4],
];

/// [`RATE`] as the library takes it.
const RATE_I32: i32 = RATE.cast_signed();

/// An open decoder.
struct Opus {
    decoder: OpusMSDecoder,
    channels: usize,
    /// What samples are multiplied by.
    gain: f32,
    /// Samples as the library gives them.
    pcm: Vec<i16>,
}

/// A decoder for streams with this header.
pub(crate) fn open(head: &OpusHead) -> Result<Box<dyn Codec>, String> {
    let channels = usize::from(head.channels);
    let (streams, coupled, mapping) = match (head.family, &head.mapping[..]) {
        (0, _) if (1..=2).contains(&channels) => (1, head.channels - 1, vec![0, 1]),
        (1, [streams, coupled, mapping @ ..]) if channels <= 8 => {
            let order = channels.checked_sub(3).map_or(&[0, 1][..channels.min(2)], |n| FROM_VORBIS[n]);
            let mapping = order.iter().map(|n| mapping.get(*n).copied());
            (*streams, *coupled, mapping.flatten().collect())
        }
        (255, [streams, coupled, mapping @ ..]) if head.channels <= MAX_DISCRETE => {
            (*streams, *coupled, mapping.to_vec())
        }
        (family, _) => return Err(format!("mapping family {family} with {channels} channels is not decoded")),
    };
    if mapping.len() < channels {
        return Err("its mapping is cut short".to_owned());
    }
    let decoder =
        OpusMSDecoder::new(RATE_I32, i32::from(head.channels), i32::from(streams), i32::from(coupled), &mapping);
    let decoder = decoder.map_err(|code| format!("its mapping is not sound (code {code})"))?;
    // dB in 1/256.
    let gain = 10_f32.powf(f32::from(head.gain) / (20.0 * 256.0));
    Ok(Box::new(Opus { decoder, channels, gain, pcm: Vec::new() }))
}

impl Codec for Opus {
    fn decode(&mut self, packet: &[u8]) -> Result<Vec<f32>, String> {
        let count = packet_samples(packet).and_then(|n| i32::try_from(n).ok()).ok_or("it is no Opus packet")?;
        let length = i32::try_from(packet.len()).map_err(|_| "it is too long")?;
        self.pcm.clear();
        self.pcm.resize(count as usize * self.channels, 0);
        let made = self.decoder.decode(Some(packet), length, &mut self.pcm, count, false);
        let made = made.map_err(|code| format!("code {code}"))?;
        let samples = self.pcm.iter().take(usize::try_from(made).unwrap_or(0) * self.channels);
        Ok(samples.map(|x| f32::from(*x) / 32_768.0 * self.gain).collect())
    }
}

#[cfg(test)]
mod tests {
    use weir_media::Bytes;

    use super::*;

    fn head(channels: u8, family: u8, mapping: &'static [u8]) -> OpusHead {
        let mapping = Bytes::from_static(mapping);
        OpusHead { channels, pre_skip: 312, input_rate: 48_000, gain: 0, family, mapping }
    }

    #[test]
    fn layouts_that_are_decoded_and_those_that_are_not() {
        assert!(open(&head(1, 0, &[])).is_ok() && open(&head(2, 0, &[])).is_ok());
        assert!(open(&head(6, 1, &[4, 2, 0, 4, 1, 2, 3, 5])).is_ok());
        assert!(open(&head(1, 1, &[1, 0, 0])).is_ok() && open(&head(3, 255, &[3, 0, 0, 1, 2])).is_ok());
        for (channels, family, mapping) in [
            (3, 0, &[][..]),
            (0, 1, &[1, 0]),
            (6, 1, &[4, 2, 0]),
            (9, 1, &[9, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8]),
            (6, 1, &[4, 2, 0, 4, 1, 2, 3, 99]),
            (4, 2, &[4, 0, 0, 1, 2, 3]),
            (200, 255, &[1, 0]),
        ] {
            assert!(open(&head(channels, family, mapping)).is_err(), "{channels} channels, family {family}");
        }
    }
}
