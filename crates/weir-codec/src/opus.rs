//! Opus: the identification header in both byte orders, and how long a packet lasts. Packets are not decoded.

use weir_media::{BufMut, Bytes, BytesMut};

use crate::bits::ByteReader;
use crate::{Error, ErrorKind};

/// Rate of every decoder, Hz (RFC 6716 2).
pub const RATE: u32 = 48_000;
/// Samples in a packet at most: 120 ms (RFC 6716 3.2.5).
const MAX_SAMPLES: u32 = 5760;
const MAGIC: &[u8; 8] = b"OpusHead";

/// An identification header (RFC 7845 5.1).
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct OpusHead {
    /// Output channels, at least 1.
    pub channels: u8,
    /// Samples to leave out at the start, at [`RATE`].
    pub pre_skip: u16,
    /// Rate of what was encoded, Hz; of no meaning to a decoder.
    pub input_rate: u32,
    /// dB in 1/256.
    pub gain: i16,
    /// Channel mapping family; 0 is mono and stereo.
    pub family: u8,
    /// Stream count, coupled count and channel mapping of other families.
    pub mapping: Bytes,
}

impl OpusHead {
    /// Reads a header as Ogg, Matroska and FLV have it.
    ///
    /// # Errors
    /// When it ends early or does not begin with its name.
    pub fn parse(data: &[u8]) -> Result<Self, Error> {
        let mut r = ByteReader::new(data);
        let magic: [u8; 8] = r.array("OpusHead")?;
        if &magic != MAGIC {
            return Err(Error::at_byte(ErrorKind::Invalid(magic[0].into()), "OpusHead", 0));
        }
        let version = r.u8("version")?;
        if version >> 4 != 0 {
            return Err(r.invalid(version, "version"));
        }
        let channels = r.u8("output channel count")?;
        let pre_skip = u16::from_le_bytes(r.array("pre-skip")?);
        let input_rate = u32::from_le_bytes(r.array("input sample rate")?);
        let gain = i16::from_le_bytes(r.array("output gain")?);
        Self { channels, pre_skip, input_rate, gain, family: 0, mapping: Bytes::new() }.read_mapping(&mut r)
    }

    /// Reads the content of a `dOps` box (Opus in ISOBMFF 4.3.2).
    ///
    /// # Errors
    /// When it ends early or is of another version.
    pub fn parse_dops(data: &[u8]) -> Result<Self, Error> {
        let mut r = ByteReader::new(data);
        let version = r.u8("Version")?;
        if version != 0 {
            return Err(r.invalid(version, "Version"));
        }
        let channels = r.u8("OutputChannelCount")?;
        let (pre_skip, input_rate) = (r.u16("PreSkip")?, r.u32("InputSampleRate")?);
        let gain = r.u16("OutputGain")?.cast_signed();
        Self { channels, pre_skip, input_rate, gain, family: 0, mapping: Bytes::new() }.read_mapping(&mut r)
    }

    /// What a packet says: mono or stereo.
    ///
    /// # Errors
    /// When it is no packet.
    pub fn of_packet(packet: &[u8]) -> Result<Self, Error> {
        /// The bit for stereo in the first byte (RFC 6716 3.1).
        const STEREO: u8 = 4;
        let bad = Error::at_byte(ErrorKind::Truncated, "Opus packet", 0);
        let toc = packet.first().filter(|_| packet_samples(packet).is_some()).ok_or(bad)?;
        let channels = if toc & STEREO == 0 { 1 } else { 2 };
        Ok(Self { channels, pre_skip: 0, input_rate: RATE, gain: 0, family: 0, mapping: Bytes::new() })
    }

    fn read_mapping(mut self, r: &mut ByteReader<'_>) -> Result<Self, Error> {
        if self.channels == 0 {
            return Err(r.invalid(0_u8, "output channel count"));
        }
        self.family = r.u8("channel mapping family")?;
        if self.family != 0 {
            self.mapping = Bytes::copy_from_slice(r.take(2 + usize::from(self.channels), "channel mapping")?);
        }
        Ok(self)
    }

    /// Writes the header.
    #[must_use]
    pub fn build(&self) -> Bytes {
        let mut out = BytesMut::from(&MAGIC[..]);
        out.put_slice(&[1, self.channels]);
        out.put_u16_le(self.pre_skip);
        out.put_u32_le(self.input_rate);
        out.put_i16_le(self.gain);
        self.put_mapping(&mut out);
        out.freeze()
    }

    /// Writes the content of a `dOps` box.
    #[must_use]
    pub fn build_dops(&self) -> Bytes {
        let mut out = BytesMut::new();
        out.put_slice(&[0, self.channels]);
        out.put_u16(self.pre_skip);
        out.put_u32(self.input_rate);
        out.put_i16(self.gain);
        self.put_mapping(&mut out);
        out.freeze()
    }

    fn put_mapping(&self, out: &mut BytesMut) {
        out.put_u8(self.family);
        out.put_slice(&self.mapping);
    }
}

/// Samples of each channel in a packet, at [`RATE`] (RFC 6716 3.1); `None` for what is no packet.
#[must_use]
pub fn packet_samples(packet: &[u8]) -> Option<u32> {
    let toc = *packet.first()?;
    let frame = match toc >> 3 {
        config @ 0..=11 => [480, 960, 1920, 2880][usize::from(config % 4)],
        config @ 12..=15 => [480, 960][usize::from(config % 2)],
        config => [120, 240, 480, 960][usize::from(config % 4)],
    };
    let frames = match toc & 3 {
        0 => 1,
        1 | 2 => 2,
        _ => u32::from(packet.get(1)? & 0x3f),
    };
    Some(frame * frames).filter(|samples| (1..=MAX_SAMPLES).contains(samples))
}
