//! Numbers for people: three digits and a unit.

/// `at` seconds as hours, minutes and seconds.
#[must_use]
pub fn clock(seconds: u64) -> String {
    format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

/// Bits per second.
#[must_use]
pub fn bitrate(bits: u64) -> String {
    scaled(bits, &["b/s", "kb/s", "Mb/s", "Gb/s"])
}

/// Bytes.
#[must_use]
pub fn size(bytes: u64) -> String {
    scaled(bytes, &["B", "kB", "MB", "GB", "TB"])
}

/// A count and what is counted.
#[must_use]
pub fn counted(n: u64, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}

fn scaled(value: u64, units: &[&str]) -> String {
    let mut scale = 1_u64;
    let mut unit = 0;
    while value / scale >= 1000 && unit + 1 < units.len() {
        scale *= 1000;
        unit += 1;
    }
    let tenths = u128::from(value) * 10 / u128::from(scale);
    if unit > 0 && tenths < 1000 {
        format!("{}.{} {}", tenths / 10, tenths % 10, units[unit])
    } else {
        format!("{} {}", value / scale, units[unit])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_digits_and_a_unit() {
        let r: Vec<String> = [0, 999, 1_000, 100_000, 10_000_000, 1_000_000_000].into_iter().map(bitrate).collect();
        assert_eq!(r, ["0 b/s", "999 b/s", "1.0 kb/s", "100 kb/s", "10.0 Mb/s", "1.0 Gb/s"]);
        assert_eq!((size(999), size(1_000), size(u64::MAX)), ("999 B".into(), "1.0 kB".into(), "18446744 TB".into()));
        assert_eq!(clock(3_723), "01:02:03");
    }
}
