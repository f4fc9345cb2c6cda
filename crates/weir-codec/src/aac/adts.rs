//! ADTS headers (ISO/IEC 14496-3 1.A.3.2).

use super::config::{ObjectType, SAMPLE_RATES, sample_rate_index};
use crate::bits::{BitReader, BitWriter};
use crate::{Error, ErrorKind};

/// Bytes of a header without CRC.
pub const ADTS_HEADER_LEN: usize = 7;
/// Longest frame that frame_length can say, header included.
pub const MAX_ADTS_FRAME_LEN: usize = (1 << 13) - 1;
/// adts_buffer_fullness of a stream with variable bit rate.
const VARIABLE_RATE: u16 = 0x7ff;

/// The header of an ADTS frame.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct AdtsHeader {
    /// ID: MPEG-2 AAC in place of MPEG-4.
    pub mpeg2: bool,
    /// protection_absent is 0: there is a CRC after the header, and block positions if there are many blocks.
    pub crc_present: bool,
    /// profile_ObjectType, 0 to 3: audio object type less one.
    pub profile: u8,
    /// sampling_frequency_index, 0 to 12.
    pub rate_index: u8,
    /// private_bit.
    pub private: bool,
    /// channel_configuration, 0 to 7; 0 when the layout is in the frames.
    pub channel_config: u8,
    /// original_copy.
    pub original: bool,
    /// home.
    pub home: bool,
    /// copyright_identification_bit.
    pub copyright_bit: bool,
    /// copyright_identification_start.
    pub copyright_start: bool,
    /// aac_frame_length: bytes of header and payload.
    pub frame_len: u16,
    /// adts_buffer_fullness; 0x7ff for variable bit rate.
    pub fullness: u16,
    /// Raw data blocks in the frame, 1 to 4; almost always 1.
    pub blocks: u8,
}

impl AdtsHeader {
    /// A header for one raw data block of `payload_len` bytes, without CRC.
    ///
    /// # Errors
    /// When ADTS cannot say it: the object type is over 4, the rate is not in [`SAMPLE_RATES`],
    /// channelConfiguration is over 7, or the frame is too long.
    pub fn new(
        object_type: ObjectType,
        sample_rate: u32,
        channel_config: u8,
        payload_len: usize,
    ) -> Result<Self, Error> {
        let unsupported = |value: u64, element| Error::at_byte(ErrorKind::Unsupported(value), element, 0);
        if !(1..=4).contains(&object_type.0) {
            return Err(unsupported(object_type.0.into(), "profile_ObjectType"));
        }
        if channel_config > 7 {
            return Err(unsupported(channel_config.into(), "channel_configuration"));
        }
        let rate_index = sample_rate_index(sample_rate);
        let rate_index = rate_index.ok_or_else(|| unsupported(sample_rate.into(), "sampling_frequency_index"))?;
        let frame_len = payload_len.saturating_add(ADTS_HEADER_LEN);
        let kind = ErrorKind::TooLarge { size: frame_len as u64, limit: MAX_ADTS_FRAME_LEN as u64 };
        if frame_len > MAX_ADTS_FRAME_LEN {
            return Err(Error::at_byte(kind, "aac_frame_length", 0));
        }
        Ok(Self {
            mpeg2: false,
            crc_present: false,
            profile: object_type.0 - 1,
            rate_index,
            private: false,
            channel_config,
            original: false,
            home: false,
            copyright_bit: false,
            copyright_start: false,
            frame_len: frame_len as u16,
            fullness: VARIABLE_RATE,
            blocks: 1,
        })
    }

    /// Reads the seven bytes at the start of `data`.
    ///
    /// # Errors
    /// When there are fewer, they do not start with the sync word, layer is not 0, the rate is reserved, or the
    /// frame is not even long enough for its header.
    pub fn parse(data: &[u8]) -> Result<Self, Error> {
        let mut r = BitReader::plain(data);
        let sync = r.bits(12, "syncword")?;
        check(sync == 0xfff, sync, "syncword", 0)?;
        let mpeg2 = r.flag("ID")?;
        let layer = r.bits(2, "layer")?;
        check(layer == 0, layer, "layer", 13)?;
        let crc_present = !r.flag("protection_absent")?;
        let profile = r.small(2, "profile_ObjectType")?;
        let rate_index = r.small(4, "sampling_frequency_index")?;
        check(usize::from(rate_index) < SAMPLE_RATES.len(), rate_index.into(), "sampling_frequency_index", 18)?;
        let header = Self {
            mpeg2,
            crc_present,
            profile,
            rate_index,
            private: r.flag("private_bit")?,
            channel_config: r.small(3, "channel_configuration")?,
            original: r.flag("original_copy")?,
            home: r.flag("home")?,
            copyright_bit: r.flag("copyright_identification_bit")?,
            copyright_start: r.flag("copyright_identification_start")?,
            frame_len: r.bits(13, "aac_frame_length")? as u16,
            fullness: r.bits(11, "adts_buffer_fullness")? as u16,
            blocks: r.small(2, "number_of_raw_data_blocks_in_frame")? + 1,
        };
        let long_enough = usize::from(header.frame_len) >= header.header_len();
        check(long_enough, header.frame_len.into(), "aac_frame_length", 30)?;
        Ok(header)
    }

    /// Writes the seven bytes. Bits of a field that do not fit are cut off. The CRC, if there is to be one, is
    /// the caller's.
    #[must_use]
    pub fn build(&self) -> [u8; ADTS_HEADER_LEN] {
        let mut w = BitWriter::default();
        w.bits(12, 0xfff);
        w.flag(self.mpeg2);
        w.bits(2, 0);
        w.flag(!self.crc_present);
        w.bits(2, self.profile.into());
        w.bits(4, self.rate_index.into());
        w.flag(self.private);
        w.bits(3, self.channel_config.into());
        w.flag(self.original);
        w.flag(self.home);
        w.flag(self.copyright_bit);
        w.flag(self.copyright_start);
        w.bits(13, self.frame_len.into());
        w.bits(11, self.fullness.into());
        w.bits(2, u32::from(self.blocks.wrapping_sub(1)));
        w.finish().try_into().expect("the fields above are 56 bits")
    }

    /// Bytes before the first raw data block: the header, block positions, and CRC.
    #[must_use]
    pub fn header_len(&self) -> usize {
        ADTS_HEADER_LEN + if self.crc_present { 2 * usize::from(self.blocks) } else { 0 }
    }

    /// The audio object type: Main, LC, SSR or LTP.
    #[must_use]
    pub const fn object_type(&self) -> ObjectType {
        ObjectType(self.profile + 1)
    }

    /// Sampling rate in Hz.
    #[must_use]
    pub fn sample_rate(&self) -> u32 {
        SAMPLE_RATES.get(usize::from(self.rate_index)).copied().unwrap_or(0)
    }

    /// Samples of each channel in the whole frame.
    #[must_use]
    pub fn samples(&self) -> u32 {
        1024 * u32::from(self.blocks)
    }

    /// Whether both headers are of one stream: the same decoder goes on.
    #[must_use]
    pub fn same_config(&self, other: &Self) -> bool {
        let fixed = |h: &Self| (h.mpeg2, h.crc_present, h.profile, h.rate_index, h.channel_config);
        fixed(self) == fixed(other)
    }
}

const fn check(good: bool, value: u32, element: &'static str, bit: u64) -> Result<(), Error> {
    if good { Ok(()) } else { Err(Error { kind: ErrorKind::Invalid(value as u64), element, bit }) }
}
