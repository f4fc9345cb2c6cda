//! FLV as pure bytes: the file header, tags, audio and video bodies, script data.
//!
//! The bodies are also those of RTMP audio, video and data messages, so muxers, file readers and RTMP share them.
//! The crate never does I/O, never reads a clock, and never looks inside a codec's bitstream.
//!
//! - [`write_tag`], [`VideoBody::write_tag`], [`AudioBody::write_tag`], [`MetaData::write_tag`] write; a consumer cuts
//!   the body out of a written tag with [`Tag::from_written`], without a copy.
//! - [`VideoBody::parts`] and [`AudioBody::parts`] tell what a body holds for each track, in whatever form;
//!   [`Part::write_tag`] writes the enhanced form.
//! - [`TagReader`] takes bytes in any pieces and gives tags; after damage it finds the next good tag.
//! - [`SeekableScript`] reserves room for a key-frame index at the start of a file and fills it at the end.
//!
//! ```
//! use weir_flv::{AudioBody, AacPacket, Header, TagKind, TagReader};
//! use weir_media::{Bytes, BytesMut};
//!
//! let mut file = BytesMut::from(&Header::default().to_bytes()[..]);
//! let config = AudioBody::Aac { packet: AacPacket::SequenceHeader, data: Bytes::from_static(&[0x12, 0x10]) };
//! config.write_tag(0, &mut file)?;
//!
//! let mut reader = TagReader::new();
//! reader.push(&file);
//! let tag = reader.pull().expect("a whole tag was pushed")?;
//! assert_eq!(tag.kind, TagKind::Audio);
//! assert_eq!(AudioBody::parse(&tag.body)?, config);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod audio;
mod error;
mod ex;
mod header;
mod index;
mod metadata;
mod nature;
mod part;
mod reader;
mod script;
mod single;
mod tag;
mod time;
mod video;

pub use audio::{AacPacket, AudioBody, AudioCodec};
pub use error::{Error, ReadError, ReadErrorKind};
pub use ex::{Enhanced, ExPacket, FourCc, Multitrack};
pub use header::{HEADER_LEN, Header, MAX_HEADER};
pub use index::{KeyFrame, KeyFrameIndex, MAX_INDEX_SLOTS, SeekableScript};
pub use metadata::{CodecTag, MetaData};
pub use nature::Nature;
pub use part::{Content, Part};
pub use reader::TagReader;
pub use script::{ScriptData, strip_set_data_frame};
pub use single::single_metadata;
pub use tag::{MAX_BODY, TAG_HEADER, TAG_TRAILER, Tag, TagHead, TagKind, peek_tag, write_tag};
pub use time::Unwrapper;
pub use video::{AvcPacket, FrameType, VideoBody, VideoCodec};
pub use weir_amf as amf;
