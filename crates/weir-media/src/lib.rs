//! Media values that every other crate speaks in: [`Packet`], [`Frame`], [`Time`], [`CodecId`],
//! PID properties ([`Props`]) and capability bundles ([`Bundle`]).
//!
//! This crate holds values and pure functions only. It never does I/O, never reads a clock, and knows
//! neither filters nor containers.

mod caps;
mod codec;
mod frame;
mod local;
mod packet;
mod props;
mod time;
pub mod utc;

pub use bytes::{Buf, BufMut, Bytes, BytesMut};
pub use caps::{Bundle, Cap, Kinds};
pub use codec::{CodecId, Delivery, PixelFormat, SampleFormat, StreamType};
pub use frame::{Frame, FramePool, Plane, PlaneLayout};
pub use local::{file_ext, local_path};
pub use packet::{Flags, Packet, Payload, Piece};
pub use props::{Prop, Props, Value};
pub use time::{Frac, Time, rescale};
