//! What is said about configurations that cannot be used: place, name, value, fault and fix.
//!
//! The files in `errors/` have one case to a paragraph: the file's lines after `| `, environment
//! variables after `$ `, and then the text of the error.

use std::time::Duration;

use session_core::{
    ConfigFile, Environment, SameSite, SessionConfig, SessionConfigBuilder, Transport,
};

fn lines_after<'c>(case: &'c str, mark: &str) -> Vec<&'c str> {
    case.lines()
        .filter_map(|line| line.strip_prefix(mark))
        .collect()
}

fn check(cases: &str) {
    for case in cases.split("\n\n") {
        let file = lines_after(case, "| ").join("\n");
        let variables = lines_after(case, "$ ");
        let variables = variables
            .iter()
            .filter_map(|variable| variable.split_once('='));
        let environment: Environment = variables.collect();
        let expected = case.lines().filter(|line| !line.starts_with(['|', '$']));
        let expected = expected.collect::<Vec<_>>().join("\n");
        let error = ConfigFile::parse(&file, "session.toml", &environment).expect_err(case);
        assert_eq!(error.to_string(), expected, "{case}");
        assert!(!error.to_string().contains("canary"), "{error}");
    }
}

#[test]
fn unknown_names() {
    check(include_str!("errors/unknown_names.txt"));
}

#[test]
fn wrong_types() {
    check(include_str!("errors/wrong_types.txt"));
}

#[test]
fn ranges() {
    check(include_str!("errors/ranges.txt"));
}

#[test]
fn c06_s16_cookies() {
    check(include_str!("errors/c06_s16_cookies.txt"));
}

#[test]
fn s22_transports() {
    check(include_str!("errors/s22_transports.txt"));
}

#[test]
fn stores_and_machine_keys() {
    check(include_str!("errors/stores_and_machine_keys.txt"));
}

#[test]
fn s29_syntax_errors_show_no_secret() {
    check(include_str!("errors/s29_syntax.txt"));
}

#[test]
fn several_at_once() {
    check(include_str!("errors/several_at_once.txt"));
}

fn refused(change: fn(SessionConfigBuilder) -> SessionConfigBuilder) -> String {
    let error = change(SessionConfig::builder("shop")).build();
    error.expect_err("an invalid configuration").to_string()
}

#[test]
fn c06_builders_say_the_same() {
    assert_eq!(
        refused(|builder| builder.cookie(|cookie| cookie.domain("example.com"))),
        "session.cookie.domain = \"example.com\": name = \"__Host-session\" forbids a domain; \
         remove domain, or choose a name with the prefix __Secure-"
    );
    assert_eq!(
        refused(|builder| builder.cookie(|cookie| {
            let cookie = cookie.name("x").same_site(SameSite::None);
            cookie.insecure_allow_http(true)
        })),
        "session.cookie.same_site = \"none\": browsers refuse SameSite=None on a cookie without \
         Secure; write same_site = \"lax\", or remove insecure_allow_http"
    );
}

#[test]
fn s10_builders_check_timeouts() {
    assert_eq!(
        refused(|builder| builder.absolute_timeout(Duration::MAX)),
        "session.absolute_timeout = \"213503982334601days 7h 15s 999ms 999us 999ns\": too long; \
         write at most \"400days\""
    );
    assert_eq!(
        refused(|builder| builder
            .idle_timeout(Duration::ZERO)
            .lock_wait(Duration::ZERO)),
        "session.idle_timeout = \"0s\": shorter than a millisecond; write at least \"1ms\"\n\
         session.lock.wait = \"0s\": shorter than a millisecond; write at least \"1ms\""
    );
}

#[test]
fn s22_builders_refuse_what_is_never_read() {
    assert_eq!(
        refused(|builder| builder.transport(Transport::Header).cookie(|cookie| cookie)),
        "session.cookie: configured, but not used with session.transport = \"header\"; \
         remove it, or write transport = \"both\""
    );
}

#[test]
fn a_table_without_lines_still_names_the_setting() {
    let table = "[session]\napp = \"shop\"\nlease = \"1s\"\n[store]\nurl = \"memory:\"";
    let table = table.parse().expect("TOML");
    let error = ConfigFile::from_table(&table, &Environment::empty()).expect_err("an unknown name");
    assert_eq!(
        error.to_string(),
        "session.lease: unknown name; did you mean session.lock.lease?"
    );
    assert_eq!(format!("{error:?}"), error.to_string());
    assert_eq!(error.settings().collect::<Vec<_>>(), ["session.lease"]);
}

#[cfg(unix)]
#[test]
fn a_variable_that_is_not_utf8_is_refused() {
    use std::ffi::OsString;
    use std::os::unix::ffi::OsStringExt;

    let broken = OsString::from_vec(vec![0xff]);
    let environment = [("SESSION__APP", broken.clone()), ("UNRELATED", broken)];
    let environment = environment.into_iter().collect();
    let error = ConfigFile::parse("store.url = \"memory:\"", "t", &environment);
    let error = error.expect_err("not UTF-8").to_string();
    let expected = "environment variable SESSION__APP: session.app: \
                    the variable's value is not UTF-8; write it in UTF-8";
    assert!(error.contains(expected), "{error}");
}
