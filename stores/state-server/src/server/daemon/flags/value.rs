//! The values of flags.

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::time::Duration;

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;
const GIB: usize = 1 << 30;

/// An address, or `none`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Address(pub(crate) Option<SocketAddr>);

impl Address {
    /// The address if other machines may reach it.
    pub(crate) fn remote(self) -> Option<SocketAddr> {
        self.0.filter(|at| !at.ip().to_canonical().is_loopback())
    }
}

pub(super) fn address(text: &str) -> Result<Address, String> {
    if text == "none" {
        return Ok(Address(None));
    }
    let at = text.parse().map_err(|_| {
        "neither none nor an address with a port, such as 127.0.0.1:42424 or [::1]:42424".to_owned()
    });
    at.map(|at| Address(Some(at)))
}

pub(super) fn memory(text: &str) -> Result<usize, String> {
    size(text, MIB..=usize::MAX / 4)
}

pub(super) fn item(text: &str) -> Result<usize, String> {
    size(text, KIB..=GIB)
}

pub(super) fn head(text: &str) -> Result<usize, String> {
    size(text, 512..=60 * KIB)
}

pub(super) fn target(text: &str) -> Result<usize, String> {
    size(text, 128..=32 * KIB)
}

pub(super) fn frame_timeout(text: &str) -> Result<Duration, String> {
    time(text, Duration::from_millis(10)..=Duration::from_secs(3600))
}

pub(super) fn drain_timeout(text: &str) -> Result<Duration, String> {
    time(text, Duration::ZERO..=Duration::from_secs(3600))
}

/// A size in bytes; with a unit it is a multiple of 1024.
fn size(text: &str, range: RangeInclusive<usize>) -> Result<usize, String> {
    let end = text.find(|letter: char| !letter.is_ascii_digit());
    let (number, unit) = text.split_at(end.unwrap_or(text.len()));
    let unit = match unit.trim_start() {
        "" | "B" => Some(1),
        "KiB" => Some(KIB),
        "MiB" => Some(MIB),
        "GiB" => Some(GIB),
        _ => None,
    };
    let bytes = number.parse::<usize>().ok();
    let bytes = bytes
        .zip(unit)
        .and_then(|(number, unit)| number.checked_mul(unit));
    let bytes = bytes.ok_or("not a size, such as 65536, 64KiB, 32MiB or 1GiB")?;
    if range.contains(&bytes) {
        return Ok(bytes);
    }
    let (least, most) = (range.start(), range.end());
    Err(format!("less than {least} or more than {most} bytes"))
}

fn time(text: &str, range: RangeInclusive<Duration>) -> Result<Duration, String> {
    let time = humantime::parse_duration(text);
    let time = time.map_err(|_| "not a time, such as 500ms, 10s or 2m")?;
    if range.contains(&time) {
        return Ok(time);
    }
    let (least, most) = (range.start(), range.end());
    Err(format!("less than {least:?} or more than {most:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_bytes_or_have_a_unit() {
        for (text, bytes) in [("512", 512), ("1KiB", 1024), ("2 KiB", 2048), ("600B", 600)] {
            assert_eq!(head(text), Ok(bytes), "{text}");
        }
        for text in [
            "",
            "KiB",
            "-1",
            "1.5KiB",
            "1kb",
            "511",
            "61KiB",
            "99999999999999999999",
        ] {
            assert!(head(text).is_err(), "{text}");
        }
    }

    #[test]
    fn times_are_within_their_range() {
        assert_eq!(frame_timeout("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(drain_timeout("0s"), Ok(Duration::ZERO));
        for text in ["", "10", "0s", "2h", "-1s"] {
            assert!(frame_timeout(text).is_err(), "{text}");
        }
    }

    #[test]
    fn loopback_has_several_forms() {
        for (text, is_remote) in [
            ("127.0.0.1:1", false),
            ("127.9.9.9:1", false),
            ("[::1]:1", false),
            ("[::ffff:127.0.0.1]:1", false),
            ("none", false),
            ("0.0.0.0:1", true),
            ("[::]:1", true),
            ("192.0.2.1:1", true),
        ] {
            assert_eq!(
                address(text).unwrap().remote().is_some(),
                is_remote,
                "{text}"
            );
        }
        assert!(address("localhost:1").is_err());
        assert!(address("127.0.0.1").is_err());
    }
}
