//! What the coded sound is: structure, where it lies in time, quality and rate, as another author's decoder hears it.

mod common;

use common::{Decode, OUT, chord, decode, encode, flt, harness, libraries, raw, s16};
use weir_media::{CodecId, Flags, Prop, SampleFormat, Time};

/// Signal to noise, dB, of `got` against `want`.
fn snr(want: &[f32], got: &[f32]) -> f64 {
    let power = |x: f32| f64::from(x) * f64::from(x);
    let signal: f64 = want.iter().map(|x| power(*x)).sum();
    let noise: f64 = want.iter().zip(got).map(|(w, g)| power(w - g)).sum();
    10.0 * (signal / noise.max(1e-12)).log10()
}

#[test]
fn the_output_describes_itself() {
    for lib in libraries() {
        let (mut h, _) = harness(&[("lib", lib)], raw(44_100, 1, SampleFormat::Flt).with(Prop::Language, "de"));
        h.run().expect("runs");
        let props = &h.outputs()[0].props[0];
        assert_eq!((props.codec(), props.flag(Prop::Unframed)), (Some(CodecId::Aac), false));
        assert_eq!(
            (props.timescale(), props.u32(Prop::SampleRate), props.u32(Prop::NumChannels)),
            (44_100, Some(44_100), Some(1))
        );
        assert_eq!((props.u32(Prop::SamplesPerFrame), props.u32(Prop::Bitrate)), (Some(1024), Some(64_000)));
        assert_eq!((props.str(Prop::Language), props.get(Prop::AudioFormat)), (Some("de"), None));
        // AudioSpecificConfig: object type 2 (5 bits), rate index 4 (4), channels 1 (4), frameLengthFlag 0 (1024).
        let config = props.bytes(Prop::DecoderConfig).expect("set");
        assert_eq!(config[..2], [0b0001_0010, 0b0000_1000], "{lib}");
    }
}

#[test]
fn packets_of_any_size_become_the_same_frames() {
    let sound = chord(20_000, 2, 48_000);
    for lib in libraries() {
        let run = |sizes: &[usize]| {
            let (mut h, input) = harness(&[("lib", lib)], raw(48_000, 2, SampleFormat::Flt));
            encode(&mut h, input, &sound, 2, sizes)
        };
        let whole = run(&[1024]);
        for sizes in [&[1][..], &[7], &[5000], &[0, 1, 7, 1024, 5000]] {
            let cut = run(sizes);
            assert_eq!(cut.len(), whole.len());
            assert!(cut.iter().zip(&whole).all(|(a, b)| a.bytes() == b.bytes() && a.dts == b.dts), "{lib} {sizes:?}");
        }
    }
}

#[test]
fn frames_are_keys_and_lie_end_to_end_from_before_the_input_to_its_end() {
    for lib in libraries() {
        let (mut h, input) = harness(&[("lib", lib)], raw(48_000, 2, SampleFormat::Flt));
        let packets = encode(&mut h, input, &chord(10_000, 2, 48_000), 2, &[1024]);
        let priming = -h.outputs()[0].props[0].i64(Prop::Delay).expect("set");
        assert_eq!(packets[0].dts, -priming);
        assert!(packets.windows(2).all(|w| w[1].dts == w[0].dts + 1024));
        assert!(packets.iter().all(|p| p.flags == Flags::KEY && p.duration == 1024 && p.cts == p.dts));
        let end = packets.last().expect("some").dts + 1024;
        assert!((10_000..11_024).contains(&end), "{lib} ends at {end}");
    }
}

#[test]
fn a_click_is_heard_where_it_was() {
    for lib in libraries() {
        for (rate, channels) in [(48_000, 2), (44_100, 1), (22_050, 2), (8_000, 1)] {
            for place in [0, 500, 1023, 4097, 7777] {
                let mut sound = vec![0.0; 9000 * channels];
                sound[place * channels..(place + 1) * channels].fill(0.9);
                let (mut h, input) = harness(&[("lib", lib)], raw(rate, channels as u32, SampleFormat::Flt));
                let packets = encode(&mut h, input, &sound, channels, &[777]);
                let (start, heard) = decode(&h.outputs()[0].props[0], &packets);
                let loudest =
                    heard.iter().step_by(channels).map(|x| x.abs()).enumerate().max_by(|a, b| a.1.total_cmp(&b.1));
                let (at, _) = loudest.expect("some");
                let off = at as i64 + start - place as i64;
                assert!(off.abs() <= 2, "{lib} {rate} Hz x{channels}: click at {place} heard {off} off");
            }
        }
    }
}

#[test]
fn what_is_decoded_is_what_was_encoded_up_to_its_end() {
    for lib in libraries() {
        for (format, rate, channels) in
            [(SampleFormat::Flt, 48_000, 2), (SampleFormat::S16, 44_100, 1), (SampleFormat::S16, 32_000, 2)]
        {
            let sound = chord(30_500, channels, rate);
            let (mut h, input) = harness(&[("lib", lib)], raw(rate, channels as u32, format));
            for (n, block) in sound.chunks(1000 * channels).enumerate() {
                let ts = n as i64 * 1000;
                h.packet(input, if format == SampleFormat::Flt { flt(block, ts) } else { s16(block, ts) });
            }
            h.end(input);
            h.finish().expect("ends");
            let packets = h.take(OUT);
            let (start, heard) = decode(&h.outputs()[0].props[0], &packets);
            let from = usize::try_from(-start).expect("priming") * channels;
            // The first and the last moments hold the edges of the chord, which spread.
            let inner = 2048 * channels..sound.len() - 64 * channels;
            let db = snr(&sound[inner.clone()], &heard[from + inner.start..from + inner.end]);
            assert!(db > 18.0, "{lib} {format:?} {rate} Hz x{channels}: {db:.1} dB");
        }
    }
}

#[test]
fn the_bit_rate_is_held() {
    for lib in libraries() {
        for (rate, channels, target) in [(48_000, 2, 128_000), (44_100, 1, 64_000), (48_000, 2, 64_000)] {
            // Noise in the chord, so that there is something to spend bits on.
            let mut seed = 1_u32;
            let mut sound = chord(10 * rate as usize, channels, rate);
            for x in &mut sound {
                seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                *x += (seed >> 16) as f32 / 65_536.0 * 0.1 - 0.05;
            }
            let (mut h, input) =
                harness(&[("lib", lib), ("b", &target.to_string())], raw(rate, channels as u32, SampleFormat::Flt));
            let packets = encode(&mut h, input, &sound, channels, &[1024]);
            let bytes: usize = packets.iter().map(|p| p.len()).sum();
            let got = bytes as f64 * 8.0 / (packets.len() as f64 * 1024.0 / f64::from(rate));
            println!("{lib}: {target} asked, {got:.0} b/s");
            assert!((got / f64::from(target) - 1.0).abs() < 0.05, "{lib}: {got} for {target}");
        }
    }
}

#[test]
fn every_rate_and_channel_count_of_aac_opens_and_decodes() {
    for lib in libraries() {
        for rate in [8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 64_000, 88_200, 96_000] {
            for channels in [1, 2] {
                let (mut h, input) = harness(&[("lib", lib)], raw(rate, channels as u32, SampleFormat::Flt));
                let packets = encode(&mut h, input, &chord(5000, channels, rate), channels, &[1024]);
                let mut decoder = Decode::new(&h.outputs()[0].props[0]);
                for p in &packets {
                    assert_eq!(
                        decoder.frame(p.bytes().expect("bytes")).len(),
                        1024 * channels,
                        "{lib} {rate} x{channels}"
                    );
                }
            }
        }
    }
}

#[test]
fn origins_are_those_of_the_sound() {
    let (mut h, input) = harness(&[], raw(48_000, 1, SampleFormat::Flt));
    for n in 0..10_u64 {
        let mut p = flt(&[0.0; 1024], n as i64 * 1024);
        p.origin = Time::from_millis(n);
        h.packet(input, p);
    }
    h.end(input);
    h.finish().expect("ends");
    for p in h.take(OUT) {
        assert_eq!(p.origin, Time::from_millis((p.dts.max(0) / 1024) as u64));
    }
}
