//! Aggregate messages (type 22): FLV-like items one after the other, sent by Flash-era servers.

use weir_media::{Buf, Bytes};

use super::{Message, kind};
use crate::error::ErrorKind;

/// Bytes before an item's data, and after it.
const HEAD: usize = 11;
const TAIL: usize = 4;

/// The messages inside `aggregate`. Their times keep their distances and begin at the time of the whole; their message
/// stream is the whole's.
///
/// # Errors
/// [`ErrorKind::Aggregate`] when an item does not fit the body, or is an aggregate itself.
pub fn split_aggregate(aggregate: &Message) -> Result<Vec<Message>, ErrorKind> {
    let mut rest = aggregate.body.clone();
    let mut items = Vec::new();
    let mut first_time = None;
    while !rest.is_empty() {
        let at = aggregate.body.len() - rest.len();
        let (kind, time, body) = item(&mut rest).ok_or(ErrorKind::Aggregate { at })?;
        let offset = time.wrapping_sub(*first_time.get_or_insert(time));
        let timestamp = aggregate.timestamp.wrapping_add(offset);
        items.push(Message { kind, timestamp, msid: aggregate.msid, body });
    }
    Ok(items)
}

/// Takes one item. The last may lack its back pointer.
fn item(rest: &mut Bytes) -> Option<(u8, u32, Bytes)> {
    if rest.len() < HEAD || rest[0] == kind::AGGREGATE {
        return None;
    }
    let kind = rest.get_u8();
    let size = usize::try_from(rest.get_uint(3)).ok()?;
    let low = u32::try_from(rest.get_uint(3)).ok()?;
    let time = u32::from(rest.get_u8()) << 24 | low;
    rest.advance(3);
    if size > rest.len() {
        return None;
    }
    let body = rest.split_to(size);
    rest.advance(TAIL.min(rest.len()));
    Some((kind, time, body))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn aggregate(body: &[u8]) -> Message {
        Message { kind: kind::AGGREGATE, timestamp: 1000, msid: 1, body: Bytes::copy_from_slice(body) }
    }

    const ITEMS: [u8; 35] = [
        8, 0, 0, 3, 0, 0, 5, 0, 0, 0, 0, 0xaf, 1, 0x21, 0, 0, 0, 14, // audio at 5
        9, 0, 0, 2, 0, 0, 0x1c, 0, 0, 0, 0, 0x27, 1, 0, 0, 0, 13, // video at 28
    ];

    #[test]
    fn items_keep_their_distance() {
        let items = split_aggregate(&aggregate(&ITEMS)).expect("whole");
        let got: Vec<_> = items.iter().map(|m| (m.kind, m.timestamp, m.msid, &m.body[..])).collect();
        assert_eq!(got, [(8, 1000, 1, &[0xaf, 1, 0x21][..]), (9, 1023, 1, &[0x27, 1][..])]);
    }

    #[test]
    fn truncated_anywhere() {
        for len in 0..ITEMS.len() {
            let got = split_aggregate(&aggregate(&ITEMS[..len]));
            match len {
                0 => assert_eq!(got, Ok(vec![])),
                1..14 => assert_eq!(got, Err(ErrorKind::Aggregate { at: 0 })),
                14..=18 => assert_eq!(got.map(|items| items.len()), Ok(1)),
                19..31 => assert_eq!(got, Err(ErrorKind::Aggregate { at: 18 })),
                _ => assert_eq!(got.map(|items| items.len()), Ok(2)),
            }
        }
        assert_eq!(split_aggregate(&aggregate(&[22; 40])), Err(ErrorKind::Aggregate { at: 0 }));
    }
}
