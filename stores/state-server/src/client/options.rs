//! The URL and the options of `[store]`.

use std::path::Path;
use std::time::Duration;

use session_core::{ConfigError, StoreConfig};
use tokio::runtime::Handle;

use super::address::Address;
use super::settings::{Protocol, Settings, StateServerStoreBuilder, Token};
use super::tls_options::{TlsOptions, guard_token};

impl StateServerStoreBuilder {
    /// Reads URL and options.
    pub(super) fn read(config: &StoreConfig) -> Result<Self, ConfigError> {
        let (place, query) = match config.url().split_once('?') {
            Some((place, query)) => (place, query),
            None => (config.url(), ""),
        };
        let servers = servers(place).map_err(|wrong| {
            let fix = "write for example state-server://host:42424,host2:42424, \
                       state-server+unix:///run/session-state-server.sock or tcpip=host:42424";
            config.error("url", wrong, fix)
        })?;
        let mut settings = Settings::default();
        let mut tls = TlsOptions::default();
        let mut set = |name: &str, value: &str| {
            let name = name.replace('-', "_");
            match tls.set(&name, value) {
                true => Ok(()),
                false => settings.set(config, &name, value),
            }
        };
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let value = unescape(value).ok_or_else(|| {
                let wrong = format!("{name} has a % that is no escape");
                config.error("url", wrong, "write %25 for the sign itself")
            })?;
            set(name, &value)?;
        }
        for (name, value) in config.options() {
            let value = match value.as_array() {
                Some(list) => {
                    let texts = list.iter().map(|value| text(value.as_str(), value));
                    texts.collect::<Vec<_>>().join(",")
                }
                None => text(value.as_str(), value),
            };
            set(name, &value)?;
        }
        settings.tls = tls.open(config, &servers)?;
        guard_protocol(config, &settings)?;
        guard_token(config, &servers, &settings)?;
        let runtime = Handle::try_current().map_err(|_| {
            let wrong = "a state server needs a tokio runtime, and here is none";
            config.error("url", wrong, "make the store inside of `#[tokio::main]`")
        })?;
        Ok(Self {
            servers,
            settings,
            runtime,
        })
    }
}

/// Refuses what only our own server understands where there is none.
pub(super) fn guard_protocol(config: &StoreConfig, settings: &Settings) -> Result<(), ConfigError> {
    let lists = settings.previous.len() + settings.previous_lost.len();
    for (name, is_set) in [
        ("token_file", settings.token.is_some()),
        ("previous", lists > 0),
    ] {
        if is_set && settings.protocol == Protocol::MsAsp {
            let wrong = "a server of protocol=ms-asp does not know of it";
            return Err(config.error(name, wrong, "take it away"));
        }
    }
    Ok(())
}

/// A value of the configuration as it would stand in the URL.
fn text(text: Option<&str>, value: &impl ToString) -> String {
    text.map_or_else(|| value.to_string(), str::to_owned)
}

fn servers(place: &str) -> Result<Vec<Address>, String> {
    if let Some(path) = place.strip_prefix("state-server+unix://") {
        return match path.starts_with('/') {
            true => Ok(vec![Address::Unix(path.into())]),
            false => Err("a socket without an absolute path".to_owned()),
        };
    }
    let list = match place.strip_prefix("state-server://") {
        Some(list) => list.strip_suffix('/').unwrap_or(list),
        None => strip_tcpip(place).ok_or("not the URL of a state server")?,
    };
    addresses(list)
}

/// The servers of a list with commas.
fn addresses(list: &str) -> Result<Vec<Address>, String> {
    let mut servers = Vec::new();
    for text in list.split(',') {
        if text.contains('@') {
            // What stands before the sign may be a secret.
            return Err("an @; a token goes into a file, named by token_file".to_owned());
        }
        let server = Address::parse(text.trim()).map_err(str::to_owned)?;
        if servers.contains(&server) {
            return Err(format!("{server} twice"));
        }
        servers.push(server);
    }
    match u16::try_from(servers.len()) {
        Ok(_) => Ok(servers),
        Err(_) => Err("too many servers".to_owned()),
    }
}

/// What follows `tcpip=`, which ASP.NET reads in any case.
fn strip_tcpip(place: &str) -> Option<&str> {
    let (scheme, rest) = place.split_at_checked("tcpip=".len())?;
    scheme.eq_ignore_ascii_case("tcpip=").then_some(rest)
}

impl Settings {
    pub(super) fn set(
        &mut self,
        config: &StoreConfig,
        name: &str,
        value: &str,
    ) -> Result<(), ConfigError> {
        let count = |most| count(value, most).ok_or_else(|| bad_count(config, name, most));
        let time = || time(value).ok_or_else(|| bad_time(config, name));
        match name {
            "connections" => self.connections = count(64)?,
            "waiting_connections" => self.waiting_connections = count(1024)?,
            "connect_timeout" => self.connect_timeout = time()?,
            "operation_timeout" => self.operation_timeout = time()?,
            "token_file" => self.token = Some(token(config, Path::new(value))?),
            "previous" => self.previous = list(config, name, value)?,
            "previous_lost" => self.previous_lost = list(config, name, value)?,
            "insecure_token_over_plain_tcp" => {
                self.insecure_token_over_plain_tcp = switch(config, name, value)?;
            }
            "protocol" if value == "ms-asp" => self.protocol = Protocol::MsAsp,
            "protocol" => {
                let fix = "write ms-asp for a server that is no session-state-server, or \
                           take it away";
                return Err(config.error(name, "not a protocol", fix));
            }
            _ => {
                let fix = "a state server takes token_file, insecure_token_over_plain_tcp, protocol, \
                           tls, tls_client_cert, tls_client_key, tls_server_name, previous, \
                           previous_lost, connections, waiting_connections, connect_timeout \
                           and operation_timeout";
                return Err(config.error(name, "unknown setting", fix));
            }
        }
        Ok(())
    }
}

fn list(config: &StoreConfig, name: &str, text: &str) -> Result<Vec<Address>, ConfigError> {
    addresses(text).map_err(|wrong| {
        let fix = "write a list of servers as in host:42424,host2:42424";
        config.error(name, wrong, fix)
    })
}

fn switch(config: &StoreConfig, name: &str, text: &str) -> Result<bool, ConfigError> {
    let fix = "write true or false";
    text.parse()
        .map_err(|_| config.error(name, "neither true nor false", fix))
}

fn count(text: &str, most: usize) -> Option<usize> {
    text.parse().ok().filter(|count| (1..=most).contains(count))
}

fn bad_count(config: &StoreConfig, name: &str, most: usize) -> ConfigError {
    let fix = format!("write a number from 1 to {most}");
    config.error(name, "not a number in range", fix)
}

/// Seconds or milliseconds: `2s`, `250ms`.
fn time(text: &str) -> Option<Duration> {
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

fn bad_time(config: &StoreConfig, name: &str) -> ConfigError {
    let fix = "write for example \"2s\" or \"250ms\", an hour at most";
    config.error(name, "not a length of time", fix)
}

fn token(config: &StoreConfig, path: &Path) -> Result<Token, ConfigError> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        let wrong = format!("cannot read {}: {error}", path.display());
        config.error(
            "token_file",
            wrong,
            "name a file that this process may read",
        )
    })?;
    Token::new(text.trim()).ok_or_else(|| {
        let wrong = format!("{} holds no token", path.display());
        config.error(
            "token_file",
            wrong,
            "write one line of visible ASCII characters",
        )
    })
}

/// Text of a URL with its `%xx` resolved.
fn unescape(text: &str) -> Option<String> {
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
