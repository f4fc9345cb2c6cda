//! Wall clock to text: UTC date and time of day from microseconds since 1970. Gregorian, no leap seconds, no time zones.

const DAY_MS: u64 = 86_400_000;

/// `YYYY-MM-DD` of a wall-clock time.
#[must_use]
pub fn date(utc_micros: u64) -> String {
    let (year, month, day) = civil(utc_micros / 1_000 / DAY_MS);
    format!("{year:04}-{month:02}-{day:02}")
}

/// `HH:MM:SS.mmm` of a wall-clock time.
#[must_use]
pub fn time_of_day(utc_micros: u64) -> String {
    let ms = utc_micros / 1_000 % DAY_MS;
    let s = ms / 1_000;
    format!("{:02}:{:02}:{:02}.{:03}", s / 3_600, s / 60 % 60, s % 60, ms % 1_000)
}

/// Year, month and day of a count of days since 1970-01-01.
///
/// Years are counted from March, so that the leap day comes last and months have a regular pattern.
fn civil(days: u64) -> (u64, u64, u64) {
    const DAYS_400_YEARS: u64 = 146_097;
    const DAYS_TO_1970: u64 = 719_468; // from 0000-03-01
    let days = days + DAYS_TO_1970;
    let (era, day) = (days / DAYS_400_YEARS, days % DAYS_400_YEARS);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day_of_month = day - (153 * month + 2) / 5 + 1;
    let (month, carry) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    (era * 400 + year + carry, month, day_of_month)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_dates() {
        for (seconds, want) in [
            (0, "1970-01-01 00:00:00.000"),
            (951_782_399, "2000-02-28 23:59:59.000"),
            (951_782_400, "2000-02-29 00:00:00.000"),
            (951_868_800, "2000-03-01 00:00:00.000"),
            (1_700_000_000, "2023-11-14 22:13:20.000"),
            (1_735_689_599, "2024-12-31 23:59:59.000"),
            (4_107_542_400, "2100-03-01 00:00:00.000"),
        ] {
            let micros = seconds * 1_000_000;
            assert_eq!(format!("{} {}", date(micros), time_of_day(micros)), want);
        }
        assert_eq!(time_of_day(1_700_000_000_999_999), "22:13:20.999");
    }

    #[test]
    fn every_day_of_four_centuries_follows_the_one_before() {
        let mut before = civil(0);
        for n in 1..146_097 {
            let day = civil(n);
            let next_day = (before.0, before.1, before.2 + 1);
            let next_month = (before.0, before.1 + 1, 1);
            let next_year = (before.0 + 1, 1, 1);
            assert!(day == next_day || day == next_month || day == next_year, "{before:?} then {day:?}");
            assert!(day != next_day || day.2 <= 31);
            before = day;
        }
        assert_eq!(before, (2369, 12, 31));
    }
}
