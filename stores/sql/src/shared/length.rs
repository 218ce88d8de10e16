//! Lengths of time as databases keep them.

use std::time::Duration;

/// A thousand years: what is longer never ends, and would not fit into a database's times.
const FOREVER: i64 = 1_000 * 365 * 24 * 3_600 * 1_000;

/// Whole milliseconds, at most a thousand years.
pub(crate) fn millis(length: Duration) -> i64 {
    i64::try_from(length.as_millis()).map_or(FOREVER, |millis| millis.min(FOREVER))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_long_is_a_thousand_years() {
        assert_eq!(millis(Duration::from_millis(1_234)), 1_234);
        assert_eq!(millis(Duration::MAX), FOREVER);
    }
}
