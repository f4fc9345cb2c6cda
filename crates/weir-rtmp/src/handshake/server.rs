//! The server's side: collect C0 and C1, answer S0, S1 and S2 at once, then wait for C2.

use weir_media::{Bytes, BytesMut, Time};

use super::digest::{self, SIGNATURE_AT, Side};
use super::{PACKET, Packet, Progress, Seed, VERSION, echo, random_packet};
use crate::error::{ErrorKind, Foreign};

/// Version put into signed S1 packets: players look for a digest when its first byte is 3 or more.
const SIGNED_VERSION: [u8; 4] = [3, 5, 1, 1];
/// Version of an unsigned S1: the spec's "zero" field.
const PLAIN_VERSION: [u8; 4] = [0; 4];

/// A server's handshake. Feed it with [`Server::handle_input`], send what that answers, until [`Server::is_done`].
#[derive(Debug)]
pub struct Server {
    seed: Seed,
    progress: Progress,
}

impl Server {
    /// A handshake that fills S1 from `seed`.
    #[must_use]
    pub const fn new(seed: Seed) -> Self {
        Self { seed, progress: Progress::Version }
    }

    /// Whether C2 is in: the rest of the input is chunks.
    #[must_use]
    pub const fn is_done(&self) -> bool {
        self.progress.is_done()
    }

    /// Takes handshake bytes from the front of `input` and leaves what follows. Answers the 3073 bytes of S0, S1 and S2
    /// once C1 is complete. The content of C2 is not checked, as no server does.
    ///
    /// # Errors
    /// [`ErrorKind::NotRtmp`] at once when the first byte is not RTMP's version.
    pub fn handle_input(&mut self, input: &mut &[u8], now: Time) -> Result<Option<Bytes>, ErrorKind> {
        self.progress.read(input, check_version, |c1| answer(c1, &self.seed, now))
    }
}

/// Tells RTMP from other protocols that reach its port. The text protocols begin with a capital letter.
fn check_version(version: u8) -> Result<(), ErrorKind> {
    Err(ErrorKind::NotRtmp(match version {
        VERSION => return Ok(()),
        b'C' | b'D' | b'G' | b'H' | b'O' | b'P' | b'T' => Foreign::Http,
        0x16 => Foreign::Tls,
        6 | 8 | 9 => Foreign::Rtmpe,
        other => Foreign::Version(other),
    }))
}

/// S0, S1 and S2 for `c1`: signed, in the client's scheme, exactly when `c1` is.
fn answer(c1: &Packet, seed: &Seed, now: Time) -> Bytes {
    let signed = if c1[4..8] == PLAIN_VERSION { None } else { digest::find(c1, Side::Client) };
    let version = if signed.is_some() { SIGNED_VERSION } else { PLAIN_VERSION };
    let mut s1 = random_packet(seed, now, version);
    let mut s2 = echo(c1, now);
    if let Some((scheme, c1_digest)) = signed {
        digest::sign(&mut s1, scheme, Side::Server);
        let signature = digest::signature(&s2, &c1_digest, Side::Server);
        s2[SIGNATURE_AT..].copy_from_slice(&signature);
    }
    let mut out = BytesMut::with_capacity(1 + 2 * PACKET);
    out.extend_from_slice(&[VERSION]);
    out.extend_from_slice(&s1);
    out.extend_from_slice(&s2);
    out.freeze()
}

#[cfg(test)]
mod tests {
    use super::super::tests::patterned;
    use super::*;
    use crate::handshake::digest::Scheme;

    const SEED: Seed = [7; 32];
    const NOW: Time = Time::from_millis(1234);

    fn c0c1(c1: &Packet) -> Vec<u8> {
        [&[VERSION], c1.as_slice()].concat()
    }

    fn shake(c1: &Packet) -> Bytes {
        let bytes = c0c1(c1);
        Server::new(SEED).handle_input(&mut bytes.as_slice(), NOW).expect("valid").expect("answered")
    }

    fn s1(answer: &Bytes) -> &Packet {
        answer[1..=PACKET].try_into().expect("S1")
    }

    #[test]
    fn plain() {
        let c1 = patterned([1, 2, 3, 4, 0, 0, 0, 0], 7, 3);
        let answer = shake(&c1);
        assert_eq!(answer.len(), 3073);
        assert_eq!((answer[0], &s1(&answer)[4..8]), (VERSION, &PLAIN_VERSION[..]));
        let s2 = &answer[1 + PACKET..];
        assert_eq!((&s2[..4], &s2[4..8], &s2[8..]), (&c1[..4], &1234u32.to_be_bytes()[..], &c1[8..]));
    }

    #[test]
    fn one_byte_at_a_time_and_leftover() {
        let mut bytes = c0c1(&patterned([0; 8], 7, 3));
        bytes.extend_from_slice(&[9; PACKET]);
        bytes.extend_from_slice(b"connect");
        let whole = shake(bytes[1..=PACKET].try_into().expect("C1"));
        let mut server = Server::new(SEED);
        let mut answers = Vec::new();
        for (i, byte) in bytes.iter().enumerate() {
            let mut input = std::slice::from_ref(byte);
            answers.extend(server.handle_input(&mut input, NOW).expect("valid"));
            assert_eq!(input.is_empty(), i <= 2 * PACKET);
        }
        assert_eq!(answers, [whole]);
        assert!(server.is_done());
        let mut input = bytes.as_slice();
        Server::new(SEED).handle_input(&mut input, NOW).expect("valid");
        assert_eq!(input, b"connect");
    }

    #[test]
    fn signed_in_both_schemes() {
        for scheme in [Scheme::DigestFirst, Scheme::KeyFirst] {
            let mut c1 = patterned([0, 0, 0, 0, 0x80, 0, 7, 2], 7, 3);
            let c1_digest = digest::sign(&mut c1, scheme, Side::Client);
            let answer = shake(&c1);
            assert_eq!(digest::find(s1(&answer), Side::Server).expect("signed").0, scheme);
            let s2: &Packet = answer[1 + PACKET..].try_into().expect("S2");
            assert_eq!(s2[SIGNATURE_AT..], digest::signature(s2, &c1_digest, Side::Server));
        }
    }

    #[test]
    fn corrupted_digest_falls_back_to_plain() {
        let mut c1 = patterned([0, 0, 0, 0, 0x80, 0, 7, 2], 7, 3);
        digest::sign(&mut c1, Scheme::DigestFirst, Side::Client);
        c1[1500] ^= 1;
        assert_eq!(s1(&shake(&c1))[4..8], PLAIN_VERSION);
    }

    #[test]
    fn other_protocols_are_told_at_the_first_byte() {
        let cases = [
            (0x16, Foreign::Tls),
            (6, Foreign::Rtmpe),
            (9, Foreign::Rtmpe),
            (b'G', Foreign::Http),
            (b'P', Foreign::Http),
            (0, Foreign::Version(0)),
        ];
        for (byte, foreign) in cases {
            let got = Server::new(SEED).handle_input(&mut [byte].as_slice(), NOW);
            assert_eq!(got, Err(ErrorKind::NotRtmp(foreign)));
        }
    }
}
