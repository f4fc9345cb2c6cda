//! Pictures through `scale` and `crop`: sizes, shape, content, odd and hostile sizes.

use std::sync::Arc;

use proptest::prelude::*;
use weir_media::{CodecId, Frac, Frame, Packet, PixelFormat, Prop, Props, StreamType, Value};
use weir_plugin::harness::Harness;
use weir_plugin::{Create, Memory, Options, OutId, Plugin};
use weir_scale::{Cropper, Scaler};

const OUT: OutId = OutId(0);

fn made(plugin: &dyn Plugin, args: &[(&str, &str)]) -> Harness {
    let mut options = Options::defaults(plugin.options());
    for (name, text) in args {
        options.apply(name, Some(text)).unwrap_or_else(|e| panic!("{name}={text}: {e}"));
    }
    let create = Create { options, bundle: None, memory: Memory::new(1 << 30) };
    Harness::new(plugin.create(create).expect("good options"))
}

fn raw() -> Props {
    Props::new()
        .with(Prop::StreamType, StreamType::Visual)
        .with(Prop::CodecId, CodecId::Raw)
        .with(Prop::PixelFormat, PixelFormat::Yuv420)
}

/// A picture whose samples are a function of their place in the whole, from 0 to 1.
fn picture(width: u32, height: u32, value: impl Fn(usize, f64, f64) -> f64) -> Arc<Frame> {
    let (planes, len) = Frame::layout(PixelFormat::Yuv420, width, height);
    let mut data = vec![0; len];
    for (index, p) in planes.iter().enumerate() {
        for (y, row) in data[p.offset..].chunks_mut(p.stride).take(p.rows).enumerate() {
            for (x, sample) in row[..p.width].iter_mut().enumerate() {
                let at = |n: usize, of: usize| (n as f64 + 0.5) / of as f64;
                *sample = value(index, at(x, p.width), at(y, p.rows)).round() as u8;
            }
        }
    }
    Arc::new(Frame::new(PixelFormat::Yuv420, width, height, data.into()).expect("long enough"))
}

/// A slope in each plane, each in a direction of its own.
fn slopes(index: usize, x: f64, y: f64) -> f64 {
    match index {
        0 => 20.0 + 200.0 * x,
        1 => 20.0 + 200.0 * y,
        _ => 20.0 + 100.0 * (x + y),
    }
}

fn one(h: &mut Harness, props: Props, frame: Arc<Frame>) -> (Arc<Frame>, Props) {
    let input = h.input(props);
    h.packet(input, Packet { duration: 7, ..Packet::picture(frame, 40) });
    h.end(input);
    h.finish().expect("it ends");
    let out = h.take(OUT);
    assert_eq!((out.len(), out[0].dts, out[0].cts, out[0].duration, out[0].is_key()), (1, 40, 40, 7, true));
    (Arc::clone(out[0].frame().expect("a picture")), h.outputs()[0].props.last().expect("opened").clone())
}

/// Greatest difference of a sample in any plane, a part of each side left out.
fn worst(frame: &Frame, value: impl Fn(usize, f64, f64) -> f64, edge: f64) -> f64 {
    let truth = picture(frame.width(), frame.height(), value);
    let mut worst = 0.0_f64;
    for index in 0..3 {
        let (a, b) = (frame.plane(index), truth.plane(index));
        for (n, (is, should)) in a.data.iter().zip(b.data).enumerate() {
            let (x, y) = ((n % a.width) as f64 / a.width as f64, (n / a.width) as f64 / a.rows as f64);
            if (edge..1.0 - edge).contains(&x) && (edge..1.0 - edge).contains(&y) {
                worst = worst.max((f64::from(*is) - f64::from(*should)).abs());
            }
        }
    }
    worst
}

#[test]
fn a_slope_is_the_same_slope_in_every_size_and_by_every_algorithm() {
    for size in ["320x180", "640x360", "641x361", "1999x101", "16x16"] {
        for algorithm in ["point", "area", "fastbilinear", "bilinear", "bicubic", "gauss", "lanczos"] {
            let mut h = made(&Scaler, &[("osize", size), ("scale", algorithm)]);
            let (frame, props) = one(&mut h, raw(), picture(642, 362, slopes));
            let (w, hgt) = size.split_once('x').expect("a size");
            assert_eq!((frame.width().to_string(), frame.height().to_string()), (w.to_owned(), hgt.to_owned()));
            assert_eq!((props.u32(Prop::Width), props.u32(Prop::Height)), (w.parse().ok(), hgt.parse().ok()));
            let off = worst(&frame, slopes, 0.2);
            assert!(off <= if algorithm == "point" { 7.0 } else { 2.0 }, "{size} {algorithm}: {off}");
        }
    }
}

#[test]
fn the_shape_is_kept_by_the_aspect_ratio_of_samples() {
    let mut h = made(&Scaler, &[("osize", "640x360")]);
    let pal = raw().with(Prop::Sar, Frac { num: 64, den: 45 }).with(Prop::Width, 720_u32).with(Prop::Height, 576_u32);
    let input = h.input(pal);
    h.run().expect("works");
    let props = h.outputs()[0].props.last().expect("open before the first picture");
    assert_eq!(props.frac(Prop::Sar), Frac::new(1, 1));
    h.packet(input, Packet::picture(picture(640, 480, slopes), 0));
    h.run().expect("works");
    let props = h.outputs()[0].props.last().expect("changed with the picture");
    assert_eq!(props.frac(Prop::Sar), Frac::new(16, 15), "64:45 of 4:3 is 1.896, and so is 16:15 of 16:9");
}

#[test]
fn borders_are_of_the_colour_and_the_picture_is_in_their_middle() {
    let white = |_: usize, _: f64, _: f64| 235.0;
    let mut h = made(&Scaler, &[("osize", "320x240"), ("keepar", "full"), ("padclr", "red")]);
    let (frame, props) = one(&mut h, raw(), picture(640, 360, white));
    assert_eq!(props.get(Prop::Sar), None, "square, as nothing else was said");
    let luma = frame.plane(0);
    let row = |y: usize| luma.data[y * 320..(y + 1) * 320].to_vec();
    assert!((0..30).chain(210..240).all(|y| row(y).iter().all(|s| *s == 81)), "BT.601 red");
    assert!((30..210).all(|y| row(y).iter().all(|s| *s == 235)));
    let chroma = frame.plane(2);
    assert!(chroma.data[..15 * 160].iter().all(|s| *s == 240) && chroma.data[15 * 160] == 235);
}

#[test]
fn what_has_the_size_passes_untouched() {
    let frame = picture(321, 181, slopes);
    for args in [&[("osize", "321x181")][..], &[], &[("osar", "4/3")]] {
        let mut h = made(&Scaler, args);
        let (same, props) = one(&mut h, raw(), Arc::clone(&frame));
        assert!(Arc::ptr_eq(&same, &frame), "no copy");
        assert_eq!(props.frac(Prop::Sar), args.iter().any(|a| a.0 == "osar").then(|| Frac::new(4, 3)).flatten());
    }
}

#[test]
fn a_window_is_cut_out_of_every_plane() {
    let mut h = made(&Cropper, &[("wnd", "40x60x101x51")]);
    let (frame, props) = one(&mut h, raw(), picture(640, 360, |n, x, y| (n as f64) + 100.0 * x + 10.0 * y));
    assert_eq!((frame.width(), frame.height(), props.u32(Prop::Width)), (101, 51, Some(101)));
    let whole = picture(640, 360, |n, x, y| (n as f64) + 100.0 * x + 10.0 * y);
    let at = |f: &Frame, plane: usize, x: usize, y: usize| f.plane(plane).data[y * f.plane(plane).stride + x];
    assert!((0..51).all(|y| (0..101).all(|x| at(&frame, 0, x, y) == at(&whole, 0, x + 60, y + 40))));
    assert!((0..26).all(|y| (0..51).all(|x| at(&frame, 2, x, y) == at(&whole, 2, x + 30, y + 20))));
}

#[test]
fn what_is_no_picture_or_outside_is_refused() {
    let refused = |plugin: &dyn Plugin, args: &[(&str, &str)], packet: Packet| {
        let mut h = made(plugin, args);
        let input = h.input(raw());
        h.packet(input, packet);
        h.run().expect_err("refused").message
    };
    let frame = |w, h| Packet::picture(picture(w, h, slopes), 0);
    assert_eq!(refused(&Cropper, &[("wnd", "64x0x8x8")], frame(64, 64)), "wnd is outside pictures of 64x64");
    assert_eq!(refused(&Scaler, &[("osize", "8x8")], frame(1, 16_385)), "pictures of 1x16385 cannot be scaled");
    let bytes = Packet::new(vec![1_u8].into(), 0);
    assert_eq!(refused(&Scaler, &[("osize", "8x8")], bytes), "a raw picture comes as bytes, not as a frame");
    let formats = Scaler.caps(&Options::defaults(Scaler.options()))[0].inputs.clone();
    assert!(formats.iter().any(|c| c.value == Value::Pixel(PixelFormat::Yuv420)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    /// Any sizes and shapes: the picture has the size, and a flat one stays flat.
    #[test]
    fn any_size_is_made_of_any_other(
        from in (1_u32..300, 1_u32..300),
        to in (1_u32..300, 1_u32..300),
        sar in (1_i64..100_000, 1_u32..100_000),
        keep in prop::sample::select(vec!["off", "full", "nosrc"]),
        algorithm in prop::sample::select(vec!["point", "area", "bilinear", "bicubic", "gauss", "lanczos"]),
    ) {
        let size = format!("{}x{}", to.0, to.1);
        let mut h = made(&Scaler, &[("osize", &size), ("keepar", keep), ("scale", algorithm), ("padclr", "black")]);
        let sar = Frac { num: sar.0, den: sar.1 };
        let (frame, _) = one(&mut h, raw().with(Prop::Sar, sar), picture(from.0, from.1, |_, _, _| 77.0));
        prop_assert_eq!((frame.width(), frame.height()), to);
        let border = |plane: usize| [77_u8, if plane == 0 { 16 } else { 128 }];
        for plane in 0..3 {
            let known = border(plane);
            let n = if keep == "off" { 1 } else { 2 };
            prop_assert!(frame.plane(plane).data.iter().all(|s| known[..n].contains(s)));
        }
    }
}
