//! Dates and spans of time as they are printed.

use std::time::{Duration, UNIX_EPOCH};

use session_core::{Clock as _, SystemClock, Timestamp};

/// The last second that the date format can say: the end of the year 9999.
const LAST: Timestamp = Timestamp::from_millis(253_402_300_799_000);

/// The time of this machine.
pub(crate) fn now() -> Timestamp {
    SystemClock::default().now()
}

/// A date like `2026-11-20T10:00:00Z`.
pub(crate) fn date(time: Timestamp) -> String {
    let since_epoch = time.min(LAST).since(Timestamp::default());
    humantime::format_rfc3339_seconds(UNIX_EPOCH + since_epoch).to_string()
}

/// A span like `90d` or `1h 5m`, in its largest unit and the one below; days are the largest, as
/// in a ring file.
pub(crate) fn span(span: Duration) -> String {
    const UNITS: [(u64, &str); 4] = [(86_400, "d"), (3_600, "h"), (60, "m"), (1, "s")];
    let mut left = span.as_secs();
    if left == 0 {
        return format!("{}ms", span.subsec_millis());
    }
    let mut parts = Vec::new();
    let largest = UNITS.iter().position(|(length, _)| left >= *length);
    for (length, unit) in UNITS.iter().skip(largest.unwrap_or(0)).take(2) {
        if left >= *length {
            parts.push(format!("{}{unit}", left / length));
        }
        left %= length;
    }
    parts.join(" ")
}

/// The span that a text like `90d` stands for.
pub(crate) fn parse_span(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text).map_err(|_| "write for example 90d, 1h or 30s".to_owned())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use session_core::Timestamp;

    use super::{date, span};

    #[test]
    fn dates_and_spans_are_short() {
        assert_eq!(
            date(Timestamp::from_millis(1_700_000_000_123)),
            "2023-11-14T22:13:20Z"
        );
        assert_eq!(date(Timestamp::MAX), "9999-12-31T23:59:59Z");
        assert_eq!(span(Duration::from_secs(90 * 60 + 5)), "1h 30m");
        assert_eq!(span(Duration::from_millis(250)), "250ms");
        assert_eq!(span(Duration::from_millis(1_250)), "1s");
        assert_eq!(span(Duration::from_secs(90 * 86_400 + 59)), "90d");
        assert_eq!(span(Duration::from_secs(400 * 86_400 + 7_200)), "400d 2h");
    }
}
