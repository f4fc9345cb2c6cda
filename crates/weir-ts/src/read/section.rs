//! [`Sections`]: payloads of one PID to whole sections of tables, checked (ISO/IEC 13818-1 2.4.4). It never reads a table.

/// Longest section of a programme table, bytes (2.4.4.5, 2.4.4.9).
const MAX_SECTION: usize = 1024;
/// Bytes up to the length of a section, and that length.
const HEAD: usize = 3;
/// What fills a packet behind the last section in it.
const STUFFING: u8 = 0xff;

/// Puts the sections of one PID together.
#[derive(Debug, Default)]
pub(super) struct Sections {
    data: Vec<u8>,
    is_open: bool,
}

impl Sections {
    /// Something is missing: what was begun is no use.
    pub(super) fn interrupt(&mut self) {
        *self = Self::default();
    }

    /// Adds a payload and returns the sections that are whole by it, or the fact that one is damaged.
    pub(super) fn push(&mut self, payload: &[u8], starts: bool) -> Vec<Result<Vec<u8>, Damaged>> {
        let mut whole = Vec::new();
        if !starts {
            self.add(payload, &mut whole);
            return whole;
        }
        let Some((pointer, rest)) = payload.split_first() else { return whole };
        let Some((before, behind)) = rest.split_at_checked((*pointer).into()) else {
            self.interrupt();
            return vec![Err(Damaged)];
        };
        self.add(before, &mut whole);
        *self = Self { data: Vec::new(), is_open: true };
        self.add(behind, &mut whole);
        whole
    }

    fn add(&mut self, bytes: &[u8], whole: &mut Vec<Result<Vec<u8>, Damaged>>) {
        if !self.is_open {
            return;
        }
        self.data.extend_from_slice(bytes);
        while let [kind, high, low, ..] = self.data[..] {
            let len = HEAD + (usize::from(high & 0x0f) << 8 | usize::from(low));
            if kind == STUFFING || len > MAX_SECTION {
                self.interrupt();
                if kind != STUFFING {
                    whole.push(Err(Damaged));
                }
                return;
            }
            if self.data.len() < len {
                return;
            }
            let behind = self.data.split_off(len);
            let section = std::mem::replace(&mut self.data, behind);
            whole.push(if crc(&section) == 0 { Ok(section) } else { Err(Damaged) });
        }
    }
}

/// A section that is not what was sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Damaged;

/// CRC-32 of MPEG-2 (annex A): 0 over a section with its check.
pub(super) fn crc(bytes: &[u8]) -> u32 {
    bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(
            crc ^ u32::from(*byte) << 24,
            |crc, _| {
                if crc >> 31 == 0 { crc << 1 } else { crc << 1 ^ 0x04c1_1db7 }
            },
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn section(len: usize) -> Vec<u8> {
        let size = len + 4;
        let mut bytes = vec![2, 0xb0 | (size >> 8) as u8, size as u8];
        bytes.extend((0..len).map(|n| n as u8));
        let check = crc(&bytes).to_be_bytes();
        bytes.extend(check);
        bytes
    }

    #[test]
    fn the_check_is_that_of_the_standard() {
        assert_eq!(crc(b"123456789"), 0x0376_e6e7);
    }

    #[test]
    fn sections_over_packets_and_several_in_one() {
        let (long, short) = (section(300), section(10));
        let mut sections = Sections::default();
        assert_eq!(sections.push(&[9; 30], false), []);
        assert_eq!(sections.push(&[&[0][..], &long[..183]].concat(), true), []);
        let last = [&[124][..], &long[183..], &short, &short, &[0xff; 9]].concat();
        assert_eq!(sections.push(&last, true), [Ok(long), Ok(short.clone()), Ok(short)]);
    }

    #[test]
    fn damage_is_told_and_a_hostile_length_takes_no_memory() {
        let mut bad = section(20);
        bad[8] ^= 1;
        let mut sections = Sections::default();
        assert_eq!(sections.push(&[&[0][..], &bad].concat(), true), [Err(Damaged)]);
        assert_eq!(sections.push(&[0, 2, 0xbf, 0xff, 1, 2, 3], true), [Err(Damaged)]);
        assert_eq!(sections.push(&[200, 1, 2], true), [Err(Damaged)]);
    }
}
