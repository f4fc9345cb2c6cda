//! [`Packet`]: one transport packet taken apart (ISO/IEC 13818-1 2.4.3.2). It keeps nothing and copies nothing.

use super::sync::PACKET;

/// A packet's header and what is behind it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Packet<'a> {
    pub(super) pid: u16,
    /// A PES packet or a section begins in it.
    pub(super) starts: bool,
    /// Whoever received it says that it is damaged.
    pub(super) is_damaged: bool,
    pub(super) is_scrambled: bool,
    pub(super) counter: u8,
    /// `None` when it holds an adaptation field only.
    pub(super) payload: Option<&'a [u8]>,
    /// Counters and clock may jump here.
    pub(super) is_discontinuity: bool,
    pub(super) is_random_access: bool,
    /// Clock reference in units of 90 kHz, 33 bits.
    pub(super) clock: Option<u64>,
}

impl<'a> Packet<'a> {
    /// `None` when its adaptation field does not fit into it.
    pub(super) fn parse(bytes: &'a [u8; PACKET]) -> Option<Self> {
        let [_, high, low, flags, ref rest @ ..] = *bytes;
        let mut packet = Self {
            pid: u16::from(high & 0x1f) << 8 | u16::from(low),
            starts: high & 0x40 != 0,
            is_damaged: high & 0x80 != 0,
            is_scrambled: flags & 0xc0 != 0,
            counter: flags & 0x0f,
            payload: None,
            is_discontinuity: false,
            is_random_access: false,
            clock: None,
        };
        let mut payload = &bytes[4..];
        if flags & 0x20 != 0 {
            let (field, behind) = rest[1..].split_at_checked(rest[0].into())?;
            packet.adaptation(field);
            payload = behind;
        }
        packet.payload = (flags & 0x10 != 0).then_some(payload);
        Some(packet)
    }

    fn adaptation(&mut self, field: &[u8]) {
        let Some((flags, rest)) = field.split_first() else { return };
        self.is_discontinuity = flags & 0x80 != 0;
        self.is_random_access = flags & 0x40 != 0;
        if flags & 0x10 != 0 && rest.len() >= 6 {
            let base = rest[..4].iter().fold(0, |time, byte| time << 8 | u64::from(*byte));
            self.clock = Some(base << 1 | u64::from(rest[4] >> 7));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_with_a_clock_reference() {
        let mut bytes = [0xff; PACKET];
        bytes[..12].copy_from_slice(&[0x47, 0x41, 0x01, 0x37, 7, 0xd0, 0xff, 0xff, 0xff, 0xff, 0xfe, 0]);
        let packet = Packet::parse(&bytes).expect("it fits");
        assert_eq!((packet.pid, packet.starts, packet.counter), (0x101, true, 7));
        assert_eq!(packet.clock, Some((1 << 33) - 1));
        assert!(packet.is_discontinuity && packet.is_random_access && !packet.is_scrambled && !packet.is_damaged);
        assert_eq!(packet.payload.map(<[u8]>::len), Some(PACKET - 12));
    }

    #[test]
    fn an_adaptation_field_ends_in_its_packet() {
        let mut bytes = [0xff; PACKET];
        bytes[..5].copy_from_slice(&[0x47, 0, 0, 0x30, 183]);
        assert_eq!(Packet::parse(&bytes).and_then(|p| p.payload), Some(&[][..]));
        bytes[4] = 184;
        assert_eq!(Packet::parse(&bytes), None);
    }
}
