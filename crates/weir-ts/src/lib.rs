//! MPEG-2 transport streams being written (ISO/IEC 13818-1): one programme of pictures in Annex B and sound in ADTS.
//!
//! Values in, bytes out. It never looks into a coded picture further than to its first NAL unit, and never reads a clock.

mod multiplex;
mod packets;

pub use multiplex::{CLOCK, Error, Multiplex, Result, Settings};
pub use packets::Medium;
