//! What a running session says of itself, as one model that the API, the metrics, the web page and the terminal share.
//!
//! [`Maker`] turns the counters of a session into a [`Status`]; a [`Board`] keeps the newest, the last minutes and the end
//! of the log for any number of readers. Both are fed from the reports of the session, which never waits for them: nothing
//! here is called by the event loop. No secret gets in: texts pass through a function that takes them out.

mod board;
mod make;
mod model;
pub mod units;
mod words;

pub use board::{Board, Feeder, HISTORY, LOG_LINES};
pub use make::Maker;
pub use model::{
    Cost, Done, Drops, EdgeStatus, Failure, FilterStatus, Graph, GraphLink, GraphNode, LogLine, OutputPage,
    OutputStatus, Phase, Point, SessionStatus, Status,
};
pub use schemars::{JsonSchema, Schema, SchemaGenerator, generate::SchemaSettings};
