//! Sound through `resample` and `volume`: what becomes of a known sine, its timestamps, changes, jumps, bad input.

use std::f64::consts::TAU;

use proptest::prelude::*;
use weir_media::{Bundle, Bytes, Cap, CodecId, Flags, Packet, Prop, Props, SampleFormat, StreamType, Time, Value};
use weir_plugin::harness::Harness;
use weir_plugin::{Create, Credit, Item, Memory, Options, OutId, Plugin, Status};
use weir_resample::{Resampler, Volume};

const OUT: OutId = OutId(0);
const HZ: f64 = 997.0;

fn made(plugin: &dyn Plugin, args: &[(&str, &str)], bundle: Option<Bundle>) -> Harness {
    let mut options = Options::defaults(plugin.options());
    for (name, text) in args {
        options.apply(name, Some(text)).unwrap_or_else(|e| panic!("{name}={text}: {e}"));
    }
    Harness::new(plugin.create(Create { options, bundle, memory: Memory::new(1 << 30) }).expect("good options"))
}

fn resample(args: &[(&str, &str)]) -> Harness {
    made(&Resampler, args, None)
}

fn raw(rate: u32, channels: u32, format: SampleFormat, timescale: u32) -> Props {
    Props::new()
        .with(Prop::StreamType, StreamType::Audio)
        .with(Prop::CodecId, CodecId::Raw)
        .with(Prop::SampleRate, rate)
        .with(Prop::NumChannels, channels)
        .with(Prop::AudioFormat, format)
        .with(Prop::Timescale, timescale)
}

/// `count` samples of a sine from sample `first` on, the same on all channels.
fn sine(first: usize, count: usize, rate: u32, channels: usize) -> Bytes {
    let one = |n: usize| (0.5 * (TAU * HZ * n as f64 / f64::from(rate)).sin()) as f32;
    (first..first + count).flat_map(|n| vec![one(n).to_le_bytes(); channels].concat()).collect::<Vec<u8>>().into()
}

/// Packets of 1024 samples, stamped in units of `timescale`, from `start` on.
fn packets(seconds: u32, rate: u32, channels: usize, timescale: u32, start: i64) -> Vec<Packet> {
    let of = |first: usize| {
        let time = start + (first as u64 * u64::from(timescale) / u64::from(rate)) as i64;
        let origin = Time::from_micros(first as u64);
        Packet { origin, ..Packet::new(sine(first, 1024, rate, channels), time) }
    };
    (0..(seconds * rate) as usize).step_by(1024).map(of).collect()
}

fn floats(packets: &[Packet]) -> Vec<f32> {
    let of = |p: &Packet| p.bytes().expect("sound").as_chunks().0.iter().map(|w| f32::from_le_bytes(*w)).collect();
    packets.iter().flat_map(|p| -> Vec<f32> { of(p) }).collect()
}

fn run(h: &mut Harness, props: Props, packets: Vec<Packet>) -> Vec<Packet> {
    let input = h.input(props);
    packets.into_iter().for_each(|p| h.packet(input, p));
    h.end(input);
    h.finish().expect("it ends");
    h.take(OUT)
}

/// Every packet begins where the one before it ended.
fn is_gapless(packets: &[Packet]) -> bool {
    packets.windows(2).all(|w| w[1].dts == w[0].dts + i64::from(w[0].duration))
}

#[test]
fn a_sine_with_times_in_milliseconds_is_that_sine_at_exact_times() {
    let (rate, to) = (44_100, 48_000);
    let mut h = resample(&[("osr", "48000")]);
    let input = packets(3, rate, 2, 1000, 5_000);
    let length = (input.len() as u64 * 1024 * u64::from(to) + u64::from(rate) / 2) / u64::from(rate);
    let out = run(&mut h, raw(rate, 2, SampleFormat::Flt, 1000), input);
    let props = h.outputs()[0].props.last().expect("opened").clone();
    assert_eq!((props.u32(Prop::SampleRate), props.timescale()), (Some(to), to));
    assert!(is_gapless(&out) && out[0].dts == 5 * i64::from(to) && out.iter().all(|p| p.flags == Flags::KEY));
    let samples = floats(&out);
    assert_eq!(samples.len() as u64 / 2, length, "nothing is added, nothing lost");
    let truth = |n: usize| 0.5 * (TAU * HZ * n as f64 / f64::from(to)).sin();
    let worst = (2_000..samples.len() / 2 - 2_000).map(|n| (f64::from(samples[2 * n]) - truth(n)).abs());
    assert!(worst.fold(0.0, f64::max) < 1e-4);
    let late = out.iter().map(|p| (p.dts - 240_000) as u64 * 44_100 / 48_000 - p.origin.as_micros()).max();
    assert!(late.is_some_and(|n| n < 1024), "each packet has the origin of the sound in it: {late:?}");
}

#[test]
fn what_is_as_wanted_passes_untouched() {
    let mut h = resample(&[("osr", "44100"), ("och", "2"), ("osfmt", "flt")]);
    let input = packets(1, 44_100, 2, 1000, 7);
    let out = run(&mut h, raw(44_100, 2, SampleFormat::Flt, 1000), input.clone());
    let same = |(a, b): (&Packet, &Packet)| a.dts == b.dts && a.bytes() == b.bytes() && a.origin == b.origin;
    assert!(out.len() == input.len() && out.iter().zip(&input).all(same));
    assert_eq!(h.outputs()[0].props.last().map(Props::timescale), Some(1000));
}

#[test]
fn the_next_filter_decides_what_nobody_asked_for() {
    let outputs = [
        Cap::is(Prop::SampleRate, 22_050_u32),
        Cap::is(Prop::SampleRate, 48_000_u32),
        Cap::is(Prop::NumChannels, 2_u32),
        Cap::is(Prop::AudioFormat, SampleFormat::S16),
    ];
    let mut h = made(&Resampler, &[("osr", "24000")], Some(Bundle::new([], outputs)));
    let out = run(&mut h, raw(96_000, 6, SampleFormat::Flt, 96_000), packets(1, 96_000, 6, 96_000, 0));
    let props = h.outputs()[0].props.last().expect("opened");
    assert_eq!((props.u32(Prop::SampleRate), props.u32(Prop::NumChannels)), (Some(24_000), Some(2)));
    assert_eq!(props.get(Prop::AudioFormat), Some(&Value::Sample(SampleFormat::S16)));
    // All six channels are alike, but LFE is left out: so are left and right, at full level.
    let samples: Vec<i16> = out
        .iter()
        .flat_map(|p| {
            p.bytes().expect("sound").as_chunks().0.iter().map(|w| i16::from_le_bytes(*w)).collect::<Vec<_>>()
        })
        .collect();
    let loudest = samples.iter().map(|x| x.unsigned_abs()).max();
    assert!(loudest.is_some_and(|x| (16_200..16_500).contains(&x)), "{loudest:?}");
    assert!(samples.chunks(2).all(|lr| lr[0] == lr[1]));
    assert_eq!(out.iter().map(|p| u64::from(p.duration)).sum::<u64>(), 96_256 / 4);
}

#[test]
fn a_gap_stays_a_gap_and_a_jump_back_never_turns_time_back() {
    let of = |start| packets(1, 44_100, 1, 44_100, start);
    let mut h = resample(&[("osr", "48000")]);
    let out = run(&mut h, raw(44_100, 1, SampleFormat::Flt, 44_100), [of(0), of(441_000), of(0)].concat());
    let marked: Vec<_> = out.iter().filter(|p| p.flags.contains(Flags::DISCONTINUITY)).map(|p| p.dts).collect();
    let length = (44 * 1024 * 480_i64 + 220) / 441;
    assert_eq!(marked, [480_000, 480_000 + length], "the second time at once, as time never runs back");
    assert!(out.windows(2).all(|w| w[1].dts >= w[0].dts + i64::from(w[0].duration)));
    assert_eq!(out.iter().map(|p| i64::from(p.duration)).sum::<i64>(), 3 * length);
}

#[test]
fn a_change_of_the_input_is_no_change_of_the_output() {
    let mut h = resample(&[("osr", "48000"), ("och", "2"), ("osfmt", "flt")]);
    let input = h.input(raw(44_100, 1, SampleFormat::Flt, 44_100));
    packets(1, 44_100, 1, 44_100, 0).into_iter().for_each(|p| h.packet(input, p));
    h.push(input, Item::Props(raw(32_000, 6, SampleFormat::Flt, 44_100)));
    packets(1, 32_000, 6, 44_100, 45_056).into_iter().for_each(|p| h.packet(input, p));
    h.end(input);
    h.finish().expect("it ends");
    let out = h.take(OUT);
    assert_eq!(h.outputs()[0].props.len(), 1);
    let jitter = |w: &[Packet]| w[1].dts - w[0].dts - i64::from(w[0].duration);
    assert!(out.windows(2).all(|w| (0..2).contains(&jitter(w))), "a change costs at most a sample of rounding");
}

#[test]
fn a_full_output_holds_it_up_and_loses_nothing() {
    let mut h = resample(&[("osr", "16000")]);
    let input = h.input(raw(48_000, 1, SampleFormat::Flt, 48_000));
    h.credit = Credit::Packets(1);
    packets(1, 48_000, 1, 48_000, 0).into_iter().for_each(|p| h.packet(input, p));
    h.end(input);
    let mut out = Vec::new();
    while h.step().expect("works") != Status::Done {
        let got = h.take(OUT);
        assert!(got.len() <= 1);
        out.extend(got);
    }
    out.extend(h.take(OUT));
    assert!(is_gapless(&out));
    assert_eq!(out.iter().map(|p| p.duration).sum::<u32>(), 48_128 / 3 + 1, "16042.67, rounded");
}

#[test]
fn what_cannot_be_is_refused_in_words() {
    let said = |args: &[(&str, &str)], props: Props, bytes: &'static [u8]| {
        let mut h = resample(args);
        let input = h.input(props);
        h.packet(input, Packet::new(Bytes::from_static(bytes), 0));
        h.run().expect_err("refused").message
    };
    let flt = |rate, channels| raw(rate, channels, SampleFormat::Flt, 1000);
    assert_eq!(said(&[], flt(0, 1), b""), "sound of 1 channels at 0 Hz is out of bounds");
    assert_eq!(said(&[], flt(8_000, 65), b""), "sound of 65 channels at 8000 Hz is out of bounds");
    assert_eq!(said(&[], Props::new(), b""), "raw sound came without SampleRate");
    assert_eq!(said(&[], flt(8_000, 2), b"1234"), "4 bytes are not whole flt samples of 2 channels");
    let far = said(&[("osr", "8000")], flt(1, 1), b"1234");
    assert_eq!(far, "cannot turn 1 Hz into 8000 Hz: one is more than 512 times the other");
}

#[test]
fn volume_turns_up_and_down_and_clips_at_full_scale() {
    let through = |gain, samples: &[i16]| {
        let mut h = made(&Volume, &[("gain", gain)], None);
        let bytes: Vec<u8> = samples.iter().flat_map(|x| x.to_le_bytes()).collect();
        let out = run(&mut h, raw(8_000, 1, SampleFormat::S16, 1000), vec![Packet::new(bytes.into(), 3)]);
        assert_eq!((out.len(), out[0].dts), (1, 3));
        let words = out[0].bytes().expect("sound").as_chunks().0.to_vec();
        words.into_iter().map(i16::from_le_bytes).collect::<Vec<_>>()
    };
    assert_eq!(through("0.5", &[1000, -1000, i16::MIN]), [500, -500, -16_384]);
    assert_eq!(through("6.0206dB", &[1000, 20_000, -20_000]), [2000, i16::MAX, i16::MIN]);
    assert_eq!(through("0", &[1000, i16::MIN]), [0, 0]);
    assert!(Volume.create(Create { options: wrong_gain(), bundle: None, memory: Memory::new(1) }).is_err());
}

fn wrong_gain() -> Options {
    let mut options = Options::defaults(Volume.options());
    options.apply("gain", Some("100dB")).expect("any text");
    options
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// Whatever rates, channels, times and losses: no panic, and time never runs back.
    #[test]
    fn any_sound_is_survived(
        rates in (prop_oneof![1_u32..3_000, 3_000_u32..200_000], 1_000_i64..100_000),
        channels in (1_u32..12, 1_i64..8),
        timescale in prop_oneof![Just(1_u32), Just(1000), any::<u32>()],
        sent in prop::collection::vec((prop_oneof![any::<i64>(), -9_000_i64..9_000], 0_usize..600, any::<bool>()), 1..8),
    ) {
        let (osr, och) = (rates.1.to_string(), channels.1.to_string());
        let mut h = resample(&[("osr", &osr), ("och", &och)]);
        let input = h.input(raw(rates.0, channels.0, SampleFormat::S16, timescale));
        for (time, samples, lost) in sent {
            let flags = if lost { Flags::DISCONTINUITY } else { Flags::NONE };
            let bytes = vec![0x40; samples * 2 * channels.0 as usize];
            h.packet(input, Packet { flags, ..Packet::new(bytes.into(), time) });
        }
        h.end(input);
        match h.finish() {
            Ok(()) if i64::from(rates.0) != rates.1 => {
                let out = h.take(OUT);
                prop_assert!(out.windows(2).all(|w| w[1].dts >= w[0].dts));
            }
            Ok(()) => {}
            Err(e) => prop_assert!(e.message.contains("more than 512 times"), "{}", e.message),
        }
    }
}
