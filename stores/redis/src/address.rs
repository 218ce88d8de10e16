//! [`Address`]: where a server answers.

use std::fmt;
use std::net::Ipv6Addr;

/// A host and a port.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Address {
    pub(crate) host: String,
    pub(crate) port: u16,
}

impl Address {
    /// Reads `host`, `host:port`, or an IPv6 address in brackets. The error says what is wrong.
    pub(crate) fn parse(text: &str, port: u16) -> Result<Self, &'static str> {
        let (host, rest) = match text.strip_prefix('[') {
            Some(rest) => {
                let (host, rest) = rest.split_once(']').ok_or("a [ without its ]")?;
                if host.parse::<Ipv6Addr>().is_err() {
                    return Err("brackets around what is no IPv6 address");
                }
                (
                    host,
                    rest.strip_prefix(':').or((!rest.is_empty()).then_some("x")),
                )
            }
            None => match text.split_once(':') {
                Some((host, rest)) => (host, Some(rest)),
                None => (text, None),
            },
        };
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:".contains(&byte);
        if host.is_empty() || !host.bytes().all(allowed) {
            return Err("a server without a valid host name");
        }
        let port = match rest {
            None => port,
            Some(digits) => read_port(digits).ok_or("a port that is not between 1 and 65535")?,
        };
        let host = host.to_ascii_lowercase();
        Ok(Self { host, port })
    }

    /// Reads the `host:port` of an answer, where an IPv6 address has no brackets and the host
    /// may be missing: then it is `known`.
    pub(crate) fn announced(text: &str, known: &str) -> Option<Self> {
        let (host, port) = text.rsplit_once(':')?;
        let host = if host.is_empty() { known } else { host };
        Some(Self {
            host: host.to_owned(),
            port: read_port(port)?,
        })
    }
}

fn read_port(digits: &str) -> Option<u16> {
    digits.parse().ok().filter(|port| *port != 0)
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host.contains(':') {
            true => write!(f, "[{}]:{}", self.host, self.port),
            false => write!(f, "{}:{}", self.host, self.port),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_and_ports_are_read() {
        for (text, shown) in [
            ("localhost", "localhost:6379"),
            ("Cache-1.Example:5000", "cache-1.example:5000"),
            ("[::1]", "[::1]:6379"),
            ("[fe80::1]:65535", "[fe80::1]:65535"),
        ] {
            assert_eq!(Address::parse(text, 6379).unwrap().to_string(), shown);
        }
        for text in [
            "", ":1", "host:", "host:0", "::1", "[::1", "[h]:1", "[::1]1", "a b",
        ] {
            assert!(Address::parse(text, 6379).is_err(), "{text}");
        }
    }

    #[test]
    fn announced_addresses_are_read() {
        let shown = |text| Address::announced(text, "seed").map(|address| address.to_string());
        assert_eq!(shown("10.0.0.1:7000").as_deref(), Some("10.0.0.1:7000"));
        assert_eq!(shown("::1:7000").as_deref(), Some("[::1]:7000"));
        assert_eq!(shown(":7000").as_deref(), Some("seed:7000"));
        assert_eq!(shown("x"), None);
    }
}
