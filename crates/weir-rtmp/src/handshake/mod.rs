//! The RTMP handshake, both sides: [`Server`] and [`Client`]. Bytes in, bytes out; what follows the handshake in the
//! input is left for the chunk layer.
//!
//! Both speak the plain form and the digest form; neither speaks RTMPE. See RTMP 1.0 section 5.2.

mod client;
pub mod digest;
mod server;

use sha2::{Digest, Sha256};
use weir_media::{Bytes, Time};

use crate::error::ErrorKind;

pub use client::Client;
pub use server::Server;

/// Bytes of C1, C2, S1 and S2.
pub const PACKET: usize = 1536;
/// The version byte C0 and S0 of plain RTMP.
pub const VERSION: u8 = 3;

/// One of C1, C2, S1, S2.
pub type Packet = [u8; PACKET];

/// Random bytes a session starts from; the caller draws them. Two sessions should not share one.
pub type Seed = [u8; 32];

/// A packet with `time` and `version` set and the rest filled from `seed`.
fn random_packet(seed: &Seed, now: Time, version: [u8; 4]) -> Packet {
    let mut packet = [0; PACKET];
    for (block, counter) in packet.chunks_mut(32).zip(0u32..) {
        let hash = Sha256::new().chain_update(seed).chain_update(counter.to_be_bytes()).finalize();
        block.copy_from_slice(&hash);
    }
    packet[..4].copy_from_slice(&wire_time(now));
    packet[4..8].copy_from_slice(&version);
    packet
}

/// The answer to `peer`'s first packet: its bytes, with the time it was read in place of its version.
fn echo(peer: &Packet, now: Time) -> Packet {
    let mut packet = *peer;
    packet[4..8].copy_from_slice(&wire_time(now));
    packet
}

/// Milliseconds modulo 2³², as the wire carries them.
#[expect(clippy::cast_possible_truncation, reason = "the field wraps")]
fn wire_time(now: Time) -> [u8; 4] {
    (now.as_millis() as u32).to_be_bytes()
}

/// Collects exactly `N` bytes from input of any split.
#[derive(Debug)]
struct Gather<const N: usize> {
    bytes: Box<[u8; N]>,
    len: usize,
}

impl<const N: usize> Gather<N> {
    fn new() -> Self {
        Self { bytes: Box::new([0; N]), len: 0 }
    }

    /// Takes what is missing from the front of `input`; the whole once it is complete.
    fn take(&mut self, input: &mut &[u8]) -> Option<&[u8; N]> {
        let n = input.len().min(N - self.len);
        let (now, rest) = input.split_at(n);
        self.bytes[self.len..self.len + n].copy_from_slice(now);
        self.len += n;
        *input = rest;
        (self.len == N).then_some(&*self.bytes)
    }
}

/// How far one side has come with what the other sends: a version byte and two packets.
#[derive(Debug)]
enum Progress {
    Version,
    First(Gather<PACKET>),
    Second(Gather<PACKET>),
    Done,
}

impl Progress {
    const fn is_done(&self) -> bool {
        matches!(self, Self::Done)
    }

    /// Takes handshake bytes from the front of `input`. Gives `answer` of the first packet once that is complete. The
    /// content of the second one is not looked at.
    fn read(
        &mut self,
        input: &mut &[u8],
        check_version: impl Fn(u8) -> Result<(), ErrorKind>,
        answer: impl Fn(&Packet) -> Bytes,
    ) -> Result<Option<Bytes>, ErrorKind> {
        let mut out = None;
        loop {
            *self = match self {
                Self::Version => {
                    let Some(version) = input.split_off_first() else { break };
                    check_version(*version)?;
                    Self::First(Gather::new())
                }
                Self::First(first) => {
                    let Some(packet) = first.take(input) else { break };
                    out = Some(answer(packet));
                    Self::Second(Gather::new())
                }
                Self::Second(second) => {
                    let Some(_) = second.take(input) else { break };
                    Self::Done
                }
                Self::Done => break,
            }
        }
        Ok(out)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::fmt::Write as _;

    use super::*;

    pub(crate) fn hex(bytes: &[u8]) -> String {
        bytes.iter().fold(String::new(), |mut s, b| {
            write!(s, "{b:02x}").expect("writing to a string");
            s
        })
    }

    /// `head`, then `(i * step + start) & 255` for i = 0…1527.
    pub(crate) fn patterned(head: [u8; 8], step: usize, start: usize) -> Packet {
        let mut packet = [0; PACKET];
        packet[..8].copy_from_slice(&head);
        packet[8..].iter_mut().enumerate().for_each(|(i, b)| *b = (i * step + start) as u8);
        packet
    }

    #[test]
    fn seeds_make_different_packets() {
        let a = random_packet(&[1; 32], Time::from_millis(0x0102_0304), [0; 4]);
        let b = random_packet(&[2; 32], Time::from_millis(0x0102_0304), [0; 4]);
        assert_eq!(a[..8], [1, 2, 3, 4, 0, 0, 0, 0]);
        assert_ne!(a[8..], b[8..]);
    }
}
