//! Sound to encode, the filter in its harness, and a decoder of other authors.
#![allow(dead_code, unreachable_pub, reason = "each test binary uses some of it")]

use symphonia_codec_aac::AacDecoder;
use symphonia_core::codecs::audio::well_known::CODEC_ID_AAC;
use symphonia_core::codecs::audio::{AudioCodecParameters, AudioDecoder, AudioDecoderOptions};
use symphonia_core::packet::PacketRef;
use symphonia_core::units::{Duration, Timestamp};
use weir_encode_aac::AacEncoder;
use weir_media::{Bytes, CodecId, Packet, Prop, Props, SampleFormat, StreamType};
use weir_plugin::harness::Harness;
use weir_plugin::{Create, Filter, InId, Kind, Memory, OutId, Plugin, Result};

pub const OUT: OutId = OutId(0);

/// Libraries built in.
pub fn libraries() -> &'static [&'static str] {
    match AacEncoder.options().iter().find(|o| o.name == "lib").map(|o| o.kind) {
        Some(Kind::Enum(names)) => names,
        other => panic!("lib is {other:?}"),
    }
}

pub fn create(options: &[(&str, &str)]) -> Result<Box<dyn Filter>> {
    let mut values = weir_plugin::Options::defaults(AacEncoder.options());
    for (name, text) in options {
        values.apply(name, Some(text)).unwrap_or_else(|e| panic!("{name}={text}: {e}"));
    }
    AacEncoder.create(Create { options: values, bundle: None, memory: Memory::new(1 << 30) })
}

pub fn harness(options: &[(&str, &str)], props: Props) -> (Harness, InId) {
    let mut h = Harness::new(create(options).expect("options fit"));
    let input = h.input(props);
    (h, input)
}

pub fn raw(rate: u32, channels: u32, format: SampleFormat) -> Props {
    Props::new()
        .with(Prop::StreamType, StreamType::Audio)
        .with(Prop::CodecId, CodecId::Raw)
        .with(Prop::AudioFormat, format)
        .with(Prop::SampleRate, rate)
        .with(Prop::NumChannels, channels)
        .with(Prop::Timescale, rate)
}

/// A packet of floats at `ts`.
pub fn flt(samples: &[f32], ts: i64) -> Packet {
    Packet::new(samples.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<u8>>().into(), ts)
}

/// A packet of s16 at `ts`.
pub fn s16(samples: &[f32], ts: i64) -> Packet {
    let bytes: Vec<u8> = samples.iter().flat_map(|x| ((x * 32_767.0) as i16).to_le_bytes()).collect();
    Packet::new(bytes.into(), ts)
}

/// A quiet chord, interleaved, the channels in opposite phase.
pub fn chord(samples: usize, channels: usize, rate: u32) -> Vec<f32> {
    let tone = |n: usize, hz: f32| (n as f32 * hz * std::f32::consts::TAU / rate as f32).sin();
    (0..samples)
        .flat_map(|n| {
            let x = 0.15 * (tone(n, 440.0) + tone(n, 554.0) + tone(n, 659.0));
            (0..channels).map(move |c| if c == 0 { x } else { -x })
        })
        .collect()
}

/// Pushes packets of these many samples each, ends, and gives what came out.
pub fn encode(h: &mut Harness, input: InId, sound: &[f32], channels: usize, sizes: &[usize]) -> Vec<Packet> {
    let (mut at, mut sizes) = (0, sizes.iter().cycle());
    while at < sound.len() / channels {
        let n = (*sizes.next().expect("endless")).min(sound.len() / channels - at);
        h.packet(input, flt(&sound[at * channels..(at + n) * channels], at as i64));
        at += n;
    }
    h.end(input);
    h.finish().expect("ends");
    h.take(OUT)
}

/// A decoder for packets with these properties.
pub struct Decode(AacDecoder);

impl Decode {
    pub fn new(props: &Props) -> Self {
        let mut params = AudioCodecParameters::new();
        params.for_codec(CODEC_ID_AAC).with_extra_data(props.bytes(Prop::DecoderConfig).expect("set").to_vec().into());
        Self(AacDecoder::try_new(&params, &AudioDecoderOptions::default()).expect("a config it knows"))
    }

    /// The samples of one frame, interleaved.
    pub fn frame(&mut self, data: &Bytes) -> Vec<f32> {
        let packet = PacketRef::new(0, Timestamp::from(0), Duration::from(0_u64), data);
        let decoded = self.0.decode_ref(&packet).expect("decodes");
        let mut out = Vec::new();
        decoded.copy_to_vec_interleaved(&mut out);
        out
    }
}

/// The whole stream, decoded: the time of the first sample, and the samples.
pub fn decode(props: &Props, packets: &[Packet]) -> (i64, Vec<f32>) {
    let mut decoder = Decode::new(props);
    let sound = packets.iter().flat_map(|p| decoder.frame(p.bytes().expect("bytes"))).collect();
    (packets[0].dts, sound)
}
