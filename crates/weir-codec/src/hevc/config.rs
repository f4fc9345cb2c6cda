//! HEVCDecoderConfigurationRecord, the content of an `hvcC` box and of an enhanced FLV sequence start (ISO/IEC 14496-15
//! 8.3.3.1).

use weir_media::{BufMut, Bytes, BytesMut};

use super::nal::{NalType, nal_type};
use super::ptl::ProfileTierLevel;
use super::sps::SpsInfo;
use crate::avc::LengthSize;
use crate::bits::ByteReader;
use crate::{Error, ErrorKind};

/// Longest record read, bytes. Three sets of a few hundred bytes are the rule.
const MAX_RECORD: usize = 1 << 18;
/// Most units in an array of a record this crate writes; the field has 16 bits.
const MAX_UNITS: usize = 64;

/// The NAL units of one type in a record.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct NalArray {
    /// No further units of this type are in the samples.
    pub complete: bool,
    /// Their type.
    pub kind: NalType,
    /// The units, with their headers.
    pub units: Vec<Bytes>,
}

/// What a decoder must know before the first sample.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct HevcConfig {
    /// Profile, tier and level.
    pub profile: ProfileTierLevel,
    /// min_spatial_segmentation_idc, 12 bits.
    pub min_spatial_segmentation: u16,
    /// parallelismType, 2 bits.
    pub parallelism: u8,
    /// chroma_format_idc, 2 bits.
    pub chroma_format: u8,
    /// Bits of a luma sample, 8 to 15.
    pub bit_depth_luma: u8,
    /// Bits of a chroma sample, 8 to 15.
    pub bit_depth_chroma: u8,
    /// Pictures in 256 seconds; 0 when not known.
    pub average_frame_rate: u16,
    /// constantFrameRate, numTemporalLayers and temporalIdNested: the upper six bits of their byte.
    pub layers: u8,
    /// Size of the length field before each NAL unit of a sample.
    pub length_size: LengthSize,
    /// The parameter sets, and perhaps SEI messages.
    pub arrays: Vec<NalArray>,
}

impl HevcConfig {
    /// The record for these parameter sets, with 4-byte lengths.
    ///
    /// # Errors
    /// When there is no SPS, when the first one cannot be read, or when a record cannot hold so many or so long sets.
    pub fn from_parameter_sets(vps: Vec<Bytes>, sps: Vec<Bytes>, pps: Vec<Bytes>) -> Result<Self, Error> {
        let missing = Error::at_byte(ErrorKind::Missing, "SPS", 0);
        let info = SpsInfo::parse(sps.first().ok_or(missing)?)?;
        let arrays = [(NalType::VPS, vps), (NalType::SPS, sps), (NalType::PPS, pps)];
        let config = Self {
            profile: info.profile,
            min_spatial_segmentation: 0,
            parallelism: 0,
            chroma_format: info.chroma_format,
            bit_depth_luma: info.bit_depth_luma,
            bit_depth_chroma: info.bit_depth_chroma,
            average_frame_rate: 0,
            layers: info.temporal_layers << 3 | u8::from(info.temporal_id_nested) << 2,
            length_size: LengthSize::Four,
            arrays: arrays.map(|(kind, units)| NalArray { complete: true, kind, units }).to_vec(),
        };
        config.check()?;
        Ok(config)
    }

    /// Reads a record. Bytes after it are ignored.
    ///
    /// # Errors
    /// When the record ends early, its version is not 1 or its length size is 3.
    pub fn parse(data: &[u8]) -> Result<Self, Error> {
        if data.len() > MAX_RECORD {
            let kind = ErrorKind::TooLarge { size: data.len() as u64, limit: MAX_RECORD as u64 };
            return Err(Error::at_byte(kind, "HEVCDecoderConfigurationRecord", 0));
        }
        let mut r = ByteReader::new(data);
        let version = r.u8("configurationVersion")?;
        // Drafts have 0 here and are else the same.
        if version > 1 {
            return Err(r.invalid(version, "configurationVersion"));
        }
        let profile = ProfileTierLevel(r.array("general_profile_tier_level")?);
        let min_spatial_segmentation = r.u16("min_spatial_segmentation_idc")? & 0xfff;
        let parallelism = r.u8("parallelismType")? & 3;
        let chroma_format = r.u8("chroma_format_idc")? & 3;
        let bit_depth_luma = (r.u8("bit_depth_luma_minus8")? & 7) + 8;
        let bit_depth_chroma = (r.u8("bit_depth_chroma_minus8")? & 7) + 8;
        let average_frame_rate = r.u16("avgFrameRate")?;
        let layers = r.u8("lengthSizeMinusOne")?;
        let bytes = (layers & 3) + 1;
        let length_size = LengthSize::from_bytes(bytes).ok_or_else(|| r.invalid(bytes, "lengthSizeMinusOne"))?;
        let mut arrays = Vec::new();
        for _ in 0..r.u8("numOfArrays")? {
            arrays.push(read_array(&mut r)?);
        }
        Ok(Self {
            profile,
            min_spatial_segmentation,
            parallelism,
            chroma_format,
            bit_depth_luma,
            bit_depth_chroma,
            average_frame_rate,
            layers: layers & 0xfc,
            length_size,
            arrays,
        })
    }

    /// Writes the record.
    ///
    /// # Errors
    /// [`ErrorKind::TooLarge`] when there are more units, or longer ones, than the record's fields can say.
    pub fn build(&self) -> Result<Bytes, Error> {
        self.check()?;
        let mut out = BytesMut::new();
        out.put_u8(1);
        out.put_slice(&self.profile.0);
        out.put_u16(0xf000 | self.min_spatial_segmentation & 0xfff);
        out.put_u8(0xfc | self.parallelism & 3);
        out.put_u8(0xfc | self.chroma_format & 3);
        out.put_u8(0xf8 | self.bit_depth_luma.wrapping_sub(8) & 7);
        out.put_u8(0xf8 | self.bit_depth_chroma.wrapping_sub(8) & 7);
        out.put_u16(self.average_frame_rate);
        out.put_u8(self.layers & 0xfc | (self.length_size.bytes() as u8 - 1));
        out.put_u8(self.arrays.len() as u8);
        for array in &self.arrays {
            out.put_u8(u8::from(array.complete) << 7 | array.kind.0 & 0x3f);
            out.put_u16(array.units.len() as u16);
            for unit in &array.units {
                out.put_u16(unit.len() as u16);
                out.put_slice(unit);
            }
        }
        Ok(out.freeze())
    }

    /// The record that goes with 4-byte lengths. `stored`, from which this was read, when it says so already.
    ///
    /// # Errors
    /// As [`HevcConfig::build`].
    pub fn record_for_four(&self, stored: &Bytes) -> Result<Bytes, Error> {
        match self.length_size {
            LengthSize::Four => Ok(stored.clone()),
            _ => Self { length_size: LengthSize::Four, ..self.clone() }.build(),
        }
    }

    /// All units in the order a stream must have them.
    pub fn units(&self) -> impl Iterator<Item = &Bytes> + Clone {
        self.arrays.iter().flat_map(|array| &array.units)
    }

    /// What the first SPS says of the pictures.
    ///
    /// # Errors
    /// [`ErrorKind::Missing`] when the record has none, else as [`SpsInfo::parse`].
    pub fn sps_info(&self) -> Result<SpsInfo, Error> {
        let missing = Error::at_byte(ErrorKind::Missing, "sequence parameter set", 0);
        SpsInfo::parse(self.units().find(|nal| nal_type(nal) == NalType::SPS).ok_or(missing)?)
    }

    fn check(&self) -> Result<(), Error> {
        let too_large = |size: usize, limit: usize| {
            Error::at_byte(ErrorKind::TooLarge { size: size as u64, limit: limit as u64 }, "nalUnit", 0)
        };
        let most = self.arrays.iter().map(|array| array.units.len()).chain([self.arrays.len()]).max().unwrap_or(0);
        if most > MAX_UNITS {
            return Err(too_large(most, MAX_UNITS));
        }
        let longest = self.units().map(Bytes::len).max().unwrap_or(0);
        if longest > usize::from(u16::MAX) { Err(too_large(longest, usize::from(u16::MAX))) } else { Ok(()) }
    }
}

fn read_array(r: &mut ByteReader<'_>) -> Result<NalArray, Error> {
    let head = r.u8("NAL_unit_type")?;
    let mut units = Vec::new();
    for _ in 0..r.u16("numNalus")? {
        let len = r.u16("nalUnitLength")?;
        let unit = r.take(len.into(), "nalUnit")?;
        if !unit.is_empty() {
            units.push(Bytes::copy_from_slice(unit));
        }
    }
    Ok(NalArray { complete: head & 0x80 != 0, kind: NalType(head & 0x3f), units })
}
