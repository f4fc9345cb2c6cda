//! Tests of `flvdmx` in the harness.

mod behaviour;
mod common;
mod golden;
mod hostile;
