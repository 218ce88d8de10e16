//! The test vectors in `tests/vectors`, which `generate.py` computes from the specification.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use super::{KeyRing, KeyRingOptions, MachineKey, Ring, aspnet, file};
use crate::clock::{Clock, Timestamp};
use crate::id::{PrincipalKey, SessionId, StoreKey, StoreKeys};
use std::sync::Arc;
use std::time::Duration;

/// A clock that stands still.
#[derive(Debug)]
struct Stopped(Timestamp);

impl Clock for Stopped {
    fn now(&self) -> Timestamp {
        self.0
    }

    fn monotonic(&self) -> Duration {
        Duration::ZERO
    }
}

fn read(name: &str) -> Vec<u8> {
    let directory = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/vectors");
    fs::read(directory.join(name)).unwrap()
}

pub(super) fn load(name: &str) -> Value {
    serde_json::from_slice(&read(name)).unwrap()
}

/// The cases of one kind, at least one of them.
pub(super) fn cases<'a>(vectors: &'a Value, kind: &str) -> &'a [Value] {
    let cases = vectors[kind].as_array().unwrap();
    assert!(!cases.is_empty());
    cases
}

pub(super) fn text<'a>(case: &'a Value, field: &str) -> &'a str {
    case[field].as_str().unwrap()
}

pub(super) fn bytes(case: &Value, field: &str) -> Vec<u8> {
    super::hex::decode(text(case, field)).unwrap().to_vec()
}

pub(super) fn now(vectors: &Value) -> Timestamp {
    Timestamp::from_millis(vectors["now"].as_i64().unwrap())
}

pub(super) fn ring_text() -> Vec<u8> {
    read("ring.toml")
}

/// The ring of all vectors.
pub(super) fn ring() -> Ring {
    file::parse(&ring_text()).unwrap()
}

pub(super) fn key_ring(now: Timestamp) -> KeyRing {
    KeyRingOptions::new()
        .clock(Arc::new(Stopped(now)))
        .fixed(ring())
}

pub(super) fn session_id(bytes: &[u8]) -> SessionId {
    SessionId::from_bytes(bytes.try_into().unwrap())
}

/// Every version of `original` with one bit changed.
pub(super) fn bit_flips(original: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    (0..original.len() * 8).map(|bit| {
        let mut flipped = original.to_vec();
        flipped[bit / 8] ^= 1 << (bit % 8);
        flipped
    })
}

#[test]
fn key_tokens_as_specified() {
    for case in cases(&load("keys.json"), "tokens") {
        let key = MachineKey::decode(text(case, "token")).unwrap();
        assert_eq!(key.kid().to_string(), text(case, "kid"));
        assert_eq!(key.to_text().as_str(), text(case, "token"));
    }
}

#[test]
fn the_published_keys_of_the_vectors_are_refused() {
    for case in cases(&load("keys.json"), "tokens") {
        let error = MachineKey::parse(text(case, "token")).unwrap_err();
        assert!(error.to_string().contains("published sample"), "{error}");
    }
}

#[test]
fn aspnet_pairs_as_specified() {
    for case in cases(&load("keys.json"), "aspnet") {
        let (validation, decryption) = (text(case, "validation"), text(case, "decryption"));
        let key = aspnet::ring_key(validation, decryption).unwrap();
        assert_eq!(key.kid().to_string(), text(case, "kid"));
        let upper = aspnet::ring_key(&validation.to_uppercase(), &decryption.to_uppercase());
        assert_eq!(upper.unwrap().kid(), key.kid());
    }
}

#[test]
fn s33_store_keys_as_specified() {
    for case in cases(&load("identities.json"), "store_keys") {
        let id = session_id(&bytes(case, "id"));
        let key = StoreKeys::new(text(case, "app")).key(&id);
        assert_eq!(key.as_bytes().as_slice(), bytes(case, "key"));
    }
}

#[test]
fn s33_principals_as_specified() {
    for case in cases(&load("identities.json"), "principals") {
        let key = PrincipalKey::derive(text(case, "app"), text(case, "principal"));
        assert_eq!(key.as_bytes().as_slice(), bytes(case, "key"));
    }
}

#[test]
fn s29_fingerprints_as_specified() {
    let now = now(&load("tokens.json"));
    for case in cases(&load("identities.json"), "fingerprints") {
        let key = StoreKey::from_bytes(bytes(case, "store_key").try_into().unwrap());
        let made =
            super::FingerprintKeys::derive(&ring(), text(case, "app")).fingerprint(&key, now);
        assert_eq!(made.to_string(), text(case, "fingerprint"));
        assert_eq!(made.to_string().parse(), Ok(made));
    }
}
