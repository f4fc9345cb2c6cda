//! [`Watcher`]: a player that judges what it gets, misbehaves as it is told, and comes back when it was thrown out.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::clip::{Clip, Judge, Seen};
use crate::client::Client;

/// How often it looks whether anything has changed.
const LOOK: Duration = Duration::from_millis(20);
/// A slow one waits this long after each message: it takes a third of them.
const PAUSE: Duration = Duration::from_millis(40);

/// What a player does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Manner {
    /// Takes everything.
    Good,
    /// Stops reading.
    Freezes,
    /// Reads slowly.
    Sips,
}

#[derive(Debug)]
struct Shared {
    manner: Mutex<Manner>,
    judge: Mutex<Judge>,
    stops: AtomicBool,
}

/// A playing player. It ends when dropped, and at the latest with the stream.
#[derive(Debug)]
pub struct Watcher {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("nothing panics while it holds the lock")
}

impl Watcher {
    /// Plays `url`, where somebody listens.
    #[must_use]
    pub fn start(url: String, clip: &Arc<Clip>) -> Self {
        let judge = Mutex::new(Judge::new(clip));
        let shared = Arc::new(Shared { manner: Mutex::new(Manner::Good), judge, stops: AtomicBool::new(false) });
        let watching = Arc::clone(&shared);
        let thread = Some(thread::spawn(move || watch(&url, &watching)));
        Self { shared, thread }
    }

    /// What it does from now on.
    pub fn set(&self, manner: Manner) {
        *lock(&self.shared.manner) = manner;
    }

    /// What it got so far.
    #[must_use]
    pub fn seen(&self) -> Seen {
        lock(&self.shared.judge).seen().clone()
    }

    /// What it got, once its stream is over. Nobody must serve it any more.
    #[must_use]
    pub fn finish(mut self) -> Seen {
        self.shared.stops.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join(); // one that panicked has got less, which is seen
        }
        self.seen()
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.shared.stops.store(true, Ordering::Relaxed);
    }
}

/// Plays, again and again, until it is told to stop and the stream is over.
fn watch(url: &str, shared: &Shared) {
    loop {
        if let Ok(client) = Client::play(url) {
            lock(&shared.judge).begin();
            play(client, shared);
        }
        if shared.stops.load(Ordering::Relaxed) {
            return;
        }
        thread::sleep(LOOK);
    }
}

fn play(mut client: Client, shared: &Shared) {
    loop {
        let manner = *lock(&shared.manner);
        match manner {
            Manner::Freezes if !shared.stops.load(Ordering::Relaxed) => {
                thread::sleep(LOOK);
                continue;
            }
            Manner::Sips => thread::sleep(PAUSE),
            _ => {}
        }
        let Ok(media) = client.next() else { return };
        lock(&shared.judge).take(media.kind, &media.body, Instant::now());
    }
}
