use std::ffi::OsString;
use std::path::Path;

use super::{EnvironmentSource, from_environment, ring_of_pair, ring_of_variable};
use crate::clock::Timestamp;
use crate::machine_key::{KeyRingError, KeyRingErrorKind, KeyState, MachineKey};

fn environment(variables: &[(&str, &str)]) -> Result<EnvironmentSource, KeyRingError> {
    from_environment(|name| {
        let found = variables.iter().find(|(variable, _)| *variable == name);
        found.map(|(_, value)| OsString::from(value))
    })
}

fn kind(variables: &[(&str, &str)]) -> KeyRingErrorKind {
    match environment(variables) {
        Ok(_) => panic!("accepted"),
        Err(error) => error.kind(),
    }
}

fn credentials(contents: Option<&str>) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    if let Some(contents) = contents {
        std::fs::write(directory.path().join("machine-key"), contents).unwrap();
    }
    directory
}

fn is_file(source: EnvironmentSource, path: &Path) -> bool {
    source == EnvironmentSource::File(path.to_owned())
}

#[test]
fn c46_nothing_set_is_an_error_that_says_what_to_set() {
    let Err(error) = environment(&[]) else {
        panic!("accepted")
    };
    assert_eq!(error.kind(), KeyRingErrorKind::NotConfigured);
    for name in [
        "SESSION_MACHINE_KEY_FILE",
        "SESSION_MACHINE_KEY ",
        "CREDENTIALS_DIRECTORY",
    ] {
        assert!(error.to_string().contains(name), "{error}");
    }
}

#[test]
fn one_source_is_found() {
    let file = environment(&[("SESSION_MACHINE_KEY_FILE", "/etc/shop/ring.toml")]);
    assert!(is_file(file.unwrap(), Path::new("/etc/shop/ring.toml")));
    let tokens = environment(&[("SESSION_MACHINE_KEY", "sk1_")]);
    assert!(tokens.unwrap() == EnvironmentSource::Tokens("sk1_".to_owned()));
    let directory = credentials(Some("ring"));
    let named = directory.path().to_str().unwrap();
    let credential = environment(&[("CREDENTIALS_DIRECTORY", named)]);
    assert!(is_file(
        credential.unwrap(),
        &directory.path().join("machine-key")
    ));
}

#[test]
fn more_than_one_source_is_an_error_that_names_them() {
    let directory = credentials(Some("ring"));
    let all = [
        ("SESSION_MACHINE_KEY", "sk1_"),
        ("SESSION_MACHINE_KEY_FILE", "/ring"),
        ("CREDENTIALS_DIRECTORY", directory.path().to_str().unwrap()),
    ];
    for pair in [[all[0], all[1]], [all[0], all[2]], [all[1], all[2]]] {
        assert_eq!(kind(&pair), KeyRingErrorKind::Ambiguous);
    }
    let Err(error) = environment(&all[..2]) else {
        panic!("accepted")
    };
    let names = "SESSION_MACHINE_KEY and SESSION_MACHINE_KEY_FILE are both set";
    assert!(error.to_string().contains(names), "{error}");
}

#[test]
fn a_service_may_have_other_credentials() {
    let directory = credentials(None);
    let named = ("CREDENTIALS_DIRECTORY", directory.path().to_str().unwrap());
    assert_eq!(kind(&[named]), KeyRingErrorKind::NotConfigured);
    assert!(environment(&[named, ("SESSION_MACHINE_KEY", "sk1_")]).is_ok());
}

#[test]
fn set_and_empty_is_an_error_and_not_unset() {
    assert_eq!(
        kind(&[("SESSION_MACHINE_KEY", " ")]),
        KeyRingErrorKind::Malformed
    );
    assert_eq!(
        kind(&[("SESSION_MACHINE_KEY_FILE", "")]),
        KeyRingErrorKind::Malformed
    );
}

#[test]
fn c41_the_first_token_seals_and_the_others_open() {
    let keys: Vec<MachineKey> = (0..3).map(|_| MachineKey::generate().unwrap()).collect();
    let texts: Vec<_> = keys.iter().map(MachineKey::to_text).collect();
    let value = format!(
        "{}, {},{}\n",
        texts[0].as_str(),
        texts[1].as_str(),
        texts[2].as_str()
    );
    let ring = ring_of_variable(&value).unwrap();
    let now = Timestamp::from_millis(1_790_000_000_000);
    assert_eq!(ring.epoch(), 0);
    assert_eq!(ring.longest_lifetime(), None);
    assert_eq!(ring.sealing_kid(now), keys[0].kid());
    assert_eq!(ring.keys(now)[0].state, KeyState::Active);
    assert_eq!(ring.keys(now)[2].state, KeyState::Pending);
    for key in &keys {
        ring.check_opening(key.kid(), now).unwrap();
    }
}

#[test]
fn tokens_are_refused_with_their_place() {
    let key = MachineKey::generate().unwrap().to_text();
    let key = key.as_str();
    for (value, expected) in [
        (format!("{key},"), "key token 2"),
        (format!("{key},{key}"), "twice"),
        (format!("{key},{}", &key[..40]), "key token 2"),
        (key.to_uppercase(), "key token 1"),
    ] {
        let error = ring_of_variable(&value).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
        assert!(!error.to_string().contains(&key[4..40]), "{error}");
    }
}

const STRONG: &str = "8f3ac0d95e1b7264f0917be2c54d38a6e7021f9cb8d6435a7c10fe294b6d83051e";
const STRONG_DECRYPTION: &str = "d41b70f6a2983ec517d0845bfa692ce3018f7b4dc6e95a32";

fn pair_error(validation: &str, decryption: &str) -> KeyRingError {
    ring_of_pair(validation, decryption).unwrap_err()
}

#[test]
fn a_pair_makes_the_same_ring_everywhere() {
    let now = Timestamp::default();
    let ring = ring_of_pair(STRONG, STRONG_DECRYPTION).unwrap();
    let again = ring_of_pair(&STRONG.to_uppercase(), STRONG_DECRYPTION).unwrap();
    assert_eq!(ring.epoch(), 0);
    assert_eq!(ring.sealing_kid(now), again.sealing_kid(now));
}

#[test]
fn published_pairs_are_refused_and_the_error_says_why() {
    let article = "1234567890123456789012345678901234567890AAAAAAAAAA";
    let digits = "123456789012345678901234567890123456789012345678";
    let manual = "21F090935F6E49C2C797F69BBAAD8402ABD2EE0B667A8B44EA7DD4374267A75D";
    for (validation, decryption, name) in [
        (article, digits, "validationKey"),
        (STRONG, digits, "decryptionKey"),
        (STRONG, &digits[..32], "decryptionKey"),
        (&article[..40], STRONG_DECRYPTION, "validationKey"),
        (&article[..41], STRONG_DECRYPTION, "validationKey"),
        (manual, STRONG_DECRYPTION, "validationKey"),
        (&manual.to_lowercase(), STRONG_DECRYPTION, "validationKey"),
    ] {
        let error = pair_error(validation, decryption);
        assert_eq!(error.kind(), KeyRingErrorKind::WeakKey);
        let shown = error.to_string();
        assert!(
            shown.contains(name) && shown.contains("published sample"),
            "{shown}"
        );
    }
}

#[test]
fn guessable_and_short_keys_of_a_pair_are_refused() {
    for weak in [
        "00".repeat(64),
        "0123456789ABCDEF".repeat(8),
        "FEDCBA9876543210".repeat(8),
        STRONG[..62].to_owned(),
        "0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20".to_owned(),
    ] {
        assert_eq!(
            pair_error(&weak, STRONG_DECRYPTION).kind(),
            KeyRingErrorKind::WeakKey
        );
    }
    let short = &STRONG_DECRYPTION[..46];
    assert_eq!(pair_error(STRONG, short).kind(), KeyRingErrorKind::WeakKey);
}

#[test]
fn a_pair_that_is_none_is_refused() {
    for digits in [
        "AutoGenerate,IsolateApps",
        "",
        "xyz",
        &STRONG[1..],
        &STRONG.replace('0', " "),
    ] {
        let kind = pair_error(digits, STRONG_DECRYPTION).kind();
        assert!(
            matches!(
                kind,
                KeyRingErrorKind::Malformed | KeyRingErrorKind::WeakKey
            ),
            "{digits}: {kind:?}"
        );
    }
    let shown = pair_error("AutoGenerate,IsolateApps", STRONG_DECRYPTION).to_string();
    assert!(shown.contains("every server a key of its own"), "{shown}");
}
