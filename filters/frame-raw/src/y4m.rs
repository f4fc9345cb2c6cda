//! The lines of a Y4M file: its head and the mark before each picture. Pure.

use weir_media::Frac;
use weir_plugin::{Error, Result};

/// Longest line: heads have up to a hundred bytes, comments in them may be longer.
pub(crate) const MAX_LINE: usize = 4096;

/// What the head says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Header {
    pub(crate) width: u32,
    pub(crate) height: u32,
    /// Pictures per second, when told.
    pub(crate) fps: Option<Frac>,
    /// Shape of a pixel, when told.
    pub(crate) sar: Option<Frac>,
    pub(crate) full_range: bool,
}

/// Reads the first line.
///
/// # Errors
/// It is no Y4M file, says no size, or has pictures that are not read.
pub(crate) fn header(line: &[u8]) -> Result<Header> {
    let text = std::str::from_utf8(line).ok().and_then(|line| line.strip_prefix("YUV4MPEG2"));
    let text = text.ok_or_else(|| Error::bad_input("this is no Y4M file: it does not begin with YUV4MPEG2"))?;
    let mut header = Header { width: 0, height: 0, fps: None, sar: None, full_range: false };
    for word in text.split_ascii_whitespace() {
        let bad = || Error::bad_input(format!("the head of the Y4M file says {word:?}"));
        let (tag, value) = word.split_at_checked(1).ok_or_else(bad)?;
        match tag {
            "W" => header.width = value.parse().map_err(|_| bad())?,
            "H" => header.height = value.parse().map_err(|_| bad())?,
            "F" => header.fps = ratio(value).ok_or_else(bad)?,
            "A" => header.sar = ratio(value).ok_or_else(bad)?,
            "C" if !matches!(value, "420" | "420jpeg" | "420mpeg2" | "420paldv") => {
                return Err(Error::unsupported(format!(
                    "Y4M with pictures of {value} is not read: 420 of 8 bits is (ffmpeg -pix_fmt yuv420p makes it)"
                )));
            }
            "X" => header.full_range |= value == "COLORRANGE=FULL",
            _ => {} // how fields lie, comments
        }
    }
    Ok(header)
}

/// `num:den`; `Some(None)` for `0:0`, which says that it is not known.
fn ratio(text: &str) -> Option<Option<Frac>> {
    let (num, den) = text.split_once(':')?;
    let (num, den): (u32, u32) = (num.parse().ok()?, den.parse().ok()?);
    Some(Frac::new(num.into(), den).filter(|_| num > 0))
}

/// Checks the line before a picture.
///
/// # Errors
/// It is no such line.
pub(crate) fn check_mark(line: &[u8]) -> Result<()> {
    let is_mark = line.strip_prefix(b"FRAME").is_some_and(|rest| rest.is_empty() || rest[0] == b' ');
    if is_mark { Ok(()) } else { Err(Error::bad_input("the Y4M file is damaged: a picture does not begin with FRAME")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads() {
        let full = header(b"YUV4MPEG2 W160 H90 F30000:1001 Ip A1:1 C420jpeg XYSCSS=420JPEG XCOLORRANGE=FULL");
        let one = Frac { num: 1, den: 1 };
        let fps = Frac { num: 30_000, den: 1001 };
        let expected = Header { width: 160, height: 90, fps: Some(fps), sar: Some(one), full_range: true };
        assert_eq!(full, Ok(expected));
        let bare = header(b"YUV4MPEG2 W2 H2 F0:0 A0:0").expect("unknown rates");
        assert_eq!((bare.fps, bare.sar), (None, None));
        for bad in
            ["", "YUV4MPEG", "YUV4MPEG2 Wx", "YUV4MPEG2 W-1", "YUV4MPEG2 F25", "YUV4MPEG2 \u{e4}1", "YUV4MPEG2 C444"]
        {
            assert!(header(bad.as_bytes()).is_err(), "{bad}");
        }
        assert!(check_mark(b"FRAME Ip").is_ok() && check_mark(b"FRAMES").is_err());
    }
}
