//! [`Order`]: what can be asked of a filter while the session runs.

/// Something asked of one filter.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Order {
    /// Its number in the graph, from 1.
    pub filter: usize,
    /// What.
    pub what: What,
}

/// See [`Order`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum What {
    /// An output that waits to try again does so now.
    Retry,
    /// An output leaves its peer, and waits.
    Pause,
    /// An output that was paused goes on.
    Resume,
    /// An output delivers what it has and ends. With the last one the session ends.
    End,
    /// An encoder makes a key frame soon.
    Key,
    /// Options of a filter that can change them, with their new values.
    Set(Vec<(String, String)>),
}
