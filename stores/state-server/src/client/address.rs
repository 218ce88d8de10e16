//! Where a server listens.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::path::PathBuf;

use crate::wire::PORT;

/// Where a server listens.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Address {
    /// Host name or IP address, in lower case and without brackets, and port.
    Tcp(String, u16),
    Unix(PathBuf),
}

impl Address {
    /// Reads `host`, `host:port`, `[v6]` and `[v6]:port`.
    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
        let (host, port) = split(text)?;
        let port = match port {
            None => PORT,
            Some(digits) if digits.bytes().all(|digit| digit.is_ascii_digit()) => digits
                .parse()
                .ok()
                .filter(|port| *port != 0)
                .ok_or("a port that is not between 1 and 65535")?,
            Some(_) => return Err("a port that is not a number"),
        };
        Ok(Self::Tcp(host.to_ascii_lowercase(), port))
    }

    /// Whether this is the address, and not the name, of what is not this machine's loopback.
    pub(super) fn is_elsewhere(&self) -> bool {
        match self {
            Self::Unix(_) => false,
            Self::Tcp(host, _) => host
                .parse::<IpAddr>()
                .is_ok_and(|address| !address.is_loopback()),
        }
    }

    /// Whether the server may run on another machine, as far as the text shows.
    pub(super) fn is_remote(&self) -> bool {
        match self {
            Self::Unix(_) => false,
            Self::Tcp(host, _) => match host.parse::<IpAddr>() {
                Ok(address) => !address.is_loopback(),
                Err(_) => host != "localhost",
            },
        }
    }
}

fn split(text: &str) -> Result<(&str, Option<&str>), &'static str> {
    if let Some(rest) = text.strip_prefix('[') {
        let (host, after) = rest.split_once(']').ok_or("a [ without its ]")?;
        if host.parse::<Ipv6Addr>().is_err() {
            return Err("brackets around what is no IPv6 address");
        }
        return match after.strip_prefix(':') {
            Some(port) => Ok((host, Some(port))),
            None if after.is_empty() => Ok((host, None)),
            None => Err("text between the ] and the port"),
        };
    }
    let (host, port) = match text.split_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (text, None),
    };
    if port.is_some_and(|port| port.contains(':')) {
        return Err("an IPv6 address without brackets");
    }
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    if host.is_empty() || !host.bytes().all(allowed) {
        return Err("a server without a valid host name");
    }
    Ok((host, port))
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(host, port) if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Tcp(host, port) => write!(f, "{host}:{port}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_and_ports_are_read() {
        for (text, shown) in [
            ("localhost", "localhost:42424"),
            ("State-1.Example:5000", "state-1.example:5000"),
            ("10.0.0.7:1", "10.0.0.7:1"),
            ("[::1]", "[::1]:42424"),
            ("[fe80::1]:65535", "[fe80::1]:65535"),
        ] {
            let address = Address::parse(text).unwrap();
            assert_eq!(address.to_string(), shown);
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in [
            "",
            ":42424",
            "host:",
            "host:0",
            "host:65536",
            "host:+1",
            "host:x",
            "::1",
            "[::1",
            "[host]:1",
            "[::1]42424",
            "user@host",
            "ho st",
            "host/path",
        ] {
            assert!(Address::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn loopback_is_not_remote() {
        for (text, remote) in [
            ("localhost", false),
            ("127.0.0.9", false),
            ("[::1]", false),
            ("10.1.1.1", true),
            ("state.example", true),
        ] {
            assert_eq!(Address::parse(text).unwrap().is_remote(), remote);
        }
    }
}
