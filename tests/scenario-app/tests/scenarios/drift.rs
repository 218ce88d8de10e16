//! Instances whose key rings differ.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use session_core::{Clock as _, KeyRing, Rotation, SystemClock};
use tokio::time::sleep;

use crate::harness::{Browser, Farm, Settings, Site};

/// Within this time after a reading of the ring an unknown key leads to none.
const PAUSE: Duration = Duration::from_secs(5);

/// A farm's settings with another ring file.
fn with_ring(settings: Settings, ring: &Path) -> Settings {
    settings
        .set("machine_key.ring", ring.to_str().unwrap())
        .literal("machine_key.create", "false")
}

/// The key that seals in a ring file.
fn sealing_key(ring: &Path) -> String {
    let ring = KeyRing::open(ring).unwrap().snapshot();
    ring.sealing_kid(SystemClock::default().now()).to_string()
}

/// An instance with a key of its own ends within two seconds, says whose key differs, and has
/// served nobody; the others do not notice.
pub(crate) async fn c44_stranger_is_refused(farm: &Farm) {
    let Some(site) = farm.open_shared("an instance with another key").await else {
        return;
    };
    let visitor = site.visitor_with("a", "b").await;
    let stranger = farm.path("stranger.toml");
    KeyRing::open_or_create(&stranger).unwrap();
    let settings = with_ring(farm.settings(), &stranger);
    let refused = farm.refusal(&settings).await;
    assert_eq!(refused.code, Some(1), "{}", refused.stderr);
    assert!(refused.after < Duration::from_secs(2), "{refused:?}");
    let line = refused.stderr.lines().last().unwrap();
    for key in [&stranger, &farm.ring()] {
        assert!(line.contains(&sealing_key(key)), "{line}");
    }
    for _ in &site.instances {
        visitor.get("/readyz").await.ok();
        assert_eq!(visitor.value("a").await.as_deref(), Some("b"));
    }
}

/// Waits until a request is not answered 503 any more.
async fn until_served(browser: &Browser, path: &str) -> u16 {
    let began = Instant::now();
    loop {
        let answer = browser.get(path).await;
        answer.assert_no_cookie();
        if answer.status != 503 {
            return answer.status;
        }
        assert!(began.elapsed() < 3 * PAUSE, "never served");
        sleep(Duration::from_millis(200)).await;
    }
}

/// One instance has a newer ring than the other. Cookies of either are good at both as soon as
/// the other has the ring as well, and until then nobody loses one. N27, S25.
pub(crate) async fn c41_staged_rings(farm: &Farm) {
    let Some(settings) = farm.shared_settings("rings that are staged") else {
        return;
    };
    let old = farm.open_at(settings.clone()).await;
    let (staged, old_ring) = (farm.path("staged.toml"), farm.ring());
    fs::copy(&old_ring, &staged).unwrap();
    let before = old.visitor_with("a", "before").await;
    let ring = KeyRing::open(&staged).unwrap();
    let key = ring.rotate(Rotation::at_once()).unwrap().kid.to_string();
    // Dates in the ring are whole seconds.
    while sealing_key(&staged) != key {
        sleep(Duration::from_millis(50)).await;
    }
    let new = farm.open_at(with_ring(settings, &staged)).await;
    let cookie = new.visitor_with("a", "after").await.cookie().unwrap();
    let old_cookie = before.cookie().unwrap();
    assert_eq!(
        new.bearer(&old_cookie).value("a").await.as_deref(),
        Some("before")
    );
    assert_behind(&old, &cookie).await;
    fs::copy(&staged, &old_ring).unwrap();
    assert_eq!(until_served(&old.bearer(&cookie), "/get/a").await, 200);
    assert_eq!(
        old.bearer(&cookie).value("a").await.as_deref(),
        Some("after")
    );
    assert_eq!(before.value("a").await.as_deref(), Some("before"));
    assert_eq!(until_served(&old.visitor(), "/readyz").await, 200);
}

/// An instance that lacks a key of the farm's says so, and leaves its cookie alone.
async fn assert_behind(site: &Site, cookie: &str) {
    let bearer = site.bearer(cookie);
    let began = Instant::now();
    loop {
        let answer = bearer.post("/set/a/lost").await;
        answer.assert_no_cookie();
        assert_eq!(answer.status, 503, "{answer:?}");
        let ready = bearer.get("/readyz").await;
        if ready.status == 503 {
            assert!(ready.body.starts_with("behind"), "{ready:?}");
            return;
        }
        assert!(began.elapsed() < 3 * PAUSE, "still ready");
        sleep(Duration::from_millis(200)).await;
    }
}
