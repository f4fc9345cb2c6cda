//! Elements of EBML (RFC 8794): heads, children and values. It knows no element by name.

/// What an element begins with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Head {
    pub(crate) id: u32,
    /// Bytes of the head itself.
    pub(crate) head_len: usize,
    /// Bytes of the content; `None` when it goes on until something else begins.
    pub(crate) len: Option<u64>,
}

/// What stands at the front of some bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Front {
    Head(Head),
    /// The head is cut off.
    Cut,
    /// No element begins like this.
    Invalid,
}

/// Reads the head of the element that `bytes` begin with.
pub(crate) fn head(bytes: &[u8]) -> Front {
    let Some(first) = bytes.first() else { return Front::Cut };
    let id_len = first.leading_zeros() as usize + 1;
    if id_len > 4 {
        return Front::Invalid;
    }
    let Some((id, rest)) = bytes.split_at_checked(id_len) else { return Front::Cut };
    let id = id.iter().fold(0, |id, byte| id << 8 | u32::from(*byte));
    match rest.first() {
        Some(0) => return Front::Invalid,
        None => return Front::Cut,
        Some(_) => {}
    }
    let Some((len, len_len)) = vint(rest) else { return Front::Cut };
    Front::Head(Head { id, head_len: id_len + len_len, len })
}

/// A number of variable length and how many bytes it takes; the number is `None` when all its bits are set. `None` when it
/// is cut off, or longer than eight bytes.
pub(crate) fn vint(bytes: &[u8]) -> Option<(Option<u64>, usize)> {
    let first = *bytes.first()?;
    let len = first.leading_zeros() as usize + 1;
    let rest = bytes.get(1..len).filter(|_| len <= 8)?;
    let bits = 7 * len;
    let mask = u64::MAX >> (64 - bits);
    let value = rest.iter().fold(u64::from(first), |value, byte| value << 8 | u64::from(*byte)) & mask;
    Some((Some(value).filter(|value| *value != mask), len))
}

/// The elements within one, up to the first that is damaged.
pub(crate) fn children(mut content: &[u8]) -> impl Iterator<Item = (u32, &[u8])> {
    std::iter::from_fn(move || {
        let Front::Head(head) = head(content) else { return None };
        let len = usize::try_from(head.len?).ok()?;
        let (child, rest) = content.get(head.head_len..)?.split_at_checked(len)?;
        content = rest;
        Some((head.id, child))
    })
}

/// An unsigned integer of up to eight bytes.
pub(crate) fn uint(content: &[u8]) -> Option<u64> {
    (content.len() <= 8).then(|| content.iter().fold(0, |value, byte| value << 8 | u64::from(*byte)))
}

/// A number with a fraction, of either size.
pub(crate) fn float(content: &[u8]) -> Option<f64> {
    match content.len() {
        0 => Some(0.0),
        4 => content.first_chunk().map(|bytes| f32::from_be_bytes(*bytes).into()),
        8 => content.first_chunk().map(|bytes| f64::from_be_bytes(*bytes)),
        _ => None,
    }
    .filter(|value: &f64| value.is_finite())
}

/// Text up to the first zero.
pub(crate) fn text(content: &[u8]) -> String {
    let end = content.iter().position(|byte| *byte == 0).unwrap_or(content.len());
    String::from_utf8_lossy(&content[..end]).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_of_every_kind() {
        let found = |bytes: &[u8]| match head(bytes) {
            Front::Head(Head { id, head_len, len }) => Some((id, head_len, len)),
            Front::Cut | Front::Invalid => None,
        };
        assert_eq!(found(&[0xa3, 0x82, 1]), Some((0xa3, 2, Some(2))));
        assert_eq!(found(&[0x1f, 0x43, 0xb6, 0x75, 0xff]), Some((0x1f43_b675, 5, None)));
        assert_eq!(found(&[0xec, 0x01, 0, 0, 0, 0, 0, 0, 9]), Some((0xec, 9, Some(9))));
        assert_eq!(found(&[0xec, 0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]), Some((0xec, 9, None)));
        assert_eq!([head(&[0x1f, 0x43]), head(&[0xec, 0x40]), head(&[])], [Front::Cut; 3]);
        assert_eq!([head(&[0x08, 1, 1]), head(&[0xec, 0])], [Front::Invalid; 2]);
    }

    #[test]
    fn children_end_at_damage() {
        let content = [0xd7, 0x81, 5, 0x83, 0x81, 1, 0x86, 0x90, b'V'];
        assert_eq!(children(&content).collect::<Vec<_>>(), [(0xd7, &[5][..]), (0x83, &[1])]);
        assert_eq!((uint(&[1, 0]), uint(&[0; 9]), float(&[0x44, 0x7a, 0, 0])), (Some(256), None, Some(1000.0)));
        assert_eq!((float(&[0x7f, 0x80, 0, 0]), text(b"eng\0x")), (None, "eng".to_owned()));
    }
}
