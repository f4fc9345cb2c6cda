//! What the user asked of a push, checked and resolved before anything connects.

use std::time::Duration;

use weir_plugin::{Error, Options, Result};
use weir_rtmp::ring::{LagPolicy, RingLimits};

use crate::legacy::Form;
use crate::remote::{For, REMOTE_ONLY, Remote};
use crate::settings::time;

/// Options that only a push has, besides those of its connection.
const PUSH_ONLY: &[&str] = &["on_fail", "retries"];
/// Options that only a listener has.
const LISTEN_ONLY: &[&str] = &["start", "allow", "cert", "cert_key", "maxconn", "maxnew", "maxip", "latency"];

/// Bytes of media kept.
const BUFFER: usize = 16 << 20;
/// Longer than any session.
const NEVER: Duration = Duration::from_secs(100 * 365 * 86_400);

/// What to do about a push that is too slow.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Drop {
    /// Leave media out, as the lag policy says.
    Late,
    /// Leave nothing out: make the graph wait.
    Block,
    /// Leave nothing out: end the session, and make a new one.
    Disconnect,
}

/// What to do about a push that failed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum OnFail {
    Retry,
    Ignore,
    Stop,
}

/// Everything about one push.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(super) remote: Remote,
    pub(super) drop: Drop,
    pub(super) lag: LagPolicy,
    /// The lag at which everything is dropped, or the session ends.
    pub(super) hard: Duration,
    pub(super) ring: RingLimits,
    pub(super) on_fail: OnFail,
    pub(super) retries: Option<u32>,
    pub(super) form: Form,
}

/// The option that is given, and only a push has.
pub(crate) fn push_only(options: &Options) -> Option<&'static str> {
    PUSH_ONLY.iter().chain(REMOTE_ONLY).copied().find(|name| options.is_given(name))
}

/// Whether the graph is to wait for this push.
pub(crate) fn blocks(options: &Options) -> bool {
    options.bool("rtmp_listen") != Some(true) && options.word("drop") == Some("block")
}

impl Settings {
    pub(crate) fn new(options: &Options) -> Result<Self> {
        let text = options
            .text("dst")
            .ok_or_else(|| Error::bad_option("an RTMP output needs a URL: rtmp://HOST[:PORT]/APP/KEY"))?;
        if let Some(name) = LISTEN_ONLY.iter().find(|name| options.is_given(name)) {
            return Err(Error::bad_option(format!("{name} is for listeners; add rtmp_listen=1, or leave it out")));
        }
        let mut remote = Remote::new(options, For::Publish(text))?;
        let form = Form::new(options);
        remote.client.enhanced = form == Form::Enhanced;
        let (drop, hard, lag) = policy(options)?;
        let on_fail = match options.word("on_fail") {
            Some("ignore") => OnFail::Ignore,
            Some("stop") => OnFail::Stop,
            _ => OnFail::Retry,
        };
        let retries = options.int("retries").and_then(|n| u32::try_from(n).ok());
        Ok(Self {
            remote,
            drop,
            lag,
            hard,
            ring: ring(options, drop, hard),
            on_fail,
            retries: retries.or((on_fail != OnFail::Retry).then_some(0)),
            form,
        })
    }
}

fn policy(options: &Options) -> Result<(Drop, Duration, LagPolicy)> {
    let hard = time(options, "lag")?;
    let never = LagPolicy { drop_disposable: NEVER, drop_to_key: NEVER, hard: NEVER };
    let late = LagPolicy { drop_disposable: hard * 7 / 30, drop_to_key: hard * 3 / 10, hard };
    Ok(match options.word("drop") {
        Some("disposable") => (Drop::Late, hard, LagPolicy { drop_to_key: hard, ..late }),
        Some("block") => (Drop::Block, hard, never),
        Some("disconnect") => (Drop::Disconnect, hard, never),
        _ => (Drop::Late, hard, late),
    })
}

fn ring(options: &Options, drop: Drop, hard: Duration) -> RingLimits {
    let given = options.int("buffer").filter(|_| options.is_given("buffer"));
    let bytes = given.and_then(|n| usize::try_from(n).ok()).unwrap_or(BUFFER);
    if drop == Drop::Block {
        // What waits is bounded by what is taken from the graph.
        return RingLimits { bytes: usize::MAX, span: NEVER, group_span: NEVER };
    }
    let span = hard + Duration::from_secs(1);
    RingLimits { bytes, span, group_span: RingLimits::default().group_span.max(span) }
}
