//! The text of a ring file.

use std::fmt::Write as _;

use serde::Deserialize;
use toml::value::Datetime;
use zeroize::Zeroizing;

use super::dates::{format_date, format_span, parse_date, parse_span};
use super::error::{KeyRingError, KeyRingErrorKind};
use super::hex::Hex;
use super::key::{Kid, MachineKey};
use super::ring::{Revoked, Ring, RingKey, RingParts};
use super::schedule::Scheduled;
use crate::clock::Timestamp;
use crate::crypto;

/// The largest ring file that is read, in bytes.
pub(super) const LARGEST: u64 = 64 * 1024;

const VERSION: i64 = 1;
const CHECK_LINE: &str = "[check]\n";

#[derive(Deserialize)]
struct VersionTable {
    version: i64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RingTable {
    #[serde(rename = "version")]
    _version: i64,
    epoch: u64,
    longest_lifetime: String,
    #[serde(default)]
    key: Vec<KeyTable>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyTable {
    kid: String,
    created: Option<Datetime>,
    not_before: Option<Datetime>,
    open_until: Option<Datetime>,
    revoked: Option<Datetime>,
    secret: Option<Secret>,
}

#[derive(Deserialize)]
#[serde(from = "String")]
struct Secret(Zeroizing<String>);

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(Zeroizing::new(text))
    }
}

/// Reads the text of a ring file and checks its rules.
///
/// Whether its keys are strong, and whether one of them seals by now, is [`Ring::admit`]'s
/// question.
pub(super) fn parse(bytes: &[u8]) -> Result<Ring, KeyRingError> {
    let (parts, digest) = read(bytes)?;
    Ring::dated(parts, digest)
}

/// Reads the text of a ring file, whatever rules its keys break, with the digest of it.
pub(super) fn read(bytes: &[u8]) -> Result<(RingParts, [u8; 32]), KeyRingError> {
    let text = std::str::from_utf8(bytes).map_err(|_| malformed("it is not UTF-8 text"))?;
    let (body, digest) = checked(text)?;
    let version: VersionTable = toml::from_str(body).map_err(|error| syntax(body, &error))?;
    if version.version != VERSION {
        return Err(malformed(format!(
            "it has version {}, and this library reads version {VERSION}; \
             update the library or restore the ring",
            version.version
        )));
    }
    let table: RingTable = toml::from_str(body).map_err(|error| syntax(body, &error))?;
    Ok((parts(table)?, digest))
}

/// The text that stands before the line `[check]`, if its digest fits.
fn checked(text: &str) -> Result<(&str, [u8; 32]), KeyRingError> {
    if text.contains('\r') {
        return Err(malformed("its lines do not end in LF alone"));
    }
    let Some(position) = check_position(text) else {
        return Err(no_check(text));
    };
    let (body, tail) = text.split_at(position);
    let digest = crypto::sha256(body.as_bytes());
    if tail == check_table(&digest) {
        return Ok((body, digest));
    }
    Err(KeyRingError::new(
        KeyRingErrorKind::Check,
        "its [check] does not fit: it was cut short, damaged or edited by hand; \
         restore it, or change it with `sessionctl key`",
    ))
}

fn check_position(text: &str) -> Option<usize> {
    if text.starts_with(CHECK_LINE) {
        return Some(0);
    }
    text.find("\n[check]\n").map(|position| position + 1)
}

fn no_check(text: &str) -> KeyRingError {
    let hint = match text.trim_start().starts_with("sk1_") {
        true => "it holds a bare key token; give that in SESSION_MACHINE_KEY instead",
        false => "it has no [check] at its end; it was cut short, or is no ring; restore it",
    };
    KeyRingError::new(KeyRingErrorKind::Check, hint)
}

fn check_table(digest: &[u8; 32]) -> String {
    format!("{CHECK_LINE}sha256 = \"{}\"\n", Hex(digest))
}

fn parts(table: RingTable) -> Result<RingParts, KeyRingError> {
    if table.epoch == 0 {
        return Err(malformed("its epoch is 0; a ring file starts with 1"));
    }
    let longest_lifetime = parse_span(&table.longest_lifetime)
        .filter(|span| !span.is_zero())
        .ok_or_else(|| malformed("its longest_lifetime is not a time like \"90d\""))?;
    let mut parts = RingParts {
        epoch: table.epoch,
        longest_lifetime,
        keys: Vec::new(),
        revoked: Vec::new(),
    };
    for (position, key) in table.key.into_iter().enumerate() {
        let place = position + 1;
        add(&mut parts, key).map_err(|error| error.within(format_args!("[[key]] {place}")))?;
    }
    Ok(parts)
}

fn add(parts: &mut RingParts, table: KeyTable) -> Result<(), KeyRingError> {
    let kid = Kid::from_hex(&table.kid)
        .ok_or_else(|| malformed("kid is not 16 lower-case hexadecimal digits"))?;
    if let Some(revoked) = &table.revoked {
        let since = date("revoked", revoked)?;
        refuse_more_than_a_trace(&table)?;
        parts.revoked.push(Revoked { kid, since });
        return Ok(());
    }
    let key = live_key(&table)?;
    if key.kid != kid {
        return Err(KeyRingError::new(
            KeyRingErrorKind::Invalid,
            format!("kid is {kid}, and the secret's is {}", key.kid),
        ));
    }
    parts.keys.push(key);
    Ok(())
}

fn refuse_more_than_a_trace(table: &KeyTable) -> Result<(), KeyRingError> {
    let dated = [&table.created, &table.not_before, &table.open_until];
    if table.secret.is_some() || dated.into_iter().any(Option::is_some) {
        return Err(malformed("a revoked key keeps its kid and nothing else"));
    }
    Ok(())
}

fn live_key(table: &KeyTable) -> Result<Scheduled<RingKey>, KeyRingError> {
    let secret = table.secret.as_ref().ok_or_else(|| missing("secret"))?;
    let key = MachineKey::decode(&secret.0)?;
    let open_until = table.open_until.as_ref();
    Ok(Scheduled {
        kid: key.kid(),
        not_before: required_date("not_before", table.not_before.as_ref())?,
        open_until: open_until.map(|end| date("open_until", end)).transpose()?,
        key: RingKey {
            key,
            created: required_date("created", table.created.as_ref())?,
        },
    })
}

fn required_date(name: &str, value: Option<&Datetime>) -> Result<Timestamp, KeyRingError> {
    date(name, value.ok_or_else(|| missing(name))?)
}

fn date(name: &str, value: &Datetime) -> Result<Timestamp, KeyRingError> {
    parse_date(&value.to_string()).ok_or_else(|| {
        malformed(format!(
            "{name} is not a UTC date like 2026-11-20T10:00:00Z"
        ))
    })
}

fn missing(name: &str) -> KeyRingError {
    malformed(format!("{name} is missing"))
}

/// What a TOML error may say. Its own text can quote a value, and a value may be the secret.
fn syntax(text: &str, error: &toml::de::Error) -> KeyRingError {
    let position = error.span().map_or(0, |span| span.start.min(text.len()));
    let line = text.as_bytes()[..position]
        .iter()
        .filter(|byte| **byte == b'\n')
        .count()
        + 1;
    let message = error.message();
    let names_fields = ["unknown field", "missing field", "duplicate key"]
        .iter()
        .any(|start| message.starts_with(start));
    if names_fields && !message.contains("sk1_") {
        return malformed(format!("line {line}: {message}"));
    }
    malformed(format!("line {line} is not what a ring file has there"))
}

fn malformed(message: impl Into<std::borrow::Cow<'static, str>>) -> KeyRingError {
    KeyRingError::new(KeyRingErrorKind::Malformed, message)
}

/// The text of a ring's file.
pub(super) fn render(ring: &RingParts) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(1024 + 512 * ring.keys.len()));
    text.push_str("# machine key ring: keep secret, keep the same on every instance\n");
    let _ = writeln!(text, "version = {VERSION}");
    let _ = writeln!(
        text,
        "{:<43}# grows with every change",
        format!("epoch = {}", ring.epoch)
    );
    let lifetime = format!(
        "longest_lifetime = \"{}\"",
        format_span(ring.longest_lifetime)
    );
    let _ = writeln!(
        text,
        "{lifetime:<43}# how long anything sealed may have to open; decides open_until"
    );
    ring.keys
        .iter()
        .rev()
        .for_each(|key| render_key(&mut text, key));
    for revoked in &ring.revoked {
        let since = format_date(revoked.since);
        let _ = writeln!(text, "\n[[key]]\nkid = \"{}\"", revoked.kid);
        let _ = writeln!(text, "{:<43}# opens nothing", format!("revoked = {since}"));
    }
    text.push('\n');
    let check = check_table(&crypto::sha256(text.as_bytes()));
    text.push_str(&check);
    text
}

fn render_key(text: &mut String, key: &Scheduled<RingKey>) {
    let _ = writeln!(text, "\n[[key]]\nkid = \"{}\"", key.kid);
    let _ = writeln!(text, "created = {}", format_date(key.key.created));
    let not_before = format!("not_before = {}", format_date(key.not_before));
    let _ = writeln!(text, "{not_before:<43}# seals from then on");
    if let Some(end) = key.open_until {
        let open_until = format!("open_until = {}", format_date(end));
        let _ = writeln!(text, "{open_until:<43}# set when a successor was added");
    }
    let _ = writeln!(text, "secret = \"{}\"", key.key.key.to_text().as_str());
}

#[cfg(test)]
mod tests;
