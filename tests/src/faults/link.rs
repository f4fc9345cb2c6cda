//! [`Link`]: a network that loses, delays or swallows packets, by the numbers of a seed. No kernel needs netem for it.
//!
//! It is a TUN device with one address on this side. What is sent to the other side's address comes out of the device;
//! source and destination are swapped in it and it goes back in, so that it arrives here, from the other side. Swapping
//! leaves all checksums right. So two programs on this machine talk over a wire of ours.

use std::net::Ipv4Addr;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use std::{io, thread};

use tun_rs::{DeviceBuilder, SyncDevice};

/// This side.
const HERE: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 1);
/// The other side: connect to it, and whoever listens on this machine answers.
const THERE: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 2);
/// Bits of the network both are in.
const PREFIX: u8 = 24;
/// Bytes of a packet.
const MTU: u16 = 1500;

/// What the link does to each packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Condition {
    /// Passes it on at once.
    Clear,
    /// Loses it with this probability, and passes it on this much later.
    Lossy {
        /// Of a hundred.
        percent: u64,
        /// One way.
        delay: Duration,
    },
    /// Swallows it.
    Cut,
}

/// See the module documentation. It lasts as long as the process.
#[derive(Clone, Debug)]
pub struct Link(Arc<Mutex<Condition>>);

impl Link {
    /// Makes the device. Needs the right to: see [`Space`](super::Space).
    ///
    /// # Errors
    /// The device cannot be made.
    pub fn new(seed: u64) -> io::Result<Self> {
        let builder = DeviceBuilder::new().name("weir-link").ipv4(HERE, PREFIX, None).mtu(MTU);
        let device = Arc::new(builder.build_sync()?);
        let condition = Arc::new(Mutex::new(Condition::Clear));
        let (sender, receiver) = channel();
        let (out, back) = (Arc::clone(&device), Arc::clone(&condition));
        thread::spawn(move || pass_on(&out, &receiver));
        thread::spawn(move || receive(&device, &back, Dice(seed), &sender));
        Ok(Self(condition))
    }

    /// The address of the other side.
    #[must_use]
    pub const fn there() -> Ipv4Addr {
        THERE
    }

    /// Changes what it does, from the next packet on.
    ///
    /// # Panics
    /// Never: nothing panics while it holds the lock.
    pub fn set(&self, condition: Condition) {
        *self.0.lock().expect("nothing panics while it holds the lock") = condition;
    }
}

/// A packet, and when it is passed on.
type Due = (Instant, Vec<u8>);

fn receive(device: &SyncDevice, condition: &Mutex<Condition>, mut dice: Dice, sender: &Sender<Due>) {
    let mut packet = vec![0; usize::from(u16::MAX)];
    while let Ok(count) = device.recv(&mut packet) {
        let now = Instant::now();
        let due = match *condition.lock().expect("nothing panics while it holds the lock") {
            Condition::Cut => continue,
            Condition::Clear => now,
            Condition::Lossy { percent, .. } if dice.next() % 100 < percent => continue,
            Condition::Lossy { delay, .. } => now + delay,
        };
        if let Some(turned) = turn(&packet[..count])
            && sender.send((due, turned)).is_err()
        {
            return;
        }
    }
}

/// The packet with source and destination swapped; nothing when it is not IPv4.
fn turn(packet: &[u8]) -> Option<Vec<u8>> {
    if packet.len() < 20 || packet[0] >> 4 != 4 {
        return None;
    }
    let mut turned = packet.to_vec();
    turned[12..20].rotate_left(4);
    Some(turned)
}

/// Packets leave in the order they came: a link that gets faster does not overtake itself.
fn pass_on(device: &SyncDevice, packets: &Receiver<Due>) {
    for (due, packet) in packets {
        thread::sleep(due.saturating_duration_since(Instant::now())); // not for luck: this is the delay of the link
        let _ = device.send(&packet); // a device that is busy loses packets, as any network may
    }
}

/// A small generator of pseudo-random numbers (splitmix64).
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turned_packet_goes_the_other_way() {
        let mut packet = vec![0x45; 24];
        packet[12..20].copy_from_slice(&[10, 77, 0, 1, 10, 77, 0, 2]);
        let turned = turn(&packet).expect("it is IPv4");
        assert_eq!(turned[12..20], [10, 77, 0, 2, 10, 77, 0, 1]);
        assert_eq!(turned[20..], packet[20..]);
        assert_eq!(turn(&[0x60; 40]), None);
    }
}
