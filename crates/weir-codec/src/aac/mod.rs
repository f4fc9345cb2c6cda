//! AAC: AudioSpecificConfig and ADTS (ISO/IEC 14496-3).
//!
//! A raw `.aac` file goes through [`AdtsSplitter`]; containers keep frames without headers and an
//! [`AudioSpecificConfig`] apart, which [`AudioSpecificConfig::from_adts`] makes.

mod adts;
mod config;
mod program;
mod splitter;

pub use adts::{ADTS_HEADER_LEN, AdtsHeader, MAX_ADTS_FRAME_LEN};
pub use config::{
    AudioSpecificConfig, GaConfig, ObjectType, SAMPLE_RATES, Sbr, SpecificConfig, channel_count, sample_rate_index,
};
pub use program::ProgramConfig;
pub use splitter::{AdtsFrame, AdtsSplitter};
