//! The nearest known name for a mistyped one.

/// Names longer than this get no suggestion: nobody mistypes them, and the search costs their square.
const MAX_NAME: usize = 64;

/// The candidate most like `name`, when it is close enough to be a slip: about one edit in three characters, letter case
/// ignored, or a beginning of the candidate. The first of equals wins, the longer common beginning before that.
#[must_use]
pub fn suggest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let typed = letters(name);
    if typed.is_empty() || typed.len() > MAX_NAME {
        return None;
    }
    let allowed = typed.len().div_ceil(3);
    let rank = |candidate: &'a str| {
        let known = letters(candidate);
        let common = typed.iter().zip(&known).take_while(|(a, b)| a == b).count();
        let is_beginning = typed.len() >= 2 && common == typed.len();
        let edits = if is_beginning { known.len().abs_diff(typed.len()).min(1) } else { distance(&typed, &known) };
        // Letters in common keep short names from matching anything.
        (edits <= allowed && edits < known.len()).then_some((edits, MAX_NAME - common, candidate))
    };
    let ranked = candidates.into_iter().filter(|c| c.len() <= MAX_NAME).filter_map(rank);
    ranked.min_by_key(|(edits, uncommon, _)| (*edits, *uncommon)).map(|(_, _, c)| c)
}

fn letters(name: &str) -> Vec<char> {
    name.chars().flat_map(char::to_lowercase).collect()
}

/// Insertions, deletions, replacements and swaps of neighbours between `a` and `b`.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut before_last = vec![0; b.len() + 1];
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.iter().enumerate() {
        let mut row = vec![i + 1; b.len() + 1];
        for (j, cb) in b.iter().enumerate() {
            let replace = last[j] + usize::from(ca != cb);
            row[j + 1] = replace.min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *ca == b[j - 1] && a[i - 1] == *cb {
                row[j + 1] = row[j + 1].min(before_last[j - 1] + 1);
            }
        }
        before_last = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_found_and_strangers_are_not() {
        let names = ["avgen", "aacenc", "avcenc", "rtmpout", "sizes", "rates", "dur", "fout"];
        let s = |n: &str| suggest(n, names);
        assert_eq!(s("avgne"), Some("avgen"));
        assert_eq!(s("AVGEN"), Some("avgen"));
        assert_eq!(s("size"), Some("sizes"));
        assert_eq!(s("rt"), Some("rtmpout"));
        assert_eq!(s("rate"), Some("rates"));
        assert_eq!(s("dru"), Some("dur"));
        assert_eq!(s("x"), None);
        assert_eq!(suggest("x", ["c"]), None);
        assert_eq!(s("inspect"), None);
        assert_eq!(s(""), None);
        assert_eq!(suggest(&"x".repeat(100_000), names), None);
    }

    #[test]
    fn distances() {
        let d = |a: &str, b: &str| distance(&letters(a), &letters(b));
        assert_eq!((d("", "abc"), d("abc", "acb"), d("kitten", "sitting")), (3, 1, 3));
    }
}
