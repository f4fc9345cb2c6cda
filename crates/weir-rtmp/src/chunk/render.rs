//! Writing messages as chunks that depend on nothing sent before.

use weir_media::{BufMut, Bytes, BytesMut};

use super::{Csid, EXTENDED, MAX_MESSAGE};
use crate::message::Message;

/// Where the message stream id lies in a rendered message, as four little-endian bytes.
pub const MSID_AT: usize = 8;
/// Bytes at the front of a rendered message that [`with_msid`] makes anew.
pub const SHARED_HEAD: usize = 12;

/// The 4-byte repetition of `timestamp`, when it does not fit the 24-bit field.
fn extension(timestamp: u32) -> Option<u32> {
    (timestamp >= EXTENDED).then_some(timestamp)
}

/// Bytes [`render`] makes of a body of `body` bytes.
#[must_use]
pub fn rendered_len(body: usize, timestamp: u32, chunk_size: u32) -> usize {
    let extra = if extension(timestamp).is_some() { 4 } else { 0 };
    let continuations = body.div_ceil(chunk_size.max(1) as usize).saturating_sub(1);
    SHARED_HEAD + extra + body + continuations * (1 + extra)
}

/// `message` as chunks on `csid`: a full header, then type-3 continuations, the extended timestamp repeated on each.
///
/// The bytes hold no state of a connection: any connection that was told `chunk_size` can take them at any message
/// boundary. A `chunk_size` of 0 counts as 1.
///
/// # Panics
/// When the body is longer than [`MAX_MESSAGE`].
#[must_use]
pub fn render(message: &Message, csid: Csid, chunk_size: u32) -> Bytes {
    let mut out = BytesMut::with_capacity(rendered_len(message.body.len(), message.timestamp, chunk_size));
    render_into(&mut out, message, csid, chunk_size);
    out.freeze()
}

/// Appends to `out` what [`render`] makes.
///
/// # Panics
/// When the body is longer than [`MAX_MESSAGE`].
pub fn render_into(out: &mut BytesMut, message: &Message, csid: Csid, chunk_size: u32) {
    let length = u32::try_from(message.body.len()).ok().filter(|&n| n <= MAX_MESSAGE);
    let length = length.expect("a message body fits 24 bits");
    let extension = extension(message.timestamp);
    out.put_u8(csid.0);
    out.put_uint(u64::from(extension.map_or(message.timestamp, |_| EXTENDED)), 3);
    out.put_uint(u64::from(length), 3);
    out.put_u8(message.kind);
    out.put_u32_le(message.msid);
    for (i, part) in message.body.chunks(chunk_size.max(1) as usize).enumerate() {
        if i > 0 {
            out.put_u8(0xc0 | csid.0);
        }
        extension.into_iter().for_each(|time| out.put_u32(time));
        out.extend_from_slice(part);
    }
    if let (Some(time), true) = (extension, message.body.is_empty()) {
        out.put_u32(time);
    }
}

/// A message from [`render`] for another message stream: twelve bytes of its own, the rest shared.
///
/// # Panics
/// When `rendered` is shorter than [`SHARED_HEAD`], which nothing from [`render`] is.
#[must_use]
pub fn with_msid(rendered: &Bytes, msid: u32) -> ([u8; SHARED_HEAD], Bytes) {
    let mut head: [u8; SHARED_HEAD] = rendered[..SHARED_HEAD].try_into().expect("a slice of SHARED_HEAD bytes");
    head[MSID_AT..].copy_from_slice(&msid.to_le_bytes());
    (head, rendered.slice(SHARED_HEAD..))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::kind;

    fn video(timestamp: u32, body: &[u8]) -> Message {
        Message { kind: kind::VIDEO, timestamp, msid: 1, body: Bytes::copy_from_slice(body) }
    }

    /// Conformance check 17.
    #[test]
    fn timestamps_around_the_extension() {
        const BODY: [u8; 5] = [0x27, 1, 0, 0, 0];
        let cases: [(u32, &[u8]); 3] = [
            (16_777_214, &[6, 0xff, 0xff, 0xfe, 0, 0, 5, 9, 1, 0, 0, 0]),
            (16_777_215, &[6, 0xff, 0xff, 0xff, 0, 0, 5, 9, 1, 0, 0, 0, 0, 0xff, 0xff, 0xff]),
            (20_000_000, &[6, 0xff, 0xff, 0xff, 0, 0, 5, 9, 1, 0, 0, 0, 1, 0x31, 0x2d, 0]),
        ];
        for (time, head) in cases {
            assert_eq!(render(&video(time, &BODY), Csid::VIDEO, 128), [head, &BODY].concat());
        }
    }

    /// Conformance check 18.
    #[test]
    fn continuations_repeat_the_extension() {
        let out = render(&video(20_000_000, &[7; 300]), Csid::VIDEO, 128);
        assert_eq!(out.len(), 144 + 133 + 49);
        assert_eq!(out[144..149], [0xc6, 1, 0x31, 0x2d, 0]);
        assert_eq!(out[144 + 133..][..5], [0xc6, 1, 0x31, 0x2d, 0]);
        assert_eq!(render(&video(20_000_000, &[]), Csid::VIDEO, 128).len(), 16);
    }

    #[test]
    fn lengths_are_foretold() {
        for (body, time, size) in [(0, 0, 128), (128, 0, 128), (129, 0, 128), (300, 20_000_000, 128), (5, u32::MAX, 1)]
        {
            let out = render(&video(time, &vec![1; body]), Csid::VIDEO, size);
            assert_eq!(out.len(), rendered_len(body, time, size));
        }
    }

    #[test]
    fn another_message_stream_shares_the_rest() {
        let out = render(&video(5, &[1; 200]), Csid::VIDEO, 128);
        let (head, tail) = with_msid(&out, 0x0102_0304);
        let other = Message { msid: 0x0102_0304, ..video(5, &[1; 200]) };
        assert_eq!([&head[..], &tail].concat(), render(&other, Csid::VIDEO, 128));
        assert_eq!(tail.as_ptr(), out[SHARED_HEAD..].as_ptr());
    }

    #[test]
    #[should_panic(expected = "24 bits")]
    fn too_long_a_body_is_our_bug() {
        let body = Bytes::from(vec![0; MAX_MESSAGE as usize + 1]);
        let _ = render(&Message { body, ..video(0, &[]) }, Csid::VIDEO, 65536);
    }
}
