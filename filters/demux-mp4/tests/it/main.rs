//! Tests of `mp4dmx` in the harness.

mod common;
mod golden;
