//! Framings, parameter sets and configuration records of codecs: AVC and HEVC with Annex B and length-prefixed samples,
//! AV1, VP9, AAC with ADTS, Opus, FLAC, AC-3, E-AC-3 and MP3.
//!
//! Each codec has a module of its own; [`StreamConfig`] and [`StreamReader`] treat all of them alike.
//!
//! Pure functions and small state machines: bytes in, values out. This crate never does I/O, never decodes
//! pictures or samples, never reads a clock, and never panics on input: what is wrong with it is an
//! [`Error`] that names the element and its place.

pub mod aac;
pub mod ac3;
pub mod av1;
pub mod avc;
mod bits;
mod colour;
mod error;
pub mod flac;
mod frames;
pub mod hevc;
pub mod mp3;
pub mod opus;
mod ratio;
pub mod rfc6381;
mod stream;
pub mod vp9;
mod window;

pub use colour::Colour;
pub use error::{Error, ErrorKind};
pub use frames::{FrameSplitter, SyncFrame};
pub use stream::{StreamConfig, StreamReader, Unit};
