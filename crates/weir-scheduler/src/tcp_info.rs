//! What Linux tells of a TCP connection (`TCP_INFO`, tcp(7)). The one system call here that no safe crate wraps.
#![allow(unsafe_code)]

use std::os::fd::{AsFd, AsRawFd};
use std::time::Duration;

use weir_plugin::PathInfo;

/// Up to `tcpi_notsent_bytes`. Fields are only ever added behind, so an offset means the same on every kernel.
const LENGTH: usize = 148;
const UNACKED: usize = 24;
const RTT: usize = 68;
const TOTAL_RETRANS: usize = 100;
const BYTES_ACKED: usize = 120;
const NOTSENT_BYTES: usize = 144;

/// Reads it; `None` when the system does not give all of it.
pub(crate) fn read(socket: &impl AsFd) -> Option<PathInfo> {
    let mut info = [0_u8; LENGTH];
    let mut length = libc::socklen_t::try_from(LENGTH).ok()?;
    // SAFETY: the descriptor is open while `socket` is borrowed, and the system writes at most `length` bytes to `info`.
    let result = unsafe {
        libc::getsockopt(
            socket.as_fd().as_raw_fd(),
            libc::IPPROTO_TCP,
            libc::TCP_INFO,
            info.as_mut_ptr().cast(),
            &raw mut length,
        )
    };
    if result != 0 || (length as usize) < LENGTH {
        return None;
    }
    let word = |at: usize| u32::from_ne_bytes([info[at], info[at + 1], info[at + 2], info[at + 3]]);
    let acked = info[BYTES_ACKED..BYTES_ACKED + 8].try_into().ok()?;
    Some(PathInfo {
        rtt: Duration::from_micros(word(RTT).into()),
        retransmits: word(TOTAL_RETRANS),
        acked: u64::from_ne_bytes(acked),
        unsent: word(NOTSENT_BYTES),
        unacked: word(UNACKED),
    })
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn what_a_peer_has_taken_is_acknowledged() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let mut near = TcpStream::connect(listener.local_addr().expect("it is bound")).expect("it listens");
        let (mut far, _) = listener.accept().expect("a connection waits");
        near.write_all(&[7; 1000]).expect("there is room");
        far.read_exact(&mut [0; 1000]).expect("they come");
        far.write_all(&[7]).expect("there is room");
        near.read_exact(&mut [0]).expect("the answer acknowledges what went before it");
        let info = read(&near).expect("Linux tells");
        // The SYN counts, too.
        assert!((1000..=1001).contains(&info.acked), "{info:?}");
        assert_eq!((info.unsent, info.retransmits), (0, 0));
        assert!(info.rtt > Duration::ZERO);
    }
}
