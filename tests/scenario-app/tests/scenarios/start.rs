//! What never starts: one line on standard error that names the setting, what is wrong and the
//! fix, and an exit code.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::time::Duration;

use crate::harness::{Combination, Farm, Refused, Settings, Store};

fn farm() -> Farm {
    Farm::new(Combination::new("axum", Store::Memory, 1))
}

/// Fails unless the process ended within two seconds with one line that has every one of
/// `words`.
#[track_caller]
fn assert_told(refused: &Refused, words: &[&str]) {
    let Refused {
        code,
        stderr,
        after,
    } = refused;
    assert_eq!(*code, Some(1), "{stderr}");
    assert_eq!(stderr.lines().count(), 1, "not one line: {stderr}");
    for word in words {
        assert!(stderr.contains(word), "{word:?} is missing: {stderr}");
    }
    assert!(*after < Duration::from_secs(2), "after {after:?}");
}

/// Fails unless `change` makes the application refuse to start with `words`.
async fn assert_refused(change: impl FnOnce(Settings) -> Settings, words: &[&str]) {
    let farm = farm();
    let refused = farm.refusal(&change(farm.settings())).await;
    assert_told(&refused, words);
    assert!(
        !farm.ring().exists(),
        "a key was made for a configuration that is invalid"
    );
}

#[tokio::test]
async fn c06_host_prefix_with_domain() {
    let change = |settings: Settings| {
        settings
            .set("session.cookie.name", "__Host-session")
            .set("session.cookie.domain", "shop.example")
            .without("session.cookie.insecure_allow_http")
    };
    let words = [
        "session.cookie.domain = \"shop.example\"",
        "\"__Host-session\" forbids a domain",
        "; remove domain",
    ];
    assert_refused(change, &words).await;
}

#[tokio::test]
async fn c06_host_prefix_with_path() {
    let change = |settings: Settings| {
        settings
            .set("session.cookie.name", "__Host-session")
            .set("session.cookie.path", "/cart")
            .without("session.cookie.insecure_allow_http")
    };
    let words = [
        "session.cookie.path = \"/cart\"",
        "\"__Host-session\" demands path",
        "; remove path",
    ];
    assert_refused(change, &words).await;
}

#[tokio::test]
async fn c06_prefix_without_secure() {
    for name in ["__Host-session", "__Secure-session"] {
        let change = |settings: Settings| settings.set("session.cookie.name", name);
        assert_refused(change, &["session.cookie.", name, "insecure_allow_http"]).await;
    }
}

#[tokio::test]
async fn c06_same_site_none_without_secure() {
    let change = |settings: Settings| settings.set("session.cookie.same_site", "none");
    let words = [
        "session.cookie.same_site",
        "none",
        "Secure",
        "insecure_allow_http",
    ];
    assert_refused(change, &words).await;
}

#[tokio::test]
async fn c06_unknown_names() {
    let change = |settings: Settings| settings.set("session.idle_timout", "2m");
    assert_refused(
        change,
        &["session.idle_timout", "did you mean idle_timeout?"],
    )
    .await;
    let change = |settings: Settings| settings.set("session.cookie.httponly", "false");
    assert_refused(change, &["session.cookie.httponly", "known names are"]).await;
    let change = |settings: Settings| settings.set("sesion.app", "shop");
    assert_refused(change, &["sesion: unknown name", "did you mean session?"]).await;
}

#[tokio::test]
async fn c06_timeouts_out_of_range() {
    let change = |settings: Settings| settings.set("session.idle_timeout", "0s");
    assert_refused(change, &["session.idle_timeout", "0s", "at least"]).await;
    let change = |settings: Settings| settings.set("session.absolute_timeout", "401d");
    assert_refused(change, &["session.absolute_timeout", "400days"]).await;
    let change = |settings: Settings| settings.set("session.absolute_timeout", "10m");
    let words = [
        "session.absolute_timeout",
        "10m",
        "session.idle_timeout",
        "20m",
    ];
    assert_refused(change, &words).await;
    let change = |settings: Settings| settings.set("session.idle_timeout", "soon");
    assert_refused(change, &["session.idle_timeout", "soon"]).await;
    let change = |settings: Settings| settings.set("session.cookie.max_age", "500d");
    assert_refused(change, &["session.cookie.max_age", "500d"]).await;
}

#[tokio::test]
async fn c06_other_invalid_settings() {
    let change = |settings: Settings| settings.without("session.app");
    assert_refused(change, &["session.app", "missing", "app = \"shop\""]).await;
    let change = |settings: Settings| settings.set("store.url", "redis://localhost");
    assert_refused(
        change,
        &[
            "store.url",
            "not the URL of a state server",
            "state-server://",
        ],
    )
    .await;
    let change = |settings: Settings| settings.set("store.pool", "9");
    assert_refused(change, &["store.pool", "remove it"]).await;
    let change = |settings: Settings| settings.set("session.header.name", "x-token");
    assert_refused(change, &["session.header", "transport"]).await;
    let change = |settings: Settings| settings.set("session.cookie.name", "a b");
    assert_refused(change, &["session.cookie.name", "a b"]).await;
    let change = |settings: Settings| settings.literal("session.cookie.insecure_allow_http", "1");
    assert_refused(change, &["insecure_allow_http", "true or false"]).await;
    let change = |settings: Settings| settings.literal("session.app", "\"shop");
    assert_refused(change, &[".toml:"]).await;
}

#[tokio::test]
async fn c06_no_configuration_file() {
    let farm = farm();
    let refused = farm.refusal_of(&farm.path("absent.toml")).await;
    assert_told(&refused, &["absent.toml", "cannot be read", "; "]);
}

/// A farm whose ring was made by a first start, and settings that open it and never make one.
async fn farm_with_ring() -> (Farm, Settings) {
    let farm = farm();
    drop(farm.open().await);
    let settings = farm.settings().without("machine_key.create");
    (farm, settings)
}

async fn assert_ring_refused(farm: &Farm, settings: &Settings, words: &[&str]) {
    let before = fs::read(farm.ring()).ok();
    for settings in [
        settings.clone(),
        settings.clone().literal("machine_key.create", "true"),
    ] {
        let refused = farm.refusal(&settings).await;
        assert_told(&refused, words);
    }
    assert_eq!(fs::read(farm.ring()).ok(), before, "the ring was changed");
}

#[tokio::test]
async fn c44_ring_is_absent() {
    let farm = farm();
    let settings = farm.settings().without("machine_key.create");
    let refused = farm.refusal(&settings).await;
    assert_told(&refused, &[farm.ring().to_str().unwrap()]);
    assert!(!farm.ring().exists(), "a key was made");
}

#[tokio::test]
async fn c44_no_ring_is_configured() {
    let farm = farm();
    let settings = farm
        .settings()
        .without("machine_key.create")
        .without("machine_key.ring");
    let refused = farm.refusal(&settings).await;
    assert_told(&refused, &["machine_key.ring", "SESSION_MACHINE_KEY"]);
}

#[tokio::test]
async fn c44_ring_is_damaged() {
    let (farm, settings) = farm_with_ring().await;
    let ring = farm.ring();
    let whole = fs::read(&ring).unwrap();
    let mut flipped = whole.clone();
    flipped[whole.len() / 2] ^= 1;
    for damaged in [
        &whole[..0],
        &whole[..whole.len() / 2],
        &whole[..whole.len() - 1],
        &flipped,
    ] {
        fs::write(&ring, damaged).unwrap();
        assert_ring_refused(&farm, &settings, &[ring.to_str().unwrap()]).await;
    }
    fs::write(&ring, whole).unwrap();
    drop(farm.open().await);
}

#[tokio::test]
async fn c44_ring_is_too_widely_readable() {
    let (farm, settings) = farm_with_ring().await;
    let ring = farm.ring();
    for mode in [0o644, 0o606, 0o666] {
        fs::set_permissions(&ring, Permissions::from_mode(mode)).unwrap();
        let shown = format!("{mode:o}");
        assert_ring_refused(&farm, &settings, &[ring.to_str().unwrap(), &shown]).await;
    }
}

#[tokio::test]
async fn c44_ring_is_a_directory() {
    let farm = farm();
    fs::create_dir(farm.ring()).unwrap();
    let settings = farm.settings().without("machine_key.create");
    assert_ring_refused(&farm, &settings, &[farm.ring().to_str().unwrap()]).await;
}

#[tokio::test]
async fn c44_ring_is_a_dangling_link() {
    let farm = farm();
    let nowhere = farm.path("nowhere.toml");
    symlink(&nowhere, farm.ring()).unwrap();
    let settings = farm.settings().without("machine_key.create");
    assert_ring_refused(&farm, &settings, &[farm.ring().to_str().unwrap()]).await;
    assert!(!Path::exists(&nowhere), "a key was made");
}

fn inline(settings: Settings, key: &str) -> Settings {
    settings
        .without("machine_key.ring")
        .without("machine_key.create")
        .literal("machine_key.keys", &format!("[{key:?}]"))
}

#[tokio::test]
async fn c44_weak_keys() {
    let weak = [
        (
            "sk1_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA_cad4916e",
            "repeats",
        ),
        (
            "sk1_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8_e290371f",
            "counts",
        ),
        (
            "sk1_Y29ycmVjdCBob3JzZSBiYXR0ZXJ5IHN0YXBsZSAxMjM_4a5cad7b",
            "typed text",
        ),
    ];
    for (key, why) in weak {
        let farm = farm();
        let refused = farm.refusal(&inline(farm.settings(), key)).await;
        assert_told(&refused, &["machine_key.keys", why]);
        assert!(
            !refused.stderr.contains(&key[4..47]),
            "the key is told: {}",
            refused.stderr
        );
    }
}

/// A key of web.config is none of ours, and the samples of articles are nobody's.
#[tokio::test]
async fn c44_sample_keys() {
    for key in [
        "1234567890123456789012345678901234567890AAAAAAAAAA",
        "21F090935F6E49C2C797F69BBAAD8402ABD2EE0B667A8B44EA7DD4374267A75D7AD972A119482D15A4127461DB1DC347C1A63AE5F1CCFAACFF1B72A7F0A281B",
    ] {
        let farm = farm();
        let refused = farm.refusal(&inline(farm.settings(), key)).await;
        assert_told(&refused, &["machine_key.keys", "published"]);
        assert!(
            !refused.stderr.contains(key),
            "the key is told: {}",
            refused.stderr
        );
    }
}

/// Each instance of a farm would have sessions of its own.
#[tokio::test]
async fn a_farm_without_a_common_store_is_warned() {
    let farm = farm();
    for (name, warns) in [(None, false), (Some("web1"), true)] {
        let site = farm
            .open_with(|settings| match name {
                Some(name) => settings.set("session.instance", name),
                None => settings,
            })
            .await;
        let log = site.instances[0].log();
        assert_eq!(log.contains("session.instance is set"), warns, "{log}");
    }
}
