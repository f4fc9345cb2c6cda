//! The state of an output in plain words, the same wherever it is shown.

use crate::model::{OutputStatus, Phase};
use crate::units::{bitrate, counted, size};

/// Lag that is worth a word.
const LATE_SECONDS: f64 = 0.1;

/// What an output is doing, in one line.
pub(crate) fn words(o: &OutputStatus) -> String {
    let mut text = match o.phase {
        Phase::Starting => "starting".to_owned(),
        Phase::Listening => "listening; nobody is there".to_owned(),
        Phase::Resolving => "looking up the name of the server".to_owned(),
        Phase::Connecting => "connecting".to_owned(),
        Phase::Securing => "agreeing on keys".to_owned(),
        Phase::Handshaking => "shaking hands".to_owned(),
        Phase::Publishing => "asking the server to take the stream".to_owned(),
        Phase::Requesting => "asking the server for the stream".to_owned(),
        Phase::Waiting => waiting(o),
        Phase::Paused => "paused".to_owned(),
        Phase::Live => live(o),
        Phase::Stalled => format!("connected, but nothing has moved for {} s", whole(o.phase_seconds)),
        Phase::Draining => "delivering the rest".to_owned(),
        Phase::Ended => format!("ended; {} in all", size(o.bytes)),
        Phase::Failed => failed(o),
    };
    if matches!(o.phase, Phase::Live | Phase::Stalled) {
        if o.lag_seconds >= LATE_SECONDS {
            text += &format!(", {:.1} s late", o.lag_seconds);
        }
        if o.drops.total > 0 {
            text += &format!(", {} left out", o.drops.total);
        }
    }
    text
}

fn live(o: &OutputStatus) -> String {
    let rate = bitrate(o.bitrate);
    if o.attempts > 0 {
        format!("live, {rate}")
    } else if o.url.contains("://") {
        format!("{}, {rate}", counted(o.players, "player"))
    } else {
        format!("{}, {rate}", size(o.bytes))
    }
}

fn waiting(o: &OutputStatus) -> String {
    let why = o.last_error.as_ref().map_or("it failed", |e| e.text.as_str());
    match o.next_retry_seconds {
        Some(after) => format!("{why}; next try in {} s", whole(after)),
        None => why.to_owned(),
    }
}

fn failed(o: &OutputStatus) -> String {
    o.last_error.as_ref().map_or_else(|| "failed".to_owned(), |e| format!("failed: {}", e.text))
}

/// Whole seconds, never a fraction of none.
fn whole(seconds: f64) -> u64 {
    seconds.max(0.0).ceil() as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Drops, Failure};

    #[test]
    fn what_can_be_done_with_is_said() {
        let mut o = OutputStatus { url: "rtmp://h/live".into(), players: 2, bitrate: 2_000_000, ..Default::default() };
        o.phase = Phase::Live;
        assert_eq!(words(&o), "2 players, 2.0 Mb/s");
        (o.attempts, o.lag_seconds, o.drops) = (1, 0.85, Drops { total: 3, ..Drops::default() });
        assert_eq!(words(&o), "live, 2.0 Mb/s, 0.8 s late, 3 left out");
        o.phase = Phase::Waiting;
        o.last_error = Some(Failure { text: "connection refused".into(), at_seconds: 1.0 });
        o.next_retry_seconds = Some(3.2);
        assert_eq!(words(&o), "connection refused; next try in 4 s");
        o.phase = Phase::Failed;
        assert_eq!(words(&o), "failed: connection refused");
    }
}
