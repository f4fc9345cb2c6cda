//! Script data: a name and AMF values. Never interprets a script it does not know.

use weir_amf::{Limits, Reader, Str, Value, skip_format_byte};
use weir_media::Bytes;

use crate::Error;

/// Marks metadata on its way from a publisher to a server; players must not see it.
const SET_DATA_FRAME: &[u8] = b"\x02\x00\x0d@setDataFrame";

/// The body of a script tag or data message.
#[derive(Clone, PartialEq, Debug)]
pub struct ScriptData {
    /// What the values mean: `onMetaData`, `onCuePoint`, `|RtmpSampleAccess` and others.
    pub name: Str,
    /// The values, usually one.
    pub values: Vec<Value>,
}

impl ScriptData {
    /// Reads a body, within `limits`: [`Limits::SCRIPT`] for files, [`Limits::COMMAND`] for messages of a peer.
    ///
    /// # Errors
    /// [`Error::Amf`] or [`Error::Unnamed`]: skip the tag.
    pub fn parse(body: &[u8], limits: Limits) -> Result<Self, Error> {
        let mut reader = Reader::new(skip_format_byte(body), limits);
        match reader.next().transpose()? {
            Some(Value::String(name)) => Ok(Self { name, values: reader.rest()? }),
            _ => Err(Error::Unnamed),
        }
    }
}

/// The script data that a publisher's data message wraps in `@setDataFrame`, as players and files want it; any other
/// body comes back as it is. A leading format byte (message type 15) goes too. Shares the memory of `body`.
#[must_use]
pub fn strip_set_data_frame(body: &Bytes) -> Bytes {
    let data = skip_format_byte(body);
    body.slice_ref(data.strip_prefix(SET_DATA_FRAME).unwrap_or(data))
}
