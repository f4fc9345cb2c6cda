//! [`Failure`]: why an attempt or a session failed, in words that may be shown.

use weir_rtmp::{ClientSession, Error, ErrorKind, Login, Redacted};

use super::{Class, Remote};

/// Why a session or an attempt failed.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    pub(crate) class: Class,
    /// One plain sentence, without secrets.
    pub(crate) text: String,
    /// It may be that the server wants nothing of us, and does not say so.
    pub(crate) suspicious: bool,
}

impl Failure {
    pub(crate) fn network(text: impl Into<String>) -> Self {
        Self { class: Class::Network, text: text.into(), suspicious: false }
    }

    pub(crate) fn refused(text: impl Into<String>) -> Self {
        Self { class: Class::Refused, text: text.into(), suspicious: false }
    }
}

/// What a server's refusal comes to.
#[derive(Debug)]
pub(crate) enum Refusal {
    Failed(Failure),
    /// It asks who is there, in this way.
    LogIn(Redacted),
}

/// Reads an error of a session: what the server said, without what must not be repeated.
pub(crate) fn refusal(session: &ClientSession, e: Error, remote: &Remote) -> Refusal {
    let Some(refused) = session.refused().filter(|_| e.kind == ErrorKind::Refused) else {
        return Refusal::Failed(match e.kind {
            ErrorKind::NotRtmp(_) => Failure::refused(e.to_string()),
            _ => Failure::network(e.to_string()),
        });
    };
    if Login::is_wanted(refused.description.expose()) {
        return Refusal::LogIn(refused.description.clone());
    }
    let code = if refused.code.is_empty() { "no reason given".to_owned() } else { remote.masked(&refused.code) };
    let said = match refused.description.expose() {
        "" => String::new(),
        text => format!(" ({})", remote.masked(text)),
    };
    Refusal::Failed(Failure::refused(format!("the server refused: {code}{said}")))
}
