//! [`Colour`]: what the samples of a picture mean.

/// Indices of ITU-T H.273.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Colour {
    /// colour_primaries.
    pub primaries: u8,
    /// transfer_characteristics.
    pub transfer: u8,
    /// matrix_coefficients.
    pub matrix: u8,
    /// Samples use the whole range of their bits.
    pub full_range: bool,
}
