//! Tests of `mp4dmx` in the harness.

mod behaviour;
mod common;
mod craft;
mod golden;
mod hostile;
mod rounds;
