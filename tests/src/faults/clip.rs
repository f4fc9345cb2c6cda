//! What is sent, and the judge of what came: every packet of the source is known, in its order.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Instant;
use std::{fs, mem};

use weir_flv::{Tag, TagKind, TagReader};
use weir_media::Bytes;

use crate::peers;
use crate::process;

/// Seconds of the clip.
const SECONDS: u32 = 10;
/// Pictures per second of it.
const FPS: u32 = 25;

/// An FLV file that is played over and over, and its coded packets.
#[derive(Debug)]
pub struct Clip {
    video: Vec<Bytes>,
    audio: Vec<Bytes>,
}

impl Clip {
    /// Makes the file `name` in `dir`: pictures and noise at a constant `kbits` per second, a key frame each second. Every
    /// packet of it differs from every other.
    ///
    /// # Panics
    /// When FFmpeg does not make it.
    #[must_use]
    pub fn make(dir: &Path, name: &str, kbits: u32) -> Arc<Self> {
        let mut command = Command::new(peers::tool("ffmpeg"));
        let (length, rate, buffer) = (SECONDS.to_string(), format!("{kbits}k"), format!("{}k", kbits / 2));
        let pictures = format!("testsrc2=s=1280x720:r={FPS},noise=alls=40:allf=t:all_seed=1");
        command.args(["-v", "error", "-nostdin", "-y", "-f", "lavfi", "-i", &pictures]);
        command.args(["-f", "lavfi", "-i", "anoisesrc=r=44100:a=0.2:seed=1", "-t", &length]);
        command.args(["-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-bf", "0", "-g", "25"]);
        command.args(["-x264-params", "nal-hrd=cbr:scenecut=0", "-b:v", &rate, "-minrate", &rate, "-maxrate", &rate]);
        command.args(["-bufsize", &buffer, "-pix_fmt", "yuv420p", "-c:a", "aac", "-b:a", "128k", "-f", "flv", name]);
        process::run("make-clip", command, dir).quietly(0);
        Self::read(&dir.join(name))
    }

    /// Reads an FLV file.
    ///
    /// # Panics
    /// When it is none.
    #[must_use]
    pub fn read(path: &Path) -> Arc<Self> {
        let tags = tags(path);
        let of = |kind| move |tag: &&Tag| tag.kind == kind && is_coded(tag.kind, &tag.body);
        let bodies = |kind| tags.iter().filter(of(kind)).map(|tag| tag.body.clone()).collect();
        let clip = Self { video: bodies(TagKind::Video), audio: bodies(TagKind::Audio) };
        assert!(!clip.video.is_empty() && !clip.audio.is_empty(), "a clip has pictures and sound");
        Arc::new(clip)
    }

    /// Pictures between two, whichever way is shorter.
    pub(super) fn apart(&self, one: Option<usize>, other: Option<usize>) -> usize {
        let (Some(one), Some(other)) = (one, other) else { return self.video.len() };
        let distance = one.abs_diff(other);
        distance.min(self.video.len() - distance)
    }

    fn track(&self, kind: TagKind) -> &[Bytes] {
        if kind == TagKind::Video { &self.video } else { &self.audio }
    }
}

/// All tags of a file, up to where it was cut short.
fn tags(path: &Path) -> Vec<Tag> {
    let mut reader = TagReader::new();
    reader.push(&fs::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display())));
    std::iter::from_fn(|| reader.pull()?.ok()).collect()
}

/// Neither a header, nor an end of sequence, nor script data.
fn is_coded(kind: TagKind, body: &[u8]) -> bool {
    match kind {
        TagKind::Video => body.len() > 5 && body[1] == 1,
        TagKind::Audio => body.len() > 2 && body[1] == 1,
        TagKind::Script => false,
    }
}

/// What a receiver got.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// Coded packets.
    pub packets: u64,
    /// Packets of the source that are missing between two that came on one connection.
    pub lost: u64,
    /// Packets that are none of the source's, or came twice.
    pub wrong: u64,
    /// Pictures that came without what they need, or before their header.
    pub undecodable: u64,
    /// Times it got a stream: connections that carried media.
    pub sessions: u32,
    /// When each picture was complete, and whether the clip began anew with it: sound and picture are not equally long, so
    /// that there is a pause.
    pub arrivals: Vec<(Instant, bool)>,
    /// The first and the last picture, by their number in the clip.
    pub ends: Option<(usize, usize)>,
    /// Packets since the last loss or the last beginning.
    pub unbroken: u64,
    /// When the first of these came.
    pub unbroken_since: Option<Instant>,
}

/// Compares what comes with the clip.
#[derive(Debug)]
pub struct Judge {
    clip: Arc<Clip>,
    seen: Seen,
    /// What should come next, of video and of audio.
    next: [Option<usize>; 2],
    has_header: bool,
    /// Media came since the last beginning.
    began: bool,
}

impl Judge {
    /// Of what should be `clip`, over and over.
    #[must_use]
    pub fn new(clip: &Arc<Clip>) -> Self {
        Self { clip: Arc::clone(clip), seen: Seen::default(), next: [None; 2], has_header: false, began: false }
    }

    /// Judges a file.
    ///
    /// # Panics
    /// When it cannot be read.
    #[must_use]
    pub fn file(clip: &Arc<Clip>, path: &Path) -> Seen {
        let mut judge = Self::new(clip);
        judge.begin();
        let now = Instant::now();
        tags(path).into_iter().for_each(|tag| judge.take(tag.kind, &tag.body, now));
        judge.seen.arrivals.clear();
        judge.seen
    }

    /// What was seen.
    #[must_use]
    pub fn seen(&self) -> &Seen {
        &self.seen
    }

    /// A connection begins anew.
    pub fn begin(&mut self) {
        self.next = [None; 2];
        self.has_header = false;
        self.began = false;
        self.seen.unbroken = 0;
    }

    /// A message came.
    pub fn take(&mut self, kind: TagKind, body: &Bytes, at: Instant) {
        if !is_coded(kind, body) {
            self.has_header |= kind == TagKind::Video && body.get(1) == Some(&0);
            return;
        }
        if !mem::replace(&mut self.began, true) {
            self.seen.sessions += 1;
        }
        self.seen.packets += 1;
        self.place(kind, body);
        if self.seen.unbroken <= 1 {
            self.seen.unbroken_since = Some(at);
        }
        if kind == TagKind::Video {
            self.seen.arrivals.push((at, self.next[0] == Some(1)));
        }
    }

    /// Finds out which packet it is.
    fn place(&mut self, kind: TagKind, body: &Bytes) {
        let track = self.clip.track(kind);
        let next = &mut self.next[usize::from(kind == TagKind::Audio)];
        let start = next.unwrap_or(0);
        let distance = (0..track.len()).find(|n| track[(start + n) % track.len()] == *body);
        let Some(distance) = distance else {
            self.seen.wrong += 1;
            return;
        };
        let index = (start + distance) % track.len();
        let is_first = next.replace((index + 1) % track.len()).is_none();
        let missing = if is_first { 0 } else { distance };
        let key = body[0] >> 4 == 1;
        if kind == TagKind::Video {
            let first = self.seen.ends.map_or(index, |(first, _)| first);
            self.seen.ends = Some((first, index));
            let stands_alone = key && self.has_header;
            self.seen.undecodable += u64::from(!stands_alone && (is_first || missing > 0));
        }
        self.seen.lost += missing as u64;
        self.seen.unbroken = if missing > 0 { 0 } else { self.seen.unbroken + 1 };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every 25th a key frame.
    fn clip() -> Arc<Clip> {
        let video = |n: u8| Bytes::from(vec![if n.is_multiple_of(25) { 0x17 } else { 0x27 }, 1, 0, 0, 0, n]);
        let audio = |n: u8| Bytes::from(vec![0xaf, 1, n]);
        Arc::new(Clip { video: (0..100).map(video).collect(), audio: (0..100).map(audio).collect() })
    }

    fn judged(clip: &Arc<Clip>, pictures: &[usize]) -> Seen {
        let mut judge = Judge::new(clip);
        judge.take(TagKind::Video, &Bytes::from_static(&[0x17, 0, 0, 0, 0, 9]), Instant::now());
        for &n in pictures {
            judge.take(TagKind::Video, &clip.video[n], Instant::now());
            judge.take(TagKind::Audio, &clip.audio[n], Instant::now());
        }
        judge.seen
    }

    #[test]
    fn a_whole_stream_is_whole_over_the_seam() {
        let seen = judged(&clip(), &(50..100).chain(0..60).collect::<Vec<_>>());
        assert_eq!((seen.packets, seen.lost, seen.wrong, seen.undecodable), (220, 0, 0, 0));
        assert_eq!((seen.ends, seen.unbroken, seen.sessions), (Some((50, 59)), 220, 1));
    }

    #[test]
    fn what_is_missing_is_counted() {
        let seen = judged(&clip(), &[0, 1, 25, 26, 28]);
        assert_eq!((seen.lost, seen.undecodable), (2 * (23 + 1), 1), "a key frame may follow a hole, 28 may not");
        assert_eq!(seen.unbroken, 0);
        assert_eq!(judged(&clip(), &[1]).undecodable, 1);
    }

    #[test]
    fn what_is_not_of_the_source_is_wrong() {
        let clip = clip();
        let mut judge = Judge::new(&clip);
        judge.take(TagKind::Video, &Bytes::from_static(&[0x17, 1, 0, 0, 0, 200]), Instant::now());
        assert_eq!(judge.seen.wrong, 1);
    }
}
