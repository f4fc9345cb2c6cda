//! User control events. See RTMP 1.0 section 7.1.7; 31 and 32 are Flash Media Server's.

use weir_media::{BufMut, Bytes, BytesMut};

/// A user control event.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum UserControl {
    /// The stream can be used.
    StreamBegin(u32),
    /// The stream has ended.
    StreamEof(u32),
    /// No data on the stream for now.
    StreamDry(u32),
    /// How much the client buffers.
    SetBufferLength {
        /// Message stream id.
        msid: u32,
        /// Milliseconds.
        millis: u32,
    },
    /// The stream is a recording.
    StreamIsRecorded(u32),
    /// Answer with the same number: the server's clock in milliseconds.
    PingRequest(u32),
    /// The number of the request.
    PingResponse(u32),
    /// The server's buffer ran empty.
    BufferEmpty(u32),
    /// The server's buffer is full again.
    BufferReady(u32),
    /// Any other event, to be ignored.
    Other(u16),
}

impl UserControl {
    /// Reads the body of a user control message; `None` when it is too short. Longer bodies are accepted.
    #[must_use]
    pub fn parse(body: &[u8]) -> Option<Self> {
        let (event, data) = body.split_first_chunk()?;
        let word = || data.first_chunk().map(|b| u32::from_be_bytes(*b));
        Some(match u16::from_be_bytes(*event) {
            0 => Self::StreamBegin(word()?),
            1 => Self::StreamEof(word()?),
            2 => Self::StreamDry(word()?),
            3 => {
                let millis = u32::from_be_bytes(*data.get(4..)?.first_chunk()?);
                Self::SetBufferLength { msid: word()?, millis }
            }
            4 => Self::StreamIsRecorded(word()?),
            6 => Self::PingRequest(word()?),
            7 => Self::PingResponse(word()?),
            31 => Self::BufferEmpty(word()?),
            32 => Self::BufferReady(word()?),
            other => Self::Other(other),
        })
    }

    /// The body of the message.
    #[must_use]
    pub fn body(self) -> Bytes {
        let (event, words): (u16, [Option<u32>; 2]) = match self {
            Self::StreamBegin(msid) => (0, [Some(msid), None]),
            Self::StreamEof(msid) => (1, [Some(msid), None]),
            Self::StreamDry(msid) => (2, [Some(msid), None]),
            Self::SetBufferLength { msid, millis } => (3, [Some(msid), Some(millis)]),
            Self::StreamIsRecorded(msid) => (4, [Some(msid), None]),
            Self::PingRequest(time) => (6, [Some(time), None]),
            Self::PingResponse(time) => (7, [Some(time), None]),
            Self::BufferEmpty(msid) => (31, [Some(msid), None]),
            Self::BufferReady(msid) => (32, [Some(msid), None]),
            Self::Other(event) => (event, [None, None]),
        };
        let mut body = BytesMut::with_capacity(10);
        body.put_u16(event);
        words.into_iter().flatten().for_each(|word| body.put_u32(word));
        body.freeze()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_event_comes_back() {
        let events = [
            UserControl::StreamBegin(1),
            UserControl::StreamEof(2),
            UserControl::StreamDry(3),
            UserControl::SetBufferLength { msid: 4, millis: 5 },
            UserControl::StreamIsRecorded(6),
            UserControl::PingRequest(7),
            UserControl::PingResponse(8),
            UserControl::BufferEmpty(9),
            UserControl::BufferReady(10),
            UserControl::Other(26),
        ];
        for event in events {
            let body = event.body();
            assert_eq!(UserControl::parse(&body), Some(event));
            assert_eq!(UserControl::parse(&[&body[..], &[0; 5]].concat()), Some(event));
            assert!((0..body.len()).all(|len| UserControl::parse(&body[..len]).is_none()));
        }
    }
}
