use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::{FleetRow, LARGEST, RowError};
use crate::clock::Timestamp;
use crate::machine_key::ring::Ring;
use crate::machine_key::{Kid, MachineKey};

const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

fn key(number: u8) -> MachineKey {
    MachineKey::from_secret(Zeroizing::new([number; MachineKey::LENGTH]))
}

fn row() -> FleetRow {
    let ring = Ring::undated(key(1), vec![key(2)]).unwrap();
    FleetRow::of(&ring, "shop", "web1", NOW)
}

fn value() -> Value {
    serde_json::from_slice(&row().render()).unwrap()
}

fn parse(value: &Value) -> Result<FleetRow, RowError> {
    FleetRow::parse(value.to_string().as_bytes())
}

#[test]
fn a_row_survives_being_written() {
    assert_eq!(FleetRow::parse(&row().render()), Ok(row()));
    assert_eq!(value()["writer"], json!("web1"));
    assert_eq!(value()["written"], json!("2023-11-14T22:13:20Z"));
}

/// The tag as an independent program computes it: HKDF-SHA-256 and HMAC-SHA-256 by the letter of
/// the format, over the key of 32 bytes 1, application "shop", epoch 0.
#[test]
fn the_tag_is_that_of_the_format() {
    let opening = &value()["opening"][0];
    assert_eq!(opening["kid"], json!("76a0024f59b86364"));
    assert_eq!(
        opening["tag"],
        json!("85c4f6be54365aaceb5ae03934c8f4b77ab859a19f0de3603c073bb004bffb48")
    );
}

#[test]
fn what_later_versions_add_is_passed_over() {
    let mut extended = value();
    extended["zone"] = json!("eu-1");
    assert_eq!(parse(&extended), Ok(row()));
}

#[test]
fn what_is_no_row_is_refused_with_the_reason() {
    let changed = |member: &str, to: Value| {
        let mut changed = value();
        changed[member] = to;
        parse(&changed).unwrap_err()
    };
    let kid = value()["sealing"].clone();
    let stranger = json!(Kid::from_bytes([7; 8]).to_string());
    let upper = json!(kid.as_str().unwrap().to_uppercase().replace('0', "A"));
    assert_eq!(changed("sealing", upper), RowError::Member("sealing"));
    assert_eq!(
        changed("written", json!("today")),
        RowError::Member("written")
    );
    assert_eq!(changed("writer", json!("a\nb")), RowError::Member("writer"));
    assert_eq!(
        changed("writer", json!("a".repeat(256))),
        RowError::Member("writer")
    );
    assert_eq!(
        changed("revoked", json!(["0"])),
        RowError::Member("revoked")
    );
    let short = json!([{"kid": kid, "tag": "00"}]);
    assert_eq!(changed("opening", short), RowError::Member("tag"));
    let missing = changed("sealing", stranger);
    assert!(matches!(missing, RowError::SealingKeyMissing(_)));
    assert!(matches!(
        changed("revoked", json!([kid])),
        RowError::Duplicate(_)
    ));
    let entry = value()["opening"][0].clone();
    let twice = changed("opening", json!([entry, entry]));
    assert!(matches!(twice, RowError::Duplicate(_)));
    assert!(matches!(
        changed("epoch", json!(-1)),
        RowError::NotARow { .. }
    ));
    let cut = FleetRow::parse(&row().render()[1..]);
    assert!(matches!(cut, Err(RowError::NotARow { .. })));
    let large = FleetRow::parse(&vec![b' '; LARGEST + 1]);
    assert_eq!(large, Err(RowError::TooLarge(LARGEST + 1)));
}

#[test]
fn an_error_does_not_quote_the_row() {
    let error = FleetRow::parse(br#"{"epoch": "PLANTED"}"#).unwrap_err();
    assert!(!error.to_string().contains("PLANTED"), "{error}");
}
