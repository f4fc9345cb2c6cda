//! MPEG-2 transport streams (ISO/IEC 13818-1): being written, one programme of pictures in Annex B and sound in ADTS; and
//! being [read], with any number of programmes.
//!
//! Values and bytes. It never looks into a coded picture further than to its first NAL unit, and never reads a clock.

mod multiplex;
mod packets;
pub mod read;

pub use multiplex::{CLOCK, Error, Multiplex, Result, Settings};
pub use packets::Medium;
