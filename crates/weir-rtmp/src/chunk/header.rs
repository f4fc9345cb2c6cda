//! Chunk headers: basic header, message header and extended timestamp, gathered from input of any split.

use super::EXTENDED;

/// Longest header: 3 basic, 11 message, 4 extended timestamp.
const LONGEST: usize = 18;

/// One parsed chunk header. The extended timestamp of a type-3 header is not part of it: whether there is one cannot be
/// told from the header alone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Header {
    pub(super) csid: u32,
    pub(super) form: Form,
    /// Whether an extended timestamp held the time of `form`.
    pub(super) extended: bool,
}

/// What a header says, by its type.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Form {
    /// Type 0.
    Full { time: u32, length: u32, kind: u8, msid: u32 },
    /// Type 1.
    SameStream { delta: u32, length: u32, kind: u8 },
    /// Type 2.
    SameFormat { delta: u32 },
    /// Type 3.
    Same,
}

impl Form {
    /// The two-bit type.
    pub(super) const fn fmt(self) -> u8 {
        match self {
            Self::Full { .. } => 0,
            Self::SameStream { .. } => 1,
            Self::SameFormat { .. } => 2,
            Self::Same => 3,
        }
    }
}

/// Gathers the bytes of one header.
#[derive(Debug, Default)]
pub(super) struct HeaderBytes {
    bytes: [u8; LONGEST],
    len: usize,
}

impl HeaderBytes {
    /// Takes header bytes from the front of `input`; the header once it is complete.
    pub(super) fn take(&mut self, input: &mut &[u8]) -> Option<Header> {
        loop {
            let missing = self.needed() - self.len;
            if missing == 0 {
                let header = self.parse();
                self.len = 0;
                return Some(header);
            }
            let n = missing.min(input.len());
            if n == 0 {
                return None;
            }
            let (now, rest) = input.split_at(n);
            self.bytes[self.len..self.len + n].copy_from_slice(now);
            self.len += n;
            *input = rest;
        }
    }

    /// Bytes of the basic header, once its first byte is known.
    const fn basic_len(&self) -> usize {
        match self.bytes[0] & 0x3f {
            0 => 2,
            1 => 3,
            _ => 1,
        }
    }

    /// Length of the whole header as far as the bytes at hand tell: grows as they come.
    fn needed(&self) -> usize {
        if self.len == 0 {
            return 1;
        }
        let basic = self.basic_len();
        let fixed = basic + [11, 7, 3, 0][usize::from(self.bytes[0] >> 6)];
        if fixed > basic && self.len >= fixed && self.be24(basic) == EXTENDED { fixed + 4 } else { fixed }
    }

    fn be24(&self, at: usize) -> u32 {
        u32::from_be_bytes([0, self.bytes[at], self.bytes[at + 1], self.bytes[at + 2]])
    }

    fn parse(&self) -> Header {
        let b = &self.bytes;
        let csid = match b[0] & 0x3f {
            0 => u32::from(b[1]) + 64,
            1 => u32::from(u16::from_le_bytes([b[1], b[2]])) + 64,
            id => u32::from(id),
        };
        let fmt = b[0] >> 6;
        let at = self.basic_len();
        if fmt == 3 {
            return Header { csid, form: Form::Same, extended: false };
        }
        let field = self.be24(at);
        let extended = field == EXTENDED;
        let e = self.len.saturating_sub(4);
        let time = if extended { u32::from_be_bytes([b[e], b[e + 1], b[e + 2], b[e + 3]]) } else { field };
        let form = match fmt {
            0 => Form::Full {
                time,
                length: self.be24(at + 3),
                kind: b[at + 6],
                msid: u32::from_le_bytes([b[at + 7], b[at + 8], b[at + 9], b[at + 10]]),
            },
            1 => Form::SameStream { delta: time, length: self.be24(at + 3), kind: b[at + 6] },
            _ => Form::SameFormat { delta: time },
        };
        Header { csid, form, extended }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(mut input: &[u8]) -> Option<Header> {
        let header = HeaderBytes::default().take(&mut input);
        assert!(input.is_empty());
        header
    }

    /// Conformance check 8: every form of the chunk stream id.
    #[test]
    fn chunk_stream_ids() {
        let cases: [(&[u8], u32); 9] = [
            (&[0xc3], 3),
            (&[0xff], 63),
            (&[0xc0, 0x00], 64),
            (&[0xc1, 0x00, 0x00], 64),
            (&[0xc0, 0xff], 319),
            (&[0xc1, 0x00, 0x01], 320),
            (&[0xc1, 0xff, 0xff], 65599),
            (&[0xc2], 2),
            (&[0xc1, 0x01, 0x00], 65),
        ];
        for (bytes, csid) in cases {
            assert_eq!(parse(bytes), Some(Header { csid, form: Form::Same, extended: false }));
        }
    }

    #[test]
    fn message_headers() {
        let full = Form::Full { time: 0x01_0203, length: 5, kind: 9, msid: 0x0400_0001 };
        let bytes = [0x06, 1, 2, 3, 0, 0, 5, 9, 1, 0, 0, 4];
        assert_eq!(parse(&bytes), Some(Header { csid: 6, form: full, extended: false }));
        let one = Form::SameStream { delta: 0x17, length: 4, kind: 8 };
        assert_eq!(parse(&[0x44, 0, 0, 0x17, 0, 0, 4, 8]), Some(Header { csid: 4, form: one, extended: false }));
        let two = Form::SameFormat { delta: 0x17 };
        assert_eq!(parse(&[0x84, 0, 0, 0x17]), Some(Header { csid: 4, form: two, extended: false }));
        let far = Form::SameFormat { delta: 0x0100_0000 };
        assert_eq!(parse(&[0x84, 255, 255, 255, 1, 0, 0, 0]), Some(Header { csid: 4, form: far, extended: true }));
        assert_eq!(parse(&[0x84, 255, 255, 255, 1, 0, 0]), None);
    }
}
