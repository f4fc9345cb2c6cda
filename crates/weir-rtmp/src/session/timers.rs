//! The deadlines of a session in one table.

use weir_media::Time;

/// What a deadline is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Timer {
    /// The end of the phase.
    Phase,
    /// When to ping a silent peer, or to give it up.
    Silence,
}

/// At most one deadline per [`Timer`].
#[derive(Debug, Default)]
pub(crate) struct Timers([Option<Time>; 2]);

impl Timers {
    pub(crate) const fn set(&mut self, timer: Timer, at: Time) {
        self.0[timer as usize] = Some(at);
    }

    pub(crate) const fn clear(&mut self, timer: Timer) {
        self.0[timer as usize] = None;
    }

    pub(crate) const fn is_set(&self, timer: Timer) -> bool {
        self.0[timer as usize].is_some()
    }

    /// The earliest deadline.
    pub(crate) fn next(&self) -> Option<Time> {
        self.0.iter().flatten().min().copied()
    }

    /// Whether the deadline of `timer` has come; clears it then.
    pub(crate) fn expired(&mut self, timer: Timer, now: Time) -> bool {
        let due = self.0[timer as usize].is_some_and(|at| at <= now);
        if due {
            self.clear(timer);
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn earliest_first() {
        let mut timers = Timers::default();
        assert_eq!(timers.next(), None);
        timers.set(Timer::Silence, Time::from_millis(5));
        timers.set(Timer::Phase, Time::from_millis(3));
        assert_eq!(timers.next(), Some(Time::from_millis(3)));
        assert!(!timers.expired(Timer::Phase, Time::from_millis(2)));
        assert!(timers.expired(Timer::Phase, Time::from_millis(3)));
        assert_eq!(timers.next(), Some(Time::from_millis(5)));
    }
}
