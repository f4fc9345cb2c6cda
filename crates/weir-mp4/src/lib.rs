//! MP4 being written (ISO/IEC 14496-12): sample entries, the index of a file, fragments.
//!
//! Values in, bytes out. It keeps no media, never reads a file or a clock, and never looks into a picture or a sound
//! further than to set up its decoder.

mod boxes;
mod entry;
mod error;
mod fragment;
mod movie;
mod track;

pub use error::{Error, Result};
pub use fragment::{Part, moof};
pub use movie::{file_type, movie};
pub use track::{Chunk, SAMPLE_BYTES, Sample, Tables};
