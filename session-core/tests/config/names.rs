//! Every setting, by all three ways.

use std::path::Path;
use std::time::Duration;

use session_core::{
    ConfigFile, Environment, SameSite, SessionConfig, SessionConfigBuilder, Transport,
};

/// One setting: its name, a value that is not the default as it stands in a file and in the
/// environment, the builder's call, and what the configuration then says.
struct Setting {
    name: &'static str,
    file: &'static str,
    variable: (&'static str, &'static str),
    build: fn(SessionConfigBuilder) -> SessionConfigBuilder,
    says: fn(&SessionConfig) -> String,
    expected: &'static str,
}

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn cookie(config: &SessionConfig) -> &session_core::CookieConfig {
    config.transports().cookie().expect("a cookie")
}

const SETTINGS: &[Setting] = &[
    Setting {
        name: "session.instance",
        file: "\"web1\"",
        variable: ("SESSION__INSTANCE", "web1"),
        build: |builder| builder.instance("web1"),
        says: |config| format!("{:?}", config.instance()),
        expected: "Some(\"web1\")",
    },
    Setting {
        name: "session.idle_timeout",
        file: "\"30m\"",
        variable: ("SESSION__IDLE_TIMEOUT", "30m"),
        build: |builder| builder.idle_timeout(seconds(1_800)),
        says: |config| format!("{:?}", config.idle_timeout()),
        expected: "1800s",
    },
    Setting {
        name: "session.absolute_timeout",
        file: "\"8h\"",
        variable: ("SESSION__ABSOLUTE_TIMEOUT", "8h"),
        build: |builder| builder.absolute_timeout(seconds(28_800)),
        says: |config| format!("{:?}", config.absolute_timeout()),
        expected: "28800s",
    },
    Setting {
        name: "session.transport",
        file: "\"both\"",
        variable: ("SESSION__TRANSPORT", "both"),
        build: |builder| builder.transport(Transport::Both),
        says: |config| {
            format!(
                "{:?}",
                config.transports().header().map(|header| header.name())
            )
        },
        expected: "Some(\"session-token\")",
    },
    Setting {
        name: "session.cookie.name",
        file: "\"__Host-shop\"",
        variable: ("SESSION__COOKIE__NAME", "__Host-shop"),
        build: |builder| builder.cookie(|cookie| cookie.name("__Host-shop")),
        says: |config| cookie(config).name().to_owned(),
        expected: "__Host-shop",
    },
    Setting {
        name: "session.cookie.domain",
        file: "\"example.com\"",
        variable: ("SESSION__COOKIE__DOMAIN", "example.com"),
        build: |builder| builder.cookie(|cookie| cookie.domain("example.com")),
        says: |config| format!("{:?}", cookie(config).domain()),
        expected: "Some(\"example.com\")",
    },
    Setting {
        name: "session.cookie.path",
        file: "\"/shop\"",
        variable: ("SESSION__COOKIE__PATH", "/shop"),
        build: |builder| builder.cookie(|cookie| cookie.path("/shop")),
        says: |config| cookie(config).path().to_owned(),
        expected: "/shop",
    },
    Setting {
        name: "session.cookie.same_site",
        file: "\"strict\"",
        variable: ("SESSION__COOKIE__SAME_SITE", "strict"),
        build: |builder| builder.cookie(|cookie| cookie.same_site(SameSite::Strict)),
        says: |config| format!("{:?}", cookie(config).same_site()),
        expected: "Strict",
    },
    Setting {
        name: "session.cookie.max_age",
        file: "\"30days\"",
        variable: ("SESSION__COOKIE__MAX_AGE", "30days"),
        build: |builder| builder.cookie(|cookie| cookie.max_age(seconds(2_592_000))),
        says: |config| format!("{:?}", cookie(config).max_age()),
        expected: "Some(2592000s)",
    },
    Setting {
        name: "session.cookie.partitioned",
        file: "true",
        variable: ("SESSION__COOKIE__PARTITIONED", "true"),
        build: |builder| builder.cookie(|cookie| cookie.partitioned(true)),
        says: |config| cookie(config).partitioned().to_string(),
        expected: "true",
    },
    Setting {
        name: "session.cookie.insecure_allow_http",
        file: "true",
        variable: ("SESSION__COOKIE__INSECURE_ALLOW_HTTP", "true"),
        build: |builder| builder.cookie(|cookie| cookie.insecure_allow_http(true)),
        says: |config| format!("secure: {}", cookie(config).secure()),
        expected: "secure: false",
    },
    Setting {
        name: "session.header.name",
        file: "\"X-Shop-Session\"",
        variable: ("SESSION__HEADER__NAME", "X-Shop-Session"),
        build: |builder| builder.header(|header| header.name("X-Shop-Session")),
        says: |config| {
            format!(
                "{:?}",
                config.transports().header().map(|header| header.name())
            )
        },
        expected: "Some(\"x-shop-session\")",
    },
    Setting {
        name: "session.lock.lease",
        file: "\"10s\"",
        variable: ("SESSION__LOCK__LEASE", "10s"),
        build: |builder| builder.lock_lease(seconds(10)),
        says: |config| format!("{:?}", config.lock_lease()),
        expected: "10s",
    },
    Setting {
        name: "session.lock.wait",
        file: "\"250ms\"",
        variable: ("SESSION__LOCK__WAIT", "250ms"),
        build: |builder| builder.lock_wait(Duration::from_millis(250)),
        says: |config| format!("{:?}", config.lock_wait()),
        expected: "250ms",
    },
    Setting {
        name: "session.timeouts.connect",
        file: "\"4s\"",
        variable: ("SESSION__TIMEOUTS__CONNECT", "4s"),
        build: |builder| builder.connect_timeout(seconds(4)),
        says: |config| format!("{:?}", config.connect_timeout()),
        expected: "4s",
    },
    Setting {
        name: "session.timeouts.operation",
        file: "\"5s\"",
        variable: ("SESSION__TIMEOUTS__OPERATION", "5s"),
        build: |builder| builder.operation_timeout(seconds(5)),
        says: |config| format!("{:?}", config.operation_timeout()),
        expected: "5s",
    },
    Setting {
        name: "session.timeouts.commit",
        file: "\"6s\"",
        variable: ("SESSION__TIMEOUTS__COMMIT", "6s"),
        build: |builder| builder.commit_timeout(seconds(6)),
        says: |config| format!("{:?}", config.commit_timeout()),
        expected: "6s",
    },
    Setting {
        name: "session.limits.max_payload",
        file: "\"256KiB\"",
        variable: ("SESSION__LIMITS__MAX_PAYLOAD", "256KiB"),
        build: |builder| builder.max_payload(262_144),
        says: |config| config.max_payload().to_string(),
        expected: "262144",
    },
];

/// What a setting needs beside it.
fn companion(name: &str) -> Option<&'static str> {
    match name {
        "session.cookie.domain" | "session.cookie.path" => Some("session.cookie.name"),
        "session.cookie.insecure_allow_http" => Some("session.cookie.name"),
        "session.header.name" => Some("session.transport"),
        _ => None,
    }
}

const fn companion_value(name: &str) -> &'static str {
    if name.len() == "session.transport".len() {
        "both"
    } else {
        "plain"
    }
}

fn text(setting: Option<&Setting>) -> String {
    let mut text = "store.url = \"memory:\"\nsession.app = \"shop\"\n".to_owned();
    if let Some(setting) = setting {
        text.push_str(&format!("{} = {}\n", setting.name, setting.file));
        if let Some(name) = companion(setting.name) {
            text.push_str(&format!("{name} = \"{}\"\n", companion_value(name)));
        }
    }
    text
}

fn environment(setting: &Setting) -> Environment {
    let own = (setting.variable.0.to_owned(), setting.variable.1.to_owned());
    let beside = companion(setting.name).map(|name| {
        let variable = name.to_uppercase().replace('.', "__");
        (variable, companion_value(name).to_owned())
    });
    std::iter::once(own).chain(beside).collect()
}

fn built(setting: &Setting) -> SessionConfig {
    let builder = (setting.build)(SessionConfig::builder("shop"));
    let builder = match companion(setting.name) {
        Some("session.transport") => builder.transport(Transport::Both),
        Some(_) => builder.cookie(|cookie| cookie.name("plain")),
        None => builder,
    };
    builder.build().expect(setting.name)
}

#[test]
fn builder_file_and_environment_say_the_same() {
    for setting in SETTINGS {
        let from_file = ConfigFile::parse(&text(Some(setting)), "t", &Environment::empty());
        let from_file = from_file.expect(setting.name).session;
        let from_environment = ConfigFile::parse(&text(None), "t", &environment(setting));
        let from_environment = from_environment.expect(setting.name).session;
        for config in [&built(setting), &from_file, &from_environment] {
            assert_eq!((setting.says)(config), setting.expected, "{}", setting.name);
        }
        let default = SessionConfig::builder("shop")
            .build()
            .expect("the defaults");
        assert_ne!(
            (setting.says)(&default),
            setting.expected,
            "{}",
            setting.name
        );
        let whole = format!("{:?}", built(setting));
        assert_eq!(format!("{from_file:?}"), whole, "{}", setting.name);
        assert_eq!(format!("{from_environment:?}"), whole, "{}", setting.name);
    }
}

/// What the library says it knows inside a table; nothing if `name` is not one.
fn known_inside(name: &str) -> Option<Vec<String>> {
    let text = format!("{}{name}.zzzzzzzzzzzz = 1\n", text(None));
    let error = ConfigFile::parse(&text, "t", &Environment::empty()).expect_err(name);
    let error = error.to_string();
    let (_, names) = error.split_once("known names are ")?;
    Some(
        names
            .split(", ")
            .map(|inner| format!("{name}.{inner}"))
            .collect(),
    )
}

pub(crate) fn settings_inside(table: &str) -> Vec<String> {
    let names = known_inside(table).expect("a table");
    let settings = names
        .into_iter()
        .flat_map(|name| match known_inside(&name) {
            Some(_) => settings_inside(&name),
            None => vec![name],
        });
    settings.collect()
}

#[test]
fn the_walk_misses_no_setting() {
    let mut known = settings_inside("session");
    known.retain(|name| name != "session.app");
    known.sort();
    let mut walked: Vec<_> = SETTINGS
        .iter()
        .map(|setting| setting.name.to_owned())
        .collect();
    walked.sort();
    assert_eq!(known, walked);
}

#[test]
fn app_store_and_machine_key_from_the_environment() {
    let environment = [
        ("SESSION__APP", "shop"),
        ("STORE__URL", "redis://127.0.0.1:6379/0"),
        ("STORE__POOL__MAX_SIZE", "8"),
        ("MACHINE_KEY__RING", "/etc/shop/machine-key.toml"),
        ("MACHINE_KEY__CREATE", "true"),
        ("MACHINE_KEY__INSECURE_WORLD_READABLE", "true"),
    ];
    let config = ConfigFile::parse("", "t", &environment.into_iter().collect()).expect("complete");
    assert_eq!(config.session.app(), "shop");
    assert_eq!(config.store.url(), "redis://127.0.0.1:6379/0");
    assert_eq!(
        config.store.options()["pool"]["max_size"].as_str(),
        Some("8")
    );
    let ring = Some(Path::new("/etc/shop/machine-key.toml"));
    assert_eq!(config.machine_key.ring(), ring);
    assert!(config.machine_key.create());
    assert!(config.machine_key.insecure_world_readable());
}

#[test]
fn inline_keys_by_both_ways() {
    let text = "session.app = \"shop\"\nstore.url = \"memory:\"\n";
    let listed = format!("{text}machine_key.keys = [\"sk1_new\", \"sk1_old\"]");
    let from_file = ConfigFile::parse(&listed, "t", &Environment::empty()).expect("two keys");
    let environment = [("MACHINE_KEY__KEYS", "sk1_new, sk1_old")]
        .into_iter()
        .collect();
    let from_environment = ConfigFile::parse(text, "t", &environment).expect("two keys");
    for config in [from_file, from_environment] {
        let keys: Vec<_> = config.machine_key.keys().collect();
        assert_eq!(keys, ["sk1_new", "sk1_old"]);
    }
}
