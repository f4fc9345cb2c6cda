//! What the log is told when the way to a server changes.

use weir_plugin::{Ctx, Level, OutputRecord, Phase};

/// Logs what is new in a record: an error with the next try, and the phase. `at` stands before the address of a server
/// that is live.
pub(crate) fn tell_changes(ctx: &mut Ctx<'_>, before: &OutputRecord, record: &OutputRecord, at: &str) {
    let news = record.last_error.as_ref().filter(|e| before.last_error.as_ref() != Some(e));
    if let Some((text, _)) = news {
        let then = match record.next_retry {
            Some(time) => format!("; next try in {:.1} s", time.since(ctx.now()).as_secs_f64()),
            None => String::new(),
        };
        ctx.log(Level::Warning, format!("{}: {text}{then}", record.target));
    }
    if record.phase != before.phase {
        let peer = record.peer.filter(|_| record.phase == Phase::Live);
        let peer = peer.map(|peer| format!(" {at} {peer}")).unwrap_or_default();
        ctx.log(Level::Info, format!("{}: {}{peer} (attempt {})", record.target, record.phase, record.attempts));
    }
}
