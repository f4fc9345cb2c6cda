//! `rfadts` and `ufadts` through the harness, on a stream of a real encoder: that of weir-codec.

mod hostile;
mod packetize;
mod support;
mod unframe;
