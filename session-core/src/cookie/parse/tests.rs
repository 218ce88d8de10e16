use cookie::Cookie;
use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, any, prop_assert_eq, prop_oneof, proptest};

use super::{HeaderTooLarge, MAX_BYTES, MAX_PAIRS, candidates, position_of_semicolon};

const NAME: &str = "__Host-session";

fn read<'a>(lines: &[&'a [u8]], name: &str) -> Result<Vec<&'a [u8]>, HeaderTooLarge> {
    candidates(lines.iter().copied(), name.as_bytes()).map(|found| found.as_slice().to_vec())
}

fn read_line(line: &str) -> Vec<&[u8]> {
    read(&[line.as_bytes()], NAME).expect("within the caps")
}

#[test]
fn finds_values_as_they_stand() {
    let cases: [(&str, &[&str]); 16] = [
        ("", &[]),
        (";", &[]),
        ("a=b", &[]),
        ("__Host-session=abc", &["abc"]),
        ("a=b; __Host-session=abc; c=d", &["abc"]),
        ("a=b;__Host-session=abc;c=d", &["abc"]),
        ("a=b; __Host-session=abc;", &["abc"]),
        (" \t__Host-session=abc \t", &["abc"]),
        ("__Host-session=", &[""]),
        ("__Host-session==", &["="]),
        ("__Host-session=a=b", &["a=b"]),
        ("__Host-session=a b,c", &["a b,c"]),
        ("__Host-session=\"abc\"", &["\"abc\""]),
        ("__Host-session=%61", &["%61"]),
        ("__Host-session=a; __Host-session=b", &["a", "b"]),
        ("__Host-session=a; x; =y; __Host-session=a", &["a", "a"]),
    ];
    for (line, expected) in cases {
        let expected: Vec<_> = expected.iter().map(|value| value.as_bytes()).collect();
        assert_eq!(read_line(line), expected, "{line}");
    }
}

#[test]
fn c09_reads_every_line_in_order() {
    let lines: [&[u8]; 4] = [
        b"a=b; __Host-session=1",
        b"",
        b"__Host-session=2; __Host-session=3",
        b"c=d",
    ];
    assert_eq!(read(&lines, NAME), Ok(vec![&b"1"[..], b"2", b"3"]));
}

#[test]
fn c10_ignores_look_alikes() {
    let look_alikes = [
        "__host-session=x",
        "__HOST-SESSION=x",
        "__Host-Session=x",
        "%5F%5FHost-session=x",
        "__Host%2Dsession=x",
        "\u{a0}__Host-session=x",
        "\u{2000}__Host-session=x",
        "\u{3000}__Host-session=x",
        "\u{feff}__Host-session=x",
        "\u{85}__Host-session=x",
        "__Host-session\u{a0}=x",
        "\r__Host-session=x",
        "\n__Host-session=x",
        "\u{b}__Host-session=x",
        "\u{c}__Host-session=x",
        "\0__Host-session=x",
        "__Host-session =x",
        "__Host-session\t=x",
        "__Host-session",
        "__Host-sessio=x",
        "__Host-session2=x",
        "x__Host-session=x",
        "=__Host-session=x",
        "\"__Host-session\"=x",
        "__Host\u{2010}session=x",
        "＿＿Host-session=x",
        "$__Host-session=x",
        "a=b, __Host-session=x",
        "a=b&__Host-session=x",
    ];
    for line in look_alikes {
        assert!(read_line(line).is_empty(), "{line:?}");
        let beside = format!("{line}; __Host-session=real");
        assert_eq!(read_line(&beside), [b"real"], "{line:?}");
    }
}

#[test]
fn c11_other_cookies_may_hold_any_bytes() {
    let line = b"a=\xff\xfe; \x80\x81=b; __Host-session=abc; c=\0\x01\x7f";
    assert_eq!(read(&[line], NAME), Ok(vec![&b"abc"[..]]));
}

#[test]
fn c11_a_value_is_handed_on_as_bytes() {
    let line = b"__Host-session=\xff\x00";
    assert_eq!(read(&[line], NAME), Ok(vec![&b"\xff\x00"[..]]));
}

#[test]
fn c12_caps_the_header_over_all_lines() {
    let half = vec![b'x'; MAX_BYTES / 2];
    assert_eq!(read(&[&half, &half], NAME), Ok(vec![]));
    assert_eq!(
        read(&[&half, &half, b"x"], NAME),
        Err(HeaderTooLarge::Bytes)
    );
}

#[test]
fn c12_caps_the_pairs_over_all_lines() {
    let half = vec!["a=b"; MAX_PAIRS / 2].join("; ");
    let lines = [half.as_bytes(), half.as_bytes()];
    assert_eq!(read(&lines, NAME), Ok(vec![]));
    let lines = [half.as_bytes(), half.as_bytes(), b"a"];
    assert_eq!(read(&lines, NAME), Err(HeaderTooLarge::Pairs));
    let separators = "; ".repeat(10 * MAX_PAIRS);
    assert_eq!(read(&[separators.as_bytes()], NAME), Ok(vec![]));
}

#[test]
fn c12_caps_the_candidates_over_all_lines() {
    let two: &[u8] = b"__Host-session=a; __Host-session=b";
    let four = read(&[two, two], NAME).expect("within the caps");
    assert_eq!(four, [b"a", b"b", b"a", b"b"]);
    let five = read(&[two, two, b"__Host-session="], NAME);
    assert_eq!(five, Err(HeaderTooLarge::Candidates));
}

#[test]
fn s29_debug_shows_no_values() {
    let found = candidates([&b"__Host-session=canary"[..]].into_iter(), NAME.as_bytes());
    assert_eq!(format!("{found:?}"), "Ok(Candidates(1))");
}

/// The same rules, written for reading.
fn reference<'a>(lines: &[&'a [u8]], name: &[u8]) -> Option<Vec<&'a [u8]>> {
    let padding = |byte: &u8| *byte == b' ' || *byte == b'\t';
    let bytes: usize = lines.iter().map(|line| line.len()).sum();
    let mut pairs = 0;
    let mut values = Vec::new();
    for pair in lines
        .iter()
        .flat_map(|line| line.split(|byte| *byte == b';'))
    {
        let Some(start) = pair.iter().position(|byte| !padding(byte)) else {
            continue;
        };
        let end = pair.iter().rposition(|byte| !padding(byte)).unwrap_or(0);
        let pair = &pair[start..=end];
        pairs += 1;
        let equals = pair.iter().position(|byte| *byte == b'=');
        values.extend(
            equals
                .filter(|at| &pair[..*at] == name)
                .map(|at| &pair[at + 1..]),
        );
    }
    (bytes <= MAX_BYTES && pairs <= MAX_PAIRS && values.len() <= 4).then_some(values)
}

fn fragment() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        3 => Just(b"sid".to_vec()),
        3 => Just(b"sid=".to_vec()),
        3 => Just(b";".to_vec()),
        2 => Just(b"; ".to_vec()),
        1 => Just(b"=".to_vec()),
        1 => Just(b" \t".to_vec()),
        1 => Just(b"SID=".to_vec()),
        1 => Just(b"\xc2\xa0".to_vec()),
        1 => Just(vec![b'x'; 4_000]),
        2 => vec(any::<u8>(), 0..12),
    ]
}

fn header() -> impl Strategy<Value = Vec<Vec<u8>>> {
    vec(
        vec(fragment(), 0..60).prop_map(|parts| parts.concat()),
        0..4,
    )
}

fn pair() -> impl Strategy<Value = (String, String)> {
    let name = prop_oneof![Just("sid".to_owned()), "[!#$%&'*+.^_`|~0-9A-Za-z-]{1,8}"];
    (name, "[!#-+\\--:<-\\[\\]-~]{0,20}")
}

proptest! {
    #[test]
    fn agrees_with_the_reference(header in header()) {
        let lines: Vec<&[u8]> = header.iter().map(Vec::as_slice).collect();
        prop_assert_eq!(read(&lines, "sid").ok(), reference(&lines, b"sid"));
    }

    /// Where a header holds only what RFC 6265bis lets servers send, everybody reads the same.
    #[test]
    fn agrees_with_the_cookie_crate(pairs in vec(pair(), 0..20)) {
        let sent: Vec<_> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let header = sent.join("; ");
        let parsed = Cookie::split_parse(&header).filter_map(Result::ok);
        let expected: Vec<_> = parsed
            .filter(|cookie| cookie.name() == "sid")
            .map(|cookie| cookie.value().as_bytes().to_vec())
            .collect();
        let found = read(&[header.as_bytes()], "sid").map(|found| {
            found.into_iter().map(<[u8]>::to_vec).collect::<Vec<_>>()
        });
        let expected = if expected.len() > 4 { Err(HeaderTooLarge::Candidates) } else { Ok(expected) };
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn finds_the_first_semicolon(bytes in vec(prop_oneof![Just(b';'), Just(b':'), any::<u8>()], 0..40)) {
        let expected = bytes.iter().position(|byte| *byte == b';');
        prop_assert_eq!(position_of_semicolon(&bytes), expected);
    }
}
