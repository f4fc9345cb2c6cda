//! RTMP URLs and stream paths: pure text.

mod path;

pub use path::{PathError, StreamPath};
