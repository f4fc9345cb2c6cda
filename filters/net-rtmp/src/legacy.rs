//! [`Forms`]: what becomes of a message for peers that did not announce Enhanced RTMP: one track of each kind, in its original
//! form where its codec has one. Never changes what others get.

use weir_flv::{AudioBody, Content, FourCc, FrameType, Part, TagKind, VideoBody, single_metadata};
use weir_media::Bytes;
use weir_plugin::Options;
use weir_rtmp::ring::{Class, Legacy};

/// How an output writes to its peers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Form {
    /// As they announced.
    Auto,
    /// As it came, to all.
    Enhanced,
    /// As if none had announced anything.
    Legacy,
}

impl Form {
    pub(crate) fn new(options: &Options) -> Self {
        match options.word("form") {
            Some("enhanced") => Self::Enhanced,
            Some("legacy") => Self::Legacy,
            _ => Self::Auto,
        }
    }

    /// Whether a peer gets legacy forms, that announced Enhanced RTMP or not.
    pub(crate) fn is_legacy_for(self, announced: bool) -> bool {
        match self {
            Self::Auto => !announced,
            Self::Enhanced => false,
            Self::Legacy => true,
        }
    }
}

/// See the module documentation.
pub(crate) struct Forms {
    /// Nobody gets anything else than what came.
    is_off: bool,
    video: Track,
    audio: Track,
}

/// The track that such peers get.
struct Track {
    wanted: Option<u8>,
    /// The lowest number there is.
    first: Option<u8>,
}

impl Track {
    fn new(options: &Options, name: &str) -> Self {
        Self { wanted: options.int(name).and_then(|n| u8::try_from(n).ok()), first: None }
    }

    fn is_it(&self, track: u8) -> bool {
        self.wanted.or(self.first) == Some(track)
    }

    /// A track is there.
    fn meet(&mut self, part: &Part) {
        if matches!(part.content, Content::Config | Content::Frames) {
            self.first = Some(self.first.map_or(part.track, |first| first.min(part.track)));
        }
    }
}

impl Forms {
    pub(crate) fn new(options: &Options) -> Self {
        Self {
            is_off: Form::new(options) == Form::Enhanced,
            video: Track::new(options, "legacy_video"),
            audio: Track::new(options, "legacy_audio"),
        }
    }

    /// What such peers get in place of a body of this class.
    pub(crate) fn of(&mut self, kind: TagKind, class: Class, body: &Bytes) -> Legacy {
        if self.is_off {
            return Legacy::Same;
        }
        match kind {
            TagKind::Video => self.video(class, body).unwrap_or(Legacy::Nothing),
            TagKind::Audio => self.audio(class, body).unwrap_or(Legacy::Nothing),
            TagKind::Script if matches!(class, Class::Header(_)) => {
                single_metadata(body).map_or(Legacy::Same, |body| Legacy::As(class, body))
            }
            TagKind::Script => Legacy::Same,
        }
    }

    fn video(&mut self, class: Class, body: &Bytes) -> Option<Legacy> {
        let video = VideoBody::parse(body).ok()?;
        let VideoBody::Enhanced { frame, body: enhanced } = &video else { return Some(self.video.original()) };
        let (frame, part) = (*frame, self.video.chosen(video.parts().ok()?)?);
        if enhanced.is_single() && part.codec != FourCc::AVC {
            return Some(Legacy::Same);
        }
        let class = match class {
            Class::Header(_) => class,
            _ if frame == FrameType::KEY => Class::Key,
            Class::Disposable => class,
            Class::Key | Class::Inter => Class::Inter,
        };
        Some(Legacy::As(class, part.single(TagKind::Video, frame)?))
    }

    fn audio(&mut self, class: Class, body: &Bytes) -> Option<Legacy> {
        let audio = AudioBody::parse(body).ok()?;
        let AudioBody::Enhanced(enhanced) = &audio else { return Some(self.audio.original()) };
        let part = self.audio.chosen(audio.parts().ok()?)?;
        if enhanced.is_single() && !matches!(part.codec, FourCc::AAC | FourCc::MP3) {
            return Some(Legacy::Same);
        }
        Some(Legacy::As(class, part.single(TagKind::Audio, FrameType::KEY)?))
    }
}

impl Track {
    /// What becomes of a body that is in its original form already: that of track 0.
    fn original(&mut self) -> Legacy {
        self.first = Some(0);
        if self.is_it(0) { Legacy::Same } else { Legacy::Nothing }
    }

    /// The part of the chosen track.
    fn chosen(&mut self, parts: Vec<Part>) -> Option<Part> {
        parts.iter().for_each(|part| self.meet(part));
        parts.into_iter().find(|part| self.is_it(part.track))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::options;

    fn forms(more: &str) -> Forms {
        Forms::new(&options(&format!("rtmp://127.0.0.1/live {more}")))
    }

    fn video(forms: &mut Forms, class: Class, body: &'static [u8]) -> Legacy {
        forms.of(TagKind::Video, class, &Bytes::from_static(body))
    }

    fn becomes(class: Class, body: &'static [u8]) -> Legacy {
        Legacy::As(class, Bytes::from_static(body))
    }

    #[test]
    fn the_first_track_goes_out_in_its_original_form() {
        let mut forms = forms("");
        assert_eq!(video(&mut forms, Class::Header(0), b"\x17\0\0\0\0\x01"), Legacy::Same);
        assert_eq!(video(&mut forms, Class::Header(0x100), b"\x96\x00avc1\x01\x01"), Legacy::Nothing);
        assert_eq!(video(&mut forms, Class::Key, b"\x17\x01\0\0\0A"), Legacy::Same);
        assert_eq!(video(&mut forms, Class::Inter, b"\x96\x01avc1\x01\0\0\0B"), Legacy::Nothing);
        assert_eq!(video(&mut forms, Class::Inter, b"\xa3avc1C"), becomes(Class::Inter, b"\x27\x01\0\0\0C"));
        assert_eq!(video(&mut forms, Class::Disposable, b"\xa3avc1C"), becomes(Class::Disposable, b"\x27\x01\0\0\0C"));
    }

    #[test]
    fn another_track_can_be_chosen_and_has_key_frames_of_its_own() {
        let mut forms = forms("legacy_video=1 legacy_audio=2");
        assert_eq!(video(&mut forms, Class::Header(0), b"\x17\0\0\0\0\x01"), Legacy::Nothing);
        let header = Class::Header(0x100);
        assert_eq!(video(&mut forms, header, b"\x96\x00avc1\x01\x01"), becomes(header, b"\x17\0\0\0\0\x01"));
        assert_eq!(
            video(&mut forms, Class::Inter, b"\x96\x01avc1\x01\0\0\0B"),
            becomes(Class::Key, b"\x17\x01\0\0\0B")
        );
        let mut audio = |body: &'static [u8]| forms.of(TagKind::Audio, Class::Key, &Bytes::from_static(body));
        assert_eq!(audio(b"\xaf\x01A"), Legacy::Nothing);
        assert_eq!(audio(b"\x95\x01mp4a\x02B"), becomes(Class::Key, b"\xaf\x01B"));
    }

    /// Where the first is no number 0, and where a message holds several.
    #[test]
    fn the_first_is_whichever_there_is() {
        let mut forms = forms("");
        let both = b"\x96\x11avc1\x02\0\0\x04\0\0\0A\x03\0\0\x04\0\0\0B";
        assert_eq!(video(&mut forms, Class::Key, both), becomes(Class::Key, b"\x17\x01\0\0\0A"));
    }

    #[test]
    fn codecs_without_an_original_form_stay_as_a_single_track() {
        let mut forms = forms("");
        assert_eq!(video(&mut forms, Class::Key, b"\x93hvc1A"), Legacy::Same, "and are not copied");
        assert_eq!(video(&mut forms, Class::Key, b"\x96\x03hvc1\x00A"), becomes(Class::Key, b"\x93hvc1A"));
    }

    #[test]
    fn nothing_changes_where_everybody_gets_all() {
        let mut forms = forms("form=enhanced");
        assert_eq!(video(&mut forms, Class::Inter, b"\x96\x01avc1\x01\0\0\0B"), Legacy::Same);
    }
}
