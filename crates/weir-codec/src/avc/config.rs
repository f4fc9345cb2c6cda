//! AVCDecoderConfigurationRecord, the content of an `avcC` box and of an FLV AVC sequence header
//! (ISO/IEC 14496-15 5.3.3.1).

use weir_media::{BufMut, Bytes, BytesMut};

use super::framing::LengthSize;
use super::sps::SpsInfo;
use crate::bits::ByteReader;
use crate::{Error, ErrorKind};

/// Most SPS in a record: a 5-bit count.
const MAX_SPS: usize = 31;
/// Most PPS, and most SPS extensions, in a record: an 8-bit count.
const MAX_PPS: usize = 255;
/// Profiles whose records have no [`HighProfileInfo`]: Baseline, Main, Extended.
const PLAIN_PROFILES: [u8; 3] = [66, 77, 88];

/// The bytes at the end of a record for the High profiles.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct HighProfileInfo {
    /// chroma_format_idc: 0 monochrome, 1 4:2:0, 2 4:2:2, 3 4:4:4.
    pub chroma_format: u8,
    /// Bits of a luma sample, 8 to 15.
    pub bit_depth_luma: u8,
    /// Bits of a chroma sample, 8 to 15.
    pub bit_depth_chroma: u8,
    /// SPS extension NAL units.
    pub sps_extensions: Vec<Bytes>,
}

/// What a decoder must know before the first sample. Two equal values mean that it need not be restarted.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct AvcConfig {
    /// profile_idc.
    pub profile: u8,
    /// The byte of constraint flags between profile_idc and level_idc.
    pub compatibility: u8,
    /// level_idc: ten times the level.
    pub level: u8,
    /// Size of the length field before each NAL unit of a sample.
    pub length_size: LengthSize,
    /// SPS NAL units, with their header byte. May be empty in broken streams: then they are in the samples.
    pub sps: Vec<Bytes>,
    /// PPS NAL units, with their header byte.
    pub pps: Vec<Bytes>,
    /// The extension for High profiles; `None` also where a writer left it out, as many do.
    pub high: Option<HighProfileInfo>,
}

impl AvcConfig {
    /// The record for these parameter sets, with 4-byte lengths.
    ///
    /// # Errors
    /// When there is no SPS, when the first one cannot be read, or when a record cannot hold so many or so
    /// long sets.
    pub fn from_parameter_sets(sps: Vec<Bytes>, pps: Vec<Bytes>) -> Result<Self, Error> {
        let missing = Error::at_byte(ErrorKind::Missing, "SPS", 0);
        let info = SpsInfo::parse(sps.first().ok_or(missing)?)?;
        let high = (!PLAIN_PROFILES.contains(&info.profile)).then(|| HighProfileInfo {
            chroma_format: info.chroma_format.idc(),
            bit_depth_luma: info.bit_depth_luma,
            bit_depth_chroma: info.bit_depth_chroma,
            sps_extensions: Vec::new(),
        });
        let config = Self {
            profile: info.profile,
            compatibility: info.constraints,
            level: info.level,
            length_size: LengthSize::Four,
            sps,
            pps,
            high,
        };
        config.check()?;
        Ok(config)
    }

    /// Reads a record. Bytes after it are ignored, and so is a High profile extension that is cut short.
    ///
    /// # Errors
    /// When the record ends early, its version is not 1 or its length size is 3.
    pub fn parse(data: &[u8]) -> Result<Self, Error> {
        let mut r = ByteReader::new(data);
        let version = r.u8("configurationVersion")?;
        if version != 1 {
            return Err(Error::at_byte(ErrorKind::Invalid(version.into()), "configurationVersion", 0));
        }
        let profile = r.u8("AVCProfileIndication")?;
        let compatibility = r.u8("profile_compatibility")?;
        let level = r.u8("AVCLevelIndication")?;
        let bytes = (r.u8("lengthSizeMinusOne")? & 3) + 1;
        let bad_size = Error::at_byte(ErrorKind::Invalid(bytes.into()), "lengthSizeMinusOne", 4);
        let length_size = LengthSize::from_bytes(bytes).ok_or(bad_size)?;
        let count = r.u8("numOfSequenceParameterSets")? & 0x1f;
        let sps = read_sets(&mut r, count, "sequenceParameterSet")?;
        let count = r.u8("numOfPictureParameterSets")?;
        let pps = read_sets(&mut r, count, "pictureParameterSet")?;
        let high = if PLAIN_PROFILES.contains(&profile) { None } else { read_high(&mut r).ok() };
        Ok(Self { profile, compatibility, level, length_size, sps, pps, high })
    }

    /// Writes the record.
    ///
    /// # Errors
    /// [`ErrorKind::TooLarge`] when there are more sets, or longer ones, than the record's fields can say.
    pub fn build(&self) -> Result<Bytes, Error> {
        self.check()?;
        let mut out = BytesMut::new();
        let size = self.length_size.bytes() as u8;
        out.put_slice(&[1, self.profile, self.compatibility, self.level, 0xfc | (size - 1)]);
        out.put_u8(0xe0 | self.sps.len() as u8);
        put_sets(&mut out, &self.sps);
        out.put_u8(self.pps.len() as u8);
        put_sets(&mut out, &self.pps);
        if let Some(high) = &self.high {
            out.put_u8(0xfc | high.chroma_format & 3);
            out.put_u8(0xf8 | high.bit_depth_luma.wrapping_sub(8) & 7);
            out.put_u8(0xf8 | high.bit_depth_chroma.wrapping_sub(8) & 7);
            out.put_u8(high.sps_extensions.len() as u8);
            put_sets(&mut out, &high.sps_extensions);
        }
        Ok(out.freeze())
    }

    /// The record that goes with 4-byte lengths. `stored`, from which this was read, when it says so already.
    ///
    /// # Errors
    /// As [`AvcConfig::build`].
    pub fn record_for_four(&self, stored: &Bytes) -> Result<Bytes, Error> {
        match self.length_size {
            LengthSize::Four => Ok(stored.clone()),
            _ => Self { length_size: LengthSize::Four, ..self.clone() }.build(),
        }
    }

    /// SPS, SPS extensions and PPS, in the order a stream must have them.
    pub fn parameter_sets(&self) -> impl Iterator<Item = &[u8]> + Clone {
        let extensions = self.high.iter().flat_map(|high| &high.sps_extensions);
        self.sps.iter().chain(extensions).chain(&self.pps).map(AsRef::as_ref)
    }

    /// What the first SPS says of the pictures.
    ///
    /// # Errors
    /// [`ErrorKind::Missing`] when the record has none, else as [`SpsInfo::parse`].
    pub fn sps_info(&self) -> Result<SpsInfo, Error> {
        let missing = Error::at_byte(ErrorKind::Missing, "sequenceParameterSet", 5);
        SpsInfo::parse(self.sps.first().ok_or(missing)?)
    }

    fn check(&self) -> Result<(), Error> {
        let extensions = self.high.as_ref().map_or(&[][..], |high| &high.sps_extensions);
        check_sets(&self.sps, MAX_SPS, "sequenceParameterSet")?;
        check_sets(&self.pps, MAX_PPS, "pictureParameterSet")?;
        check_sets(extensions, MAX_PPS, "sequenceParameterSetExt")
    }
}

fn check_sets(sets: &[Bytes], max: usize, element: &'static str) -> Result<(), Error> {
    let too_large = |size: usize, limit: usize| {
        Error::at_byte(ErrorKind::TooLarge { size: size as u64, limit: limit as u64 }, element, 0)
    };
    if sets.len() > max {
        return Err(too_large(sets.len(), max));
    }
    let longest = sets.iter().map(Bytes::len).max().unwrap_or(0);
    if longest > usize::from(u16::MAX) { Err(too_large(longest, usize::from(u16::MAX))) } else { Ok(()) }
}

fn put_sets(out: &mut BytesMut, sets: &[Bytes]) {
    for set in sets {
        out.put_u16(set.len() as u16);
        out.put_slice(set);
    }
}

/// Reads `count` sets, each after its 16-bit length. Empty ones are left out.
fn read_sets(r: &mut ByteReader<'_>, count: u8, element: &'static str) -> Result<Vec<Bytes>, Error> {
    let mut sets = Vec::new();
    for _ in 0..count {
        let len = r.u16(element)?;
        let set = r.take(len.into(), element)?;
        if !set.is_empty() {
            sets.push(Bytes::copy_from_slice(set));
        }
    }
    Ok(sets)
}

fn read_high(r: &mut ByteReader<'_>) -> Result<HighProfileInfo, Error> {
    let chroma_format = r.u8("chroma_format")? & 3;
    let bit_depth_luma = (r.u8("bit_depth_luma_minus8")? & 7) + 8;
    let bit_depth_chroma = (r.u8("bit_depth_chroma_minus8")? & 7) + 8;
    let count = r.u8("numOfSequenceParameterSetExt")?;
    let sps_extensions = read_sets(r, count, "sequenceParameterSetExt")?;
    Ok(HighProfileInfo { chroma_format, bit_depth_luma, bit_depth_chroma, sps_extensions })
}
