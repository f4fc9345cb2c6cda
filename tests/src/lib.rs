//! What the end-to-end tests stand on: the real `weir` binary, real players, and a judge of what they got.
//!
//! Nothing here sleeps for luck or asserts on speed: tests wait for conditions ([`wait::until`]) with a timeout that only a
//! defect exceeds. Every child process is ended by its id and reaped. Nothing leaves the loopback interface.
//!
//! Environment: `WEIR_BIN` is the binary under test (default: the newest of `target/{release,debug}/weir`);
//! `WEIR_REQUIRE_PEERS=1` makes an absent player a failure, where otherwise the test says LEFT OUT;
//! `WEIR_KEEP=1` keeps the directories of tests.

pub mod client;
mod dir;
pub mod faults;
pub mod hls;
mod lab;
pub mod nginx;
pub mod peers;
mod ports;
pub mod process;
pub mod recording;
pub mod sound;
pub mod wait;

pub use lab::{Lab, Weir, binary as weir_binary};
pub use process::{Ended, Process, Signal};
pub use recording::Recording;
