//! Streams and packets as lines of text.

use std::fmt::Write as _;

use weir_media::{CodecId, Flags, Frac, Packet, Prop, Props, StreamType};

/// One line about a stream, number `n` from 1.
pub(crate) fn stream(n: usize, props: &Props) -> String {
    let mut line = format!("PID {n}");
    let mut add = |text: String| {
        line.push(' ');
        line.push_str(&text);
    };
    if let Some(id) = props.u32(Prop::Id) {
        add(format!("ID {id}"));
    }
    if let Some(service) = props.u32(Prop::ServiceId) {
        add(format!("service {service}"));
    }
    add(kind(props).to_owned());
    if let Some(language) = props.str(Prop::Language) {
        add(format!("language {language}"));
    }
    if let Some(length) = props.frac(Prop::Duration).filter(|d| d.num > 0) {
        add(format!("duration {}", clock(length)));
    }
    if let Some(delay) = props.i64(Prop::Delay).filter(|d| *d != 0) {
        add(format!("delay {delay}"));
    }
    let rate = props.u32(Prop::SampleRate);
    if let Some(scale) = props.u32(Prop::Timescale).filter(|s| Some(*s) != rate) {
        add(format!("timescale {scale}"));
    }
    if let (Some(w), Some(h)) = (props.u32(Prop::Width), props.u32(Prop::Height)) {
        add(format!("{w}x{h}"));
    }
    if let Some(fps) = props.frac(Prop::Fps) {
        add(format!("fps {fps}"));
    }
    if let Some(sar) = props.frac(Prop::Sar) {
        add(format!("SAR {}/{}", sar.num, sar.den));
    }
    if let Some(rate) = rate {
        add(format!("{rate} Hz"));
    }
    if let Some(channels) = props.u32(Prop::NumChannels) {
        add(format!("{channels} chan"));
    }
    if let Some(rate) = props.u32(Prop::Bitrate) {
        add(format!("{} kbps", rate / 1000));
    }
    match (props.codec(), props.get(Prop::PixelFormat).or(props.get(Prop::AudioFormat))) {
        (Some(CodecId::Raw), Some(format)) => add(format!("raw format {format}")),
        (Some(codec), _) => add(format!("codec {codec}")),
        (None, _) => {}
    }
    line
}

/// All properties of a stream, one a line.
pub(crate) fn properties(n: usize, props: &Props) -> String {
    let name = props.str(Prop::Name).map_or_else(String::new, |name| format!(" name {name}"));
    let mut text = format!("PID {n}{name} properties:\n");
    let known = props.iter().map(|(prop, value)| (prop.name(), value));
    for (name, value) in known.chain(props.free()) {
        let _ = writeln!(text, "\t{name}: {value}");
    }
    text
}

fn kind(props: &Props) -> &'static str {
    match props.stream_type() {
        Some(StreamType::Visual) => "video",
        Some(StreamType::Audio) => "audio",
        Some(StreamType::Text) => "text",
        Some(StreamType::Metadata) => "metadata",
        Some(StreamType::File) => "file",
        None => "stream",
    }
}

/// `HH:MM:SS.mmm`.
fn clock(length: Frac) -> String {
    let millis = length.num.saturating_mul(1000) / i64::from(length.den.max(1));
    let (seconds, millis) = (millis / 1000, millis % 1000);
    format!("{:02}:{:02}:{:02}.{millis:03}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

/// One line about packet `num` of stream `n`, both from 1.
pub(crate) fn packet(n: usize, num: u64, packet: &Packet) -> String {
    let mut line = format!("PID {n} PCK {num}");
    if packet.dts != packet.cts {
        let _ = write!(line, " dts {}", packet.dts);
    }
    let _ = write!(line, " cts {} dur {} sap {} size {}", packet.cts, packet.duration, sap(packet), packet.len());
    if packet.flags.contains(Flags::DISCONTINUITY) {
        line.push_str(" discontinuity");
    }
    line + "\n"
}

fn sap(packet: &Packet) -> u8 {
    u8::from(packet.is_key())
}

/// A packet as the user wants it: `%NAME%` is filled, all else stays.
pub(crate) fn formatted(format: &str, n: usize, num: u64, packet: &Packet) -> String {
    let mut out = String::new();
    let mut rest = format;
    while let Some((before, tail)) = rest.split_once('%') {
        out.push_str(before);
        let Some((name, tail)) = tail.split_once('%') else {
            out.push('%');
            rest = tail;
            break;
        };
        match name {
            "dts" => out += &packet.dts.to_string(),
            "cts" | "pts" => out += &packet.cts.to_string(),
            "dur" => out += &packet.duration.to_string(),
            "sap" => out += &sap(packet).to_string(),
            "key" => out += &packet.is_key().to_string(),
            "size" => out += &packet.len().to_string(),
            "pid" => out += &n.to_string(),
            "num" | "pn" => out += &num.to_string(),
            "lf" => out.push('\n'),
            "t" => out.push('\t'),
            _ => {
                let _ = write!(out, "%{name}%");
            }
        }
        rest = tail;
    }
    out.push_str(rest);
    if !out.ends_with('\n') {
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use weir_media::Bytes;

    use super::*;

    #[test]
    fn streams_and_packets() {
        let video = Props::new()
            .with(Prop::Id, 1u32)
            .with(Prop::StreamType, StreamType::Visual)
            .with(Prop::CodecId, CodecId::Avc)
            .with(Prop::Timescale, 12_800u32)
            .with(Prop::Duration, Frac { num: 100_255, den: 10 })
            .with(Prop::Width, 320u32)
            .with(Prop::Height, 180u32)
            .with(Prop::Fps, Frac { num: 25, den: 1 });
        assert_eq!(
            stream(1, &video),
            "PID 1 ID 1 video duration 02:47:05.500 timescale 12800 320x180 fps 25 codec avc"
        );
        let mut free = video.clone();
        free.set_free("Seat", Some("7b".into()));
        assert!(properties(2, &free).ends_with("\tFPS: 25\n\tSeat: 7b\n"), "{}", properties(2, &free));
        let mut one = Packet::new(Bytes::from_static(b"abc"), 5);
        assert_eq!(packet(1, 3, &one), "PID 1 PCK 3 cts 5 dur 0 sap 0 size 3\n");
        (one.cts, one.duration, one.flags) = (7, 2, Flags::KEY);
        assert_eq!(packet(1, 3, &one), "PID 1 PCK 3 dts 5 cts 7 dur 2 sap 1 size 3\n");
        assert_eq!(formatted("%dts%-%cts% %nope% %", 1, 1, &one), "5-7 %nope% %\n");
    }
}
