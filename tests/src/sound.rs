//! Where beeps begin in decoded sound.

/// Samples of sound that is looked at as one, milliseconds.
const WINDOW_MS: usize = 2;
/// A beep begins only after this long a silence: what a recording cuts into is no beginning.
const SILENCE_MS: usize = 100;
/// Mean level of a window that is sound. The beep of `avgen` is far above, what a codec leaves of silence far below.
const LOUD: u64 = 1_000;

/// Beginnings of beeps in mono sound: sample numbers, to within 2 ms.
#[must_use]
pub fn beeps(samples: &[i16], rate: usize) -> Vec<usize> {
    let window = (rate * WINDOW_MS / 1_000).max(1);
    let mut silent_for = 0;
    let mut found = Vec::new();
    for (i, part) in samples.chunks(window).enumerate() {
        let level = part.iter().map(|s| u64::from(s.unsigned_abs())).sum::<u64>() / part.len() as u64;
        if level < LOUD {
            silent_for += WINDOW_MS;
        } else {
            if silent_for >= SILENCE_MS {
                found.push(i * window);
            }
            silent_for = 0;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_beep_counts_where_it_begins_and_once() {
        let wave = |n: usize| if n % 10 < 5 { 8_000 } else { -8_000 };
        let sound = |n: usize| if (8_000..8_400).contains(&n) || n >= 12_000 { wave(n) } else { 3 };
        let samples: Vec<i16> = (0..12_100).map(sound).collect();
        assert_eq!(beeps(&samples, 8_000), [8_000, 12_000]);
        assert_eq!(beeps(&samples[8_100..], 8_000), [3_888], "cut into one, and the other to within a window");
        assert!(beeps(&[], 8_000).is_empty());
    }
}
