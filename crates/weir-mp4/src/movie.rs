//! `ftyp` and `moov`: what a file is, and what is in it (ISO/IEC 14496-12 8.2 to 8.8).

use weir_media::{Prop, rescale};

use crate::boxes::{boxed, full, i32, matrix, u16, u32, u64, zeros};
use crate::track::Tables;

/// Units per second that moments of different tracks are compared in.
const MICROS: u32 = 1_000_000;

/// The start of a file.
#[must_use]
pub fn file_type(fragmented: bool) -> Vec<u8> {
    let mut out = Vec::new();
    boxed(&mut out, b"ftyp", |out| {
        out.extend_from_slice(b"isom");
        u32(out, 512);
        let brands: &[&[u8; 4]] =
            if fragmented { &[b"isom", b"iso6", b"mp41"] } else { &[b"isom", b"iso4", b"avc1", b"mp41"] };
        brands.iter().for_each(|brand| out.extend_from_slice(*brand));
    });
    out
}

/// The movie box. With fragments to follow, tables are empty and no length is known.
#[must_use]
pub fn movie(tracks: &[Tables], scale: u32, fragmented: bool) -> Vec<u8> {
    let zero = tracks.iter().filter(|t| t.began).map(starts_at).min().unwrap_or(0);
    let length = |t: &Tables| if fragmented { 0 } else { lead(t, zero, scale) + t.in_scale(t.shown(), scale) };
    let longest = tracks.iter().map(length).max().unwrap_or(0);
    let mut out = Vec::new();
    boxed(&mut out, b"moov", |out| {
        header(out, scale, longest, tracks.len());
        for (number, track) in (1_u32..).zip(tracks) {
            boxed(out, b"trak", |out| {
                track_header(out, track, number, length(track));
                edits(out, track, zero, scale, fragmented);
                media(out, track, fragmented);
            });
        }
        if fragmented {
            extends(out, tracks.len());
        }
    });
    out
}

/// When a track is first heard or seen, microseconds.
fn starts_at(track: &Tables) -> i64 {
    rescale(track.starts, track.timescale(), MICROS)
}

/// Time in front of a track in which others play already.
fn lead(track: &Tables, zero: i64, scale: u32) -> u64 {
    u64::try_from(rescale(starts_at(track) - zero, MICROS, scale)).unwrap_or(0)
}

fn header(out: &mut Vec<u8>, scale: u32, length: u64, tracks: usize) {
    full(out, b"mvhd", 1, 0, |out| {
        u64(out, 0);
        u64(out, 0);
        u32(out, scale);
        u64(out, length);
        u32(out, 0x1_0000); // rate
        u16(out, 0x100); // volume
        zeros(out, 10);
        matrix(out);
        zeros(out, 24);
        u32(out, u32::try_from(tracks + 1).unwrap_or(u32::MAX));
    });
}

fn track_header(out: &mut Vec<u8>, track: &Tables, number: u32, length: u64) {
    let size = |prop| track.props.u32(prop).filter(|_| track.is_video()).unwrap_or(0);
    // Enabled, in the movie.
    full(out, b"tkhd", 1, 3, |out| {
        u64(out, 0);
        u64(out, 0);
        u32(out, number);
        zeros(out, 4);
        u64(out, length);
        zeros(out, 8);
        u16(out, 0);
        u16(out, u16::from(!track.is_video())); // alternate group
        u16(out, if track.is_video() { 0 } else { 0x100 });
        zeros(out, 2);
        matrix(out);
        // 16.16, as shown: with the aspect of its pixels.
        let sar = track.props.frac(Prop::Sar).filter(|s| s.num > 0);
        let width = u64::from(size(Prop::Width)) << 16;
        let shown = sar.map_or(width, |s| width * u64::try_from(s.num).unwrap_or(1) / u64::from(s.den.max(1)));
        u32(out, u32::try_from(shown).unwrap_or(u32::MAX));
        u32(out, size(Prop::Height) << 16);
    });
}

/// An edit list, where a track does not simply begin with its first sample at time 0 (8.6.6).
fn edits(out: &mut Vec<u8>, track: &Tables, zero: i64, scale: u32, fragmented: bool) {
    let lead = lead(track, zero, scale);
    let skip = track.starts - track.first_dts;
    if !track.began || (lead == 0 && skip == 0) {
        return;
    }
    let length = if fragmented { 0 } else { track.in_scale(track.shown(), scale) };
    let entries = [(lead, -1), (length, skip)];
    let entries = if lead == 0 { &entries[1..] } else { &entries[..] };
    boxed(out, b"edts", |out| {
        full(out, b"elst", 1, 0, |out| {
            u32(out, u32::try_from(entries.len()).unwrap_or(0));
            for (length, media_time) in entries {
                u64(out, *length);
                out.extend_from_slice(&media_time.to_be_bytes());
                u32(out, 0x1_0000); // rate
            }
        });
    });
}

fn media(out: &mut Vec<u8>, track: &Tables, fragmented: bool) {
    let (handler, name): (&[u8; 4], _) =
        if track.is_video() { (b"vide", "VideoHandler") } else { (b"soun", "SoundHandler") };
    boxed(out, b"mdia", |out| {
        full(out, b"mdhd", 1, 0, |out| {
            u64(out, 0);
            u64(out, 0);
            u32(out, track.timescale());
            u64(out, if fragmented { 0 } else { track.length() });
            u16(out, language(track.props.str(Prop::Language)));
            u16(out, 0);
        });
        full(out, b"hdlr", 0, 0, |out| {
            zeros(out, 4);
            out.extend_from_slice(handler);
            zeros(out, 12);
            out.extend_from_slice(name.as_bytes());
            out.push(0);
        });
        boxed(out, b"minf", |out| {
            if track.is_video() {
                full(out, b"vmhd", 0, 1, |out| zeros(out, 8));
            } else {
                full(out, b"smhd", 0, 0, |out| zeros(out, 4));
            }
            boxed(out, b"dinf", |out| {
                full(out, b"dref", 0, 0, |out| {
                    u32(out, 1);
                    full(out, b"url ", 0, 1, |_| {});
                });
            });
            boxed(out, b"stbl", |out| {
                full(out, b"stsd", 0, 0, |out| {
                    u32(out, u32::try_from(track.entries.len()).unwrap_or(0));
                    track.entries.iter().for_each(|(_, entry)| out.extend_from_slice(entry));
                });
                if fragmented { Tables::new(track.props.clone()).write(out) } else { track.write(out) }
            });
        });
    });
}

/// Three letters of five bits (8.4.2); `und` for what is none.
fn language(tag: Option<&str>) -> u16 {
    let letters = tag.filter(|t| t.len() == 3 && t.bytes().all(|b| b.is_ascii_lowercase())).unwrap_or("und");
    letters.bytes().fold(0, |all, b| (all << 5) | u16::from(b - 0x60))
}

/// `mvex`: fragments follow (8.8.1).
fn extends(out: &mut Vec<u8>, tracks: usize) {
    boxed(out, b"mvex", |out| {
        for number in 1..=u32::try_from(tracks).unwrap_or(u32::MAX) {
            full(out, b"trex", 0, 0, |out| {
                u32(out, number);
                u32(out, 1); // sample entry
                zeros(out, 8);
                i32(out, 0);
            });
        }
    });
}
