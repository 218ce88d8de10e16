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

/// A span like `1h 5m`, in its two largest units.
pub(crate) fn span(span: Duration) -> String {
    let text = match span.as_secs() {
        0 => humantime::format_duration(Duration::from_millis(
            u64::try_from(span.as_millis()).unwrap_or_default(),
        )),
        seconds => humantime::format_duration(Duration::from_secs(seconds)),
    };
    let text = text.to_string();
    let parts: Vec<_> = text.split(' ').take(2).collect();
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
    }
}
