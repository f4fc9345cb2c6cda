//! The master playlist: what renditions there are, and what a player needs to choose (RFC 8216bis 4.4.6).

use std::fmt::Write as _;

use weir_media::{Frac, Prop, Props, StreamType};

/// What the names of groups of sound begin with.
const GROUP: &str = "audio";
/// Rates are told anew when they turn out this much higher, percent.
const SLACK: u64 = 10;

/// What is known of one rendition.
#[derive(Clone, Debug)]
pub(crate) struct Variant {
    pub(crate) uri: String,
    /// Of each track its properties and, where it has one, the name of its codec.
    pub(crate) tracks: Vec<(Props, Option<String>)>,
    pub(crate) rate: Rate,
}

/// Bits per second, measured.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Rate {
    pub(crate) peak: u64,
    bytes: u64,
    micros: u64,
}

impl Rate {
    /// Counts a segment.
    pub(crate) fn add(&mut self, bytes: u64, micros: i64) {
        let micros = u64::try_from(micros).unwrap_or(0);
        self.bytes += bytes;
        self.micros += micros;
        self.peak = self.peak.max(per_second(bytes, micros));
    }

    fn average(&self) -> u64 {
        per_second(self.bytes, self.micros)
    }

    /// Whether it was told so low that a player could be misled.
    pub(crate) fn is_beyond(&self, told: &Self) -> bool {
        self.peak > told.peak.saturating_add(told.peak / 100 * SLACK)
    }
}

fn per_second(bytes: u64, micros: u64) -> u64 {
    let bits = u128::from(bytes) * 8 * 1_000_000;
    u64::try_from(bits.div_ceil(u128::from(micros.max(1)))).unwrap_or(u64::MAX)
}

impl Variant {
    fn has_pictures(&self) -> bool {
        self.tracks.iter().any(|(props, _)| props.stream_type() == Some(StreamType::Visual))
    }
}

/// Renditions of sound in one codec: of a group, a player must be able to play all (4.4.6.1.1).
struct Group<'a> {
    id: String,
    sounds: Vec<&'a Variant>,
}

/// The groups of sound, one for each codec.
fn groups(sounds: Vec<&Variant>) -> Vec<Group<'_>> {
    let codec = |v: &Variant| v.tracks.first().and_then(|(_, codec)| codec.clone());
    let mut groups: Vec<Group<'_>> = Vec::new();
    for sound in sounds {
        match groups.iter_mut().find(|group| codec(group.sounds[0]) == codec(sound)) {
            Some(group) => group.sounds.push(sound),
            None => groups.push(Group { id: String::new(), sounds: vec![sound] }),
        }
    }
    let alone = groups.len() == 1;
    for (n, group) in groups.iter_mut().enumerate() {
        group.id = if alone { GROUP.to_owned() } else { format!("{GROUP}{}", n + 1) };
    }
    groups
}

/// The text. Each group of sound goes with each rendition of pictures, where there are any.
pub(crate) fn text(variants: &[Variant]) -> String {
    let (pictures, sounds): (Vec<&Variant>, Vec<&Variant>) = variants.iter().partition(|v| v.has_pictures());
    let mut out = "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-INDEPENDENT-SEGMENTS\n".to_owned();
    if pictures.is_empty() {
        sounds.iter().for_each(|sound| stream(&mut out, sound, None));
        return out;
    }
    let groups = groups(sounds);
    for group in &groups {
        group.sounds.iter().enumerate().for_each(|(n, sound)| media(&mut out, sound, &group.id, n));
    }
    for picture in pictures {
        groups.iter().for_each(|group| stream(&mut out, picture, Some(group)));
        if groups.is_empty() {
            stream(&mut out, picture, None);
        }
    }
    out
}

/// The `n`-th rendition of sound in a group. The first one is played unless something else is asked for.
fn media(out: &mut String, sound: &Variant, group: &str, n: usize) {
    let props = &sound.tracks[0].0;
    let name = props.str(Prop::Language).map_or_else(|| format!("audio {}", n + 1), plain);
    let default = if n == 0 { "YES" } else { "NO" };
    let _ = write!(out, "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"{group}\",NAME=\"{name}\"");
    if let Some(language) = props.str(Prop::Language) {
        let _ = write!(out, ",LANGUAGE=\"{}\"", plain(language));
    }
    let _ = write!(out, ",DEFAULT={default},AUTOSELECT=YES");
    if let Some(channels) = props.u32(Prop::NumChannels) {
        let _ = write!(out, ",CHANNELS=\"{channels}\"");
    }
    let _ = writeln!(out, ",URI=\"{}\"", sound.uri);
}

/// A stream to choose, with the sound of a group.
fn stream(out: &mut String, variant: &Variant, group: Option<&Group<'_>>) {
    let sounds = group.map_or(&[][..], |group| &group.sounds);
    let loudest = |rate: fn(&Rate) -> u64| sounds.iter().map(|s| rate(&s.rate)).max().unwrap_or(0);
    let peak = variant.rate.peak + loudest(|r| r.peak);
    let average = variant.rate.average() + loudest(Rate::average);
    let _ = write!(out, "#EXT-X-STREAM-INF:BANDWIDTH={peak},AVERAGE-BANDWIDTH={average}");
    let tracks = variant.tracks.iter().chain(sounds.iter().take(1).flat_map(|s| &s.tracks));
    let codecs: Vec<&str> = tracks.filter_map(|(_, codec)| codec.as_deref()).collect();
    if !codecs.is_empty() {
        let _ = write!(out, ",CODECS=\"{}\"", codecs.join(","));
    }
    for (props, _) in variant.tracks.iter().filter(|(p, _)| p.stream_type() == Some(StreamType::Visual)) {
        if let (Some(width), Some(height)) = (props.u32(Prop::Width), props.u32(Prop::Height)) {
            let _ = write!(out, ",RESOLUTION={width}x{height}");
        }
        if let Some(fps) = props.frac(Prop::Fps).map(Frac::as_f64).filter(|fps| *fps > 0.0) {
            let _ = write!(out, ",FRAME-RATE={fps:.3}");
        }
    }
    if let Some(group) = group {
        let _ = write!(out, ",AUDIO=\"{}\"", group.id);
    }
    let _ = writeln!(out, "\n{}", variant.uri);
}

/// What may stand between quotes (4.2).
fn plain(text: &str) -> String {
    text.chars().filter(|c| !c.is_control() && *c != '"').collect()
}

#[cfg(test)]
mod tests {
    use weir_media::CodecId;

    use super::*;

    fn variant(uri: &str, props: Props, codec: &str, bytes: u64) -> Variant {
        let mut rate = Rate::default();
        rate.add(bytes, 4_000_000);
        rate.add(bytes / 2, 4_000_000);
        Variant { uri: uri.to_owned(), tracks: vec![(props, Some(codec.to_owned()))], rate }
    }

    #[test]
    fn a_ladder_shares_its_sound() {
        let video = |width: u32, height: u32| {
            let fps = Frac { num: 30_000, den: 1001 };
            let props = Props::new().with(Prop::StreamType, StreamType::Visual).with(Prop::CodecId, CodecId::Avc);
            props.with(Prop::Width, width).with(Prop::Height, height).with(Prop::Fps, fps)
        };
        let sound = Props::new().with(Prop::StreamType, StreamType::Audio).with(Prop::NumChannels, 2u32);
        let sound = sound.with(Prop::Language, "d\"eu");
        let all = [
            variant("v1.m3u8", video(1280, 720), "avc1.64001f", 1_000_000),
            variant("v2.m3u8", video(640, 360), "avc1.42c01e", 500_000),
            variant("a1.m3u8", sound, "mp4a.40.2", 64_000),
        ];
        let expected = "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-INDEPENDENT-SEGMENTS\n\
            #EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"audio\",NAME=\"deu\",LANGUAGE=\"deu\",DEFAULT=YES,AUTOSELECT=YES,CHANNELS=\"2\",URI=\"a1.m3u8\"\n\
            #EXT-X-STREAM-INF:BANDWIDTH=2128000,AVERAGE-BANDWIDTH=1596000,CODECS=\"avc1.64001f,mp4a.40.2\",RESOLUTION=1280x720,FRAME-RATE=29.970,AUDIO=\"audio\"\nv1.m3u8\n\
            #EXT-X-STREAM-INF:BANDWIDTH=1128000,AVERAGE-BANDWIDTH=846000,CODECS=\"avc1.42c01e,mp4a.40.2\",RESOLUTION=640x360,FRAME-RATE=29.970,AUDIO=\"audio\"\nv2.m3u8\n";
        assert_eq!(text(&all), expected);
        assert!(text(&all[2..]).ends_with("CODECS=\"mp4a.40.2\"\na1.m3u8\n"));
        assert!(text(&all[..2]).ends_with("CODECS=\"avc1.42c01e\",RESOLUTION=640x360,FRAME-RATE=29.970\nv2.m3u8\n"));
    }

    #[test]
    fn a_player_without_a_codec_has_the_other_group() {
        let of = |ty| Props::new().with(Prop::StreamType, ty);
        let sound = |uri, language: &str, codec, bytes| {
            variant(uri, of(StreamType::Audio).with(Prop::Language, language), codec, bytes)
        };
        let all = [
            variant("v1.m3u8", of(StreamType::Visual), "avc1.64001f", 1_000_000),
            sound("a1.m3u8", "eng", "mp4a.40.2", 64_000),
            sound("a2.m3u8", "eng", "Opus", 48_000),
            sound("a3.m3u8", "fra", "mp4a.40.2", 64_000),
        ];
        let text = text(&all);
        let of_group = |group: &str| text.lines().filter(|l| l.contains(&format!("GROUP-ID=\"{group}\""))).count();
        assert_eq!((of_group("audio1"), of_group("audio2")), (2, 1), "{text}");
        let streams: Vec<&str> = text.lines().filter(|line| line.starts_with("#EXT-X-STREAM-INF")).collect();
        assert!(streams[0].ends_with("CODECS=\"avc1.64001f,mp4a.40.2\",AUDIO=\"audio1\""), "{text}");
        assert!(streams[1].ends_with("CODECS=\"avc1.64001f,Opus\",AUDIO=\"audio2\""), "{text}");
        assert_eq!((streams.len(), text.matches("DEFAULT=YES").count()), (2, 2));
    }

    #[test]
    fn only_a_much_higher_rate_is_told_anew() {
        let of = |bytes| {
            let mut rate = Rate::default();
            rate.add(bytes, 1_000_000);
            rate
        };
        assert!(!of(1090).is_beyond(&of(1000)) && of(1200).is_beyond(&of(1000)));
    }
}
