//! Fractions in lowest terms. Nothing here reads coded data.

use weir_media::Frac;

/// `num / den` in lowest terms; `None` when either is 0 or does not fit.
pub(crate) fn reduced(num: u64, den: u64) -> Option<Frac> {
    let (mut a, mut b) = (num, den);
    while b != 0 {
        (a, b) = (b, a % b);
    }
    if num == 0 || den == 0 {
        return None;
    }
    Frac::new(i64::try_from(num / a).ok()?, u32::try_from(den / a).ok()?)
}
