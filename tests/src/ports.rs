//! Free TCP ports. They lie outside the range that outgoing connections take theirs from. A UDP socket on the same
//! number reserves one among all tests on the machine, so that none is lost between being found and being used.

use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};

const FIRST: u16 = 20_000;
const COUNT: u16 = 10_000;

static NEXT: AtomicU32 = AtomicU32::new(0);

/// A port that is ours as long as this lives.
#[derive(Debug)]
pub(crate) struct Port {
    pub(crate) number: u16,
    _reserved: UdpSocket,
}

impl Port {
    /// # Panics
    /// When none is free.
    pub(crate) fn free() -> Self {
        let spread = process::id().wrapping_mul(16); // so that processes seldom try the same ones
        let candidate = |_| spread.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed)) % u32::from(COUNT);
        let number = |n| FIRST + u16::try_from(n).expect("below COUNT");
        (0..COUNT).map(candidate).map(number).find_map(Self::reserve).expect("one port in ten thousand is free")
    }

    fn reserve(number: u16) -> Option<Self> {
        let reserved = UdpSocket::bind((Ipv4Addr::LOCALHOST, number)).ok()?;
        TcpListener::bind((Ipv4Addr::LOCALHOST, number)).ok()?;
        Some(Self { number, _reserved: reserved })
    }
}
