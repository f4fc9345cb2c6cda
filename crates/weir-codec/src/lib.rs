//! Framings and parameter sets of AVC (H.264) and AAC: Annex B, avcC and length-prefixed samples, access
//! units and picture order, ADTS and AudioSpecificConfig.
//!
//! Pure functions and small state machines: bytes in, values out. This crate never does I/O, never decodes
//! pictures or samples, never reads a clock, and never panics on input: what is wrong with it is an
//! [`Error`] that names the element and its place.

pub mod aac;
pub mod avc;
mod bits;
mod error;
mod window;

pub use error::{Error, ErrorKind};
