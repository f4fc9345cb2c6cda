//! FLV: files in any pieces, bodies, and what is told of them.

use weir_flv::amf::Limits;
use weir_flv::{
    AudioBody, FrameType, Nature, Part, ReadError, ScriptData, Tag, TagKind, TagReader, VideoBody, single_metadata,
    strip_set_data_frame, write_tag,
};
use weir_media::{Bytes, BytesMut};

use crate::bytes::in_pieces;

/// A file: the first byte says how long the pieces are in which it comes.
pub fn flv(data: &[u8]) {
    let (split, file) = data.split_at(data.len().min(1));
    let whole = read(file, &[]);
    assert_eq!(read(file, split), whole, "any split gives the same");
    for tag in whole.iter().flatten() {
        let mut written = BytesMut::new();
        write_tag(tag, &mut written).expect("what was read can be written");
        assert_eq!(Tag::from_written(&written.freeze()).as_ref(), Some(tag));
        body(tag.kind, &tag.body);
    }
}

fn read(file: &[u8], splits: &[u8]) -> Vec<Result<Tag, ReadError>> {
    let mut reader = TagReader::new();
    let mut out = Vec::new();
    in_pieces(file, splits, |piece| {
        reader.push(piece);
        out.extend(std::iter::from_fn(|| reader.pull()));
    });
    reader.finish();
    out.extend(std::iter::from_fn(|| reader.pull()));
    out
}

/// One body: the first byte is its kind.
pub fn bodies(data: &[u8]) {
    let Some((kind, rest)) = data.split_first() else { return };
    let kind = [TagKind::Video, TagKind::Audio, TagKind::Script][usize::from(*kind) % 3];
    body(kind, &Bytes::copy_from_slice(rest));
}

/// What is done with a body on its way, and what holds of that.
pub(crate) fn body(kind: TagKind, body: &Bytes) {
    let nature = Nature::of(kind, body);
    let parts = match kind {
        TagKind::Video => VideoBody::parse(body).ok().and_then(|b| b.parts().ok()),
        TagKind::Audio => AudioBody::parse(body).ok().and_then(|b| b.parts().ok()),
        TagKind::Script => {
            let stripped = strip_set_data_frame(body);
            assert!(stripped.len() <= body.len());
            if let Some(changed) = single_metadata(&stripped) {
                assert_eq!(single_metadata(&changed), None, "nothing is left to change");
            }
            assert_eq!(nature == Nature::Nothing, ScriptData::parse(body, Limits::SCRIPT).is_err());
            return;
        }
    };
    for part in parts.into_iter().flatten() {
        assert!(part.data.len() <= body.len());
        check_part(kind, &part);
        check_single(kind, &part);
    }
}

/// A part as that of the only track is the same when it is read again, whatever its form.
fn check_single(kind: TagKind, part: &Part) {
    for frame in [FrameType::KEY, FrameType::INTER] {
        let Some(body) = part.single(kind, frame) else { continue };
        let again = match kind {
            TagKind::Video => VideoBody::parse(&body).and_then(|b| b.parts()),
            _ => AudioBody::parse(&body).and_then(|b| b.parts()),
        };
        // The original forms have no bodies without data.
        match &again.expect("what was written can be read")[..] {
            [again] => assert_eq!((again.track, again.codec, &again.data), (0, part.codec, &part.data), "{part:?}"),
            none => assert!(none.is_empty() && part.data.is_empty(), "{part:?}"),
        }
    }
}

/// A part, written in the enhanced form, is the same when it is read again.
fn check_part(kind: TagKind, part: &Part) {
    let mut written = BytesMut::new();
    if part.write_tag(kind, FrameType::KEY, 0, &mut written).is_err() {
        return;
    }
    let tag = Tag::from_written(&written.freeze()).expect("a whole tag");
    let again = match kind {
        TagKind::Video => VideoBody::parse(&tag.body).and_then(|b| b.parts()),
        _ => AudioBody::parse(&tag.body).and_then(|b| b.parts()),
    };
    let again = again.expect("what was written can be read");
    assert_eq!(again.len(), 1, "{part:?}");
    assert_eq!((again[0].track, again[0].codec), (part.track, part.codec), "{part:?}");
    assert_eq!(again[0].data, part.data, "{part:?}");
}
