//! The client's side: send C0 and C1, answer S1 with C2, wait for S2.

use weir_media::{Bytes, BytesMut, Time};

use super::digest::{self, SIGNATURE_AT, Scheme, Side};
use super::{PACKET, Packet, Progress, Seed, VERSION, echo, random_packet};
use crate::error::{ErrorKind, Foreign};

/// Version put into C1: a Flash Player that signs it. Flash-era servers refuse H.264 to unsigned clients; all others
/// accept both.
const SIGNED_VERSION: [u8; 4] = [9, 0, 124, 2];

/// A client's handshake: send [`Client::start`], then feed it until [`Client::is_done`]. Always signs C1; never rejects
/// a server for a missing or wrong signature.
#[derive(Debug)]
pub struct Client {
    progress: Progress,
}

impl Client {
    /// A new handshake, and the 1537 bytes of C0 and C1 to send first.
    #[must_use]
    pub fn start(seed: &Seed, now: Time) -> (Self, Bytes) {
        let mut c1 = random_packet(seed, now, SIGNED_VERSION);
        digest::sign(&mut c1, Scheme::DigestFirst, Side::Client);
        let mut out = BytesMut::with_capacity(1 + PACKET);
        out.extend_from_slice(&[VERSION]);
        out.extend_from_slice(&c1);
        (Self { progress: Progress::Version }, out.freeze())
    }

    /// Whether S2 is in: the rest of the input is chunks, and commands may be sent.
    #[must_use]
    pub const fn is_done(&self) -> bool {
        self.progress.is_done()
    }

    /// Takes handshake bytes from the front of `input` and leaves what follows. Answers C2 once S1 is complete.
    ///
    /// # Errors
    /// [`ErrorKind::NotRtmp`] when S0 is not RTMP's version.
    pub fn handle_input(&mut self, input: &mut &[u8], now: Time) -> Result<Option<Bytes>, ErrorKind> {
        self.progress.read(input, check_version, |s1| answer(s1, now))
    }
}

fn check_version(version: u8) -> Result<(), ErrorKind> {
    if version == VERSION { Ok(()) } else { Err(ErrorKind::NotRtmp(Foreign::Version(version))) }
}

/// C2 for `s1`: signed when `s1` is.
fn answer(s1: &Packet, now: Time) -> Bytes {
    let mut c2 = echo(s1, now);
    if let Some((_, s1_digest)) = digest::find(s1, Side::Server) {
        let signature = digest::signature(&c2, &s1_digest, Side::Client);
        c2[SIGNATURE_AT..].copy_from_slice(&signature);
    }
    Bytes::copy_from_slice(&c2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::handshake::Server;

    #[test]
    fn shakes_hands_with_the_server() {
        let (mut client, first) = Client::start(&[1; 32], Time::from_millis(5));
        let mut server = Server::new([2; 32]);
        let answer = server.handle_input(&mut &first[..], Time::ZERO).expect("RTMP").expect("answered");
        let s1: &Packet = answer[1..=PACKET].try_into().expect("S1");
        let (_, s1_digest) = digest::find(s1, Side::Server).expect("signed");
        let mut input = &answer[..];
        let c2 = client.handle_input(&mut input, Time::ZERO).expect("RTMP").expect("answered");
        assert!(input.is_empty() && client.is_done() && !server.is_done());
        let packet: &Packet = c2[..].try_into().expect("C2");
        assert_eq!(c2[SIGNATURE_AT..], digest::signature(packet, &s1_digest, Side::Client));
        server.handle_input(&mut &c2[..], Time::ZERO).expect("RTMP");
        assert!(server.is_done());
    }

    #[test]
    fn another_version_is_refused() {
        let (mut client, _) = Client::start(&[1; 32], Time::ZERO);
        let got = client.handle_input(&mut [6].as_slice(), Time::ZERO);
        assert_eq!(got, Err(ErrorKind::NotRtmp(Foreign::Version(6))));
    }
}
