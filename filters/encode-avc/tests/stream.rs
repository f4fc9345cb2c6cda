//! What the coded stream is: structure, rate, quality, and that a decoder agrees.

mod common;

use common::{Content, OUT, encode, harness, keys, nals, packet, picture, rate, raw};
use openh264::decoder::Decoder;
use openh264::formats::YUVSource;
use weir_media::{CodecId, Flags, Frac, Packet, Prop, Time};

/// Luma PSNR of each decoded picture against the picture that was encoded.
fn psnr(packets: &[Packet], content: Content, (w, h): (u32, u32)) -> Vec<f64> {
    let mut decoder = Decoder::new().expect("opens");
    let mut out = Vec::new();
    for (n, p) in packets.iter().enumerate() {
        let picture = picture(content, w, h, n as u32);
        let decoded = decoder.decode(p.bytes().expect("bytes")).expect("decodes").expect("one in, one out");
        let (dw, dh) = decoded.dimensions();
        assert_eq!((dw, dh), ((w & !1) as usize, (h & !1) as usize));
        let (stride, plane) = (decoded.strides().0, picture.plane(0));
        let mut sum = 0.0;
        for y in 0..dh {
            for x in 0..dw {
                let d = f64::from(decoded.y()[y * stride + x]) - f64::from(plane.data[y * plane.stride + x]);
                sum += d * d;
            }
        }
        out.push(10.0 * (255.0 * 255.0 / (sum / (dw * dh) as f64).max(1e-9)).log10());
    }
    out
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

#[test]
fn each_picture_is_one_access_unit_at_its_time() {
    let packets = encode(&[("b", "300k")], Content::Card, (240, 160, 25), 60);
    assert_eq!(packets.iter().map(|p| p.dts).collect::<Vec<_>>(), (0..60).collect::<Vec<_>>());
    assert_eq!(keys(&packets), [0, 50], "2 s by default");
    for p in &packets {
        assert_eq!((p.dts, p.duration), (p.cts, 1));
        let types: Vec<u8> = nals(p.bytes().expect("bytes")).iter().map(|n| n[0] & 0x1f).collect();
        assert_eq!(types, if p.is_key() { vec![7, 8, 5] } else { vec![1] });
        assert!(!p.flags.contains(Flags::DISPOSABLE), "every picture is referred to by the next");
    }
}

#[test]
fn parameter_sets_never_change_and_say_what_was_asked() {
    for (profile, idc, cabac) in [("baseline", 66, false), ("main", 77, true), ("high", 100, true)] {
        let packets = encode(&[("profile", profile), ("g", "3")], Content::Card, (240, 160, 25), 10);
        let sets: Vec<Vec<&[u8]>> =
            packets.iter().filter(|p| p.is_key()).map(|p| nals(p.bytes().expect("bytes"))[..2].to_vec()).collect();
        assert_eq!(sets.len(), 4);
        assert!(sets.iter().all(|s| *s == sets[0]), "{profile}");
        let (sps, pps) = (sets[0][0], sets[0][1]);
        assert_eq!(sps[1], idc, "profile_idc of {profile}");
        // Both ids are ue(v) 0, one bit each; entropy_coding_mode_flag is the third bit (H.264 7.3.2.2).
        assert_eq!((pps[1] >> 6, pps[1] & 0x20 != 0), (3, cabac), "entropy_coding_mode_flag of {profile}");
        assert!(psnr(&packets, Content::Card, (240, 160)).iter().all(|db| *db > 30.0));
    }
}

#[test]
fn the_rate_is_held_and_the_picture_is_good() {
    for (size, fps, target, count, bound) in [
        ((240, 160), 25, 200_000, 250, 25.0),
        ((240, 160), 120, 1_000_000, 250, 25.0),
        ((640, 360), 30, 1_500_000, 90, 25.0),
    ] {
        let packets = encode(&[("b", &target.to_string())], Content::Hard, (size.0, size.1, fps), count);
        let (rate, quality) = (rate(&packets, fps), mean(&psnr(&packets, Content::Hard, size)));
        let off = rate / f64::from(target) - 1.0;
        assert!(off.abs() < 0.06, "{size:?} at {fps}: {rate} b/s for {target}");
        assert!(quality > bound, "{size:?} at {fps}: {quality} dB");
    }
}

#[test]
fn easy_content_is_coded_as_well_as_can_be() {
    let packets = encode(&[("b", "200k")], Content::Card, (240, 160, 25), 100);
    let (rate, quality) = (rate(&packets, 25), mean(&psnr(&packets, Content::Card, (240, 160))));
    assert!(rate < 200_000.0 && quality > 45.0, "{rate} b/s at {quality} dB");
}

#[test]
fn skipping_leaves_pictures_out_and_never_a_key() {
    let options = [("b", "150k"), ("skip", "yes"), ("maxrate", "160k"), ("g", "25")];
    let packets = encode(&options, Content::Hard, (320, 240, 25), 250);
    assert!(packets.len() < 250, "this content cannot be coded whole at that rate");
    let total: usize = packets.iter().map(Packet::len).sum();
    assert!(total as f64 * 8.0 / 10.0 < 160_000.0 * 1.05, "{} b/s", total as f64 * 0.8);
    let times: Vec<i64> = packets.iter().filter(|p| p.is_key()).map(|p| p.dts).collect();
    assert_eq!(times, (0..250).step_by(25).collect::<Vec<_>>());
    assert!(packets.is_sorted_by(|a, b| a.dts < b.dts));
}

#[test]
fn odd_sizes_are_cropped_and_any_size_decodes() {
    for (w, h) in [(241, 161), (17, 17), (16, 16), (1282, 718), (34, 200)] {
        let packets = encode(&[("b", "1M")], Content::Card, (w, h, 25), 5);
        assert!(psnr(&packets, Content::Card, (w, h)).iter().all(|db| *db > 25.0), "{w}x{h}");
    }
}

#[test]
fn several_threads_code_several_slices() {
    let packets = encode(&[("b", "1M"), ("threads", "2")], Content::Card, (640, 360, 25), 20);
    assert_eq!(nals(packets[1].bytes().expect("bytes")).len(), 2);
    assert!(psnr(&packets, Content::Card, (640, 360)).iter().all(|db| *db > 30.0));
}

#[test]
fn the_output_describes_itself() {
    let props = raw(241, 160, 25).with(Prop::TargetRate, 250_000_u32).with(Prop::Name, "cam");
    let sar = Frac::new(12, 11).expect("not 0");
    let (mut h, input) = harness(&[], props.with(Prop::Sar, sar));
    h.run().expect("runs");
    let out = h.outputs()[0].props[0].clone();
    assert_eq!((out.codec(), out.flag(Prop::Unframed)), (Some(CodecId::Avc), true));
    assert_eq!((out.u32(Prop::Width), out.u32(Prop::Height)), (Some(240), Some(160)));
    assert_eq!((out.u32(Prop::Bitrate), out.timescale(), out.str(Prop::Name)), (Some(250_000), 25, Some("cam")));
    assert_eq!(out.frac(Prop::Sar), Some(sar));
    assert!(out.get(Prop::PixelFormat).is_none() && out.get(Prop::TargetRate).is_none());

    let born = Time::from_millis(77);
    h.packet(input, Packet { origin: born, ..packet(Content::Card, 241, 160, 0) });
    h.run().expect("encodes");
    let packets = h.take(OUT);
    assert_eq!(packets[0].origin, born);
    let unit = packets[0].bytes().expect("bytes");
    // aspect_ratio_idc 255, sar_width 12, sar_height 11, at whatever bit they begin.
    let sps = nals(unit)[0];
    let bits: String = sps.iter().map(|b| format!("{b:08b}")).collect();
    let said = format!("{:08b}{:016b}{:016b}", 255, 12, 11);
    assert!(bits.contains(&said) || sps.windows(3).any(|w| w == [0, 0, 3]), "{bits}");
    assert_eq!(h.outputs()[0].props.len(), 1, "said once");
}
