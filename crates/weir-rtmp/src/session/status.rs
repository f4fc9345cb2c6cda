//! Status codes and the commands that carry them.

use weir_amf::{Object, Value};

use crate::message::Command;

/// The codes weir sends in `onStatus`, `_result` and `_error`. See RTMP 1.0 section 7.2.2 and the ActionScript
/// reference, NetStatusEvent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "the names are the codes")]
pub enum StatusCode {
    CallFailed,
    ConnectInvalidApp,
    ConnectRejected,
    ConnectSuccess,
    PauseNotify,
    PlayFailed,
    PlayReset,
    PlayStart,
    PlayStop,
    PlayStreamNotFound,
    PlayUnpublishNotify,
    PublishBadName,
    PublishDenied,
    PublishStart,
    ReconnectRequest,
    SeekFailed,
    UnpauseNotify,
    UnpublishSuccess,
}

impl StatusCode {
    /// The code on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CallFailed => "NetConnection.Call.Failed",
            Self::ConnectInvalidApp => "NetConnection.Connect.InvalidApp",
            Self::ConnectRejected => "NetConnection.Connect.Rejected",
            Self::ConnectSuccess => "NetConnection.Connect.Success",
            Self::PauseNotify => "NetStream.Pause.Notify",
            Self::PlayFailed => "NetStream.Play.Failed",
            Self::PlayReset => "NetStream.Play.Reset",
            Self::PlayStart => "NetStream.Play.Start",
            Self::PlayStop => "NetStream.Play.Stop",
            Self::PlayStreamNotFound => "NetStream.Play.StreamNotFound",
            Self::PlayUnpublishNotify => "NetStream.Play.UnpublishNotify",
            Self::PublishBadName => "NetStream.Publish.BadName",
            Self::PublishDenied => "NetStream.Publish.Denied",
            Self::PublishStart => "NetStream.Publish.Start",
            Self::ReconnectRequest => "NetConnection.Connect.ReconnectRequest",
            Self::SeekFailed => "NetStream.Seek.Failed",
            Self::UnpauseNotify => "NetStream.Unpause.Notify",
            Self::UnpublishSuccess => "NetStream.Unpublish.Success",
        }
    }

    /// `status` or `error`: clients give up on `error`.
    #[must_use]
    pub const fn level(self) -> &'static str {
        match self {
            Self::CallFailed
            | Self::ConnectInvalidApp
            | Self::ConnectRejected
            | Self::PlayFailed
            | Self::PlayStreamNotFound
            | Self::PublishBadName
            | Self::PublishDenied
            | Self::SeekFailed => "error",
            _ => "status",
        }
    }

    /// The info object.
    pub(crate) fn info(self, description: &str) -> Object {
        Object::new().with("level", self.level()).with("code", self.as_str()).with("description", description)
    }

    /// `_error` for the call `txn`.
    pub(crate) fn error(self, txn: f64, description: &str) -> Command {
        Command::new("_error", txn, vec![Value::Null, self.info(description).into()])
    }

    /// `onStatus`, about the stream `details` when there is a name to tell.
    pub(crate) fn on_status(self, description: &str, details: Option<&str>) -> Command {
        let mut info = self.info(description);
        if let Some(name) = details {
            info.set("details", name);
            info.set("clientid", "weir");
        }
        Command::new("onStatus", 0.0, vec![Value::Null, info.into()])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::handshake::tests::hex;

    #[test]
    fn wire_form() {
        let body = StatusCode::PublishDenied.on_status("no", None).message(1).body;
        let text = hex(&body);
        assert!(text.starts_with("0200086f6e537461747573000000000000000000050300056c6576656c0200056572726f72"));
        assert!(text.ends_with("0002 6e6f 000009".replace(' ', "").as_str()));
    }
}
