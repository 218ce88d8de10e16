//! Cookies that nobody issued: no store is asked for them, and none is adopted.

use crate::harness::{COOKIE, Farm, wire};

/// Tokens that are none, made from a good one.
fn junk(token: &str) -> Vec<Vec<u8>> {
    let mut junk: Vec<Vec<u8>> = [
        "",
        "x",
        "../../../../etc/passwd",
        "%00",
        "null",
        "{\"id\":1}",
        "' OR '1'='1",
        &"A".repeat(76),
        &"_".repeat(76),
        &"A".repeat(75),
        &"A".repeat(77),
        &"A".repeat(8000),
        &token[1..],
        &token[..75],
        &token[..38],
        &format!("{token}A"),
        &format!("{token}="),
        &format!("\"{token}\""),
        &token.to_uppercase(),
        &token.replace(['-', '_'], "+"),
    ]
    .into_iter()
    .filter(|text| *text != token)
    .map(|text| text.as_bytes().to_vec())
    .collect();
    junk.push([&token.as_bytes()[..75], b"\xff"].concat());
    junk.push([&token.as_bytes()[..75], b"\t"].concat());
    junk
}

/// S2, S4.
pub(crate) async fn c12_junk_asks_no_store(farm: &Farm) {
    let site = farm.open().await;
    let visitor = site.visitor_with("a", "b").await;
    let lines = junk(&visitor.token()).into_iter().map(|text| {
        let start = format!("Cookie: {COOKIE}=").into_bytes();
        ("GET", "/get/a".to_owned(), [start, text].concat())
    });
    let lines: Vec<_> = lines.collect();
    site.reset_store_calls().await;
    let answers = wire::pipeline(site.address(), lines.clone()).await;
    assert_eq!(answers.len(), lines.len());
    for (answer, (_, _, line)) in answers.into_iter().zip(lines) {
        assert_eq!(answer.status, 404, "{}", String::from_utf8_lossy(&line));
        answer.assert_no_cookie();
    }
    site.assert_no_session_asked_for("junk").await;
    assert_eq!(visitor.value("a").await.as_deref(), Some("b"));
}

/// S2, S4.
pub(crate) async fn c12_every_flipped_bit_is_rejected(farm: &Farm) {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let site = farm.open().await;
    let token = site.visitor_with("a", "b").await.token().into_bytes();
    let flipped = (0..token.len() * 6).map(|bit| {
        let mut token = token.clone();
        let place = &mut token[bit / 6];
        let value = ALPHABET.iter().position(|letter| letter == place).unwrap();
        *place = ALPHABET[value ^ (1 << (bit % 6))];
        let line = [format!("Cookie: {COOKIE}=").into_bytes(), token].concat();
        ("GET", "/get/a".to_owned(), line)
    });
    site.reset_store_calls().await;
    let answers = wire::pipeline(site.address(), flipped).await;
    assert_eq!(answers.len(), token.len() * 6);
    for (bit, answer) in answers.into_iter().enumerate() {
        assert_eq!(answer.status, 404, "bit {bit}");
        answer.assert_no_cookie();
    }
    site.assert_no_session_asked_for("flipped bits").await;
}

/// More than is looked at: anonymous without a new cookie, and a write is told so.
pub(crate) async fn c12_overlong_headers_are_refused(farm: &Farm) {
    let site = farm.open().await;
    let cookie = site.visitor_with("a", "b").await.cookie().unwrap();
    let pairs: Vec<_> = (0..65).map(|number| format!("c{number}=1")).collect();
    let overlong = [
        format!("{cookie}; big={}", "x".repeat(17 << 10)),
        format!("{cookie}; {}", pairs.join("; ")),
        format!("{cookie}; {}", vec![format!("{COOKIE}=x"); 4].join("; ")),
    ];
    site.reset_store_calls().await;
    for cookies in overlong {
        let client = site.bearer(&cookies);
        client.assert_anonymous().await;
        client.post("/set/a/c").await.expect(431).assert_no_cookie();
    }
    site.assert_store_calls(&[], "overlong headers").await;
    assert_eq!(site.bearer(&cookie).value("a").await.as_deref(), Some("b"));
}

/// The server may hang up; it must not fail, and the store must not hear of it.
pub(crate) async fn c12_ten_megabytes(farm: &Farm) {
    let site = farm.open().await;
    let line = format!("Cookie: {COOKIE}={}", "A".repeat(10 << 20));
    let answers = wire::pipeline(
        site.address(),
        [("GET", "/get/a".to_owned(), line.into_bytes())],
    );
    for answer in answers.await {
        assert!((400..500).contains(&answer.status), "{}", answer.status);
        answer.assert_no_cookie();
    }
    let nul = format!("Cookie: {COOKIE}=\0").into_bytes();
    let answer = wire::request(site.address(), "GET", "/get/a", &[&nul]).await;
    assert!((400..500).contains(&answer.status), "{}", answer.status);
    site.assert_store_calls(&[], "junk").await;
    site.visitor().get("/untouched").await.ok();
}

/// S3.
pub(crate) async fn c13_unissued_ids_are_not_adopted(farm: &Farm) {
    let site = farm.open().await;
    let token = site.visitor_with("a", "b").await.token();
    // Version and key id of a real token, and a chosen rest.
    let chosen = format!("{COOKIE}={}{}", &token[..12], "A".repeat(64));
    let attacker = site.bearer(&chosen);
    attacker.assert_anonymous().await;
    let fresh = attacker.post("/set/a/c").await.ok().session_pair();
    assert_ne!(fresh, chosen);
    attacker.assert_anonymous().await;
}

/// An id that is well signed and has no record is as good as none: a fixation by an attacker
/// who kept an old cookie of their own.
pub(crate) async fn c13_expired_ids_are_not_adopted(farm: &Farm) {
    let site = farm.open().await;
    let old = site.visitor_with("a", "b").await.cookie().unwrap();
    let victim = site.bearer(&old);
    crate::lifetime::expire(&victim).await;
    victim.assert_anonymous().await;
    let fresh = victim.post("/login/alice").await.ok().session_pair();
    assert_ne!(fresh, old);
    victim.assert_anonymous().await;
}
