//! Faults, made on purpose: peers that misbehave in a chosen way at a chosen time, a network that loses and delays, disks
//! that are full; and beside them good peers that compare every packet they get with the source.
//!
//! - [`Server`] is the one RTMP server of all fault tests; its [`Behaviour`] can be changed while it runs;
//! - [`Space`] is a network and a file system of the test's own, with a [`Link`] that drops and delays packets;
//! - [`Clip`] and [`Judge`] know what should come, packet by packet;
//! - [`FAULTS`] says what is done, and [`Bench`] does it to weir or to FFmpeg with ten outputs.
//!
//! Nothing here asserts on time; times are measured and reported.

mod bench;
mod catalog;
mod clip;
mod link;
mod player;
mod program;
mod server;
mod space;

pub use bench::{Bench, Healthy, Run, Struck, percentile};
pub use catalog::{EVERYTHING, FAULTS, Fault, Slot, Trouble};
pub use clip::{Clip, Judge, Seen};
pub use link::{Condition, Link};
pub use player::{Manner, Watcher};
pub use program::Program;
pub use server::{Behaviour, Server, Stage};
pub use space::Space;
