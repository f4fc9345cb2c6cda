//! The [`Filter`] trait and the closed sets it speaks: [`Status`], [`Event`], [`Error`].

use std::fmt;

use weir_media::{Props, Time};

use crate::{Ctx, Message, Options, OutId};

/// A node of the graph.
///
/// # For authors
/// - Calls never overlap and `&mut self` is yours; keep no global state.
/// - Do one budget of work per [`process`](Filter::process) call: a handful of packets, or a few hundred microseconds
///   on the reactor lane, then return. Never sleep, never wait, never loop until something changes.
/// - Handle [`Item`](crate::Item)s in order. The first item of an input is its properties; they may come again later and
///   then hold for what follows.
/// - When every input ended, flush, end your outputs and return [`Status::Done`].
///
/// # For hosts
/// - `start` is called once and first. `event` and `process` come in any order after it and never after
///   [`Status::Done`] or an error.
/// - An error or a panic ends this filter alone: its outputs end, its inputs are let go.
pub trait Filter: Send {
    /// Called once before anything else. Sinks install their listeners here; sources may open outputs.
    ///
    /// # Errors
    /// Anything that makes this filter unusable. The session then does not begin.
    fn start(&mut self, ctx: &mut Ctx<'_>) -> Result<()> {
        let _ = ctx;
        Ok(())
    }

    /// Does one budget of work.
    ///
    /// # Errors
    /// Anything this filter cannot recover from.
    fn process(&mut self, ctx: &mut Ctx<'_>) -> Result<Status>;

    /// Something happened outside the stream of items.
    ///
    /// # Errors
    /// As for [`process`](Filter::process).
    fn event(&mut self, ctx: &mut Ctx<'_>, event: Event) -> Result<()> {
        let _ = (ctx, event);
        Ok(())
    }
}

/// What a filter wants after a call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Status {
    /// Call again when an input has items, an output has room again, or an event comes. An output opened in this call
    /// counts too: if it has more room than it seemed to have, the host calls again.
    Idle,
    /// The budget is used up and there is more to do: call again soon, after others.
    Again,
    /// Like [`Status::Idle`], but call no later than this.
    Until(Time),
    /// Finished: outputs have ended, never call again.
    Done,
}

/// Something that reaches a filter outside its inputs.
#[derive(Debug)]
pub enum Event {
    /// A consumer of this output needs a key frame soon. Only encoders get this: the host carries a request past every
    /// filter in between, so none has to pass it on.
    KeyRequest(OutId),
    /// A consumer of this output would like it to be as these properties say: size, rate, profile and so on. The filters
    /// on the way up to the source get it, as far as nobody else takes what they make. One does what it can where its
    /// user left it open, and need not do anything.
    Wish(OutId, Box<Props>),
    /// The session is ending: a source ends its outputs.
    Stop,
    /// A message from a [`Service`](crate::Service) this filter installed.
    Message(Message),
    /// Somebody wants a change while the session runs. [`Plugin::check_change`](crate::Plugin::check_change) has found it
    /// good; what does not ask for any there never gets one.
    Change(Change),
}

/// A change of a running filter.
#[derive(Clone, Debug)]
pub enum Change {
    /// What waits to try again does so now.
    Retry,
    /// Leave the peer, and wait for [`Change::Resume`].
    Pause,
    /// Go on after a pause.
    Resume,
    /// From now on these options hold.
    Options(Options),
}

/// Kinds of failure, for exit codes and policy.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum ErrorKind {
    /// An option has a value this filter cannot use.
    BadOption,
    /// The media or file is damaged.
    BadInput,
    /// Valid, but not something this filter can do.
    Unsupported,
    /// The operating system refused: file, address, device.
    Io,
    /// A named limit was reached.
    Limit,
    /// A defect of the filter itself.
    Internal,
}

/// Why a filter failed: a kind and one plain sentence without a trailing period.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Error {
    /// What kind of failure.
    pub kind: ErrorKind,
    /// The sentence. Never contains a secret.
    pub message: String,
}

impl Error {
    /// An error of `kind`.
    #[must_use]
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    /// An option that cannot be used.
    #[must_use]
    pub fn bad_option(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::BadOption, message)
    }

    /// Damaged media.
    #[must_use]
    pub fn bad_input(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::BadInput, message)
    }

    /// Valid but not supported.
    #[must_use]
    pub fn unsupported(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Unsupported, message)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

/// Result of a filter call.
pub type Result<T> = std::result::Result<T, Error>;
