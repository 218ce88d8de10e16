//! Options of `[store]`, from the query of the URL and from the table.

use std::time::Duration;

use session_core::{ConfigError, StoreConfig};

/// The URL up to its query.
pub(crate) fn before_query(config: &StoreConfig) -> &str {
    config.url().split('?').next().unwrap_or_default()
}

/// Names and values of the options, those of the query first. Names in the query may have `-`
/// for `_`.
pub(crate) fn pairs(config: &StoreConfig) -> Result<Vec<(String, String)>, ConfigError> {
    let query = config.url().split_once('?').map_or("", |(_, query)| query);
    let mut pairs = Vec::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let value = unescape(value).ok_or_else(|| {
            let wrong = format!("{name} has a % that is no escape");
            config.error("url", wrong, "write %25 for the sign itself")
        })?;
        pairs.push((name.replace('-', "_"), value));
    }
    for (name, value) in config.options() {
        let value = match value.as_str() {
            Some(text) => text.to_owned(),
            None => value.to_string(),
        };
        pairs.push((name.clone(), value));
    }
    Ok(pairs)
}

/// A number from 1 to `most`.
pub(crate) fn count(
    config: &StoreConfig,
    name: &str,
    text: &str,
    most: usize,
) -> Result<usize, ConfigError> {
    let count = text.parse().ok();
    count
        .filter(|count| (1..=most).contains(count))
        .ok_or_else(|| {
            let fix = format!("write a number from 1 to {most}");
            config.error(name, "not a number in range", fix)
        })
}

/// Seconds or milliseconds: `2s`, `250ms`.
pub(crate) fn time(config: &StoreConfig, name: &str, text: &str) -> Result<Duration, ConfigError> {
    length(text).ok_or_else(|| {
        let fix = "write for example \"2s\" or \"250ms\", an hour at most";
        config.error(name, "not a length of time", fix)
    })
}

fn length(text: &str) -> Option<Duration> {
    let (digits, unit) = match text.strip_suffix("ms") {
        Some(digits) => (digits, 1),
        None => (text.strip_suffix('s')?, 1_000),
    };
    let number: u64 = digits.trim_end().parse().ok()?;
    let millis = number.checked_mul(unit)?;
    (1..=3_600_000)
        .contains(&millis)
        .then(|| Duration::from_millis(millis))
}

/// Text of a URL with its `%xx` resolved.
pub(crate) fn unescape(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        if *byte != b'%' {
            bytes.push(*byte);
            continue;
        }
        let (digits, after) = rest.split_at_checked(2)?;
        let digits = std::str::from_utf8(digits).ok()?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        rest = after;
    }
    String::from_utf8(bytes).ok()
}
