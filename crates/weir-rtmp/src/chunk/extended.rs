//! Whether a type-3 chunk carries the extended timestamp again.
//!
//! The spec says yes when the governing header had one, and most peers do. Old librtmp and OBS leave it out, and
//! gortmplib (MediaMTX) writes four zero bytes. The bytes themselves tell, except zeros: those are settled once per
//! connection, by where the next chunk header is.

/// What a peer was seen to write.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) enum Style {
    /// Not seen yet.
    #[default]
    Unknown,
    /// The value again.
    Repeat,
    /// Four zero bytes.
    Zero,
    /// Nothing: there is no need to look any more.
    Absent,
}

/// What the bytes after a type-3 header are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Verdict {
    /// Cannot be told yet.
    More,
    /// An extended timestamp: skip it.
    Timestamp,
    /// Four zero bytes from a peer whose style is unknown: try both.
    Try,
    /// Payload already.
    Payload,
}

/// The first bytes after a type-3 header, and what they are compared with.
#[derive(Debug)]
pub(super) struct Peek {
    bytes: [u8; 4],
    len: usize,
    /// Value of the governing header.
    pub(super) value: u32,
    /// Timestamp of the message: some peers write it after a delta.
    pub(super) timestamp: u32,
    /// Whether the chunk continues a message, rather than begins one.
    pub(super) continues: bool,
}

impl Peek {
    pub(super) const fn new(value: u32, timestamp: u32, continues: bool) -> Self {
        Self { bytes: [0; 4], len: 0, value, timestamp, continues }
    }

    /// The bytes looked at so far.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }

    /// Looks at one more byte.
    pub(super) fn push(&mut self, byte: u8, style: &mut Style) -> Verdict {
        self.bytes[self.len] = byte;
        self.len += 1;
        let repeats = self.begins(self.value);
        // Some writers keep only 31 bits of the timestamp.
        let is_time = repeats || self.begins(self.timestamp) || self.begins(self.timestamp ^ 0x8000_0000);
        let is_zero = self.begins(0) && (*style == Style::Zero || (*style == Style::Unknown && self.continues));
        if !is_time && !is_zero {
            if self.continues && *style != Style::Repeat {
                *style = Style::Absent;
            }
            return Verdict::Payload;
        }
        if self.len < 4 {
            return Verdict::More;
        }
        if repeats && self.continues {
            *style = Style::Repeat;
        }
        if is_time || *style == Style::Zero { Verdict::Timestamp } else { Verdict::Try }
    }

    fn begins(&self, value: u32) -> bool {
        value.to_be_bytes().starts_with(self.bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn push_all(bytes: &[u8], style: &mut Style) -> Vec<Verdict> {
        let mut peek = Peek::new(0x0131_2d00, 0x0131_2d00, true);
        bytes.iter().map(|&b| peek.push(b, style)).collect()
    }

    #[test]
    fn settles_at_the_first_byte_that_tells() {
        use Verdict::{More, Payload, Timestamp, Try};
        let mut style = Style::Unknown;
        assert_eq!(push_all(&[1, 0x31, 0x2d, 0], &mut style), [More, More, More, Timestamp]);
        assert_eq!(style, Style::Repeat);
        assert_eq!(push_all(&[0], &mut style), [Payload]);
        assert_eq!(style, Style::Repeat);

        let mut style = Style::Unknown;
        assert_eq!(push_all(&[0, 0, 0, 0], &mut style), [More, More, More, Try]);
        assert_eq!(push_all(&[0, 0, 1], &mut style), [More, More, Payload]);
        assert_eq!(style, Style::Absent);

        let mut style = Style::Zero;
        assert_eq!(push_all(&[0, 0, 0, 0], &mut style), [More, More, More, Timestamp]);
        let mut style = Style::Unknown;
        assert_eq!(push_all(&[0x81, 0x31, 0x2d, 0], &mut style), [More, More, More, Timestamp]);
    }
}
