//! Sealing application data through the public interface.

#![expect(
    clippy::unwrap_used,
    reason = "clippy knows tests and not the functions that tests share"
)]

use serde::{Deserialize, Serialize};
use session_core::{KeyRing, MachineKey, Protector, ProtectorErrorKind};
use std::time::Duration;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Form {
    step: u32,
    note: String,
}

fn form() -> Form {
    Form {
        step: 3,
        note: "canary-note".to_owned(),
    }
}

fn protector(ring: &KeyRing) -> Protector {
    ring.protector("shop", &["form state", "checkout"]).unwrap()
}

#[test]
fn a_value_survives() {
    let protector = protector(&KeyRing::ephemeral().unwrap());
    let sealed = protector.seal_value(&form()).unwrap();
    assert_eq!(protector.open_value::<Form>(&sealed).unwrap(), form());
    assert!(!sealed.windows(6).any(|window| window == b"canary"));
}

#[test]
fn a_value_of_another_type_is_an_error_of_its_own() {
    let protector = protector(&KeyRing::ephemeral().unwrap());
    let sealed = protector.seal_value("text").unwrap();
    let error = protector.open_value::<Form>(&sealed).unwrap_err();
    assert_eq!(error.kind(), ProtectorErrorKind::Encoding);
    assert!(!format!("{error:?}").contains("text"));
}

#[test]
fn a_struct_gains_a_field_in_a_rolling_deploy() {
    #[derive(Deserialize)]
    struct Newer {
        step: u32,
        #[serde(default)]
        coupon: Option<String>,
    }
    let protector = protector(&KeyRing::ephemeral().unwrap());
    let sealed = protector.seal_value(&form()).unwrap();
    let newer: Newer = protector.open_value(&sealed).unwrap();
    assert_eq!((newer.step, newer.coupon), (3, None));
}

#[test]
fn c43_another_app_purpose_or_binding_does_not_open() {
    let ring = KeyRing::ephemeral().unwrap();
    let sealed = protector(&ring).seal(b"text").unwrap();
    let others = [
        ring.protector("shop2", &["form state", "checkout"])
            .unwrap(),
        ring.protector("shop", &["form state"]).unwrap(),
        ring.protector("shop", &["checkout", "form state"]).unwrap(),
        ring.protector("shop", &["form state", "checkout", "x"])
            .unwrap(),
        protector(&ring).bound_to("user-42"),
        protector(&KeyRing::ephemeral().unwrap()),
    ];
    for other in others {
        assert_eq!(
            other.open(&sealed).unwrap_err().kind(),
            ProtectorErrorKind::Rejected
        );
    }
    assert_eq!(protector(&ring).open(&sealed).unwrap(), b"text");
}

#[test]
fn empty_purposes_are_refused() {
    let ring = KeyRing::ephemeral().unwrap();
    for (app, purposes) in [
        ("shop", [].as_slice()),
        ("shop", &[""]),
        ("shop", &["a", ""]),
        ("", &["a"]),
    ] {
        let error = ring.protector(app, purposes).unwrap_err();
        assert_eq!(error.kind(), ProtectorErrorKind::EmptyPurpose);
    }
}

#[test]
fn c41_a_ring_staged_over_two_deployments_opens_in_any_order() {
    let (old, new) = (
        MachineKey::generate().unwrap(),
        MachineKey::generate().unwrap(),
    );
    let (old, new) = (old.to_text(), new.to_text());
    let staged = |tokens: &[&str]| protector(&KeyRing::from_tokens(tokens).unwrap());
    let first = staged(&[old.as_str(), new.as_str()]);
    let second = staged(&[new.as_str(), old.as_str()]);
    for (sealing, opening) in [(&first, &second), (&second, &first)] {
        let sealed = sealing.seal(b"text").unwrap();
        assert_eq!(opening.open(&sealed).unwrap(), b"text");
    }
}

#[test]
fn a_lifetime_of_nothing_is_refused() {
    let protector = protector(&KeyRing::ephemeral().unwrap());
    let error = protector.with_lifetime(Duration::ZERO).unwrap_err();
    assert_eq!(error.kind(), ProtectorErrorKind::Lifetime);
}

#[test]
fn the_documented_key_is_refused() {
    let documented = "sk1_DXLzWXZP7wuHpZreiu2XLtvAitw46vvPopGxl0jAguc_0fa9f145";
    let error = KeyRing::from_tokens([documented]).unwrap_err();
    assert!(error.to_string().contains("published sample"), "{error}");
}
