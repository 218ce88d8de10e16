use serde_json::Value;

use super::super::vectors::{bit_flips, bytes, cases, load, now, ring, text};
use super::{SealError, Sealer};
use crate::cause::Cause;
use crate::crypto::{RandomError, with_source};

fn sealer(vectors: &Value) -> Sealer {
    let purposes: Vec<&str> = cases(vectors, "purposes")
        .iter()
        .map(|p| p.as_str().unwrap())
        .collect();
    Sealer::derive(&ring(), text(vectors, "app"), &purposes)
}

fn open(vectors: &Value, envelope: &[u8]) -> Result<super::Opened, Cause> {
    let (context, aad) = (bytes(vectors, "context"), bytes(vectors, "aad"));
    sealer(vectors).open(&context, &aad, envelope, now(vectors))
}

#[test]
fn s26_envelopes_of_every_open_key_open() {
    let vectors = load("envelopes.json");
    for case in cases(&vectors, "accept") {
        let opened = open(&vectors, &bytes(case, "envelope")).unwrap();
        assert_eq!(
            opened.plaintext,
            bytes(case, "plaintext"),
            "{}",
            text(case, "name")
        );
        assert_eq!(
            opened.reseal,
            case["reseal"].as_bool().unwrap(),
            "{}",
            text(case, "name")
        );
    }
}

#[test]
fn s26_c43_other_envelopes_are_rejected_with_the_cause() {
    let vectors = load("envelopes.json");
    for case in cases(&vectors, "reject") {
        let cause = open(&vectors, &bytes(case, "envelope")).unwrap_err();
        assert_eq!(
            cause.as_str(),
            text(case, "cause"),
            "{}",
            text(case, "name")
        );
    }
}

#[test]
fn an_envelope_is_sealed_as_specified() {
    let vectors = load("envelopes.json");
    let salt = bytes(&vectors, "salt").try_into().unwrap();
    let (context, aad) = (bytes(&vectors, "context"), bytes(&vectors, "aad"));
    let case = &vectors["accept"][0];
    let sealed = sealer(&vectors)
        .seal_salted(
            &salt,
            &context,
            &aad,
            &bytes(case, "plaintext"),
            now(&vectors),
        )
        .unwrap();
    assert_eq!(sealed, bytes(case, "envelope"));
}

#[test]
fn every_flipped_bit_of_an_envelope_is_noticed() {
    let vectors = load("envelopes.json");
    let (context, aad) = (bytes(&vectors, "context"), bytes(&vectors, "aad"));
    let sealer = sealer(&vectors);
    for flipped in bit_flips(&bytes(&vectors["accept"][0], "envelope")) {
        assert!(
            sealer
                .open(&context, &aad, &flipped, now(&vectors))
                .is_err()
        );
    }
}

#[test]
fn every_truncated_envelope_is_rejected() {
    let vectors = load("envelopes.json");
    let envelope = bytes(&vectors["accept"][0], "envelope");
    for length in 0..envelope.len() {
        assert!(open(&vectors, &envelope[..length]).is_err(), "{length}");
    }
}

#[test]
fn every_seal_draws_a_fresh_salt() {
    let vectors = load("envelopes.json");
    let sealer = sealer(&vectors);
    let seal = || sealer.seal(b"c", b"a", b"text", now(&vectors)).unwrap();
    let (first, second) = (seal(), seal());
    assert_ne!(first[9..41], second[9..41]);
    for sealed in [first, second] {
        let opened = sealer.open(b"c", b"a", &sealed, now(&vectors)).unwrap();
        assert_eq!(opened.plaintext, b"text");
    }
}

#[test]
fn s32_nothing_is_sealed_without_a_random_salt() {
    let vectors = load("envelopes.json");
    let sealer = sealer(&vectors);
    let sealed = with_source(
        |_| Err(RandomError),
        || sealer.seal(b"", b"", b"text", now(&vectors)),
    );
    assert_eq!(sealed, Err(SealError::Random(RandomError)));
}

#[test]
fn s29_plaintext_cannot_be_printed() {
    let vectors = load("envelopes.json");
    let opened = open(&vectors, &bytes(&vectors["accept"][0], "envelope")).unwrap();
    let shown = format!("{opened:?}");
    assert!(!shown.contains("118, 97"), "{shown}");
    assert!(!shown.contains("values"), "{shown}");
}
