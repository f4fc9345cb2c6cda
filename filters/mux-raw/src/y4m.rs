//! The lines of a Y4M file. Pure.

use weir_media::{Bytes, Prop, Props};
use weir_plugin::{Error, Result};

/// What stands before each picture.
pub(crate) const MARK: &[u8] = b"FRAME\n";

/// The first line of a file of these pictures.
///
/// # Errors
/// Their size is not known.
pub(crate) fn header(pictures: &Props) -> Result<Bytes> {
    let side = |prop: Prop| {
        pictures.u32(prop).ok_or_else(|| Error::unsupported("the size of the pictures is not known, and Y4M needs it"))
    };
    let ratio = |prop: Prop| pictures.frac(prop).filter(|f| f.num > 0).map_or((0, 0), |f| (f.num, f.den));
    let (width, height) = (side(Prop::Width)?, side(Prop::Height)?);
    let (fps, sar) = (ratio(Prop::Fps), ratio(Prop::Sar));
    let range = if pictures.flag(Prop::ColorFullRange) { " XCOLORRANGE=FULL" } else { "" };
    let line = format!("YUV4MPEG2 W{width} H{height} F{}:{} Ip A{}:{} C420jpeg{range}\n", fps.0, fps.1, sar.0, sar.1);
    Ok(line.into())
}
