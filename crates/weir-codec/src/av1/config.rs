//! AV1CodecConfigurationRecord, the content of an `av1C` box and of an enhanced FLV sequence start (AV1-ISOBMFF 2.3).

use weir_media::Bytes;

use super::obu::{ObuType, Obus};
use super::sequence::SequenceHeader;
use crate::bits::ByteReader;
use crate::{Error, ErrorKind};

/// Longest record read, bytes; real ones have below 100.
const MAX_RECORD: usize = 1 << 16;
/// marker and version of byte 0.
const MARKER_AND_VERSION: u8 = 0x81;

/// What a decoder must know before the first temporal unit.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Av1Config {
    /// The whole record.
    pub record: Bytes,
    /// Its sequence header. May be missing; then it is in the first temporal unit.
    pub sequence: Option<SequenceHeader>,
}

impl Av1Config {
    /// Reads a record.
    ///
    /// # Errors
    /// When it ends early, is of another version, or holds units that cannot be read.
    pub fn parse(record: &Bytes) -> Result<Self, Error> {
        if record.len() > MAX_RECORD {
            let kind = ErrorKind::TooLarge { size: record.len() as u64, limit: MAX_RECORD as u64 };
            return Err(Error::at_byte(kind, "AV1CodecConfigurationRecord", 0));
        }
        let mut r = ByteReader::new(record);
        let head: [u8; 4] = r.array("AV1CodecConfigurationRecord")?;
        if head[0] != MARKER_AND_VERSION {
            return Err(Error::at_byte(ErrorKind::Invalid(head[0].into()), "version", 0));
        }
        let units = r.rest();
        let mut sequence = None;
        for unit in Obus::new(units) {
            let unit = unit?;
            if unit.kind == ObuType::SEQUENCE_HEADER {
                sequence = Some(SequenceHeader::parse(&units[unit.payload])?);
            }
        }
        Ok(Self { record: record.clone(), sequence })
    }
}
