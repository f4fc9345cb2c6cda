//! [`Names`]: what the files of one output are called, one after the other. It never looks at a disk.

use weir_media::utc;

/// Digits a number may be filled up to.
const DIGITS_MAX: usize = 32;

/// The names of the files of one output.
pub(crate) struct Names {
    /// With `$Date$`, `$Time$` and `$Number$` in it, or none of them.
    pattern: String,
    /// How many there were.
    count: u64,
    /// The last one as the pattern gave it, and as it is.
    filled: String,
    current: String,
}

impl Names {
    pub(crate) fn new(pattern: &str) -> Self {
        Self { pattern: pattern.to_owned(), count: 0, filled: String::new(), current: pattern.to_owned() }
    }

    /// The file that is written now.
    pub(crate) fn current(&self) -> &str {
        &self.current
    }

    /// The name of the next file, which begins at this wall-clock time: never that of the one before.
    pub(crate) fn next(&mut self, utc_micros: u64) -> String {
        self.count += 1;
        let filled = fill(&self.pattern, utc_micros, self.count);
        self.current = if filled == self.filled { numbered(&filled, self.count) } else { filled.clone() };
        self.filled = filled;
        self.current.clone()
    }
}

/// The name with its keys replaced; what is no key stays as it is.
fn fill(pattern: &str, utc_micros: u64, number: u64) -> String {
    let mut out = String::new();
    let mut rest = pattern;
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        let key = rest[at + 1..].split_once('$');
        match key.and_then(|(key, behind)| Some((value(key, utc_micros, number)?, behind))) {
            Some((text, behind)) => {
                out.push_str(&text);
                rest = behind;
            }
            None => {
                out.push('$');
                rest = &rest[at + 1..];
            }
        }
    }
    out.push_str(rest);
    out
}

/// What a key stands for: no character of it is one that file systems refuse.
fn value(key: &str, utc_micros: u64, number: u64) -> Option<String> {
    match key.split_once('%') {
        Some(("Number", format)) => {
            let digits = format.strip_suffix('d')?.parse::<usize>().ok()?.min(DIGITS_MAX);
            Some(format!("{number:0digits$}"))
        }
        None if key == "Number" => Some(number.to_string()),
        None if key == "Date" => Some(utc::date(utc_micros)),
        None if key == "Time" => Some(utc::time_of_day(utc_micros)[..8].replace(':', "-")),
        _ => None,
    }
}

/// A name with a number in front of its extension.
fn numbered(name: &str, number: u64) -> String {
    let folder = name.rfind('/').map_or(0, |at| at + 1);
    match name[folder..].rfind('.').filter(|at| *at > 0) {
        Some(dot) => format!("{}_{number}{}", &name[..folder + dot], &name[folder + dot..]),
        None => format!("{name}_{number}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_700_000_000_000_000;

    #[test]
    fn names_have_date_time_and_number() {
        let mut names = Names::new("rec/a_$Date$_$Time$_$Number%03d$.ts");
        assert_eq!(names.next(NOW), "rec/a_2023-11-14_22-13-20_001.ts");
        assert_eq!(names.next(NOW + 3_600_000_000), "rec/a_2023-11-14_23-13-20_002.ts");
        assert_eq!(names.current(), "rec/a_2023-11-14_23-13-20_002.ts");
    }

    #[test]
    fn no_two_in_a_row_are_the_same() {
        let mut names = Names::new("rec.d/a.tar.ts");
        let three: Vec<String> = (0..3).map(|_| names.next(NOW)).collect();
        assert_eq!(three, ["rec.d/a.tar.ts", "rec.d/a.tar_2.ts", "rec.d/a.tar_3.ts"]);
        let mut names = Names::new("a_$Time$");
        assert_eq!([names.next(NOW), names.next(NOW)], ["a_22-13-20", "a_22-13-20_2"]);
    }

    #[test]
    fn what_is_no_key_stays() {
        for name in ["5$.ts", "$x$.ts", "a$$b", "$Number%x$", "$$Number"] {
            assert_eq!(Names::new(name).next(NOW), name);
        }
        assert_eq!(Names::new("$a$Number$").next(NOW), "$a1");
    }
}
