use serde_json::Value;

use super::super::vectors::{bit_flips, bytes, cases, key_ring, load, now, text};
use super::{Protector, ProtectorErrorKind};
use crate::crypto::{RandomError, with_source};

fn protector(vectors: &Value) -> Protector {
    let purposes: Vec<&str> = cases(vectors, "purposes")
        .iter()
        .map(|p| p.as_str().unwrap())
        .collect();
    key_ring(now(vectors))
        .protector(text(vectors, "app"), &purposes)
        .unwrap()
}

#[test]
fn protected_data_opens_as_specified() {
    let vectors = load("protector.json");
    for case in cases(&vectors, "accept") {
        let protector = protector(&vectors).bound_to(bytes(case, "bound_to"));
        let opened = protector.open(&bytes(case, "sealed")).unwrap();
        assert_eq!(opened, bytes(case, "plaintext"), "{}", text(case, "name"));
    }
}

#[test]
fn c43_other_data_is_rejected_with_the_cause_and_one_message() {
    let vectors = load("protector.json");
    for case in cases(&vectors, "reject") {
        let protector = protector(&vectors).bound_to(bytes(case, "bound_to"));
        let error = protector.open(&bytes(case, "sealed")).unwrap_err();
        let cause = error.cause().unwrap();
        assert_eq!(
            cause.as_str(),
            text(case, "cause"),
            "{}",
            text(case, "name")
        );
        assert_eq!(error.kind(), ProtectorErrorKind::Rejected);
        assert_eq!(error.to_string(), "the sealed data cannot be opened");
    }
}

#[test]
fn every_flipped_bit_of_protected_data_is_noticed() {
    let vectors = load("protector.json");
    let protector = protector(&vectors);
    for flipped in bit_flips(&bytes(&vectors["accept"][0], "sealed")) {
        assert!(protector.open(&flipped).is_err());
    }
}

#[test]
fn every_truncation_of_protected_data_is_noticed() {
    let vectors = load("protector.json");
    let protector = protector(&vectors);
    let sealed = bytes(&vectors["accept"][0], "sealed");
    for length in 0..sealed.len() {
        assert!(protector.open(&sealed[..length]).is_err(), "{length}");
    }
}

#[test]
fn a_lifetime_beyond_the_rings_is_refused() {
    let protector = protector(&load("protector.json"));
    let ninety_days = std::time::Duration::from_secs(90 * 24 * 60 * 60);
    let longer = ninety_days + std::time::Duration::from_millis(1);
    assert!(protector.clone().with_lifetime(ninety_days).is_ok());
    let error = protector.with_lifetime(longer).unwrap_err();
    assert_eq!(error.kind(), ProtectorErrorKind::Lifetime);
    assert!(error.to_string().contains("longest_lifetime"), "{error}");
}

#[test]
fn s32_nothing_is_protected_without_random_bytes() {
    let protector = protector(&load("protector.json"));
    let error = with_source(|_| Err(RandomError), || protector.seal(b"text")).unwrap_err();
    assert_eq!(error.kind(), ProtectorErrorKind::Unsealed);
}
