//! MP3, FLAC, Opus, and AAC that is not plain, of other encoders through the filters: a known sine, channel by channel; damage.
//!
//! The files are 0.4 s of a sine of 1 kHz at half of full scale, coded by FFmpeg, and HE-AAC by FDK: a record, then the packets, each behind
//! its length in 16 bits. What each channel has of it is in the tests.

use weir_decode_audio::{AAC, AudioDecoder, FLAC, MP3, OPUS};
use weir_media::{Bytes, Flags, Packet, Payload, Prop, Props, StreamType};
use weir_plugin::harness::Harness;
use weir_plugin::{Create, Level, Memory, Options, OutId, Plugin};

const OUT: OutId = OutId(0);

/// A coded sine.
struct Clip {
    decoder: AudioDecoder,
    codec: weir_media::CodecId,
    rate: u32,
    file: &'static [u8],
    /// Share of the sine in each channel.
    levels: &'static [f64],
}

const CLIPS: [Clip; 7] = [
    Clip {
        decoder: MP3,
        codec: weir_media::CodecId::Mp3,
        rate: 44_100,
        file: include_bytes!("data/mp3.packets"),
        levels: &[1.0, 0.5],
    },
    Clip {
        decoder: FLAC,
        codec: weir_media::CodecId::Flac,
        rate: 48_000,
        file: include_bytes!("data/flac.packets"),
        levels: &[1.0, 0.5],
    },
    Clip {
        decoder: OPUS,
        codec: weir_media::CodecId::Opus,
        rate: 48_000,
        file: include_bytes!("data/opus.packets"),
        levels: &[1.0, 0.5],
    },
    Clip {
        decoder: OPUS,
        codec: weir_media::CodecId::Opus,
        rate: 48_000,
        file: include_bytes!("data/opus51.packets"),
        levels: &[0.1, 0.2, 0.3, 0.0, 0.4, 0.5],
    },
    Clip {
        decoder: AAC,
        codec: weir_media::CodecId::Aac,
        rate: 48_000,
        file: include_bytes!("data/aac51.packets"),
        levels: &[0.1, 0.2, 0.3, 0.0, 0.4, 0.5],
    },
    Clip {
        decoder: AAC,
        codec: weir_media::CodecId::Aac,
        rate: 44_100,
        file: include_bytes!("data/he.packets"),
        levels: &[1.0, 0.5],
    },
    Clip {
        decoder: AAC,
        codec: weir_media::CodecId::Aac,
        rate: 44_100,
        file: include_bytes!("data/he2.packets"),
        levels: &[1.0, 0.5],
    },
];

impl Clip {
    /// Properties and packets as a demuxer gives them, in milliseconds.
    fn stream(&self) -> (Props, Vec<Packet>) {
        let mut rest = self.file;
        let mut units = Vec::new();
        while let Some((length, more)) = rest.split_first_chunk::<2>() {
            let (unit, more) = more.split_at(usize::from(u16::from_be_bytes(*length)));
            units.push(Bytes::copy_from_slice(unit));
            rest = more;
        }
        let props = Props::new()
            .with(Prop::StreamType, StreamType::Audio)
            .with(Prop::CodecId, self.codec)
            .with(Prop::Timescale, 1000_u32);
        let record = units.remove(0);
        let props = if record.is_empty() { props } else { props.with(Prop::DecoderConfig, record) };
        let packet = |(n, bytes): (usize, Bytes)| Packet::new(bytes, n as i64 * 20);
        (props, units.into_iter().enumerate().map(packet).collect())
    }

    fn harness(&self) -> Harness {
        let options = Options::defaults(self.decoder.options());
        let create = Create { options, bundle: None, memory: Memory::new(1 << 30) };
        Harness::new(self.decoder.create(create).expect("it takes no options"))
    }

    fn decode(&self, props: Props, packets: Vec<Packet>) -> (Harness, Vec<Packet>) {
        let mut h = self.harness();
        let input = h.input(props);
        packets.into_iter().for_each(|p| h.packet(input, p));
        h.end(input);
        h.finish().expect("it ends");
        let out = h.take(OUT);
        (h, out)
    }
}

fn samples(packets: &[Packet]) -> Vec<f64> {
    let of = |p: &Packet| {
        p.bytes().expect("sound").as_chunks().0.iter().map(|w| f64::from(f32::from_le_bytes(*w))).collect()
    };
    packets.iter().flat_map(|p| -> Vec<f64> { of(p) }).collect()
}

/// Level of a sine of 1 kHz in some samples, full scale 1: its correlation with one, in whatever phase.
fn level(samples: &[f64], rate: u32) -> f64 {
    let turn = |n: usize| std::f64::consts::TAU * 1_000.0 * n as f64 / f64::from(rate);
    let part = |wave: fn(f64) -> f64| samples.iter().enumerate().map(|(n, x)| x * wave(turn(n))).sum::<f64>();
    2.0 * part(f64::sin).hypot(part(f64::cos)) / samples.len() as f64
}

#[test]
fn a_sine_comes_back_in_every_channel() {
    for clip in &CLIPS {
        let (props, packets) = clip.stream();
        let (h, out) = clip.decode(props, packets);
        let channels = clip.levels.len();
        let given = h.outputs()[0].props.last().expect("opened");
        assert_eq!(given.u32(Prop::SampleRate), Some(clip.rate));
        assert_eq!(given.u32(Prop::NumChannels), u32::try_from(channels).ok());
        assert!(given.get(Prop::DecoderConfig).is_none() && h.logs.is_empty(), "{:?}", h.logs);
        let all = samples(&out);
        let length = all.len() / channels;
        let least = clip.rate as usize * 4 / 10;
        assert!((least - 400..least + 6_000).contains(&length), "{}: {length} samples", clip.decoder.name());
        for (n, share) in clip.levels.iter().enumerate() {
            let one: Vec<f64> = all.iter().skip(n).step_by(channels).copied().collect();
            // A tenth of a second, which is a whole number of periods.
            let part = &one[length / 2..length / 2 + clip.rate as usize / 10];
            let found = level(part, clip.rate);
            assert!(
                (found - 0.5 * share).abs() < f64::max(0.01, 0.03 * share),
                "{} channel {n}: {found}, not half of {share}",
                clip.decoder.name()
            );
            let rest = part.iter().map(|x| x * x).sum::<f64>() / part.len() as f64 - found * found / 2.0;
            assert!(rest < 1e-4, "{} channel {n}: nothing else is heard, {rest}", clip.decoder.name());
        }
    }
}

#[test]
fn flac_is_exact_and_opus_begins_behind_its_pre_skip() {
    let [_, flac, opus, ..] = &CLIPS;
    let (props, packets) = flac.stream();
    let (_, out) = flac.decode(props, packets);
    for (n, frame) in samples(&out).chunks(2).enumerate() {
        let truth = 0.5 * (std::f64::consts::TAU * 1_000.0 * n as f64 / 48_000.0).sin();
        assert!((frame[0] - truth).abs() <= 1.0 / 32_768.0, "sample {n}: {} is not {truth}", frame[0]);
    }
    let (props, packets) = opus.stream();
    let (_, out) = opus.decode(props.clone(), packets.clone());
    assert_eq!((out[0].cts, out[0].duration, out[1].cts), (312, 648, 960));
    let (_, out) = opus.decode(props.with(Prop::Delay, -10_i64), packets);
    assert_eq!((out[0].cts, out[0].duration), (480, 480), "what the container says comes first");
}

#[test]
fn opus_without_a_record_is_set_up_by_its_packets_once() {
    let opus = &CLIPS[2];
    let (mut props, packets) = opus.stream();
    props.remove(Prop::DecoderConfig);
    let (h, out) = opus.decode(props, packets);
    assert_eq!((out[0].cts, out[0].duration, h.outputs()[0].props.len()), (0, 960, 1));
    assert_eq!(h.outputs()[0].props[0].u32(Prop::NumChannels), Some(2));
}

#[test]
fn a_damaged_packet_is_left_out_and_said_once() {
    for clip in &CLIPS {
        let (props, mut packets) = clip.stream();
        let last = packets.len();
        for packet in &mut packets[2..4] {
            packet.data = Payload::Bytes(Bytes::from_static(&[0xff, 0xff, 1, 2, 3]));
        }
        let (h, out) = clip.decode(props, packets);
        let name = clip.decoder.name();
        assert_eq!(h.logs.iter().filter(|(level, _)| *level == Level::Warning).count(), 1, "{name}: {:?}", h.logs);
        assert_eq!(out.iter().filter(|p| p.flags.contains(Flags::DISCONTINUITY)).count(), 1, "{name}");
        // SBR goes on with its next header, which may be late.
        let has_sbr = clip.codec == weir_media::CodecId::Aac && clip.levels.len() == 2;
        let least = if has_sbr { 3 } else { last - 3 };
        assert!((least..=last - 2).contains(&out.len()), "{name}: {} of {last}", out.len());
    }
}

#[test]
fn what_cannot_be_decoded_is_refused_in_words() {
    let [mp3, flac, opus, ..] = &CLIPS;
    let refused = |clip: &Clip, record: Option<&'static [u8]>| {
        let mut h = clip.harness();
        let mut props = clip.stream().0;
        props.remove(Prop::DecoderConfig);
        h.input(record.map_or(props.clone(), |r| props.with(Prop::DecoderConfig, Bytes::from_static(r))));
        h.run().expect_err("refused").message
    };
    assert_eq!(refused(flac, None), "flac came without its configuration");
    assert!(refused(flac, Some(b"fLaC")).starts_with("flac configuration: "));
    assert!(refused(opus, Some(b"OpusHead\x01\x04\0\0\0\0\0\0\0\0\x02\0\0\0\0\0\0")).contains("mapping family 2"));
    let mut h = mp3.harness();
    let input = h.input(mp3.stream().0);
    h.packet(input, Packet::new(Bytes::from_static(&[0xff, 0xfd, 0x90, 0x00]), 0));
    assert_eq!(h.run().expect_err("refused").message, "mp3dec cannot decode layer 2");
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(120))]

    /// Whatever the bytes are: no error but of what the packets claim to be, and no panic.
    #[test]
    fn any_bytes_are_survived(
        clip in 0_usize..7,
        junk in proptest::collection::vec(proptest::collection::vec(0_u8..=255, 0..300), 1..8),
        hits in proptest::collection::vec((0_usize..5, 0_usize..400, 0_u8..=255), 0..12),
    ) {
        let clip = &CLIPS[clip];
        let (props, mut packets) = clip.stream();
        packets.truncate(5);
        for (n, at, value) in hits {
            let mut bytes = packets[n].bytes().expect("coded").to_vec();
            let at = at % bytes.len();
            bytes[at] = value;
            packets[n].data = Payload::Bytes(bytes.into());
        }
        packets.extend(junk.into_iter().map(|bytes| Packet::new(bytes.into(), 1 << 20)));
        let mut h = clip.harness();
        let input = h.input(props);
        packets.into_iter().for_each(|p| h.packet(input, p));
        h.end(input);
        if let Err(e) = h.finish() {
            proptest::prop_assert!(e.message.contains("cannot decode layer"), "{}", e.message);
        }
    }
}
