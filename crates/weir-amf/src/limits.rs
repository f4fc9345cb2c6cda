//! How much a peer may make us decode. Every size from outside meets one of these before memory is taken.

use std::fmt;

/// Ceilings for one [`Reader`](crate::Reader), that is for one message or script tag.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Levels of objects and arrays inside each other; the decoder never recurses deeper.
    pub depth: usize,
    /// Values of any kind in total.
    pub nodes: usize,
    /// Properties of one object.
    pub properties: usize,
    /// Bytes of one string.
    pub string: usize,
}

impl Limits {
    /// For RTMP command and data messages.
    pub const COMMAND: Self = Self { depth: 16, nodes: 4_096, properties: 1_024, string: 65_536 };
    /// For script tags of files, which may hold a key-frame index of a long recording or an XMP document.
    pub const SCRIPT: Self = Self { depth: 16, nodes: 262_144, properties: 4_096, string: 1 << 20 };
}

/// Which of the [`Limits`] was met.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Limit {
    /// [`Limits::depth`].
    Depth,
    /// [`Limits::nodes`].
    Nodes,
    /// [`Limits::properties`].
    Properties,
    /// [`Limits::string`].
    String,
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Depth => "nesting levels",
            Self::Nodes => "values",
            Self::Properties => "properties of one object",
            Self::String => "bytes in one string",
        })
    }
}
