use serde_json::Value;

use super::super::vectors::{bit_flips, bytes, cases, load, now, ring, session_id, text};
use super::{Carrier, Rejected, TokenKeys};
use crate::cause::Cause;
use crate::clock::Timestamp;

fn keys(vectors: &Value) -> TokenKeys {
    let cookie = Carrier::Cookie(text(vectors, "cookie"));
    TokenKeys::derive(&ring(), text(vectors, "app"), cookie)
}

fn kid(case: &Value) -> Option<String> {
    case["kid"].as_str().map(str::to_owned)
}

#[test]
fn s02_c41_tokens_of_every_open_key_are_verified() {
    let vectors = load("tokens.json");
    for case in cases(&vectors, "accept") {
        let name = text(case, "name");
        let token = text(case, "token").as_bytes();
        let verified = keys(&vectors).verify(token, now(&vectors)).unwrap();
        assert_eq!(
            verified.id().as_bytes().as_slice(),
            bytes(&vectors, "id"),
            "{name}"
        );
        assert_eq!(
            verified.resign(),
            case["resign"].as_bool().unwrap(),
            "{name}"
        );
        assert_eq!(Some(verified.kid().to_string()), kid(case), "{name}");
    }
}

#[test]
fn s02_c42_c43_other_tokens_are_rejected_with_the_cause() {
    let vectors = load("tokens.json");
    for case in cases(&vectors, "reject") {
        let name = text(case, "name");
        let token = text(case, "token").as_bytes();
        let rejected = keys(&vectors).verify(token, now(&vectors)).unwrap_err();
        assert_eq!(rejected.cause.as_str(), text(case, "cause"), "{name}");
        assert_eq!(rejected.kid.map(|kid| kid.to_string()), kid(case), "{name}");
    }
}

#[test]
fn a_token_is_signed_as_specified() {
    let vectors = load("tokens.json");
    let id = session_id(&bytes(&vectors, "id"));
    let token = keys(&vectors).sign(&id, now(&vectors));
    assert_eq!(token.as_str(), text(&vectors["accept"][0], "token"));
    let header = Carrier::Header(text(&vectors, "header"));
    let token = TokenKeys::derive(&ring(), text(&vectors, "app"), header).sign(&id, now(&vectors));
    assert_eq!(token.as_str(), text(&vectors, "header_token"));
}

#[test]
fn every_flipped_bit_of_a_token_is_noticed() {
    let vectors = load("tokens.json");
    let keys = keys(&vectors);
    let token = text(&vectors["accept"][0], "token");
    for flipped in bit_flips(token.as_bytes()) {
        assert!(keys.verify(&flipped, now(&vectors)).is_err(), "{flipped:?}");
    }
}

#[test]
fn every_truncated_token_is_malformed() {
    let vectors = load("tokens.json");
    let token = text(&vectors["accept"][0], "token").as_bytes();
    let malformed = Rejected {
        cause: Cause::Malformed,
        kid: None,
    };
    for length in 0..token.len() {
        let verified = keys(&vectors).verify(&token[..length], now(&vectors));
        assert_eq!(verified.unwrap_err(), malformed);
    }
}

#[test]
fn c41_the_sealing_key_changes_at_its_date_and_not_before() {
    let vectors = load("tokens.json");
    let keys = keys(&vectors);
    let [sealing, _, pending] = cases(&vectors, "accept") else {
        panic!()
    };
    let id = session_id(&bytes(&vectors, "id"));
    let change = super::super::dates::parse_date("2026-09-30T00:00:00Z").unwrap();
    let before = Timestamp::from_millis(change.as_millis() - 1);
    assert_eq!(keys.sign(&id, before).as_str(), text(sealing, "token"));
    assert_eq!(keys.sign(&id, change).as_str(), text(pending, "token"));
    assert!(
        keys.verify(text(sealing, "token").as_bytes(), change)
            .unwrap()
            .resign()
    );
}

#[test]
fn c42_a_retired_key_opens_until_its_last_millisecond() {
    let vectors = load("tokens.json");
    let retired = text(&vectors["accept"][1], "token").as_bytes();
    let end = super::super::dates::parse_date("2026-10-30T00:05:00Z").unwrap();
    let before = Timestamp::from_millis(end.as_millis() - 1);
    assert!(keys(&vectors).verify(retired, before).is_ok());
    let rejected = keys(&vectors).verify(retired, end).unwrap_err();
    assert_eq!(rejected.cause, Cause::RetiredKey);
}

#[test]
fn s29_tokens_and_ids_cannot_be_printed() {
    let vectors = load("tokens.json");
    let id = session_id(&bytes(&vectors, "id"));
    let token = keys(&vectors).sign(&id, now(&vectors));
    let verified = keys(&vectors)
        .verify(token.as_str().as_bytes(), now(&vectors))
        .unwrap();
    let shown = format!("{token:?} {id:?} {verified:?} {:?}", keys(&vectors));
    assert!(!shown.contains(&token.as_str()[12..40]));
    assert!(!shown.contains(&vectors["id"].as_str().unwrap()[..8]));
    assert!(!shown.contains("100, 101"));
}
