//! Ctrl-C and SIGTERM: once ends the session cleanly, twice at once.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use weir::Control;

/// After a second signal the process ends by itself, or is ended after this.
const ABORT_GRACE: Duration = Duration::from_secs(1);

static SIGNALS: AtomicUsize = AtomicUsize::new(0);

/// Signals received so far.
pub(crate) fn count() -> usize {
    SIGNALS.load(Ordering::Relaxed)
}

/// Follows signals on a thread of its own.
pub(crate) fn install(control: Control) -> io::Result<()> {
    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    std::thread::Builder::new().name("weir-signals".to_owned()).spawn(move || {
        for _ in signals.forever() {
            if SIGNALS.fetch_add(1, Ordering::Relaxed) == 0 {
                control.stop();
            } else {
                control.abort();
                std::thread::sleep(ABORT_GRACE);
                crate::report::give_back();
                std::process::exit(crate::ABORTED.into());
            }
        }
    })?;
    Ok(())
}
