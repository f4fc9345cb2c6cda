//! The graph of a session and how its links are found.
//!
//! A [`Graph`] holds the filters a user declared. As PIDs appear, [`Graph::resolve`] decides where each goes: to a
//! declared filter that takes it, or through filters inserted on the way, by GPAC's rules (gpac-semantics 9 and 11).
//! [`Graph::merge_sinks`] then lets sinks that need the same muxed stream share one muxer.
//!
//! Pure: nothing here creates a filter, runs one, or touches the world.

mod chain;
mod graph;
mod print;

pub use graph::{Given, Graph, Link, Node, NodeId, Origin, Resolution, Step};
