//! AVC (H.264): NAL units, their framings, parameter sets, access units and picture order.
//!
//! A raw `.264` file goes through [`AnnexBSplitter`] (bytes to NAL units), [`AccessUnitSplitter`] (NAL units to
//! access units), and [`PocState`] with [`DisplayOrder`] (presentation order). Samples of a container go
//! through [`SampleReader`], or are looked at with [`LengthPrefixed`] and [`AuInfo::of`].

mod access_unit;
mod annexb;
mod config;
mod framing;
mod info;
mod nal;
mod order;
mod params;
mod pps;
mod sample;
mod slice;
mod sps;
#[cfg(test)]
mod testing;

pub use access_unit::{AccessUnit, AccessUnitSplitter, MAX_ACCESS_UNIT_NALS, MAX_ACCESS_UNIT_SIZE};
pub use annexb::{AnnexBSplitter, MAX_NAL_SIZE, NalRanges, nal_ranges};
pub use config::{AvcConfig, HighProfileInfo};
pub use framing::{
    LengthPrefixed, LengthSize, annexb_to_length_prefixed, join_annexb, join_length_prefixed, length_prefixed_to_annexb,
};
pub use info::{AuInfo, RecoveryPoint};
pub use nal::{NalType, is_reference, nal_type};
pub use order::{DisplayOrder, MAX_REORDER_DEPTH, Poc, PocState};
pub use params::ParameterSets;
pub use pps::PpsInfo;
pub use sample::{Sample, SampleReader};
pub use slice::{PictureStructure, SliceHeader, SliceType};
pub use sps::{ChromaFormat, PocType, SpsInfo};
