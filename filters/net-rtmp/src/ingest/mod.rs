//! `rtmpin`: what publishers send here, and what is fetched from servers, as one live FLV stream for each name.
//!
//! The [`filter`](source) keeps its streams whatever becomes of who feeds them: publishers come and go, and servers are
//! connected to again. [`line`] puts what they send one behind the other. Payloads are never looked into.

mod line;
mod settings;
mod source;

pub(crate) use settings::{IngestSettings, Settings, Takeover};
pub(crate) use source::Source;

/// Bytes of media handed to the filter that it has not passed on; beyond it the sender is not read. Room for a few whole
/// pictures of any size in use.
pub(crate) const WINDOW: usize = 4 << 20;
