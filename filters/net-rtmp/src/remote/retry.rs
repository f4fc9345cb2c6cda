//! [`Retry`]: when a push that failed is tried again. Pure: time spent and randomness come in.

use std::time::Duration;

/// A session that carried media for this long has proved itself: what went before it is forgotten.
pub(crate) const PROVEN: Duration = Duration::from_secs(30);
/// Waits after the network failed: the first, and the longest.
const FAST: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));
/// Waits after the server refused: trying hard makes a wrong key no better, and some servers ban who does.
const SLOW: (Duration, Duration) = (Duration::from_secs(30), Duration::from_secs(300));
/// Each wait is longer than the one before by this, in percent.
const GROWTH: u32 = 170;
/// Waits are longer or shorter by up to this, in percent, so that many pushes do not come back in step.
const JITTER: u32 = 20;

/// Why an attempt or a session ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Class {
    /// The network, or a server that is not there now.
    Network,
    /// The server does not want it: a wrong key, a wrong name, a certificate nobody trusts.
    Refused,
}

/// Failures so far, and how many there may be.
#[derive(Clone, Debug)]
pub(crate) struct Retry {
    /// Tries after the first; `None` is without end.
    most: Option<u32>,
    failures: u32,
    last: Option<(Class, Duration)>,
}

impl Retry {
    pub(crate) fn new(most: Option<u32>) -> Self {
        Self { most, failures: 0, last: None }
    }

    /// How long to wait after a failure of `class`, in a session that carried media for `live`; `None` to give up.
    /// `random` is any number.
    pub(crate) fn next(&mut self, class: Class, live: Duration, random: u32) -> Option<Duration> {
        if live >= PROVEN {
            self.failures = 0;
            self.last = None;
        }
        self.failures += 1;
        if self.most.is_some_and(|most| self.failures > most) {
            return None;
        }
        if live >= PROVEN && class == Class::Network {
            // The next one, should this fail, waits as the first.
            return Some(Duration::ZERO);
        }
        let (first, longest) = if class == Class::Network { FAST } else { SLOW };
        let wait = match self.last {
            Some((before, wait)) if before == class => (wait * GROWTH / 100).min(longest),
            _ => first,
        };
        self.last = Some((class, wait));
        Some(wait * (100 - JITTER + random % (2 * JITTER + 1)) / 100)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Middle of the jitter.
    const MIDDLE: u32 = JITTER;

    fn waits(retry: &mut Retry, class: Class, n: usize) -> Vec<f64> {
        let wait =
            |_| retry.next(class, Duration::ZERO, MIDDLE).map_or(-1.0, |w| (w.as_secs_f64() * 10.0).round() / 10.0);
        (0..n).map(wait).collect()
    }

    #[test]
    fn waits_grow_up_to_a_cap() {
        let mut retry = Retry::new(None);
        assert_eq!(waits(&mut retry, Class::Network, 8), [1.0, 1.7, 2.9, 4.9, 8.4, 14.2, 24.1, 30.0]);
        assert_eq!(waits(&mut retry, Class::Refused, 6), [30.0, 51.0, 86.7, 147.4, 250.6, 300.0]);
        assert_eq!(waits(&mut retry, Class::Network, 1), [1.0], "another reason starts anew");
    }

    #[test]
    fn jitter_is_a_fifth_either_way() {
        let wait = |random| Retry::new(None).next(Class::Network, Duration::ZERO, random);
        let all: Vec<_> = (0..=2 * JITTER).filter_map(wait).map(|w| w.as_millis()).collect();
        assert_eq!((all.iter().min(), all.iter().max()), (Some(&800), Some(&1200)));
    }

    #[test]
    fn only_media_resets_the_budget() {
        let mut retry = Retry::new(Some(2));
        assert_eq!(waits(&mut retry, Class::Network, 3), [1.0, 1.7, -1.0]);
        let mut retry = Retry::new(Some(2));
        waits(&mut retry, Class::Network, 2);
        assert_eq!(retry.next(Class::Network, PROVEN, MIDDLE), Some(Duration::ZERO), "at once");
        assert_eq!(waits(&mut retry, Class::Network, 2), [1.0, -1.0]);
        assert_eq!(Retry::new(Some(0)).next(Class::Network, Duration::ZERO, 0), None);
    }
}
