//! The options of `[store]`.

use std::path::Path;
use std::time::Duration;

use session_core::{ConfigError, StoreConfig};
use tokio::runtime::Handle;

use crate::secret::Secret;
use crate::settings::{RedisStoreBuilder, Settings};
use crate::tls::TlsOptions;
use crate::url::Location;

impl RedisStoreBuilder {
    /// Reads URL and options.
    pub(crate) fn read(config: &StoreConfig) -> Result<Self, ConfigError> {
        let (place, query) = match config.url().split_once('?') {
            Some((place, query)) => (place, query),
            None => (config.url(), ""),
        };
        let location = Location::read(config, place)?;
        let mut settings = Settings {
            deployment: location.deployment,
            login: location.login,
            service: location.service,
            ..Settings::default()
        };
        let mut tls = TlsOptions::new(location.tls);
        for (name, value) in pairs(config, query)? {
            let name = name.replace('-', "_");
            if !tls.set(&name, &value) {
                settings.set(config, &name, &value)?;
            }
        }
        settings.tls = tls.open(config)?;
        let runtime = Handle::try_current().map_err(|_| {
            let wrong = "Redis needs a tokio runtime, and here is none";
            config.error("url", wrong, "make the store inside of `#[tokio::main]`")
        })?;
        Ok(Self {
            servers: location.servers,
            settings,
            runtime,
        })
    }
}

/// The options of the query, and after them those of the configuration.
fn pairs(config: &StoreConfig, query: &str) -> Result<Vec<(String, String)>, ConfigError> {
    let mut pairs = Vec::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let value = unescape(value).ok_or_else(|| bad_escape(config, name))?;
        pairs.push((name.to_owned(), value));
    }
    for (name, value) in config.options() {
        let text = value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned);
        pairs.push((name.clone(), text));
    }
    Ok(pairs)
}

pub(crate) fn bad_escape(config: &StoreConfig, part: &str) -> ConfigError {
    let wrong = format!("{part} has a % that is no escape");
    config.error("url", wrong, "write %25 for the sign itself")
}

impl Settings {
    pub(crate) fn set(
        &mut self,
        config: &StoreConfig,
        name: &str,
        value: &str,
    ) -> Result<(), ConfigError> {
        let time = || time(value).ok_or_else(|| bad_time(config, name));
        match name {
            "key_prefix" => self.key_prefix = prefix(config, value)?,
            "allow_eviction" => self.allow_eviction = switch(config, name, value)?,
            "wait_replicas" => self.wait_replicas = replicas(config, name, value)?,
            "wait_timeout" => self.wait_timeout = time()?,
            "connect_timeout" => self.connect_timeout = time()?,
            "operation_timeout" => self.operation_timeout = time()?,
            "password_file" => self.login.password = Some(password(config, name, value)?),
            "sentinel_user" => self.sentinel_login.user = Some(value.to_owned()),
            "sentinel_password_file" => {
                self.sentinel_login.password = Some(password(config, name, value)?);
            }
            _ => {
                let fix = "Redis takes key_prefix, password_file, tls, tls_client_cert, \
                           tls_client_key, allow_eviction, wait_replicas, wait_timeout, \
                           connect_timeout, operation_timeout, sentinel_user and \
                           sentinel_password_file";
                return Err(config.error(name, "unknown setting", fix));
            }
        }
        Ok(())
    }
}

fn prefix(config: &StoreConfig, text: &str) -> Result<String, ConfigError> {
    let bad = |byte: u8| matches!(byte, b'{' | b'}') || !byte.is_ascii_graphic();
    if text.bytes().any(bad) {
        let fix = "use visible ASCII characters other than { and }, as in shop:";
        return Err(config.error("key_prefix", "not a prefix", fix));
    }
    Ok(text.to_owned())
}

fn switch(config: &StoreConfig, name: &str, text: &str) -> Result<bool, ConfigError> {
    let fix = "write true or false";
    text.parse()
        .map_err(|_| config.error(name, "neither true nor false", fix))
}

fn replicas(config: &StoreConfig, name: &str, text: &str) -> Result<u32, ConfigError> {
    let number = text.parse().ok().filter(|number| *number <= 100);
    number.ok_or_else(|| config.error(name, "not a number in range", "write one from 0 to 100"))
}

fn password(config: &StoreConfig, name: &str, path: &str) -> Result<Secret, ConfigError> {
    let path = Path::new(path);
    let text = std::fs::read_to_string(path).map_err(|error| {
        let wrong = format!("cannot read {}: {error}", path.display());
        config.error(name, wrong, "name a file that this process may read")
    })?;
    let password = text.trim_end_matches(['\r', '\n']);
    if password.is_empty() {
        let wrong = format!("{} is empty", path.display());
        return Err(config.error(name, wrong, "write the password into it, in one line"));
    }
    Ok(Secret::new(password))
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
