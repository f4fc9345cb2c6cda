//! Tests of `flvdmx` in the harness.

mod behaviour;
mod common;
mod enhanced;
mod golden;
mod hostile;
