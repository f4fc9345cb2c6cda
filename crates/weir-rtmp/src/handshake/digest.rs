//! The digest ("complex") handshake: HMAC-SHA256 digests hidden in C1 and S1, signatures closing C2 and S2.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::{PACKET, Packet};

/// Bytes of a digest or signature.
pub const DIGEST: usize = 32;
/// Where the signature of C2 and S2 begins.
pub const SIGNATURE_AT: usize = PACKET - DIGEST;

const TAIL: [u8; 32] = [
    0xF0, 0xEE, 0xC2, 0x4A, 0x80, 0x68, 0xBE, 0xE8, 0x2E, 0x00, 0xD0, 0xD1, 0x02, 0x9E, 0x7E, 0x57, 0x6E, 0xEC, 0x5D,
    0x2D, 0x29, 0x80, 0x6F, 0xAB, 0x93, 0xB8, 0xE6, 0x36, 0xCF, 0xEB, 0x31, 0xAE,
];

/// Which end of the connection made a packet; each end signs with a key of its own.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Side {
    /// Signs C1 and C2.
    Client,
    /// Signs S1 and S2.
    Server,
}

impl Side {
    /// The published key text: alone it keys digests, with [`TAIL`] it keys signatures.
    const fn text(self) -> &'static [u8] {
        match self {
            Self::Client => b"Genuine Adobe Flash Player 001",
            Self::Server => b"Genuine Adobe Flash Media Server 001",
        }
    }
}

/// Where in a packet its digest lies.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Scheme {
    /// Scheme 0: the digest block comes first.
    DigestFirst,
    /// Scheme 1: the key block comes first.
    KeyFirst,
}

impl Scheme {
    /// Offset of the digest within `packet`: the sum of four bytes picks one of 728 places.
    #[must_use]
    pub fn offset(self, packet: &Packet) -> usize {
        let at = match self {
            Self::DigestFirst => 8,
            Self::KeyFirst => 772,
        };
        let sum: usize = packet[at..at + 4].iter().map(|&b| usize::from(b)).sum();
        sum % 728 + at + 4
    }
}

fn mac(key: &[u8], parts: &[&[u8]]) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    parts.iter().for_each(|part| mac.update(part));
    mac
}

fn digest_mac(packet: &Packet, offset: usize, side: Side) -> Hmac<Sha256> {
    mac(side.text(), &[&packet[..offset], &packet[offset + DIGEST..]])
}

/// Writes the digest of `packet` (a C1 or S1) into it, and returns it.
pub fn sign(packet: &mut Packet, scheme: Scheme, side: Side) -> [u8; DIGEST] {
    let offset = scheme.offset(packet);
    let digest: [u8; DIGEST] = digest_mac(packet, offset, side).finalize().into_bytes().into();
    packet[offset..offset + DIGEST].copy_from_slice(&digest);
    digest
}

/// Finds a valid digest in `packet` (a C1 or S1); `None` when it is not signed by `side`.
#[must_use]
pub fn find(packet: &Packet, side: Side) -> Option<(Scheme, [u8; DIGEST])> {
    [Scheme::KeyFirst, Scheme::DigestFirst].into_iter().find_map(|scheme| {
        let offset = scheme.offset(packet);
        let found = &packet[offset..offset + DIGEST];
        digest_mac(packet, offset, side).verify_slice(found).ok()?;
        Some((scheme, found.try_into().expect("a slice of DIGEST bytes")))
    })
}

/// The signature that closes `packet` (a C2 or S2) made by `side` in answer to `peer_digest`.
#[must_use]
pub fn signature(packet: &Packet, peer_digest: &[u8; DIGEST], side: Side) -> [u8; DIGEST] {
    let key = mac(&[side.text(), &TAIL].concat(), &[peer_digest]).finalize().into_bytes();
    mac(&key, &[&packet[..SIGNATURE_AT]]).finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::handshake::tests::{hex, patterned};

    /// One row of the vectors: head, step and start of the pattern, and the expected values per scheme.
    fn check(side: Side, head: [u8; 8], step: usize, start: usize, rows: [(Scheme, usize, &str, &str); 2]) {
        for (scheme, offset, digest, closing) in rows {
            let mut packet = patterned(head, step, start);
            assert_eq!(scheme.offset(&packet), offset);
            let got = sign(&mut packet, scheme, side);
            assert_eq!(hex(&got), digest);
            assert_eq!(find(&packet, side), Some((scheme, got)));
            let mut second = [0; PACKET];
            second.iter_mut().enumerate().for_each(|(i, b)| *b = (i * 5 + 1) as u8);
            let other = if side == Side::Client { Side::Server } else { Side::Client };
            assert_eq!(hex(&signature(&second, &got, other)), closing);
            packet[offset] ^= 1;
            assert_eq!(find(&packet, side), None);
        }
    }

    #[test]
    fn client_vectors() {
        let rows = [
            (
                Scheme::DigestFirst,
                66,
                "57558039f689da2cd14bff731a86b6af64501620e140ff7d2265d3260626b728",
                "c10a44f8b694d98cde4993863909873ed8720870b7fa9b7f8278b90bca1421cf",
            ),
            (
                Scheme::KeyFirst,
                1014,
                "ee57cd4468042a4a1d0356c6fa2a54e53deff6e11afca7fc1e8b559bf25ec48e",
                "e182b3d3d10564e00ac6a6b444075f0300385eddc9fec1fb24509b69dfaeb355",
            ),
        ];
        check(Side::Client, [0, 0, 0, 0, 0x80, 0, 7, 2], 7, 3, rows);
    }

    #[test]
    fn server_vectors() {
        let rows = [
            (
                Scheme::DigestFirst,
                98,
                "775139fae387b36d6dccf7dacfe795a109f51eecc95bec06cc095a6091de016d",
                "c5ec2a71ace55f9c64a95b2064d9d7cb93fd2e38e842bb1a4acb3d75a45b7e21",
            ),
            (
                Scheme::KeyFirst,
                982,
                "29f81fdc3e913685c8cca708e670de0a05e307b7d2e5d773c8023095fdacdd0e",
                "be1c5e4513d1ea7d1d33912af433c8e0358346ebd101e2a56872bd3119ab2eb2",
            ),
        ];
        check(Side::Server, [0, 0, 0, 0, 3, 5, 1, 2], 11, 5, rows);
    }

    #[test]
    fn offsets_stay_inside() {
        for byte in 0..=255 {
            let packet = [byte; PACKET];
            assert!((12..=739).contains(&Scheme::DigestFirst.offset(&packet)));
            assert!((776..=1503).contains(&Scheme::KeyFirst.offset(&packet)));
        }
    }
}
