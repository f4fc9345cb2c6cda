//! A number that programs read back from a decoded picture: two rows of black and white blocks along the bottom edge.
//!
//! # Layout
//! Positions are parts of the picture, so that scaling keeps them: [`COLUMNS`] columns over the full width, two rows of
//! 1/20 of the height each at the bottom (at 240x160 a block is 8x8 pixels). White is luma 235 and bit 1, black is luma 16
//! and bit 0.
//! The first two blocks of the upper row are white and black, of the lower row black and white: they give the reader its
//! levels. The other 28 + 28 blocks hold 56 bits, most significant first: the frame number (32), whether it is the first
//! frame of a second of the time shown (1), the hundredths of that second (7), and a CRC-16 of those 40 bits (polynomial
//! 0x1021, starting at 0xffff, neither reflected nor inverted).
//!
//! Drawing and reading look at luma only and take any stride.

/// Blocks in a row.
pub const COLUMNS: usize = 30;
/// Blocks in a row that carry data; the two before them are references.
const DATA_COLUMNS: usize = COLUMNS - 2;
/// The picture is this many rows of blocks high; the marker takes the last two.
const ROWS: usize = 20;
const WHITE: u8 = 235;
const BLACK: u8 = 16;
/// Smallest difference between white and black blocks that still counts as a marker, luma levels.
const MIN_CONTRAST: u32 = 32;

/// What the marker of a picture says.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Marker {
    /// Count of the picture in its run, from 0, modulo 2^32.
    pub frame: u32,
    /// This is the first picture of a second of the time shown: the beep begins and the dial stands at the top.
    pub second_mark: bool,
    /// Part of the second of the time shown that has passed, in hundredths, 0 to 99: the dial.
    pub centis: u8,
}

impl Marker {
    fn to_bits(self) -> u64 {
        let status = u8::from(self.second_mark) << 7 | self.centis & 0x7f;
        let fields = u64::from(self.frame) << 8 | u64::from(status);
        fields << 16 | u64::from(crc16(fields))
    }

    fn from_bits(bits: u64) -> Option<Self> {
        let fields = bits >> 16;
        let [.., crc_high, crc_low] = bits.to_be_bytes();
        if crc16(fields) != u16::from_be_bytes([crc_high, crc_low]) {
            return None;
        }
        let [_, _, _, a, b, c, d, status] = fields.to_be_bytes();
        let marker =
            Self { frame: u32::from_be_bytes([a, b, c, d]), second_mark: status & 0x80 != 0, centis: status & 0x7f };
        (marker.centis < 100).then_some(marker)
    }
}

/// CRC-16 of the low 40 bits of `fields`.
fn crc16(fields: u64) -> u16 {
    fields.to_be_bytes()[3..].iter().fold(0xffff, |crc, byte| {
        (0..8).fold(crc ^ u16::from(*byte) << 8, |crc, _| if crc & 0x8000 == 0 { crc << 1 } else { crc << 1 ^ 0x1021 })
    })
}

/// Whether a picture of this size has room for a marker: a block needs at least 4 x 3 pixels to be read back.
#[must_use]
pub const fn fits(width: usize, height: usize) -> bool {
    width >= 4 * COLUMNS && height >= 3 * ROWS
}

/// First row of pixels of the marker in a picture of `height` rows.
#[must_use]
pub const fn top(height: usize) -> usize {
    (ROWS - 2) * height / ROWS
}

/// Draws `marker` into a luma plane. Does nothing when the picture is too small ([`fits`]).
///
/// # Panics
/// When `luma` is shorter than `height` rows of `stride` bytes (the last row may be `width` bytes), or `stride` is
/// smaller than `width`.
pub fn draw(luma: &mut [u8], width: usize, height: usize, stride: usize, marker: Marker) {
    if !fits(width, height) {
        return;
    }
    let data = marker.to_bits();
    for row in 0..2 {
        let lines = rows(height, row);
        let first = lines.start * stride;
        for column in 0..COLUMNS {
            let level = if block(data, row, column) { WHITE } else { BLACK };
            luma[first..][columns(width, column)].fill(level);
        }
        for line in lines.skip(1) {
            luma.copy_within(first..first + width, line * stride);
        }
    }
}

/// Reads the marker of a decoded picture, or `None` when there is none that can be trusted.
///
/// `luma` is any luma plane of the picture, also a scaled one, of `height` rows, `stride` bytes apart. Input of any
/// shape is fine: what is too short or too small has no marker.
#[must_use]
pub fn read(luma: &[u8], width: usize, height: usize, stride: usize) -> Option<Marker> {
    let needed = height.checked_sub(1)?.checked_mul(stride)?.checked_add(width)?;
    if !fits(width, height) || stride < width || luma.len() < needed {
        return None;
    }
    let level = |row, column| mean(luma, stride, middle(columns(width, column)), middle(rows(height, row)));
    let white = level(0, 0).midpoint(level(1, 1));
    let black = level(0, 1).midpoint(level(1, 0));
    if white < black + MIN_CONTRAST {
        return None;
    }
    let threshold = white.midpoint(black);
    let bits = (0..2).flat_map(|row| (2..COLUMNS).map(move |column| (row, column)));
    let bits = bits.fold(0, |bits: u64, (row, column)| bits << 1 | u64::from(level(row, column) > threshold));
    Marker::from_bits(bits)
}

/// Whether the block at `row`, `column` of the marker is white.
fn block(data: u64, row: usize, column: usize) -> bool {
    match column {
        0 => row == 0,
        1 => row == 1,
        _ => data >> (2 * DATA_COLUMNS - 1 - (row * DATA_COLUMNS + column - 2)) & 1 == 1,
    }
}

fn columns(width: usize, column: usize) -> std::ops::Range<usize> {
    column * width / COLUMNS..(column + 1) * width / COLUMNS
}

fn rows(height: usize, row: usize) -> std::ops::Range<usize> {
    (ROWS - 2 + row) * height / ROWS..(ROWS - 1 + row) * height / ROWS
}

/// The middle half of a range, where neighbours bleed in least. Never empty when the range is not.
fn middle(range: std::ops::Range<usize>) -> std::ops::Range<usize> {
    let margin = range.len() / 4;
    range.start + margin..range.end - margin
}

fn mean(luma: &[u8], stride: usize, columns: std::ops::Range<usize>, rows: std::ops::Range<usize>) -> u32 {
    let count = columns.len() * rows.len();
    let sum: u64 = rows.map(|y| luma[y * stride..][columns.clone()].iter().map(|p| u64::from(*p)).sum::<u64>()).sum();
    u32::try_from(sum / count as u64).expect("a mean of bytes")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const M: Marker = Marker { frame: 0x0123_4567, second_mark: true, centis: 96 };

    #[test]
    fn golden_bits() {
        // CRC-16/CCITT-FALSE of "123456789" is 0x29b1; here over five bytes.
        assert_eq!(crc16(0x31_3233_3435), 0x4560);
        assert_eq!(M.to_bits() >> 16, 0x01_2345_67e0);
        assert_eq!(Marker::from_bits(M.to_bits()), Some(M));
        assert_eq!(Marker::from_bits(M.to_bits() ^ 1 << 40), None);
    }

    #[test]
    fn blocks_are_macroblock_aligned_at_the_small_size() {
        let mut luma = vec![128; 240 * 160];
        draw(&mut luma, 240, 160, 240, M);
        assert!(luma[..144 * 240].iter().all(|p| *p == 128), "nothing above the strip");
        for y in 144..160 {
            for x in 0..240 {
                assert_eq!(luma[y * 240 + x], luma[(y & !7) * 240 + (x & !7)], "{x},{y}");
            }
        }
        assert_eq!((luma[144 * 240], luma[144 * 240 + 8], luma[152 * 240], luma[152 * 240 + 8]), (235, 16, 16, 235));
    }

    #[test]
    fn plain_pictures_have_no_marker() {
        for level in [0, 16, 128, 235, 255] {
            assert_eq!(read(&vec![level; 320 * 240], 320, 240, 320), None);
        }
        assert_eq!(read(&[], 0, 0, 0), None);
        assert_eq!(read(&[0; 100], 320, 240, 320), None);
        assert_eq!(read(&[0; 100], usize::MAX, usize::MAX, usize::MAX), None);
    }

    proptest! {
        #[test]
        fn any_size_and_stride(
            frame: u32, second_mark: bool, centis in 0_u8..100, w in 120_usize..2_000, h in 60_usize..500, pad in 0_usize..64,
        ) {
            let marker = Marker { frame, second_mark, centis };
            let mut luma = vec![77; (w + pad) * h];
            draw(&mut luma, w, h, w + pad, marker);
            prop_assert_eq!(read(&luma, w, h, w + pad), Some(marker));
        }

        #[test]
        fn one_wrong_block_is_noticed(bit in 0_u32..56, frame: u32) {
            let bits = Marker { frame, ..M }.to_bits() ^ 1 << bit;
            prop_assert_eq!(Marker::from_bits(bits), None);
        }
    }

    #[test]
    fn noise_is_no_marker() {
        let mut state = 0x2545_f491_4f6c_dd1d_u64;
        let mut noise = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_be_bytes()[0]
        };
        for _ in 0..500 {
            let luma: Vec<u8> = (0..160 * 90).map(|_| noise()).collect();
            assert_eq!(read(&luma, 160, 90, 160), None);
        }
    }
}
