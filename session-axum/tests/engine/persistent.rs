//! Cookies that outlive the browser ("remember me").

use session_core::ResponseHeaders;

use crate::support::{Browser, HOUR, MINUTE, World};

fn max_age(headers: &ResponseHeaders) -> Option<u64> {
    let line = headers.set_cookie.as_ref()?;
    let attributes = line.split("; ");
    let mut age = attributes.filter_map(|attribute| attribute.strip_prefix("Max-Age="));
    age.next().map(|seconds| seconds.parse().unwrap())
}

#[tokio::test]
async fn c28_a_cookie_is_persistent_only_when_asked() {
    let world = World::default();
    let mut browser = Browser::default();
    let headers = world
        .change(&mut browser, |visit| visit.insert("n", &0).unwrap())
        .await;
    assert_eq!(max_age(&headers), None);
    let headers = world
        .change(&mut browser, |visit| visit.set_persistent(HOUR).unwrap())
        .await;
    assert_eq!(max_age(&headers), Some(3600));
    world.clock.advance(10 * MINUTE);
    let headers = world.read(&mut browser).await;
    assert_eq!(
        max_age(&headers),
        Some(3600),
        "a touch extends the cookie too"
    );
}

#[tokio::test]
async fn c28_a_persistent_cookie_never_outlives_its_session() {
    let world = World::default();
    let mut browser = world.visitor().await;
    let headers = world
        .change(&mut browser, |visit| {
            visit.set_persistent(24 * HOUR).unwrap()
        })
        .await;
    assert_eq!(max_age(&headers), Some(12 * 3600));
    let headers = world
        .change(&mut browser, |visit| {
            visit.set_absolute_timeout(2 * HOUR).unwrap()
        })
        .await;
    assert_eq!(max_age(&headers), Some(2 * 3600));
}

#[tokio::test]
async fn c28_a_log_in_gives_a_persistent_cookie_the_new_deadline() {
    let world = World::builder()
        .config(|config| config.idle_timeout(12 * HOUR))
        .build();
    let mut browser = world.visitor().await;
    world.clock.advance(11 * HOUR);
    let headers = world
        .change(&mut browser, |visit| {
            visit.log_in("ada").unwrap();
            visit.set_persistent(24 * HOUR).unwrap();
        })
        .await;
    assert_eq!(max_age(&headers), Some(12 * 3600));
}

#[tokio::test]
async fn c28_a_cookie_can_go_back_to_the_browsers_session() {
    let world = World::default();
    let mut browser = world.visitor().await;
    world
        .change(&mut browser, |visit| visit.set_persistent(HOUR).unwrap())
        .await;
    let headers = world
        .change(&mut browser, |visit| visit.set_persistent(None).unwrap())
        .await;
    assert!(headers.set_cookie.is_some(), "the browser has to be told");
    assert_eq!(max_age(&headers), None);
}
