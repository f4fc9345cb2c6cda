//! AV1: open bitstream units, the sequence header and the configuration record. Frame headers are not read.

mod config;
mod obu;
mod sequence;

pub use config::Av1Config;
pub use obu::{Obu, ObuType, Obus, without_delimiters};
pub use sequence::SequenceHeader;
