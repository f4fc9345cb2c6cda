//! The graph of a session and how its links are found.
//!
//! A [`Graph`] holds the filters a user declared. As PIDs appear, [`Graph::resolve`] decides where each goes: to a
//! declared filter that takes it, or through filters inserted on the way, by GPAC's rules (gpac-semantics 9 and 11).
//! [`Graph::merge_sinks`] then lets sinks that need the same muxed stream share one muxer.
//!
//! Where it differs from GPAC, on purpose:
//! - every sink gets every PID it takes; a sink never loses one because another sink was there first;
//! - a demuxer serves all outputs, so it sees the arguments of its source and of no output;
//! - an inherited argument never changes what a filter was inserted for;
//! - no filter type comes twice in a chain, and no declared filter twice on the way from a source to a sink.
//!
//! Pure: nothing here creates a filter, runs one, or touches the world.

mod chain;
mod dress;
mod explain;
mod fill;
mod graph;
mod node;
mod print;
mod remedy;
mod resolve;
mod snapshot;
mod steer;
#[cfg(test)]
mod tests;
mod why;

pub use dress::check as check_assignment;
pub use explain::{Decision, Outcome, Rule, Trail};
pub use fill::is_key;
pub use graph::{Graph, Link, NodeId, Rules, Unused};
pub use node::{Given, Global, Node, Origin};
pub use resolve::{Resolution, Step};
pub use snapshot::{EdgeShot, NodeShot, Snapshot};
pub use steer::{From, Source, Steering};
