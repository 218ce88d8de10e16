//! Durations as they are written in files.

use std::time::Duration;

const DAY: u64 = 24 * 60 * 60;

/// A duration such as `20m`; none if it is not one.
pub(crate) fn parse(text: &str) -> Option<Duration> {
    humantime::parse_duration(text).ok()
}

/// The text that [`parse`] reads, in quotes. In days, because months and years have no one length.
pub(crate) fn written(duration: Duration) -> String {
    let days = duration.as_secs() / DAY;
    let unit = if days == 1 { "day" } else { "days" };
    let rest = duration.saturating_sub(Duration::from_secs(days * DAY));
    match (days, humantime::format_duration(rest)) {
        (0, rest) => format!("\"{rest}\""),
        (days, _) if rest.is_zero() => format!("\"{days}{unit}\""),
        (days, rest) => format!("\"{days}{unit} {rest}\""),
    }
}
