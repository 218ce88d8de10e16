//! Requests of the published protocol, without any extension.

use std::time::Duration;

use session_core::StoreKey;

use crate::wire::{MAX_TIMEOUT_MINUTES, foreign_target, header, push_decimal, push_hex};

/// The application under whose name sessions are kept, and its SHA-256 in base64, as ASP.NET
/// would write it. Keys of different applications differ anyway.
const APP: &str = "session-store";
const APP_DIGEST: &str = "Jp4u36fS19iGYDQXGHUbJkAtiYPBp4VEC6uOTS1ZR/U=";

fn begin(out: &mut Vec<u8>, verb: &str, session: &str) {
    let target = foreign_target(APP, APP_DIGEST, session);
    out.extend_from_slice(format!("{verb} {target} HTTP/1.1\r\nHost: session\r\n").as_bytes());
}

fn begin_for(out: &mut Vec<u8>, verb: &str, key: &StoreKey) {
    let mut digits = Vec::with_capacity(64);
    push_hex(&mut digits, key.as_bytes());
    begin(out, verb, &String::from_utf8_lossy(&digits));
}

fn text(out: &mut Vec<u8>, name: &str, value: &str) {
    out.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
}

fn number(out: &mut Vec<u8>, name: &str, value: u64) {
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b": ");
    push_decimal(out, value);
    out.extend_from_slice(b"\r\n");
}

fn end(out: &mut Vec<u8>) {
    out.extend_from_slice(b"\r\n");
}

/// Asks for what nobody keeps.
pub(super) fn ping(out: &mut Vec<u8>) {
    begin(out, "GET", "ping");
    end(out);
}

pub(super) fn read(out: &mut Vec<u8>, key: &StoreKey) {
    begin_for(out, "GET", key);
    end(out);
}

pub(super) fn lock(out: &mut Vec<u8>, key: &StoreKey) {
    begin_for(out, "GET", key);
    text(out, header::EXCLUSIVE, "acquire");
    end(out);
}

pub(super) fn unlock(out: &mut Vec<u8>, key: &StoreKey, cookie: u64) {
    begin_for(out, "GET", key);
    text(out, header::EXCLUSIVE, "release");
    number(out, header::LOCK_COOKIE, cookie);
    end(out);
}

/// Adds an item, unless there is one.
pub(super) fn insert(out: &mut Vec<u8>, key: &StoreKey, keep: Duration, body: &[u8]) {
    begin_for(out, "PUT", key);
    number(out, header::EXTRA_FLAGS, 1);
    finish(out, keep, body);
}

/// Replaces the item that is locked with `cookie`, and unlocks it.
pub(super) fn replace(out: &mut Vec<u8>, key: &StoreKey, cookie: u64, keep: Duration, body: &[u8]) {
    begin_for(out, "PUT", key);
    number(out, header::LOCK_COOKIE, cookie);
    finish(out, keep, body);
}

fn finish(out: &mut Vec<u8>, keep: Duration, body: &[u8]) {
    number(out, header::TIMEOUT, minutes(keep));
    number(out, header::CONTENT_LENGTH, body.len() as u64);
    end(out);
    out.extend_from_slice(body);
}

/// The timeout after which the server may forget an item: whole minutes, one more than needed,
/// because clocks differ.
fn minutes(keep: Duration) -> u64 {
    let minutes = keep.as_secs() / 60 + 2;
    minutes.min(MAX_TIMEOUT_MINUTES.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_those_of_the_published_protocol() {
        let mut out = Vec::new();
        let key = StoreKey::from_bytes([0xab; 32]);
        replace(&mut out, &key, 3, Duration::from_secs(1_200), b"body");
        let digits = "ab".repeat(32);
        let digest = APP_DIGEST
            .replace('=', "%3d")
            .replace('/', "%2f")
            .replace('+', "%2b");
        let expected = format!(
            "PUT session-store({digest})%2f{digits} HTTP/1.1\r\nHost: session\r\nLockCookie: 3\r\n\
             Timeout: 22\r\nContent-Length: 4\r\n\r\nbody"
        );
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    #[test]
    fn timeouts_are_minutes_and_never_too_short() {
        for (seconds, expected) in [(0, 2), (59, 2), (60, 3), (u64::MAX, 525_600)] {
            assert_eq!(minutes(Duration::from_secs(seconds)), expected);
        }
    }
}
