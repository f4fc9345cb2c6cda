//! Tests of the crate through its public face: conformance checks (numbers as in the facts sheet, section 13), property
//! tests, two engines against each other, hostile input. Simulated time, seeded randomness, no socket.

mod chunks;
mod hostile;
mod publisher;
mod ring;
mod ring_model;
mod server;
mod server_limits;
mod support;
mod two_engines;
