//! The head of a WAV file, as RIFF has it: `fmt ` and `data`. Pure.

use weir_media::{BufMut, Bytes, BytesMut, Prop, Props, SampleFormat, Value};
use weir_plugin::{Error, Result};

/// The size of what goes on to the end of the file.
const OPEN: u32 = u32::MAX;
/// Place of the size of the RIFF chunk.
const RIFF_SIZE_AT: u64 = 4;
/// Bytes before what the size of the RIFF chunk counts.
const BEFORE_RIFF: u32 = 8;
/// `WAVE_FORMAT_EXTENSIBLE`, needed for more than two channels.
const EXTENSIBLE: u16 = 0xfffe;
/// What follows the codec in the GUID of the extensible form (`KSDATAFORMAT_SUBTYPE_PCM` and `_IEEE_FLOAT`).
const GUID_REST: [u8; 14] = [0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xaa, 0, 0x38, 0x9b, 0x71];

/// What a head says.
pub(crate) struct Head {
    /// 1 for integers, 3 for floats.
    codec: u16,
    /// Bytes of one sample of one channel.
    width: u16,
    channels: u16,
    rate: u32,
    /// Bytes of samples so far.
    pub(crate) len: u64,
}

impl Head {
    /// The head for these samples.
    ///
    /// # Errors
    /// Something about them is not known, or there are too many channels.
    pub(crate) fn of(samples: &Props) -> Result<Self> {
        let unknown =
            |what: &str| Error::unsupported(format!("the {what} of the samples is not known, and WAV needs it"));
        let (codec, width) = match samples.get(Prop::AudioFormat) {
            Some(Value::Sample(SampleFormat::S16)) => (1, 2),
            Some(Value::Sample(SampleFormat::Flt)) => (3, 4),
            Some(Value::Sample(other)) => {
                return Err(Error::unsupported(format!("WAV with {} is not written", other.name())));
            }
            _ => return Err(unknown("layout")),
        };
        let rate = samples.u32(Prop::SampleRate).ok_or_else(|| unknown("rate"))?;
        let channels =
            samples.u32(Prop::NumChannels).filter(|n| *n > 0).ok_or_else(|| unknown("number of channels"))?;
        let too_many = |_| Error::unsupported(format!("WAV cannot hold {channels} channels"));
        // The bytes of one sample of all channels are a number of 16 bits.
        let channels = u16::try_from(channels).map_err(too_many)?;
        u16::try_from(u32::from(channels) * u32::from(width)).map_err(too_many)?;
        Ok(Self { codec, width, channels, rate, len: 0 })
    }

    /// The head before the end is known.
    pub(crate) fn unfinished(&self) -> Bytes {
        let mut out = BytesMut::new();
        out.put_slice(b"RIFF");
        out.put_u32_le(OPEN);
        out.put_slice(b"WAVEfmt ");
        let (codec, width) = (self.codec, self.width);
        let extended = self.channels > 2;
        out.put_u32_le(if extended { 40 } else { 16 });
        out.put_u16_le(if extended { EXTENSIBLE } else { codec });
        out.put_u16_le(self.channels);
        out.put_u32_le(self.rate);
        let frame = self.channels * width;
        out.put_u32_le(self.rate.saturating_mul(frame.into()));
        out.put_u16_le(frame);
        out.put_u16_le(width * 8);
        if extended {
            out.put_u16_le(22);
            out.put_u16_le(width * 8);
            out.put_u32_le(0); // which loudspeaker each channel is for is not said
            out.put_u16_le(codec);
            out.put_slice(&GUID_REST);
        }
        out.put_slice(b"data");
        out.put_u32_le(OPEN);
        out.freeze()
    }

    /// What to write over the head at the end: places and bytes. Sizes that do not fit stay open.
    pub(crate) fn patches(&self) -> Vec<(u64, Bytes)> {
        let head = u32::try_from(self.unfinished().len()).expect("a head is short");
        let sizes = u32::try_from(self.len).ok().and_then(|len| Some((len, len.checked_add(head - BEFORE_RIFF)?)));
        let le = |n: u32| Bytes::copy_from_slice(&n.to_le_bytes());
        sizes.map_or_else(Vec::new, |(data, riff)| vec![(RIFF_SIZE_AT, le(riff)), (u64::from(head) - 4, le(data))])
    }
}
