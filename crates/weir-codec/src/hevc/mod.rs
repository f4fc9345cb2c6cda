//! HEVC (H.265): NAL units, parameter sets and the configuration record. Framings are those of AVC.
//!
//! Samples of a container go through [`SampleReader`]. Slice headers are not read.

mod config;
mod nal;
mod ptl;
mod rps;
mod sample;
mod sps;

pub use crate::avc::{
    LengthPrefixed, LengthSize, NalRanges, annexb_to_length_prefixed, join_annexb, join_length_prefixed, nal_ranges,
};
pub use config::{HevcConfig, NalArray};
pub use nal::{NalType, nal_type, temporal_id};
pub use ptl::ProfileTierLevel;
pub use sample::{Sample, SampleReader};
pub use sps::SpsInfo;
