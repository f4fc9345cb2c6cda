//! Parcels between reactors: a bounded queue and a call to the other side, at most one call for all that waits. Nobody waits
//! for room.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crossbeam_channel::{Receiver, Sender, TryRecvError, TrySendError, bounded, unbounded};
use mio::Waker;
use weir_plugin::{Error, FilterId, Level, Message, ReactorId, Service};

use crate::net::Conn;

/// Parcels that wait for a reactor other than home: seconds of media, in batches. Who cannot get more in keeps its own.
const QUEUE: usize = 1024;

/// What goes from one reactor to another.
pub(crate) struct Parcel {
    pub(crate) from: ReactorId,
    pub(crate) service: usize,
    pub(crate) load: Load,
}

/// See [`Arrived`](crate::platform::Arrived), which it becomes.
pub(crate) enum Load {
    Twin(Box<dyn Service>),
    Told(Message),
    Moved(Box<Conn>, Message),
    Abandoned,
    Post(FilterId, Message),
    Log(Level, String),
    Broken(Error),
}

impl Load {
    /// The message in it; empty when there is none.
    pub(crate) fn into_message(self) -> Message {
        match self {
            Self::Told(message) | Self::Moved(_, message) | Self::Post(_, message) => message,
            Self::Twin(_) | Self::Abandoned | Self::Log(..) | Self::Broken(_) => Box::new(()),
        }
    }
}

/// The sending end.
#[derive(Clone)]
pub(crate) struct Outbox {
    parcels: Option<Sender<Parcel>>,
    waker: Arc<Waker>,
    /// The other side has been called and has not looked since.
    called: Arc<AtomicBool>,
}

/// The receiving end.
pub(crate) struct Inbox {
    parcels: Receiver<Parcel>,
    called: Arc<AtomicBool>,
    cut_off: bool,
}

/// A way to home. It is unbounded: what others send is bounded by their connections, and home must not lose count of them.
pub(crate) fn to_home(waker: Arc<Waker>) -> (Outbox, Inbox) {
    ends(unbounded(), waker)
}

/// A way to another reactor.
pub(crate) fn from_home(waker: Arc<Waker>) -> (Outbox, Inbox) {
    ends(bounded(QUEUE), waker)
}

fn ends((send, receive): (Sender<Parcel>, Receiver<Parcel>), waker: Arc<Waker>) -> (Outbox, Inbox) {
    let called = Arc::new(AtomicBool::new(false));
    let inbox = Inbox { parcels: receive, called: Arc::clone(&called), cut_off: false };
    (Outbox { parcels: Some(send), waker, called }, inbox)
}

impl Outbox {
    /// Whether one more parcel can be sent.
    pub(crate) fn has_room(&self) -> bool {
        self.parcels.as_ref().is_some_and(|parcels| !parcels.is_full())
    }

    /// Sends, or gives the parcel back.
    pub(crate) fn send(&self, parcel: Parcel) -> Result<(), Parcel> {
        let Some(parcels) = &self.parcels else { return Err(parcel) };
        parcels.try_send(parcel).map_err(TrySendError::into_inner)?;
        self.call();
        Ok(())
    }

    fn call(&self) {
        if !self.called.swap(true, Ordering::AcqRel) {
            // Waking fails only when the other side is gone, which shows when it is sent to.
            let _ = self.waker.wake();
        }
    }
}

impl Drop for Outbox {
    fn drop(&mut self) {
        self.parcels = None;
        let _ = self.waker.wake();
    }
}

impl Inbox {
    /// The next parcel. Once there is none, the sender calls again for what it sends from then on.
    pub(crate) fn next(&mut self) -> Option<Parcel> {
        self.called.store(false, Ordering::Release);
        match self.parcels.try_recv() {
            Ok(parcel) => Some(parcel),
            Err(e) => {
                self.cut_off = e == TryRecvError::Disconnected;
                None
            }
        }
    }

    /// Whether there is no sender any more.
    pub(crate) fn is_cut_off(&self) -> bool {
        self.cut_off
    }
}
