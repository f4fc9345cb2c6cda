//! Protocol control messages: they go on message stream 0 and act on receipt. See RTMP 1.0 section 5.4.

use weir_media::{BufMut, Bytes, BytesMut};

use super::{Message, UserControl, kind};
use crate::error::ErrorKind;

/// How a peer should take a bandwidth limit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BandwidthLimit {
    /// Adopt it.
    Hard,
    /// Adopt it when it is lower.
    Soft,
    /// Adopt it when the last one was hard. Also stands for values the protocol does not know.
    Dynamic,
}

impl BandwidthLimit {
    const fn from_byte(byte: u8) -> Self {
        match byte {
            0 => Self::Hard,
            1 => Self::Soft,
            _ => Self::Dynamic,
        }
    }

    const fn byte(self) -> u8 {
        match self {
            Self::Hard => 0,
            Self::Soft => 1,
            Self::Dynamic => 2,
        }
    }
}

/// A message about the connection itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Control {
    /// The sender's chunk size from now on, in bytes.
    SetChunkSize(u32),
    /// Forget the unfinished message of this chunk stream.
    Abort(u32),
    /// Bytes received so far, modulo 2³². Only a hint: peers count differently.
    Ack(u32),
    /// Acknowledge whenever this many bytes have come.
    WindowAckSize(u32),
    /// Send at most this many bytes without an acknowledgement.
    SetPeerBandwidth(u32, BandwidthLimit),
    /// An event.
    User(UserControl),
}

impl Control {
    /// Reads `message`; `None` when it is not a control message.
    ///
    /// # Errors
    /// [`ErrorKind::Control`] when the body is too short.
    pub fn parse(message: &Message) -> Result<Option<Self>, ErrorKind> {
        let malformed = ErrorKind::Control { kind: message.kind };
        if message.kind == kind::USER_CONTROL {
            return UserControl::parse(&message.body).map(|event| Some(Self::User(event))).ok_or(malformed);
        }
        let word = || message.body.first_chunk().map(|b| u32::from_be_bytes(*b)).ok_or(malformed);
        Ok(Some(match message.kind {
            kind::SET_CHUNK_SIZE => Self::SetChunkSize(word()?),
            kind::ABORT => Self::Abort(word()?),
            kind::ACK => Self::Ack(word()?),
            kind::WINDOW_ACK_SIZE => Self::WindowAckSize(word()?),
            kind::SET_PEER_BANDWIDTH => {
                let limit = message.body.get(4).ok_or(malformed)?;
                Self::SetPeerBandwidth(word()?, BandwidthLimit::from_byte(*limit))
            }
            _ => return Ok(None),
        }))
    }

    /// The message, to be sent on [`Csid::CONTROL`](crate::chunk::Csid::CONTROL).
    #[must_use]
    pub fn message(self) -> Message {
        let (kind, body) = match self {
            Self::SetChunkSize(n) => (kind::SET_CHUNK_SIZE, word(n)),
            Self::Abort(n) => (kind::ABORT, word(n)),
            Self::Ack(n) => (kind::ACK, word(n)),
            Self::WindowAckSize(n) => (kind::WINDOW_ACK_SIZE, word(n)),
            Self::SetPeerBandwidth(n, limit) => {
                let mut body = BytesMut::from(&word(n)[..]);
                body.put_u8(limit.byte());
                (kind::SET_PEER_BANDWIDTH, body.freeze())
            }
            Self::User(event) => (kind::USER_CONTROL, event.body()),
        };
        Message { kind, timestamp: 0, msid: 0, body }
    }
}

fn word(n: u32) -> Bytes {
    Bytes::copy_from_slice(&n.to_be_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chunk::{Csid, render};
    use crate::handshake::tests::hex;

    /// The byte-exact messages of the facts sheet, section 3.4.
    #[test]
    fn wire_forms() {
        let cases = [
            (Control::SetChunkSize(4096), "020000000000040100000000", "00001000"),
            (Control::Abort(6), "020000000000040200000000", "00000006"),
            (Control::Ack(10_000_000), "020000000000040300000000", "00989680"),
            (Control::WindowAckSize(2_500_000), "020000000000040500000000", "002625a0"),
            (Control::SetPeerBandwidth(2_500_000, BandwidthLimit::Dynamic), "020000000000050600000000", "002625a002"),
            (Control::User(UserControl::StreamBegin(1)), "020000000000060400000000", "000000000001"),
            (
                Control::User(UserControl::SetBufferLength { msid: 1, millis: 3000 }),
                "0200000000000a0400000000",
                "00030000000100000bb8",
            ),
            (Control::User(UserControl::PingRequest(0x0102_0304)), "020000000000060400000000", "000601020304"),
            (Control::User(UserControl::PingResponse(0x0102_0304)), "020000000000060400000000", "000701020304"),
        ];
        for (control, head, body) in cases {
            let message = control.message();
            assert_eq!(hex(&render(&message, Csid::CONTROL, 128)), format!("{head}{body}"));
            assert_eq!(Control::parse(&message), Ok(Some(control)));
            for len in 0..message.body.len() {
                let short = Message { body: message.body.slice(..len), ..message.clone() };
                assert_eq!(Control::parse(&short), Err(ErrorKind::Control { kind: message.kind }));
            }
        }
    }

    #[test]
    fn media_is_not_control() {
        let audio = Message { kind: kind::AUDIO, timestamp: 0, msid: 1, body: Bytes::new() };
        assert_eq!(Control::parse(&audio), Ok(None));
    }
}
