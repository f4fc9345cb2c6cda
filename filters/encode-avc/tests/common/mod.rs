//! Pictures to encode, and the filter in its harness.
#![allow(dead_code, unreachable_pub, reason = "each test binary uses some of it")]

use std::sync::Arc;

use weir_encode_avc::AvcEncoder;
use weir_media::{CodecId, Frac, Frame, FramePool, Packet, PixelFormat, Prop, Props, StreamType};
use weir_plugin::harness::Harness;
use weir_plugin::{Create, Filter, InId, Memory, Options, OutId, Plugin, Result};

pub const OUT: OutId = OutId(0);

/// An instance with these options.
pub fn options(given: &[(&str, &str)]) -> Options {
    let mut values = Options::defaults(AvcEncoder.options());
    for (name, text) in given {
        values.apply(name, Some(text)).unwrap_or_else(|e| panic!("{name}={text}: {e}"));
    }
    values
}

pub fn create(given: &[(&str, &str)]) -> Result<Box<dyn Filter>> {
    AvcEncoder.create(Create { options: options(given), bundle: None, memory: Memory::new(1 << 30) })
}

pub fn harness(options: &[(&str, &str)], props: Props) -> (Harness, InId) {
    let mut h = Harness::new(create(options).expect("options fit"));
    let input = h.input(props);
    (h, input)
}

/// Properties of a raw input: `fps` pictures per second, one timescale unit each.
pub fn raw(width: u32, height: u32, fps: u32) -> Props {
    Props::new()
        .with(Prop::StreamType, StreamType::Visual)
        .with(Prop::CodecId, CodecId::Raw)
        .with(Prop::PixelFormat, PixelFormat::Yuv420)
        .with(Prop::Width, width)
        .with(Prop::Height, height)
        .with(Prop::Fps, Frac::new(i64::from(fps), 1).expect("not 0"))
        .with(Prop::Timescale, fps)
}

/// How much a picture sequence asks of an encoder.
#[derive(Clone, Copy)]
pub enum Content {
    /// Colour bars, a ramp, a moving box and a blinking field of digits-like blocks: as a test source draws.
    Card,
    /// The same under a fast moving texture and noise.
    Hard,
}

/// Picture `n` of a sequence.
pub fn picture(content: Content, width: u32, height: u32, n: u32) -> Arc<Frame> {
    let pool = FramePool::new();
    let (planes, len) = Frame::layout(PixelFormat::Yuv420, width, height);
    let mut data = pool.take(len);
    let mut seed = 0x9e37_79b9_u32 ^ (n + 1).wrapping_mul(0x85eb_ca6b);
    for (i, plane) in planes.iter().enumerate() {
        for y in 0..plane.rows {
            for x in 0..plane.width {
                let (px, py) = if i == 0 { (x, y) } else { (x * 2, y * 2) };
                let card = card(i, px as u32, py as u32, (width, height), n);
                data[plane.offset + y * plane.stride + x] = match content {
                    Content::Card => card,
                    Content::Hard => {
                        seed ^= seed << 13;
                        seed ^= seed >> 17;
                        seed ^= seed << 5;
                        let texture = ((px as u32 + 7 * n) ^ (py as u32 + 3 * n)) & 63;
                        card.saturating_add(texture as u8).saturating_add((seed & 15) as u8)
                    }
                };
            }
        }
    }
    Arc::new(Frame::new(PixelFormat::Yuv420, width, height, pool.freeze(data)).expect("long enough"))
}

fn card(plane: usize, x: u32, y: u32, (width, height): (u32, u32), n: u32) -> u8 {
    let bar = x * 8 / width;
    let boxed = x.wrapping_sub(n * 3 % width) < width / 6 && y.wrapping_sub(height / 2) < height / 5;
    let digit = y < height / 4 && x < width / 2 && ((x / 6) * 31 + (y / 6) * 17 + n * 13) % 7 < 3;
    match (plane, boxed, digit) {
        (0, true, _) => 200,
        (0, _, true) => 235,
        (0, ..) if y > height * 3 / 4 => 16 + (x * 219 / width) as u8,
        (0, ..) => 180 - (bar * 20) as u8,
        (1, ..) => 128u8.wrapping_add((bar * 25) as u8).clamp(16, 240),
        _ => 240u8.wrapping_sub((bar * 25) as u8).clamp(16, 240),
    }
}

/// The packet of picture `n`.
pub fn packet(content: Content, width: u32, height: u32, n: u32) -> Packet {
    Packet { duration: 1, ..Packet::picture(picture(content, width, height, n), n.into()) }
}

/// Encodes `count` pictures and ends.
pub fn encode(options: &[(&str, &str)], content: Content, (w, h, fps): (u32, u32, u32), count: u32) -> Vec<Packet> {
    let (mut harness, input) = harness(options, raw(w, h, fps));
    for n in 0..count {
        harness.packet(input, packet(content, w, h, n));
        harness.run().expect("encodes");
    }
    harness.end(input);
    harness.finish().expect("ends");
    assert!(harness.outputs()[0].ended);
    harness.take(OUT)
}

/// Bits per second over packets of one unit each.
pub fn rate(packets: &[Packet], fps: u32) -> f64 {
    packets.iter().map(|p| p.len() as f64).sum::<f64>() * 8.0 * f64::from(fps) / packets.len() as f64
}

/// NAL units, without start codes, of Annex B bytes with four-byte start codes.
pub fn nals(data: &[u8]) -> Vec<&[u8]> {
    let starts: Vec<usize> =
        (0..data.len().saturating_sub(3)).filter(|i| data[*i..].starts_with(&[0, 0, 0, 1])).collect();
    let ends = starts.iter().skip(1).copied().chain([data.len()]);
    starts.iter().zip(ends).map(|(s, e)| &data[s + 4..e]).collect()
}

/// Indexes of key pictures.
pub fn keys(packets: &[Packet]) -> Vec<usize> {
    (0..packets.len()).filter(|i| packets[*i].is_key()).collect()
}
