//! [`Clients`]: all connections of an address by slot, who may come, and who has to go for it.

use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, Ipv6Addr};

use weir_plugin::ConnId;

use crate::client::Client;
use crate::settings::AddressLimits;

/// Slot of a connection; stays the same for as long as it is open.
pub(crate) type Slot = usize;

/// The connections of one address.
pub(crate) struct Clients {
    limits: AddressLimits,
    slots: Vec<Option<Box<Client>>>,
    free: Vec<Slot>,
    by_conn: HashMap<ConnId, Slot>,
    by_source: HashMap<IpAddr, usize>,
    /// Connections in the order they came. Those that have played or gone are left out of it now and then.
    new: VecDeque<ConnId>,
    new_count: usize,
    /// Clients that play on other reactors. They count as the others do.
    away: usize,
}

impl Clients {
    pub(crate) fn new(limits: AddressLimits) -> Self {
        Self {
            limits,
            slots: Vec::new(),
            free: Vec::new(),
            by_conn: HashMap::new(),
            by_source: HashMap::new(),
            new: VecDeque::new(),
            new_count: 0,
            away: 0,
        }
    }

    pub(crate) fn limits(&self) -> AddressLimits {
        self.limits
    }

    /// Whether there is room for another connection.
    pub(crate) fn has_room(&self) -> bool {
        self.by_conn.len() + self.away < self.limits.connections
    }

    /// Whether there may be another connection from where `peer` is.
    pub(crate) fn admits(&self, peer: IpAddr) -> bool {
        self.by_source.get(&source(peer)).is_none_or(|count| *count < self.limits.per_ip)
    }

    /// The connection that came first of those that do not play, when a newcomer has to take its place.
    pub(crate) fn in_the_way(&mut self) -> Option<Slot> {
        if self.new_count < self.limits.new {
            return None;
        }
        while let Some(conn) = self.new.pop_front() {
            if let Some(slot) = self.find(conn).filter(|slot| self.is_new(*slot)) {
                return Some(slot);
            }
        }
        None
    }

    fn is_new(&self, slot: Slot) -> bool {
        self.get(slot).is_some_and(|p| p.is_new)
    }

    /// Takes a newcomer in.
    pub(crate) fn insert(&mut self, client: Client) -> Slot {
        let slot = self.free_slot();
        *self.by_source.entry(source(client.peer.ip())).or_default() += 1;
        self.by_conn.insert(client.conn, slot);
        self.new.push_back(client.conn);
        self.new_count += 1;
        self.slots[slot] = Some(Box::new(client));
        if self.new.len() > 2 * self.new_count + 64 {
            let new = std::mem::take(&mut self.new);
            self.new = new.into_iter().filter(|conn| self.find(*conn).is_some_and(|slot| self.is_new(slot))).collect();
        }
        slot
    }

    /// A slot for a client that comes.
    fn free_slot(&mut self) -> Slot {
        self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            self.slots.len() - 1
        })
    }

    /// Takes in a client that moves here, as one that was taken out: [`Clients::put`] or [`Clients::forget`] follows. It
    /// counts where it came first.
    pub(crate) fn adopt(&mut self, conn: ConnId) -> Slot {
        let slot = self.free_slot();
        self.by_conn.insert(conn, slot);
        slot
    }

    /// A client that was taken out moves on.
    pub(crate) fn release(&mut self, slot: Slot, conn: ConnId) {
        self.by_conn.remove(&conn);
        self.free.push(slot);
    }

    /// A client that was taken out moves on, and is still counted here.
    pub(crate) fn sent_away(&mut self, slot: Slot, conn: ConnId) {
        self.release(slot, conn);
        self.away += 1;
    }

    /// One that was sent away comes back.
    pub(crate) fn come_home(&mut self, conn: ConnId) -> Slot {
        self.away = self.away.saturating_sub(1);
        self.adopt(conn)
    }

    /// One that was sent away is gone.
    pub(crate) fn gone(&mut self, peer: IpAddr) {
        self.away = self.away.saturating_sub(1);
        self.uncount(peer);
    }

    /// A client plays or publishes for the first time.
    pub(crate) fn has_begun(&mut self, client: &mut Client) {
        if std::mem::take(&mut client.is_new) {
            self.new_count -= 1;
        }
    }

    pub(crate) fn find(&self, conn: ConnId) -> Option<Slot> {
        self.by_conn.get(&conn).copied()
    }

    pub(crate) fn get(&self, slot: Slot) -> Option<&Client> {
        self.slots.get(slot)?.as_deref()
    }

    pub(crate) fn get_mut(&mut self, slot: Slot) -> Option<&mut Client> {
        self.slots.get_mut(slot)?.as_deref_mut()
    }

    /// Takes a client out while it is being served; [`Clients::put`] or [`Clients::forget`] follows.
    pub(crate) fn take(&mut self, slot: Slot) -> Option<Box<Client>> {
        self.slots.get_mut(slot)?.take()
    }

    /// Puts a client back.
    pub(crate) fn put(&mut self, slot: Slot, client: Box<Client>) {
        self.slots[slot] = Some(client);
    }

    /// A client that was taken out is gone.
    pub(crate) fn forget(&mut self, slot: Slot, mut client: Box<Client>) {
        self.has_begun(&mut client);
        self.by_conn.remove(&client.conn);
        self.free.push(slot);
        self.uncount(client.peer.ip());
    }

    fn uncount(&mut self, peer: IpAddr) {
        let source = source(peer);
        if let Some(count) = self.by_source.get_mut(&source) {
            *count -= 1;
            if *count == 0 {
                self.by_source.remove(&source);
            }
        }
    }

    /// All clients, but for one that is taken out.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Client> {
        self.slots.iter().flatten().map(|p| &**p)
    }
}

/// Where connections count as coming from one peer: an address, or a /64, which one host of IPv6 has to itself.
fn source(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V6(ip) => Ipv6Addr::from_bits(ip.to_bits() & !u128::from(u64::MAX)).into(),
        v4 => v4,
    }
}

#[cfg(test)]
impl Clients {
    /// Clients that play on other reactors.
    pub(crate) fn away(&self) -> usize {
        self.away
    }

    /// Entries of the list of newcomers.
    pub(crate) fn remembered(&self) -> usize {
        self.new.len()
    }

    /// Fails when counts do not agree with what there is.
    pub(crate) fn check(&self) {
        assert_eq!(self.iter().count(), self.by_conn.len());
        assert_eq!(self.slots.len(), self.by_conn.len() + self.free.len());
        assert_eq!(self.iter().filter(|p| p.is_new).count(), self.new_count);
        assert!(self.new_count <= self.limits.new && self.by_conn.len() + self.away <= self.limits.connections);
        let mut by_source = HashMap::new();
        self.iter().for_each(|p| *by_source.entry(source(p.peer.ip())).or_default() += 1);
        assert_eq!(self.by_source.values().sum::<usize>(), by_source.values().sum::<usize>() + self.away);
        assert!(self.away > 0 || by_source == self.by_source);
        assert!(by_source.values().all(|count| *count <= self.limits.per_ip));
        let waits = |p: &Client| !p.is_new || self.new.contains(&p.conn);
        assert!(self.iter().all(waits), "a connection that cannot be chosen to go");
    }
}
