use super::super::vectors::{bit_flips, cases, load, now, ring, ring_text, text};
use super::{RingParts, parse, render};
use crate::machine_key::ring::RingKey;
use crate::machine_key::schedule::Scheduled;
use crate::machine_key::{KeyState, MachineKey, Ring};

/// The parts that a ring was made of.
fn parts(ring: &Ring) -> RingParts {
    let copy = |key: &Scheduled<RingKey>| Scheduled {
        kid: key.kid,
        not_before: key.not_before,
        open_until: key.open_until,
        key: RingKey {
            key: MachineKey::decode(key.key.key.to_text().as_str()).unwrap(),
            created: key.key.created,
        },
    };
    RingParts {
        epoch: ring.epoch(),
        longest_lifetime: ring.longest_lifetime().unwrap(),
        keys: ring.live().map(copy).collect(),
        revoked: ring.revoked().to_vec(),
    }
}

#[test]
fn rings_in_order_are_read() {
    for case in cases(&load("rings.json"), "accept") {
        let ring = parse(text(case, "text").as_bytes());
        assert!(ring.is_ok(), "{}: {ring:?}", text(case, "name"));
    }
}

#[test]
fn c46_other_rings_are_refused_with_the_reason() {
    let vectors = load("rings.json");
    for case in cases(&vectors, "reject") {
        let ring = parse(text(case, "text").as_bytes()).and_then(|ring| ring.admit(now(&vectors)));
        let error = ring.expect_err(text(case, "name"));
        assert_eq!(
            error.kind().as_str(),
            text(case, "kind"),
            "{}: {error}",
            text(case, "name")
        );
        assert!(!error.to_string().contains("sk1_A"), "{error}");
    }
}

#[test]
fn every_flipped_bit_of_a_ring_is_noticed() {
    for flipped in bit_flips(&ring_text()) {
        assert!(
            parse(&flipped).is_err(),
            "{:?}",
            String::from_utf8_lossy(&flipped)
        );
    }
}

#[test]
fn every_truncated_ring_is_refused() {
    let text = ring_text();
    for length in 0..text.len() {
        assert!(parse(&text[..length]).is_err(), "{length}");
    }
}

#[test]
fn s25_many_keys_open_and_one_seals() {
    let states: Vec<KeyState> = ring()
        .keys(now(&load("rings.json")))
        .iter()
        .map(|key| key.state)
        .collect();
    let expected = [
        KeyState::Retired,
        KeyState::Retired,
        KeyState::Active,
        KeyState::Pending,
        KeyState::Revoked,
    ];
    assert_eq!(states, expected);
}

#[test]
fn a_written_ring_reads_back_the_same() {
    let original = ring();
    let written = render(&parts(&original));
    let again = parse(written.as_bytes()).unwrap();
    let now = now(&load("rings.json"));
    assert_eq!(again.keys(now), original.keys(now));
    assert_eq!(again.longest_lifetime(), original.longest_lifetime());
    assert_eq!(*render(&parts(&again)), *written);
}

#[test]
fn s29_an_error_never_quotes_a_value() {
    for text in [
        "version = \"sk1_secret_0\"\n",
        "version = 1\nepoch = 1\nsk1_secret_0 = 3\n",
        "version = 1\nepoch = \"sk1_secret_0\"\n",
        "version = 1\nepoch = 1\nlongest_lifetime = \"1d\"\nkey = \"sk1_secret_0\"\n",
        "version = 1\nsecret = \"sk1_secret_0\n",
    ] {
        let check = super::check_table(&crate::crypto::sha256(text.as_bytes()));
        let error = parse(format!("{text}{check}").as_bytes()).unwrap_err();
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains("secret_0"), "{shown}");
    }
}

#[test]
fn s29_a_ring_shows_no_secret() {
    let ring = ring();
    let shown = format!("{ring:?}");
    for key in ring.live() {
        let secret = key.key.key.to_text();
        assert!(!shown.contains(&secret.as_str()[4..20]));
        assert!(shown.contains(&key.kid.to_string()));
    }
}
