//! [`Packets`]: bytes as they come to packets of 188 bytes, found again after damage. It never looks into a packet.

/// Bytes of a transport packet.
pub(super) const PACKET: usize = 188;
/// What each begins with.
const SYNC: u8 = 0x47;
/// From one packet to the next: alone, behind an arrival time (as on Blu-ray discs), before a check (as on air).
const STRIDES: [usize; 3] = [PACKET, 192, 204];
/// Packets in a row that tell a stream from bytes that happen to look like the start of a packet.
const IN_A_ROW: usize = 4;

/// What comes next.
pub(super) enum Found {
    Packet([u8; PACKET]),
    /// So many bytes before the byte at this place are no packet.
    Skipped {
        bytes: u64,
        before: u64,
    },
}

/// Cuts a stream into packets.
#[derive(Default)]
pub(super) struct Packets {
    buffer: Vec<u8>,
    /// Where the next packet begins in `buffer`, perhaps behind its end.
    at: usize,
    /// Bytes of the stream before `buffer`.
    gone: u64,
    /// From one packet to the next, where that is known.
    stride: Option<usize>,
    skipped: u64,
    /// A packet was found.
    is_begun: bool,
    is_finished: bool,
}

/// Whether packets begin at some place.
enum Guess {
    Yes(usize),
    No,
    /// Not before more comes.
    Unknown,
}

impl Packets {
    /// Adds the next bytes.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        let used = self.at.min(self.buffer.len());
        self.buffer.drain(..used);
        self.at -= used;
        self.gone += used as u64;
        self.buffer.extend_from_slice(bytes);
    }

    /// Says that nothing more comes.
    pub(super) const fn finish(&mut self) {
        self.is_finished = true;
    }

    /// Whether nothing more comes; what came may not have been pulled yet.
    pub(super) const fn is_at_end(&self) -> bool {
        self.is_finished
    }

    /// What comes next; `None` without more input.
    pub(super) fn pull(&mut self) -> Option<Found> {
        loop {
            let Some(stride) = self.stride else {
                if self.search() {
                    continue;
                }
                return if self.is_finished { self.take_skipped() } else { None };
            };
            if !std::mem::replace(&mut self.is_begun, true) && self.skipped < STRIDES[2] as u64 {
                self.skipped = 0; // it begins in a packet, or with what stands before one
            }
            if let Some(skipped) = self.take_skipped() {
                return Some(skipped);
            }
            let packet = self.buffer.get(self.at..)?.first_chunk::<PACKET>()?;
            if packet[0] == SYNC {
                let packet = *packet;
                self.at += stride;
                return Some(Found::Packet(packet));
            }
            self.stride = None;
        }
    }

    fn take_skipped(&mut self) -> Option<Found> {
        let bytes = std::mem::take(&mut self.skipped);
        (bytes > 0).then_some(Found::Skipped { bytes, before: self.gone + self.at as u64 })
    }

    /// Goes to where packets begin. False when that is not in what came so far.
    fn search(&mut self) -> bool {
        let from = self.at.min(self.buffer.len());
        let mut at = from;
        let found = loop {
            let Some(next) = self.buffer[at..].iter().position(|byte| *byte == SYNC) else {
                at = self.buffer.len();
                break None;
            };
            at += next;
            match self.guess(at) {
                Guess::Yes(stride) => break Some(stride),
                Guess::Unknown => break None,
                Guess::No => at += 1,
            }
        };
        self.skipped += (at - from) as u64;
        self.at = at;
        self.stride = found;
        found.is_some()
    }

    fn guess(&self, at: usize) -> Guess {
        let places = |stride| (0..IN_A_ROW).map(move |n| at + n * stride);
        let fits = |stride: usize| places(stride).all(|place| self.buffer.get(place).is_none_or(|b| *b == SYNC));
        let is_seen = |stride: usize| places(stride).all(|place| place < self.buffer.len());
        let mut fitting = STRIDES.into_iter().filter(|stride| fits(*stride));
        match fitting.next() {
            None => Guess::No,
            Some(stride) if is_seen(stride) => Guess::Yes(stride),
            // At the end, whatever is whole counts.
            Some(stride) if self.is_finished && self.buffer.len() - at >= PACKET => Guess::Yes(stride),
            Some(_) if self.is_finished => Guess::No,
            Some(_) => Guess::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream(before: usize, packets: usize, after: usize) -> Vec<u8> {
        let packet = |n: usize| {
            let mut body = vec![n as u8; PACKET];
            body[0] = SYNC;
            [vec![0; before], body, vec![0; after]].concat()
        };
        (0..packets).flat_map(packet).collect()
    }

    fn read(bytes: &[u8], piece: usize) -> (Vec<u8>, u64) {
        let mut packets = Packets::default();
        let (mut numbers, mut skipped) = (Vec::new(), 0);
        let mut drain = |packets: &mut Packets| {
            while let Some(found) = packets.pull() {
                match found {
                    Found::Packet(packet) => numbers.push(packet[1]),
                    Found::Skipped { bytes, .. } => skipped += bytes,
                }
            }
        };
        for chunk in bytes.chunks(piece) {
            packets.push(chunk);
            drain(&mut packets);
        }
        packets.finish();
        drain(&mut packets);
        (numbers, skipped)
    }

    #[test]
    fn packets_of_every_size_are_found_in_any_pieces() {
        for (before, after) in [(0, 0), (4, 0), (0, 16)] {
            for piece in [1, 7, 188, 5000] {
                assert_eq!(read(&stream(before, 9, after)[..], piece), ((0..9).collect(), 0), "{before} {piece}");
            }
        }
    }

    #[test]
    fn packets_are_found_again_behind_damage() {
        let mut bytes = stream(0, 20, 0);
        bytes.drain(1000..1100);
        let (numbers, skipped) = read(&bytes, 300);
        // The packet that is cut is followed by a part of the next.
        assert_eq!(numbers, [0, 1, 2, 3, 4, 5].into_iter().chain(7..20).collect::<Vec<u8>>());
        assert_eq!(skipped, 88);
        assert_eq!(read(&[0x47; 100], 10), (vec![], 100));
    }
}
