use std::time::Duration;

use cookie::time::OffsetDateTime;
use cookie::{Cookie, SameSite};
use proptest::option;
use proptest::prelude::{Strategy, any, prop_assert, prop_assert_eq, prop_oneof, proptest};
use proptest::sample::select;

use super::super::attributes::MaxAge;
use super::super::config::{CookieConfig, CookieConfigBuilder};
use super::SetCookieError;

fn config(change: impl FnOnce(CookieConfigBuilder) -> CookieConfigBuilder) -> CookieConfig {
    change(CookieConfigBuilder::default())
        .build()
        .expect("a valid cookie")
}

fn day() -> MaxAge {
    MaxAge::new(Duration::from_secs(86_400)).expect("within the range")
}

#[test]
fn c05_s05_s15_s16_s17_s18_default_attributes() {
    let config = config(|cookie| cookie);
    assert_eq!(
        config.set_cookie("abc", None).as_deref(),
        Ok("__Host-session=abc; HttpOnly; SameSite=Lax; Secure; Path=/")
    );
    assert_eq!(config.default_max_age(), None);
}

#[test]
fn c05_every_attribute_as_configured() {
    let config = config(|cookie| {
        cookie
            .name("__Secure-sid")
            .domain("example.com")
            .path("/shop")
            .same_site(SameSite::None)
            .max_age(Duration::from_secs(86_400))
            .partitioned(true)
    });
    assert_eq!(
        config
            .set_cookie("abc", config.default_max_age())
            .as_deref(),
        Ok(
            "__Secure-sid=abc; HttpOnly; SameSite=None; Partitioned; Secure; Path=/shop; \
             Domain=example.com; Max-Age=86400"
        )
    );
}

#[test]
fn s15_no_secure_only_when_asked() {
    let config = config(|cookie| cookie.name("session").insecure_allow_http(true));
    assert!(!config.secure());
    assert_eq!(
        config.set_cookie("abc", None).as_deref(),
        Ok("session=abc; HttpOnly; SameSite=Lax; Path=/")
    );
}

#[test]
fn c28_max_age_for_one_response() {
    let config = config(|cookie| cookie);
    let line = config.set_cookie("abc", Some(day())).expect("a line");
    assert!(line.ends_with("; Path=/; Max-Age=86400"), "{line}");
}

#[test]
fn c14_removal_has_the_same_attributes() {
    let config = config(|cookie| cookie.name("__Secure-sid").domain("example.com"));
    let set = config.set_cookie("", None).expect("a line");
    assert_eq!(
        config.removal(),
        format!("{set}; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT")
    );
}

#[test]
fn s19_name_and_value_up_to_4096_bytes() {
    let config = config(|cookie| cookie);
    let room = 4_096 - config.name().len();
    assert!(config.set_cookie(&"x".repeat(room), None).is_ok());
    assert_eq!(
        config.set_cookie(&"x".repeat(room + 1), None),
        Err(SetCookieError::TooLarge { length: 4_097 })
    );
}

#[test]
fn s19_no_value_adds_an_attribute_or_a_line() {
    let config = config(|cookie| cookie);
    for value in [
        "a;Domain=evil",
        "a\r\nb",
        "a b",
        "a,b",
        "a\"b",
        "a\\b",
        "a\0",
        "ä",
        "\u{7f}",
    ] {
        assert_eq!(
            config.set_cookie(value, None),
            Err(SetCookieError::InvalidValue),
            "{value:?}"
        );
    }
}

#[test]
fn s21_max_age_from_one_second_to_400_days() {
    let seconds = |seconds| MaxAge::new(Duration::from_secs(seconds)).map(MaxAge::as_secs);
    assert_eq!(seconds(0), None);
    assert_eq!(MaxAge::new(Duration::from_millis(999)), None);
    assert_eq!(seconds(1), Some(1));
    assert_eq!(seconds(34_560_000), Some(34_560_000));
    assert_eq!(seconds(34_560_001), None);
    assert_eq!(seconds(u64::MAX), None);
}

#[derive(Clone, Debug)]
struct Wanted {
    name: String,
    value: String,
    domain: Option<String>,
    path: String,
    same_site: SameSite,
    partitioned: bool,
    secure: bool,
    max_age: Option<u32>,
}

fn wanted() -> impl Strategy<Value = Wanted> {
    let texts = (
        prop_oneof!["[a-z]{1,8}", "sid[!#$%&'*+.^_`|~0-9A-Za-z-]{0,8}"],
        "[!#-+\\--:<-\\[\\]-~]{0,20}",
        option::of("[a-z][a-z.-]{0,12}"),
        "/[!-:<-~]{0,12}",
    );
    let same_site = select(vec![SameSite::Strict, SameSite::Lax, SameSite::None]);
    let rest = (
        same_site,
        any::<bool>(),
        any::<bool>(),
        option::of(1..34_560_001_u32),
    );
    (texts, rest).prop_map(
        |((name, value, domain, path), (same_site, partitioned, secure, max_age))| Wanted {
            name,
            value,
            domain,
            path,
            same_site,
            partitioned,
            secure,
            max_age,
        },
    )
}

impl Wanted {
    fn builder(&self) -> CookieConfigBuilder {
        let builder = CookieConfigBuilder::default()
            .name(&self.name)
            .path(&self.path)
            .same_site(self.same_site)
            .partitioned(self.partitioned)
            .insecure_allow_http(!self.secure);
        match &self.domain {
            Some(domain) => builder.domain(domain),
            None => builder,
        }
    }

    fn is_allowed(&self) -> bool {
        self.secure || (!self.partitioned && self.same_site != SameSite::None)
    }

    fn oracle(&self, value: &str) -> Cookie<'static> {
        let mut cookie = Cookie::new(self.name.clone(), value.to_owned());
        cookie.set_path(self.path.clone());
        cookie.set_same_site(self.same_site);
        cookie.set_http_only(true);
        cookie.set_secure(self.secure);
        cookie.set_partitioned(self.partitioned);
        if let Some(domain) = &self.domain {
            cookie.set_domain(domain.clone());
        }
        cookie
    }
}

proptest! {
    #[test]
    fn c05_writes_what_the_cookie_crate_writes(wanted in wanted()) {
        let Ok(config) = wanted.builder().build() else {
            prop_assert!(!wanted.is_allowed());
            return Ok(());
        };
        prop_assert!(wanted.is_allowed());
        let mut oracle = wanted.oracle(&wanted.value);
        oracle.set_max_age(wanted.max_age.map(|seconds| cookie::time::Duration::seconds(seconds.into())));
        let max_age = wanted.max_age.map(|seconds| Duration::from_secs(seconds.into()));
        let line = config.set_cookie(&wanted.value, max_age.and_then(MaxAge::new));
        prop_assert_eq!(line, Ok(oracle.to_string()));
    }

    #[test]
    fn c14_removes_as_the_cookie_crate_does(wanted in wanted()) {
        let Ok(config) = wanted.builder().build() else {
            return Ok(());
        };
        let mut oracle = wanted.oracle("");
        oracle.set_max_age(cookie::time::Duration::ZERO);
        oracle.set_expires(OffsetDateTime::UNIX_EPOCH);
        prop_assert_eq!(config.removal(), oracle.to_string());
    }

    /// What a client reads from the line is what was put in.
    #[test]
    fn c05_reads_back(wanted in wanted()) {
        let Ok(config) = wanted.builder().build() else {
            return Ok(());
        };
        let line = config.set_cookie(&wanted.value, None).expect("a line");
        let read = Cookie::parse(line).expect("a cookie");
        prop_assert_eq!(read.name(), wanted.name);
        prop_assert_eq!(read.value(), wanted.value);
        prop_assert_eq!(read.secure().unwrap_or(false), wanted.secure);
        prop_assert_eq!(read.same_site(), Some(wanted.same_site));
        prop_assert_eq!(read.http_only(), Some(true));
    }
}
