//! [`Place`]: where a database server is, as the first part of a URL says it.

use crate::shared::options::unescape;
use crate::shared::secret::Secret;

/// What stands in a URL before the question mark.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) user: Option<String>,
    pub(crate) password: Option<Secret>,
    /// Host names, IP addresses or folders of sockets, each with its port.
    pub(crate) hosts: Vec<(String, u16)>,
    pub(crate) database: Option<String>,
}

impl Place {
    /// Reads `user:password@host:port,host2:port/database`, every part of which may be missing.
    pub(crate) fn parse(text: &str, port: u16) -> Result<Self, &'static str> {
        let (account, rest) = match text.rsplit_once('@') {
            Some((account, rest)) => (account, rest),
            None => ("", text),
        };
        let (user, password) = match account.split_once(':') {
            Some((user, password)) => (user, Some(password)),
            None => (account, None),
        };
        let (hosts, database) = rest.split_once('/').unwrap_or((rest, ""));
        let hosts = hosts.split(',').filter(|host| !host.is_empty());
        Ok(Self {
            user: present(user)?,
            password: password.map(resolved).transpose()?.map(Secret::new),
            hosts: hosts
                .map(|host| host_and_port(host, port))
                .collect::<Result<_, _>>()?,
            database: present(database)?,
        })
    }

    /// User, hosts and database, for errors.
    pub(crate) fn shown(&self) -> String {
        let hosts: Vec<_> = self.hosts.iter().map(shown_host).collect();
        let user = self.user.as_deref().map(|user| format!("{user}@"));
        format!(
            "{}{}/{}",
            user.unwrap_or_default(),
            hosts.join(","),
            self.database.as_deref().unwrap_or_default()
        )
    }
}

fn shown_host((host, port): &(String, u16)) -> String {
    match host.contains(':') {
        true => format!("[{host}]:{port}"),
        false => format!("{}:{port}", host.replace('/', "%2F")),
    }
}

fn resolved(text: &str) -> Result<String, &'static str> {
    unescape(text).ok_or("a % that is no escape")
}

fn present(text: &str) -> Result<Option<String>, &'static str> {
    match text {
        "" => Ok(None),
        text => resolved(text).map(Some),
    }
}

fn host_and_port(text: &str, default: u16) -> Result<(String, u16), &'static str> {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, after) = rest.split_once(']').ok_or("a [ without its ]")?;
            (host, after.strip_prefix(':'))
        }
        None => match text.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        },
    };
    let port = match port {
        None => default,
        Some(digits) => self::port(digits).ok_or("a port that is not between 1 and 65535")?,
    };
    Ok((resolved(host)?, port))
}

/// A port from its digits.
pub(crate) fn port(digits: &str) -> Option<u16> {
    digits.parse().ok().filter(|port| *port != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_read() {
        let place = Place::parse("ann:p%40ss:%2f@db-1,[::1]:6000/shop%20x", 5432).unwrap();
        assert_eq!(place.user.as_deref(), Some("ann"));
        assert_eq!(place.password.as_ref().unwrap().as_str(), "p@ss:/");
        assert_eq!(
            place.hosts,
            [("db-1".to_owned(), 5432), ("::1".to_owned(), 6000)]
        );
        assert_eq!(place.database.as_deref(), Some("shop x"));
        assert_eq!(place.shown(), "ann@db-1:5432,[::1]:6000/shop x");
    }

    #[test]
    fn parts_may_be_missing() {
        let place = Place::parse("", 5432).unwrap();
        assert!(place.user.is_none() && place.password.is_none());
        assert!(place.hosts.is_empty() && place.database.is_none());
        let place = Place::parse("%2Frun%2Fpostgresql/db", 5432).unwrap();
        assert_eq!(place.hosts[0].0, "/run/postgresql");
        assert_eq!(place.shown(), "%2Frun%2Fpostgresql:5432/db");
    }

    #[test]
    fn what_is_no_place_is_refused() {
        for text in ["host:0/", "host:x/", "[::1/", "us%er@host/", "host/%zz"] {
            assert!(Place::parse(text, 1).is_err(), "{text}");
        }
    }

    #[test]
    fn passwords_are_not_shown() {
        let place = Place::parse("ann:hunter2@host/db", 5432).unwrap();
        assert!(!format!("{place:?} {}", place.shown()).contains("hunter2"));
    }
}
