//! RTMP URLs and stream paths: pure text.

mod path;
mod rtmp_url;

pub use path::{PathError, StreamPath};
pub use rtmp_url::{RtmpUrl, Scheme, UrlError};
