//! What the user asked of an input, checked and resolved before anything listens or connects.

use std::time::Duration;

use weir_plugin::{Error, Options, Result};
use weir_rtmp::StreamPath;

use super::OpenIntake;
use crate::remote::{For, REMOTE_ONLY, Remote};
use crate::settings::{Address, Gate, time};

/// Options that only an input that listens has.
const LISTEN_ONLY: &[&str] =
    &["allow", "takeover", "streams", "keep", "cert", "cert_key", "maxconn", "maxnew", "maxip"];
/// Options that only an input that connects has, besides those of its connection.
const PULL_ONLY: &[&str] = &["reconnect", "retries", "rtmp_buffer", "rtmp_live"];

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
    /// A name is given up so long after its publisher left; `None` where it is the only one.
    pub(crate) keep: Option<Duration>,
    /// Who sends nothing for this long is gone.
    pub(crate) stall: Duration,
}

/// When a server is connected to again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Reconnect {
    Never,
    /// Unless the server says that the stream is over.
    Broken,
    Always,
}

/// What is fetched, and how often it is tried.
#[derive(Clone, Debug)]
pub(crate) struct PullSettings {
    pub(crate) remote: Remote,
    pub(crate) reconnect: Reconnect,
    pub(crate) retries: Option<u32>,
}

/// Everything about one input.
pub(crate) enum Settings {
    Listen(Box<OpenIntake>),
    Pull(Box<PullSettings>),
}

impl Settings {
    pub(crate) fn new(options: &Options) -> Result<Self> {
        let text = options
            .text("src")
            .ok_or_else(|| Error::bad_option("an RTMP input needs a URL: rtmp://HOST[:PORT]/APP[/NAME]"))?;
        let given = |names: &[&'static str]| names.iter().copied().find(|name| options.is_given(name));
        if options.bool("rtmp_listen") != Some(true) {
            return match given(LISTEN_ONLY) {
                Some(name) => {
                    Err(Error::bad_option(format!("{name} is for listeners; add rtmp_listen=1, or leave it out")))
                }
                None => Ok(Self::Pull(Box::new(pull(options, text)?))),
            };
        }
        if let Some(name) = given(REMOTE_ONLY).or_else(|| given(PULL_ONLY)) {
            return Err(Error::bad_option(format!("{name} is for inputs that connect, and this one listens")));
        }
        let (at, path) = Address::new(options, text)?;
        Ok(Self::Listen(Box::new(OpenIntake { ingest: ingest(options, path)?, at })))
    }

    /// The URL, fit to be shown.
    pub(crate) fn shown(&self) -> &str {
        match self {
            Self::Listen(open) => &open.at.shown,
            Self::Pull(pull) => &pull.remote.shown,
        }
    }
}

fn ingest(options: &Options, path: StreamPath) -> Result<IngestSettings> {
    let streams = options.int("streams").and_then(|n| usize::try_from(n).ok()).unwrap_or(1);
    let streams = if path.name.is_empty() { streams } else { 1 };
    let takeover = match options.word("takeover") {
        Some("never") => Takeover::Never,
        Some("always") => Takeover::Always,
        _ => Takeover::Silent,
    };
    let gate = Gate::new(options)?;
    let keep = options.millis("keep").map(Duration::from_millis).filter(|_| streams > 1);
    Ok(IngestSettings { path, gate, takeover, streams, keep, stall: time(options, "stall")? })
}

fn pull(options: &Options, text: &str) -> Result<PullSettings> {
    let mut remote = Remote::new(options, For::Play(text))?;
    if let Some(millis) = options.millis("rtmp_buffer") {
        remote.client.buffer = u32::try_from(millis).unwrap_or(u32::MAX);
    }
    let reconnect = match options.word("reconnect") {
        Some("never") => Reconnect::Never,
        Some("always") => Reconnect::Always,
        _ => Reconnect::Broken,
    };
    let retries = options.int("retries").and_then(|n| u32::try_from(n).ok());
    Ok(PullSettings { remote, reconnect, retries: retries.or((reconnect == Reconnect::Never).then_some(0)) })
}
