//! The parameter sets of a stream, by id.

use std::collections::BTreeMap;

use weir_media::Bytes;

use super::config::AvcConfig;
use super::nal::{NalType, nal_type};
use super::pps::PpsInfo;
use super::slice::SliceHeader;
use super::sps::SpsInfo;
use crate::{Error, ErrorKind};

/// Largest PPS kept: 64 KiB less one, what avcC can hold.
const MAX_PPS_LEN: usize = 65_535;

/// The SPS and PPS that were seen last under each id: at most 32 and 256 of them.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ParameterSets {
    sps: BTreeMap<u8, (Bytes, SpsInfo)>,
    pps: BTreeMap<u8, (Bytes, PpsInfo)>,
}

impl ParameterSets {
    /// No sets.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The sets of a configuration record. Those that cannot be read are left out.
    #[must_use]
    pub fn from_config(config: &AvcConfig) -> Self {
        let mut sets = Self::new();
        for nal in config.sps.iter().chain(&config.pps) {
            let _unreadable = sets.put(nal);
        }
        sets
    }

    /// Keeps a copy of `nal` if it is an SPS or a PPS; it replaces the one with the same id. Says whether anything
    /// changed by it: false for other units and for a repetition.
    ///
    /// # Errors
    /// When it is a parameter set that cannot be read; then nothing changes.
    pub fn put(&mut self, nal: &[u8]) -> Result<bool, Error> {
        match nal_type(nal) {
            NalType::Sps => self.put_sps(nal),
            NalType::Pps => self.put_pps(nal),
            _ => Ok(false),
        }
    }

    fn put_sps(&mut self, nal: &[u8]) -> Result<bool, Error> {
        if self.sps.values().any(|(bytes, _)| bytes == nal) {
            return Ok(false);
        }
        let info = SpsInfo::parse(nal)?;
        self.sps.insert(info.id, (Bytes::copy_from_slice(nal), info));
        Ok(true)
    }

    fn put_pps(&mut self, nal: &[u8]) -> Result<bool, Error> {
        if nal.len() > MAX_PPS_LEN {
            let kind = ErrorKind::TooLarge { size: nal.len() as u64, limit: MAX_PPS_LEN as u64 };
            return Err(Error::at_byte(kind, "pic_parameter_set_rbsp", 0));
        }
        if self.pps.values().any(|(bytes, _)| bytes == nal) {
            return Ok(false);
        }
        let info = PpsInfo::parse(nal)?;
        self.pps.insert(info.id, (Bytes::copy_from_slice(nal), info));
        Ok(true)
    }

    /// The SPS with this id.
    #[must_use]
    pub fn sps(&self, id: u8) -> Option<&SpsInfo> {
        self.sps.get(&id).map(|(_, info)| info)
    }

    /// The PPS with this id.
    #[must_use]
    pub fn pps(&self, id: u8) -> Option<&PpsInfo> {
        self.pps.get(&id).map(|(_, info)| info)
    }

    /// The SPS that a slice refers to.
    #[must_use]
    pub fn sps_of(&self, slice: &SliceHeader) -> Option<&SpsInfo> {
        self.sps(slice.sps_id)
    }

    /// Whether there is at least one SPS and one PPS.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        !self.sps.is_empty() && !self.pps.is_empty()
    }

    /// The configuration record of all sets, by id, with 4-byte lengths.
    ///
    /// # Errors
    /// As [`AvcConfig::from_parameter_sets`].
    pub fn config(&self) -> Result<AvcConfig, Error> {
        let sps = self.sps.values().map(|(bytes, _)| bytes.clone()).collect();
        let pps = self.pps.values().map(|(bytes, _)| bytes.clone()).collect();
        AvcConfig::from_parameter_sets(sps, pps)
    }
}
