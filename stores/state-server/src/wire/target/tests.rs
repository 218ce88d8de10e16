use super::*;

fn foreign(path: &str) -> Option<Target> {
    Some(Target::Foreign(path.as_bytes().into()))
}

#[test]
fn foreign_target_is_what_aspnet_sends() {
    let app = "/LM/W3SVC/1/ROOT";
    let digest = "cAHkmVhipCLv/QnONQmPsKL+q/AjnK/nYS9aV3Zlad8=";
    let session = "15hgq1uszp2tjt45lkwxmb55";
    let target = foreign_target(app, digest, session);
    assert_eq!(
        target,
        "%2fLM%2fW3SVC%2f1%2fROOT(cAHkmVhipCLv%2fQnONQmPsKL%2bq%2fAjnK%2fnYS9aV3Zlad8%3d)\
         %2f15hgq1uszp2tjt45lkwxmb55"
    );
    let path = format!("{app}({digest})/{session}");
    assert_eq!(Target::parse(target.as_bytes()), foreign(&path));
}

#[test]
fn leading_slashes_and_escapes_do_not_matter() {
    for text in [
        "a/b",
        "/a/b",
        "//a/b",
        "%2fa%2fb",
        "%2Fa%2Fb",
        "%2f%2fa/b",
        "/%61/b",
    ] {
        assert_eq!(Target::parse(text.as_bytes()), foreign("/a/b"), "{text}");
    }
    assert_eq!(Target::parse(b"///a"), foreign("//a"));
    assert_eq!(Target::parse(b"a+b%2bc%252f"), foreign("/a b+c%2f"));
    assert_eq!(Target::parse(b"/A"), foreign("/A"));
}

#[test]
fn bad_escapes_are_refused() {
    for text in ["%", "%2", "a%2", "%zz", "%%41", "/a%-1", "%+1"] {
        assert_eq!(Target::parse(text.as_bytes()), None, "{text}");
    }
}

#[test]
fn keys_come_back() {
    let key = std::array::from_fn(|byte| byte as u8 * 7);
    let target = session_target(&key);
    assert_eq!(target.len(), 67);
    assert_eq!(Target::parse(target.as_bytes()), Some(Target::Session(key)));
    let escaped = target.replace('/', "%2f");
    assert_eq!(
        Target::parse(escaped.as_bytes()),
        Some(Target::Session(key))
    );
    let principal = principal_target(&key);
    let parsed = Target::parse(principal.as_bytes());
    assert_eq!(parsed, Some(Target::Principal(key)));
    let mut digits = Vec::new();
    push_hex(&mut digits, &key);
    assert_eq!(parse_hex(&digits), Some(key));
}

#[test]
fn only_lower_case_digits_are_a_key() {
    let upper = format!("/s/{}", "A".repeat(64));
    assert_eq!(Target::parse(upper.as_bytes()), foreign(&upper));
    for digits in [
        "a".repeat(63),
        "a".repeat(65),
        "g".repeat(64),
        "A".repeat(64),
    ] {
        assert_eq!(parse_hex(digits.as_bytes()), None);
    }
}

#[test]
fn reserved_targets() {
    let row = control_target("ring/shop app");
    assert_eq!(row, "/.session/control/ring%2fshop+app");
    let name = b"ring/shop app"[..].into();
    assert_eq!(Target::parse(row.as_bytes()), Some(Target::Control(name)));
    assert_eq!(Target::parse(b"/.session/ping"), Some(Target::Ping));
    let long = format!("/.session/control/{}", "x".repeat(MAX_CONTROL_NAME + 1));
    for text in [
        "/.session/",
        "/.session/control/",
        "/.session/principal/ab",
        &long,
    ] {
        assert_eq!(Target::parse(text.as_bytes()), None, "{text}");
    }
}
