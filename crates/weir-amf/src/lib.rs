//! AMF0 values, the data encoding of RTMP commands and FLV script data, with AMF3 read where a marker switches to it.
//!
//! [`Reader`] turns bytes into [`Value`]s within named [`Limits`]; [`Writer`] and [`encode`] turn them back into AMF0.
//! Everything is bytes in, values out: the crate never does I/O, never writes AMF3, never makes an object of a class
//! named by the peer, and never follows a reference into a live object.
//!
//! ```
//! use weir_amf::{Limits, Object, Reader, Value, Writer};
//!
//! let info = Object::new().with("level", "status").with("code", "NetStream.Publish.Start");
//! let body = Writer::new().string("onStatus").number(0.0).null().object(&info).finish();
//!
//! let args = Reader::new(&body, Limits::COMMAND).rest()?;
//! assert_eq!(args[0].as_str().as_deref(), Some("onStatus"));
//! assert_eq!(args[3].get("level"), Some(&Value::from("status")));
//! # Ok::<(), weir_amf::Error>(())
//! ```

mod amf3;
mod cursor;
mod error;
mod limits;
mod object;
mod reader;
mod text;
mod value;
mod writer;

pub use error::{Error, ErrorKind};
pub use limits::{Limit, Limits};
pub use object::Object;
pub use reader::{Reader, skip_format_byte};
pub use text::Str;
pub use value::{TypedObject, Value};
pub use writer::{Writer, encode};

/// The type markers of AMF0.
pub(crate) mod marker {
    pub(crate) const NUMBER: u8 = 0x00;
    pub(crate) const BOOLEAN: u8 = 0x01;
    pub(crate) const STRING: u8 = 0x02;
    pub(crate) const OBJECT: u8 = 0x03;
    pub(crate) const NULL: u8 = 0x05;
    pub(crate) const UNDEFINED: u8 = 0x06;
    pub(crate) const REFERENCE: u8 = 0x07;
    pub(crate) const ECMA_ARRAY: u8 = 0x08;
    pub(crate) const OBJECT_END: u8 = 0x09;
    pub(crate) const STRICT_ARRAY: u8 = 0x0A;
    pub(crate) const DATE: u8 = 0x0B;
    pub(crate) const LONG_STRING: u8 = 0x0C;
    pub(crate) const UNSUPPORTED: u8 = 0x0D;
    pub(crate) const XML: u8 = 0x0F;
    pub(crate) const TYPED_OBJECT: u8 = 0x10;
    pub(crate) const AMF3: u8 = 0x11;
}
