//! Dates and spans of time as they stand in a ring file.

use std::time::{Duration, UNIX_EPOCH};

use crate::clock::Timestamp;

/// The last second that the date format can say: the end of the year 9999.
const LAST: Timestamp = Timestamp::from_millis(253_402_300_799_000);

const UNITS: [(u64, &str); 4] = [(86_400, "d"), (3_600, "h"), (60, "m"), (1, "s")];

/// The time that a date like `2026-11-20T10:00:00Z` stands for.
pub(super) fn parse_date(text: &str) -> Option<Timestamp> {
    let time = humantime::parse_rfc3339(text).ok()?;
    let since_epoch = time.duration_since(UNIX_EPOCH).ok()?;
    Some(Timestamp::default().saturating_add(since_epoch))
}

/// A date like `2026-11-20T10:00:00Z`.
pub(super) fn format_date(time: Timestamp) -> String {
    let since_epoch = time.min(LAST).since(Timestamp::default());
    humantime::format_rfc3339(UNIX_EPOCH + since_epoch).to_string()
}

/// The time without its fraction of a second, which dates in a ring file do not have.
pub(super) fn whole_seconds(time: Timestamp) -> Timestamp {
    let millis = time.as_millis();
    Timestamp::from_millis(millis - millis.rem_euclid(1000))
}

/// The span that a text like `90d` stands for.
pub(super) fn parse_span(text: &str) -> Option<Duration> {
    humantime::parse_duration(text).ok()
}

/// A span like `90d`, in the largest unit that says it exactly.
pub(super) fn format_span(span: Duration) -> String {
    let seconds = span.as_secs();
    UNITS
        .into_iter()
        .find(|(length, _)| seconds.is_multiple_of(*length))
        .map_or_else(String::new, |(length, unit)| {
            format!("{}{unit}", seconds / length)
        })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{format_date, format_span, parse_date, parse_span, whole_seconds};
    use crate::clock::Timestamp;

    #[test]
    fn dates_survive_being_written() {
        let text = "2026-11-20T10:00:00Z";
        assert_eq!(format_date(parse_date(text).unwrap()), text);
        let fine = Timestamp::from_millis(1_700_000_000_123);
        assert_eq!(parse_date(&format_date(fine)), Some(fine));
        assert_eq!(whole_seconds(fine).as_millis(), 1_700_000_000_000);
        assert_eq!(format_date(Timestamp::MAX), "9999-12-31T23:59:59Z");
    }

    #[test]
    fn spans_are_written_in_their_largest_unit() {
        for text in ["90d", "36h", "1d", "45m", "61s"] {
            assert_eq!(format_span(parse_span(text).unwrap()), text);
        }
        assert_eq!(format_span(Duration::from_secs(7200)), "2h");
    }
}
