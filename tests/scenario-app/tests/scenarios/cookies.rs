//! The session cookie: how it looks, and which one counts.

use std::collections::BTreeSet;

use crate::harness::{Browser, COOKIE, Farm, Settings, Site, wire};

/// The attributes of a `Set-Cookie` line, without its value.
fn attributes(line: &str) -> BTreeSet<String> {
    line.split("; ").skip(1).map(str::to_owned).collect()
}

fn set_of(attributes: &[&str]) -> BTreeSet<String> {
    attributes
        .iter()
        .map(|attribute| (*attribute).to_owned())
        .collect()
}

/// Without the cookie settings that every other case has.
fn unconfigured(settings: Settings) -> Settings {
    settings
        .without("session.cookie.name")
        .without("session.cookie.insecure_allow_http")
}

/// S15, S16, S17, S18, S21.
pub(crate) async fn c05_attributes_as_by_default(farm: &Farm) {
    let site = farm.open_with(unconfigured).await;
    let answer = site.visitor().post("/set/a/b").await.ok();
    let line = answer.line_of("__Host-session");
    let expected = ["Secure", "HttpOnly", "SameSite=Lax", "Path=/"];
    assert_eq!(attributes(line), set_of(&expected));
}

/// Everything but the default, `Secure` included.
fn configured(settings: Settings) -> Settings {
    unconfigured(settings)
        .set("session.cookie.name", "shop")
        .set("session.cookie.domain", "shop.example")
        .set("session.cookie.path", "/cart")
        .set("session.cookie.same_site", "none")
        .set("session.cookie.max_age", "1h")
        .literal("session.cookie.partitioned", "true")
}

const CONFIGURED: [&str; 6] = [
    "Domain=shop.example",
    "Path=/cart",
    "SameSite=None",
    "Secure",
    "HttpOnly",
    "Partitioned",
];

pub(crate) async fn c05_attributes_as_configured(farm: &Farm) {
    let site = farm.open_with(configured).await;
    let answer = site.visitor().post("/set/a/b").await.ok();
    let mut expected = set_of(&CONFIGURED);
    expected.insert("Max-Age=3600".to_owned());
    assert_eq!(attributes(answer.line_of("shop")), expected);
}

pub(crate) async fn c14_removal_has_the_same_attributes(farm: &Farm) {
    let site = farm.open_with(configured).await;
    let answer = site.visitor().post("/set/a/b").await.ok();
    let pair = answer.line_of("shop").split(';').next().unwrap_or_default();
    let removal = site.bearer(pair).post("/logout").await.ok();
    let line = removal.line_of("shop");
    assert!(line.starts_with("shop=;"), "{line}");
    let ends = |attribute: &String| attribute == "Max-Age=0" || attribute.starts_with("Expires=");
    let (ending, same): (BTreeSet<_>, BTreeSet<_>) = attributes(line).into_iter().partition(ends);
    assert_eq!(same, set_of(&CONFIGURED));
    assert!(ending.contains("Max-Age=0"), "{line}");
}

/// The cookies of two different live sessions, in which `who` is `1` and `2`.
async fn two_sessions(site: &Site) -> (String, String) {
    let first = site.visitor_with("who", "1").await;
    let second = site.visitor_with("who", "2").await;
    (first.cookie().unwrap(), second.cookie().unwrap())
}

pub(crate) async fn c07_live_beats_dead(farm: &Farm) {
    let site = farm.open().await;
    let (dead, live) = two_sessions(&site).await;
    site.bearer(&dead).post("/logout").await.ok();
    for cookies in [format!("{dead}; {live}"), format!("{live}; {dead}")] {
        let both = site.bearer(&cookies);
        assert_eq!(both.value("who").await.as_deref(), Some("2"));
        both.post("/set/more/1").await.ok().assert_no_cookie();
    }
    let junk = format!("{COOKIE}=junk; {live}; {COOKIE}=");
    assert_eq!(site.bearer(&junk).value("who").await.as_deref(), Some("2"));
    assert_eq!(site.bearer(&live).value("more").await.as_deref(), Some("1"));
}

pub(crate) async fn c07a_well_signed_without_record_is_dead(farm: &Farm) {
    let site = farm.open().await;
    let (gone, live) = two_sessions(&site).await;
    crate::lifetime::expire(&site.bearer(&gone)).await;
    for cookies in [format!("{gone}; {live}"), format!("{live}; {gone}")] {
        let both = site.bearer(&cookies);
        assert_eq!(both.value("who").await.as_deref(), Some("2"));
        both.post("/set/more/1").await.ok().assert_no_cookie();
    }
}

/// Anonymous, whatever is asked, and no cookie comes back.
async fn assert_ambiguous(both: &Browser) {
    assert_eq!(both.value("who").await, None);
    both.assert_anonymous().await;
    for path in ["/set/who/3", "/increment/n", "/renew", "/logout"] {
        both.post(path).await.expect(409).assert_no_cookie();
    }
}

pub(crate) async fn c08_two_live_ids_are_anonymous(farm: &Farm) {
    let site = farm.open().await;
    let (first, second) = two_sessions(&site).await;
    assert_ambiguous(&site.bearer(&format!("{first}; {second}"))).await;
    assert_eq!(site.bearer(&first).value("who").await.as_deref(), Some("1"));
    assert_eq!(
        site.bearer(&second).value("who").await.as_deref(),
        Some("2")
    );
}

pub(crate) async fn c08_log_in_resolves_two_live_ids(farm: &Farm) {
    let site = farm.open().await;
    let (first, second) = two_sessions(&site).await;
    let both = site.bearer(&format!("{first}; {second}"));
    let fresh = both.post("/login/alice").await.ok().session_pair();
    let info = site.bearer(&fresh).get("/info").await.ok().json();
    assert_eq!(info["principal"], "alice");
    assert_eq!(site.bearer(&fresh).value("who").await, None);
    for dead in [first, second] {
        site.bearer(&dead).assert_anonymous().await;
    }
}

/// With the prefix nobody else can plant a cookie, so there is nothing to resolve.
pub(crate) async fn c08_host_prefix_leaves_two_live_ids(farm: &Farm) {
    let site = farm.open_with(unconfigured).await;
    let mut cookies = Vec::new();
    for who in ["1", "2"] {
        let answer = site.visitor().post(&format!("/set/who/{who}")).await.ok();
        let line = answer.line_of("__Host-session");
        cookies.push(line.split(';').next().unwrap_or_default().to_owned());
    }
    let both = site.bearer(&cookies.join("; "));
    assert_ambiguous(&both).await;
    both.post("/login/alice")
        .await
        .expect(409)
        .assert_no_cookie();
}

pub(crate) async fn c09_several_cookie_lines(farm: &Farm) {
    let site = farm.open().await;
    let cookie = site.visitor_with("a", "b").await.cookie().unwrap();
    let ours = format!("Cookie: {cookie}");
    let lines: [&[u8]; 3] = [b"Cookie: x=1; y=2", ours.as_bytes(), b"cookie: z=3"];
    let answer = wire::request(site.address(), "GET", "/get/a", &lines).await;
    assert_eq!(answer.ok().body, "b");
    let answer = wire::request(site.address(), "POST", "/set/a/c", &lines).await;
    answer.ok().assert_no_cookie();
    assert_eq!(site.bearer(&cookie).value("a").await.as_deref(), Some("c"));
}

pub(crate) async fn c10_look_alike_names_are_ignored(farm: &Farm) {
    let site = farm.open().await;
    let visitor = site.visitor_with("a", "b").await;
    let token = visitor.token();
    let names: [&[u8]; 10] = [
        b"%73ession",
        b"sessio%6E",
        b"Session",
        b"SESSION",
        b"session ",
        b"\xc2\xa0session",
        b"session\xe2\x80\x8b",
        b"session%00",
        b"__Host-session",
        b"\"session\"",
    ];
    site.reset_store_calls().await;
    for name in names {
        let line = [b"Cookie: ", name, b"=", token.as_bytes()].concat();
        let answer = wire::request(site.address(), "GET", "/get/a", &[&line]).await;
        assert_eq!(answer.status, 404, "{}", String::from_utf8_lossy(name));
        answer.assert_no_cookie();
    }
    site.assert_store_calls(&[], "look-alikes").await;
    assert_eq!(visitor.value("a").await.as_deref(), Some("b"));
}

pub(crate) async fn c11_foreign_bytes_change_nothing(farm: &Farm) {
    let site = farm.open().await;
    let visitor = site.visitor_with("a", "b").await;
    let cookie = visitor.cookie().unwrap();
    let before = [b"Cookie: x=\xff\xfe; ", cookie.as_bytes()].concat();
    let after = [b"Cookie: ", cookie.as_bytes(), b"; caf\xe9=\x80"].concat();
    for line in [before, after] {
        let answer = wire::request(site.address(), "GET", "/get/a", &[&line]).await;
        assert_eq!(answer.ok().body, "b");
        let answer = wire::request(site.address(), "POST", "/set/a/b", &[&line]).await;
        answer.ok().assert_no_cookie();
    }
}

pub(crate) async fn c15_own_cookies_survive(farm: &Farm) {
    let site = farm.open().await;
    let visitor = site.visitor();
    let answer = visitor.post("/cookie-too").await.ok();
    answer.session_line();
    assert_eq!(answer.line_of("theme"), "theme=dark; Path=/");
    assert_eq!(answer.set_cookies().len(), 2);
    assert_eq!(visitor.value("cookie-too").await.as_deref(), Some("1"));
    let again = visitor.post("/cookie-too").await.ok();
    assert_eq!(again.set_cookies(), ["theme=dark; Path=/"]);
}
