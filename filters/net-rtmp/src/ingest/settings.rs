//! What the user asked of an input, checked and resolved before anything listens or connects.

use std::time::Duration;

use weir_plugin::{Error, Options, Result};
use weir_rtmp::StreamPath;

use crate::settings::{Address, Gate, time};

/// Whether who publishes has to make room for who comes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Takeover {
    Never,
    /// When it has sent nothing for a while.
    Silent,
    Always,
}

/// What is taken from publishers, and from whom.
#[derive(Clone, Debug)]
pub(crate) struct IngestSettings {
    /// App and name they publish to; without a name, any.
    pub(crate) path: StreamPath,
    pub(crate) gate: Gate,
    pub(crate) takeover: Takeover,
    /// Streams of different names at once.
    pub(crate) streams: usize,
    /// Who sends nothing for this long is gone.
    pub(crate) stall: Duration,
}

/// Everything about one input.
pub(crate) struct Settings {
    pub(crate) at: Address,
    pub(crate) ingest: IngestSettings,
}

impl Settings {
    pub(crate) fn new(options: &Options) -> Result<Self> {
        let text = options
            .text("src")
            .ok_or_else(|| Error::bad_option("an RTMP input needs a URL: rtmp://HOST[:PORT]/APP[/NAME]"))?;
        let (at, path) = Address::new(options, text)?;
        let streams = options.int("streams").and_then(|n| usize::try_from(n).ok()).unwrap_or(1);
        let streams = if path.name.is_empty() { streams } else { 1 };
        let takeover = match options.word("takeover") {
            Some("never") => Takeover::Never,
            Some("always") => Takeover::Always,
            _ => Takeover::Silent,
        };
        let gate = Gate::new(options)?;
        Ok(Self { at, ingest: IngestSettings { path, gate, takeover, streams, stall: time(options, "stall")? } })
    }
}
