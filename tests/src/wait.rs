//! Waiting for conditions.

use std::thread;
use std::time::{Duration, Instant};

/// Longer than anything here takes on a slow, loaded machine. Reached only when something is broken.
pub const TIMEOUT: Duration = Duration::from_secs(100);

/// How often a condition is looked at.
const STEP: Duration = Duration::from_millis(20);

/// Waits until `condition` gives something.
///
/// # Panics
/// When it does not within [`TIMEOUT`]; the message is `what`.
#[track_caller]
pub fn until<T>(what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(value) = condition() {
            return value;
        }
        assert!(start.elapsed() < TIMEOUT, "waited {TIMEOUT:?} in vain: {what}");
        thread::sleep(STEP);
    }
}

/// Waits until `condition` holds.
///
/// # Panics
/// As [`until`].
#[track_caller]
pub fn until_true(what: &str, mut condition: impl FnMut() -> bool) {
    until(what, || condition().then_some(()));
}
