//! [`Assembly`]: payloads of one PID to PES packets (ISO/IEC 13818-1 2.4.3.6). It never looks into the media in them.

use weir_media::Bytes;

/// Longest PES packet, bytes: an access unit of 500 Mbit/s at 10 pictures a second.
const MAX_PES: usize = 8 << 20;
/// Bytes of a PES packet that its length does not count.
const HEAD: usize = 6;
/// Streams without the optional header: maps, padding, private data and the like (table 2-21).
const BARE: [u8; 8] = [0xbc, 0xbe, 0xbf, 0xf0, 0xf1, 0xf2, 0xf8, 0xff];

/// A PES packet: mostly one access unit, or some frames of sound.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Unit {
    /// PID of its stream.
    pub pid: u16,
    /// When it is shown, in units of 90 kHz that wrap at 33 bits.
    pub pts: Option<u64>,
    /// When it is decoded, where that is another time.
    pub dts: Option<u64>,
    /// What is in it; not empty.
    pub data: Bytes,
    /// Decoding can start here, as the packet says.
    pub is_random_access: bool,
    /// Something before it is missing.
    pub is_after_loss: bool,
}

/// Why what was put together is no use.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Fault {
    /// It has no PES header, or one that is cut off.
    Header,
    TooLarge,
    /// The end is missing.
    Cut,
}

/// Puts the PES packets of one PID together.
#[derive(Debug, Default)]
pub(super) struct Assembly {
    data: Vec<u8>,
    is_open: bool,
    is_random_access: bool,
    is_after_loss: bool,
}

impl Assembly {
    /// Bytes in hand.
    pub(super) const fn len(&self) -> usize {
        self.data.len()
    }

    /// Something is missing: what is in hand is no use.
    pub(super) fn interrupt(&mut self) {
        *self = Self { is_after_loss: true, ..Self::default() };
    }

    /// Begins another PES packet, and returns the one before when it had no length.
    pub(super) fn start(&mut self, pid: u16, is_random_access: bool) -> Option<Result<Unit, Fault>> {
        let before = self.end(pid);
        self.is_open = true;
        self.is_random_access = is_random_access;
        before
    }

    /// Adds to what is in hand, and returns it when it is whole.
    pub(super) fn add(&mut self, pid: u16, payload: &[u8]) -> Option<Result<Unit, Fault>> {
        if !self.is_open {
            return None;
        }
        if self.data.len() + payload.len() > MAX_PES {
            self.interrupt();
            return Some(Err(Fault::TooLarge));
        }
        self.data.extend_from_slice(payload);
        let length = self.length()?;
        if self.data.len() < length {
            return None;
        }
        self.data.truncate(length);
        self.take(pid).transpose()
    }

    /// Nothing is added to what is in hand any more. It is whole when it had no length.
    pub(super) fn end(&mut self, pid: u16) -> Option<Result<Unit, Fault>> {
        if !std::mem::take(&mut self.is_open) || self.data.is_empty() {
            return None;
        }
        if self.length().is_some() {
            self.interrupt();
            return Some(Err(Fault::Cut));
        }
        self.take(pid).transpose()
    }

    /// Length of the whole packet, where it is told.
    fn length(&self) -> Option<usize> {
        let [.., high, low] = *self.data.first_chunk::<HEAD>()?;
        Some(usize::from(u16::from_be_bytes([high, low]))).filter(|len| *len > 0).map(|len| len + HEAD)
    }

    /// The packet in hand; `None` when there is no media in it.
    fn take(&mut self, pid: u16) -> Result<Option<Unit>, Fault> {
        self.is_open = false;
        let data = Bytes::from(std::mem::take(&mut self.data));
        let Some(head) = Head::parse(&data) else {
            self.interrupt();
            return Err(Fault::Header);
        };
        let data = data.slice(head.len..);
        if data.is_empty() {
            return Ok(None);
        }
        let is_after_loss = std::mem::take(&mut self.is_after_loss);
        let is_random_access = self.is_random_access;
        Ok(Some(Unit { pid, pts: head.pts, dts: head.dts, data, is_random_access, is_after_loss }))
    }
}

/// The header of a PES packet.
#[derive(PartialEq, Eq, Debug)]
struct Head {
    len: usize,
    pts: Option<u64>,
    dts: Option<u64>,
}

impl Head {
    fn parse(data: &[u8]) -> Option<Self> {
        let [0, 0, 1, stream, _, _, rest @ ..] = data else { return None };
        if BARE.contains(stream) {
            return Some(Self { len: HEAD, pts: None, dts: None });
        }
        let ([flags, times, len], rest) = rest.split_first_chunk::<3>()?;
        let fields = rest.get(..usize::from(*len)).filter(|_| flags & 0xc0 == 0x80)?;
        let pts = (times & 0x80 != 0).then(|| time(fields)).flatten();
        let dts = (times & 0xc0 == 0xc0).then(|| time(fields.get(5..)?)).flatten();
        Some(Self { len: HEAD + 3 + fields.len(), pts, dts: dts.filter(|_| pts.is_some()) })
    }
}

/// A time of 33 bits in five bytes, between marker bits.
fn time(field: &[u8]) -> Option<u64> {
    let [a, b, c, d, e] = field.first_chunk::<5>()?.map(u64::from);
    Some((a >> 1 & 7) << 30 | b << 22 | (c >> 1) << 15 | d << 7 | e >> 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: [u8; 19] = [0, 0, 1, 0xe0, 0, 0, 0x80, 0xc0, 10, 0x3f, 0xff, 0xff, 0xff, 0xff, 0x11, 0, 1, 0, 1];

    #[test]
    fn both_times_of_a_header() {
        let head = Head::parse(&HEADER).expect("a header");
        assert_eq!(head, Head { len: 19, pts: Some((1 << 33) - 1), dts: Some(0) });
        assert!((0..19).all(|len| Head::parse(&HEADER[..len]).is_none()));
    }

    #[test]
    fn a_packet_without_a_length_ends_where_the_next_begins() {
        let mut assembly = Assembly::default();
        assert_eq!(assembly.add(5, b"the rest of one before"), None);
        assert_eq!(assembly.start(5, true), None);
        assert_eq!(assembly.add(5, &HEADER), None);
        assert_eq!(assembly.add(5, b"picture"), None);
        let unit = assembly.start(5, false).expect("it ended").expect("it is whole");
        assert_eq!((unit.data.as_ref(), unit.is_random_access, unit.is_after_loss), (&b"picture"[..], true, false));
    }

    #[test]
    fn a_packet_with_a_length_is_given_at_once_or_not_at_all() {
        let mut head = HEADER;
        head[5] = 13 + 4;
        let mut assembly = Assembly::default();
        assembly.start(5, false);
        assert_eq!(assembly.add(5, &head), None);
        let unit = assembly.add(5, b"tonestuffing").expect("it is there").expect("it is whole");
        assert_eq!(unit.data, "tone");
        assembly.start(5, false);
        assembly.add(5, &head);
        assert_eq!(assembly.end(5), Some(Err(Fault::Cut)));
    }

    #[test]
    fn no_packet_takes_memory_without_end() {
        let mut assembly = Assembly::default();
        assembly.start(5, false);
        assembly.add(5, &HEADER);
        let block = vec![0; 1 << 20];
        assert_eq!((0..9).find_map(|_| assembly.add(5, &block)), Some(Err(Fault::TooLarge)));
        assert_eq!(assembly.len(), 0);
    }
}
