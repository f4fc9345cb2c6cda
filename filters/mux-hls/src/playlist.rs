//! [`Playlist`]: the segments of one rendition, which of them players are told of, and the text that tells them
//! (RFC 8216bis 4.4). It knows names and lengths, and holds no media.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::sync::Arc;

use weir_media::utc;

/// Microseconds per second.
const SECOND: i64 = 1_000_000;
/// Target durations that a live playlist holds at least (6.2.2).
const TARGETS_MIN: i64 = 3;
/// Target durations from the end in which parts are told (6.2.2).
const TARGETS_OF_PARTS: i64 = 3;
/// Segments at the end whose parts may still be asked for when a stream has ended.
const SEGMENTS_PLAYED: usize = 2;
/// Lengths of a part that a player is to stay away from the end (4.4.3.8); where it must ask again and again, that many
/// and the time from one question to the next, which is the target duration (6.3.4).
const PARTS_OF_HOLD_BACK: i64 = 3;
const PARTS_OF_POLLING: i64 = 2;

/// A part of a segment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Part {
    pub(crate) uri: Arc<str>,
    /// Length and offset, when it is a range of the file.
    pub(crate) range: Option<(u64, u64)>,
    /// Microseconds.
    pub(crate) duration: i64,
    /// Decoding can start with it.
    pub(crate) is_independent: bool,
}

/// A segment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Segment {
    pub(crate) uri: Arc<str>,
    /// Microseconds; of an open segment, 0.
    pub(crate) duration: i64,
    /// When it was new, microseconds since 1970, where that is told.
    pub(crate) utc: Option<u64>,
    /// What a player loads before it.
    pub(crate) init: Option<Arc<str>>,
    /// It does not go on from the one before.
    pub(crate) is_discontinuous: bool,
    pub(crate) parts: Vec<Part>,
}

/// What kind of playlist it is.
#[derive(Clone, Debug)]
pub(crate) struct Kind {
    /// It goes back so far, in microseconds; `None`: it holds everything.
    pub(crate) window: Option<i64>,
    /// It holds everything, and says so.
    pub(crate) is_event: bool,
    /// Length of parts, microseconds, where they are told.
    pub(crate) part: Option<i64>,
    /// The server holds requests for what is not there yet.
    pub(crate) blocks: bool,
    /// Segments need a newer version than transport streams do.
    pub(crate) is_mp4: bool,
}

/// The playlist of one rendition.
#[derive(Debug)]
pub(crate) struct Playlist {
    kind: Kind,
    segments: VecDeque<Segment>,
    /// Number of the first one.
    first: u64,
    /// Discontinuities that have left.
    discontinuities: u64,
    /// Target duration, seconds.
    target: i64,
    /// Longest part, microseconds; 0 before the first.
    longest_part: i64,
    /// Length of all segments so far, microseconds.
    length: i64,
    /// Files that are not told of any more, and from which length on nobody wants them.
    leaving: VecDeque<(Vec<Arc<str>>, i64)>,
    /// Nothing will follow.
    ended: bool,
}

impl Playlist {
    /// Without segments yet; the first one has this number. Segments are meant to be as long as `target`, in microseconds.
    pub(crate) fn new(kind: Kind, first: u64, target: i64) -> Self {
        let target = (target.saturating_add(SECOND - 1) / SECOND).max(1);
        Self {
            kind,
            segments: VecDeque::new(),
            first,
            discontinuities: first,
            target,
            longest_part: 0,
            length: 0,
            leaving: VecDeque::new(),
            ended: false,
        }
    }

    /// Number of the segment that comes next.
    pub(crate) fn next_number(&self) -> u64 {
        self.first + self.segments.len() as u64
    }

    /// How many segments it holds.
    pub(crate) fn len(&self) -> usize {
        self.segments.len()
    }

    /// Takes note of a part of this length. Parts end with the last packet before their time: one that follows a shorter one
    /// may be longer by the `step` from packet to packet.
    pub(crate) fn take_part(&mut self, duration: i64, step: i64) {
        if self.longest_part == 0 {
            self.longest_part = self.kind.part.unwrap_or(0) + step;
        }
        self.longest_part = self.longest_part.max(duration);
    }

    /// Adds a segment that is complete. True when it is longer than all were to be.
    pub(crate) fn push(&mut self, segment: Segment) -> bool {
        self.length += segment.duration;
        let seconds = (segment.duration + SECOND / 2) / SECOND;
        let is_longer = seconds > self.target;
        self.target = self.target.max(seconds);
        self.segments.push_back(segment);
        self.slide();
        self.drop_parts();
        is_longer
    }

    /// Leaves out what is before the window. It stays as long as somebody may still play it (6.2.2).
    fn slide(&mut self) {
        let Some(window) = self.kind.window else { return };
        let window = window.max(TARGETS_MIN * self.target * SECOND);
        let mut held: i64 = self.segments.iter().map(|s| s.duration).sum();
        while let Some(first) = self.segments.front().filter(|s| held - s.duration >= window) {
            let until = self.length + held + first.duration;
            held -= first.duration;
            let Some(gone) = self.segments.pop_front() else { return };
            self.first += 1;
            self.discontinuities += u64::from(gone.is_discontinuous);
            let is_init_needed = self.segments.iter().any(|s| s.init == gone.init);
            let init = gone.init.filter(|_| !is_init_needed);
            self.leave([gone.uri].into_iter().chain(init).chain(files_of(gone.parts)).collect(), until);
        }
    }

    /// Parts are told near the end only.
    fn drop_parts(&mut self) {
        let mut behind = 0;
        let mut files = Vec::new();
        for segment in self.segments.iter_mut().rev() {
            behind += segment.duration;
            if behind > TARGETS_OF_PARTS * self.target * SECOND && !segment.parts.is_empty() {
                files.extend(files_of(std::mem::take(&mut segment.parts)));
            }
        }
        let until = self.length + TARGETS_OF_PARTS * self.target * SECOND;
        self.leave(files, until);
    }

    fn leave(&mut self, files: Vec<Arc<str>>, until: i64) {
        if !files.is_empty() {
            self.leaving.push_back((files, until));
        }
    }

    /// Files that nobody wants any more.
    pub(crate) fn gone(&mut self) -> Vec<Arc<str>> {
        let length = self.length;
        let all = std::mem::take(&mut self.leaving).into_iter();
        let (gone, leaving): (VecDeque<_>, VecDeque<_>) = all.partition(|(_, until)| *until <= length);
        self.leaving = leaving;
        gone.into_iter().flat_map(|(files, _)| files).collect()
    }

    /// Nothing follows. Returns what can be removed at once: what has left already, and parts that no player is at any more.
    pub(crate) fn end(&mut self) -> Vec<Arc<str>> {
        self.ended = true;
        let before_last = self.segments.len().saturating_sub(SEGMENTS_PLAYED);
        let parts = self.segments.iter_mut().take(before_last).flat_map(|s| std::mem::take(&mut s.parts));
        let parts: Vec<Arc<str>> = files_of(parts.collect()).collect();
        std::mem::take(&mut self.leaving).into_iter().flat_map(|(files, _)| files).chain(parts).collect()
    }

    /// Its text; `open` is the segment that is being made, as far as it has parts, and `hint` the part that comes next.
    pub(crate) fn text(&self, open: Option<&Segment>, hint: Option<&str>) -> String {
        let mut out = self.header();
        let mut init = None;
        let open = open.filter(|segment| self.kind.part.is_some() && !segment.parts.is_empty());
        for segment in self.segments.iter().chain(open) {
            write_start(&mut out, segment, &mut init);
            segment.parts.iter().filter(|_| !self.ended).for_each(|part| write_part(&mut out, part));
            if segment.duration > 0 {
                let _ = write!(out, "#EXTINF:{},\n{}\n", seconds(segment.duration), segment.uri);
            }
        }
        if self.kind.part.is_some() && open.is_none() && !self.ended {
            // A comment (4.1). hls.js takes the last segment for the one being made unless something stands behind it.
            out.push_str("# the next segment is being made\n");
        }
        if let Some(hint) = hint.filter(|_| self.kind.blocks && !self.ended) {
            let _ = writeln!(out, "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"{hint}\"");
        }
        if self.ended {
            out.push_str("#EXT-X-ENDLIST\n");
        }
        out
    }

    fn header(&self) -> String {
        let version = if self.kind.is_mp4 { 7 } else { 3 };
        let mut out = format!("#EXTM3U\n#EXT-X-VERSION:{version}\n#EXT-X-TARGETDURATION:{}\n", self.target);
        let part = self.longest_part;
        if part > 0 && !self.ended {
            let (can, hold_back) = if self.kind.blocks {
                ("CAN-BLOCK-RELOAD=YES,", PARTS_OF_HOLD_BACK * part)
            } else {
                ("", (PARTS_OF_HOLD_BACK * part).max(self.target * SECOND + PARTS_OF_POLLING * part))
            };
            let _ = writeln!(out, "#EXT-X-SERVER-CONTROL:{can}PART-HOLD-BACK={}", seconds(hold_back));
            let _ = writeln!(out, "#EXT-X-PART-INF:PART-TARGET={}", seconds(part));
        }
        let _ = writeln!(out, "#EXT-X-MEDIA-SEQUENCE:{}", self.first);
        if self.discontinuities > 0 {
            let _ = writeln!(out, "#EXT-X-DISCONTINUITY-SEQUENCE:{}", self.discontinuities);
        }
        if self.kind.is_event {
            let _ = writeln!(out, "#EXT-X-PLAYLIST-TYPE:{}", if self.ended { "VOD" } else { "EVENT" });
        }
        out.push_str("#EXT-X-INDEPENDENT-SEGMENTS\n");
        out
    }
}

/// What stands before a segment; `init` is what players have loaded.
fn write_start<'a>(out: &mut String, segment: &'a Segment, init: &mut Option<&'a Arc<str>>) {
    if segment.is_discontinuous {
        out.push_str("#EXT-X-DISCONTINUITY\n");
    }
    if let Some(uri) = segment.init.as_ref().filter(|uri| *init != Some(uri)) {
        let _ = writeln!(out, "#EXT-X-MAP:URI=\"{uri}\"");
        *init = Some(uri);
    }
    if let Some(at) = segment.utc {
        let _ = writeln!(out, "#EXT-X-PROGRAM-DATE-TIME:{}T{}Z", utc::date(at), utc::time_of_day(at));
    }
}

fn write_part(out: &mut String, part: &Part) {
    let _ = write!(out, "#EXT-X-PART:DURATION={},URI=\"{}\"", seconds(part.duration), part.uri);
    if let Some((length, offset)) = part.range {
        let _ = write!(out, ",BYTERANGE=\"{length}@{offset}\"");
    }
    out.push_str(if part.is_independent { ",INDEPENDENT=YES\n" } else { "\n" });
}

/// Files of their own among parts.
fn files_of(parts: Vec<Part>) -> impl Iterator<Item = Arc<str>> {
    parts.into_iter().filter(|part| part.range.is_none()).map(|part| part.uri)
}

/// Microseconds as seconds.
fn seconds(micros: i64) -> String {
    format!("{}.{:06}", micros / SECOND, micros % SECOND)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(window: Option<i64>) -> Kind {
        Kind { window, is_event: window.is_none(), part: None, blocks: false, is_mp4: true }
    }

    fn segment(n: i64, millis: i64) -> Segment {
        Segment {
            uri: format!("s{n}.m4s").into(),
            duration: millis * 1000,
            utc: None,
            init: Some("init.mp4".into()),
            is_discontinuous: false,
            parts: Vec::new(),
        }
    }

    #[test]
    fn everything_from_the_start() {
        let mut list = Playlist::new(kind(None), 0, 3_500_000);
        assert!(!list.push(Segment { utc: Some(1_700_000_000_123_456), ..segment(0, 4000) }));
        assert!(!list.push(Segment { is_discontinuous: true, init: Some("two.mp4".into()), ..segment(1, 1234) }));
        let open = "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:4\n#EXT-X-MEDIA-SEQUENCE:0\n\
                    #EXT-X-PLAYLIST-TYPE:EVENT\n#EXT-X-INDEPENDENT-SEGMENTS\n#EXT-X-MAP:URI=\"init.mp4\"\n\
                    #EXT-X-PROGRAM-DATE-TIME:2023-11-14T22:13:20.123Z\n#EXTINF:4.000000,\ns0.m4s\n\
                    #EXT-X-DISCONTINUITY\n#EXT-X-MAP:URI=\"two.mp4\"\n#EXTINF:1.234000,\ns1.m4s\n";
        assert_eq!(list.text(None, None), open);
        assert_eq!(list.end(), [] as [Arc<str>; 0]);
        assert_eq!(list.text(None, None), open.replace("EVENT", "VOD") + "#EXT-X-ENDLIST\n");
    }

    #[test]
    fn the_window_slides_and_files_go_later() {
        let mut list = Playlist::new(kind(Some(12_000_000)), 100, 4_000_000);
        let mut gone = Vec::new();
        for n in 0..12 {
            list.push(Segment { is_discontinuous: n == 1, ..segment(n, 4000) });
            gone.extend(list.gone().into_iter().map(|uri| (n, uri.to_string())));
            assert!(list.len() <= 3, "never more than the window");
        }
        assert_eq!((list.next_number(), list.first, list.discontinuities), (112, 109, 101));
        // The first one left the playlist with the fourth, which was 16 s long with it: 20 s later it goes.
        assert_eq!(gone[..2], [(8, "s0.m4s".to_owned()), (9, "s1.m4s".to_owned())]);
        let text = list.text(None, None);
        assert!(text.contains("MEDIA-SEQUENCE:109\n#EXT-X-DISCONTINUITY-SEQUENCE:101\n"), "{text}");
        assert!(!text.contains("PLAYLIST-TYPE") && !text.contains("#EXT-X-DISCONTINUITY\n"), "{text}");
    }

    #[test]
    fn a_map_goes_with_its_last_segment() {
        let mut list = Playlist::new(kind(Some(0)), 0, 1_000_000);
        let mut gone = Vec::new();
        for n in 0..20 {
            let init = if n < 2 { "one.mp4" } else { "two.mp4" };
            list.push(Segment { init: Some(init.into()), ..segment(n, 1000) });
            gone.extend(list.gone().iter().map(ToString::to_string));
        }
        assert_eq!(gone[..4], ["s0.m4s", "s1.m4s", "one.mp4", "s2.m4s"].map(str::to_owned));
        assert!(!gone.contains(&"two.mp4".to_owned()));
    }

    #[test]
    fn longer_than_the_target_is_told() {
        let mut list = Playlist::new(kind(None), 0, 4_000_000);
        assert!(!list.push(segment(0, 4499)));
        assert!(list.push(segment(1, 4500)), "it rounds to five");
        assert!(list.text(None, None).contains("TARGETDURATION:5\n"));
    }

    #[test]
    fn parts_are_told_near_the_end() {
        let part = |n: i64, k: i64| Part {
            uri: format!("s{n}.{k}.m4s").into(),
            range: None,
            duration: 500_000,
            is_independent: k == 0,
        };
        let parts = |n: i64| (0..2).map(|k| part(n, k)).collect();
        let low = Kind { window: Some(60_000_000), part: Some(500_000), blocks: true, ..kind(None) };
        let mut list = Playlist::new(Kind { is_event: false, ..low }, 5, 1_000_000);
        list.take_part(480_000, 40_000);
        for n in 0..6 {
            list.push(Segment { parts: parts(n), ..segment(n, 1000) });
        }
        let open = Segment { parts: vec![part(6, 0)], ..segment(6, 0) };
        let text = list.text(Some(&open), Some("s6.1.m4s"));
        assert!(!text.contains("s2.0.m4s") && text.contains("s2.m4s"), "{text}");
        assert!(text.contains("#EXT-X-PART:DURATION=0.500000,URI=\"s3.0.m4s\",INDEPENDENT=YES\n"), "{text}");
        assert!(text.contains(
            "SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=1.620000\n#EXT-X-PART-INF:PART-TARGET=0.540000\n"
        ));
        assert!(text.ends_with("URI=\"s6.0.m4s\",INDEPENDENT=YES\n#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"s6.1.m4s\"\n"));
        assert!(list.text(None, None).ends_with("s5.m4s\n# the next segment is being made\n"));
        let ranged = Part { range: Some((10, 20)), ..part(6, 1) };
        let text = list.text(Some(&Segment { parts: vec![ranged], ..open }), None);
        assert!(text.ends_with("URI=\"s6.1.m4s\",BYTERANGE=\"10@20\"\n"), "{text}");
        // Files of parts that are not told any more go, but not at once.
        assert_eq!(list.gone(), [] as [Arc<str>; 0]);
        for n in 6..9 {
            list.push(segment(n, 1000));
        }
        assert_eq!(list.gone().iter().map(|s| &**s).collect::<Vec<_>>()[..2], ["s0.0.m4s", "s0.1.m4s"]);
        let removed = list.end();
        assert!(removed.iter().any(|name| &**name == "s5.1.m4s"), "{removed:?}");
        let text = list.text(None, Some("none"));
        assert!(!text.contains("PART") && !text.contains("HINT") && text.ends_with("#EXT-X-ENDLIST\n"), "{text}");
    }
}
