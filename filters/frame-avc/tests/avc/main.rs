//! `rfnalu` and `ufnalu` through the harness, on streams of real encoders: those of weir-codec.

mod encoder;
mod file;
mod hostile;
mod round_trip;
mod support;
mod unframe;
