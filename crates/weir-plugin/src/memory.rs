//! One memory account for the whole process: media kept beyond a call is leased from it, and refused beyond the cap.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

#[derive(Debug)]
struct Account {
    used: AtomicUsize,
    cap: usize,
}

/// A shared account with a cap in bytes. Cloning shares it.
#[derive(Clone, Debug)]
pub struct Memory(Arc<Account>);

impl Memory {
    /// An account that refuses leases beyond `cap` bytes.
    #[must_use]
    pub fn new(cap: usize) -> Self {
        Self(Arc::new(Account { used: AtomicUsize::new(0), cap }))
    }

    /// Leases `bytes`; `None` when that would exceed the cap.
    #[must_use]
    pub fn lease(&self, bytes: usize) -> Option<Lease> {
        let fits = |used: usize| used.checked_add(bytes).filter(|total| *total <= self.0.cap);
        self.0.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits).ok()?;
        Some(Lease { account: self.clone(), bytes })
    }

    /// Bytes leased now.
    #[must_use]
    pub fn used(&self) -> usize {
        self.0.used.load(Ordering::Relaxed)
    }

    /// The cap, bytes.
    #[must_use]
    pub fn cap(&self) -> usize {
        self.0.cap
    }
}

/// Bytes leased from a [`Memory`]; given back when dropped.
#[derive(Debug)]
pub struct Lease {
    account: Memory,
    bytes: usize,
}

impl Lease {
    /// Bytes held.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Grows or shrinks the lease; false, and unchanged, when growing would exceed the cap.
    #[must_use]
    pub fn resize(&mut self, bytes: usize) -> bool {
        if bytes <= self.bytes {
            self.account.0.used.fetch_sub(self.bytes - bytes, Ordering::Relaxed);
        } else if let Some(mut more) = self.account.lease(bytes - self.bytes) {
            more.bytes = 0; // taken over
        } else {
            return false;
        }
        self.bytes = bytes;
        true
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.account.0.used.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cap_holds_and_leases_come_back() {
        let memory = Memory::new(100);
        let mut a = memory.lease(60).expect("fits");
        assert!(memory.lease(41).is_none());
        assert!(a.resize(100) && !a.resize(101));
        assert_eq!((a.bytes(), memory.used()), (100, 100));
        assert!(a.resize(10));
        drop(a);
        assert_eq!(memory.used(), 0);
    }
}
