//! The locks of a foreign client.

use crate::harness::{Fixture, delete, get, head, put};

async fn locked(fixture: &Fixture) {
    fixture.ask(&put("/a", "", "body")).await.expect(200);
    let answer = fixture.ask(&get("/a", "Exclusive: acquire")).await;
    assert_eq!(answer.expect(200).header("LockCookie"), Some("2"));
}

#[tokio::test]
async fn cookies_begin_at_2_and_count() {
    let fixture = Fixture::new().await;
    fixture
        .ask(&put("/a", "Timeout: 3", "body"))
        .await
        .expect(200);
    for cookie in 2..5 {
        let answer = fixture
            .ask(&get("/a", "exclusive:ACQUIRE"))
            .await
            .expect(200);
        assert_eq!(answer.number("LockCookie"), cookie);
        assert_eq!(answer.number("Timeout"), 3);
        assert_eq!(answer.text(), "body");
        let release = format!("Exclusive: Release\r\nLockCookie: {cookie}");
        let answer = fixture.ask(&get("/a", &release)).await.expect(200);
        assert_eq!(answer.text(), "");
    }
}

#[tokio::test]
async fn a_locked_item_is_not_given_out() {
    let fixture = Fixture::new().await;
    locked(&fixture).await;
    fixture.advance(3_500);
    for headers in [
        "",
        "Exclusive: acquire",
        "Exclusive: release\r\nLockCookie: 3",
    ] {
        let answer = fixture.ask(&get("/a", headers)).await.expect(423);
        assert_eq!(answer.number("LockCookie"), 2);
        assert_eq!(answer.number("LockAge"), 3);
        // The clock stood at 2001-09-09 01:46:40 UTC when the lock was taken.
        assert_eq!(answer.number("LockDate"), 631_355_968_000_000_000);
        assert_eq!(answer.text(), "");
    }
    fixture.ask(&head("/a", "")).await.expect(200);
}

#[tokio::test]
async fn only_the_holder_writes() {
    let fixture = Fixture::new().await;
    locked(&fixture).await;
    for headers in ["", "LockCookie: 1", "LockCookie: 3"] {
        fixture.ask(&put("/a", headers, "x")).await.expect(423);
        fixture.ask(&delete("/a", headers)).await.expect(423);
    }
    fixture
        .ask(&put("/a", "LockCookie: 2", "mine"))
        .await
        .expect(200);
    assert_eq!(fixture.ask(&get("/a", "")).await.expect(200).text(), "mine");
    locked_again(&fixture).await;
    fixture
        .ask(&delete("/a", "Lock-Cookie: 3"))
        .await
        .expect(200);
    fixture.ask(&get("/a", "")).await.expect(404);
}

async fn locked_again(fixture: &Fixture) {
    let answer = fixture.ask(&get("/a", "Exclusive: acquire")).await;
    assert_eq!(answer.expect(200).number("LockCookie"), 3);
}

#[tokio::test]
async fn release_is_idempotent() {
    let fixture = Fixture::new().await;
    locked(&fixture).await;
    for _ in 0..2 {
        let release = "Exclusive: release\r\nLock-Cookie: 2";
        fixture.ask(&get("/a", release)).await.expect(200);
    }
    fixture
        .ask(&get("/missing", "Exclusive: release\r\nLockCookie: 2"))
        .await
        .expect(404);
}

#[tokio::test]
async fn unreadable_cookies_and_words() {
    let fixture = Fixture::new().await;
    locked(&fixture).await;
    for cookie in ["-1", "x", "", "2147483648", "0x2"] {
        let header = format!("LockCookie: {cookie}");
        for request in [
            get("/a", &format!("Exclusive: release\r\n{header}")),
            get("/a", &header),
            put("/a", &header, ""),
            delete("/a", &header),
            head("/a", &header),
        ] {
            fixture.ask(&request).await.expect(400);
        }
    }
    fixture
        .ask(&get("/a", "Exclusive: release"))
        .await
        .expect(400);
    fixture
        .ask(&get("/a", "Exclusive: maybe"))
        .await
        .expect(400);
    let twice = "LockCookie: 2\r\nLock-Cookie: 3";
    fixture.ask(&put("/a", twice, "")).await.expect(400);
}

#[tokio::test]
async fn an_unlocked_item_is_overwritten_whatever_the_cookie() {
    let fixture = Fixture::new().await;
    fixture.ask(&put("/a", "", "1")).await.expect(200);
    fixture
        .ask(&put("/a", "LockCookie: 9", "2"))
        .await
        .expect(200);
    assert_eq!(fixture.ask(&get("/a", "")).await.text(), "2");
    let strict = Fixture::with(|limits| limits.strict = true).await;
    strict.ask(&put("/a", "", "1")).await.expect(200);
    strict
        .ask(&put("/a", "LockCookie: 9", "2"))
        .await
        .expect(423);
    strict.ask(&put("/a", "", "3")).await.expect(200);
    assert_eq!(strict.ask(&get("/a", "")).await.text(), "3");
}

#[tokio::test]
async fn a_changed_timeout_stores_the_higher_cookie() {
    let fixture = Fixture::new().await;
    fixture.ask(&put("/a", "Timeout: 5", "")).await.expect(200);
    fixture
        .ask(&put("/a", "Timeout: 5\r\nLockCookie: 70", ""))
        .await
        .expect(200);
    let release = |cookie| format!("Exclusive: release\r\nLockCookie: {cookie}");
    let acquire = get("/a", "Exclusive: acquire");
    assert_eq!(fixture.ask(&acquire).await.number("LockCookie"), 2);
    fixture.ask(&get("/a", &release(2))).await.expect(200);
    fixture
        .ask(&put("/a", "Timeout: 6\r\nLockCookie: 70", ""))
        .await
        .expect(200);
    assert_eq!(fixture.ask(&acquire).await.number("LockCookie"), 71);
    fixture.ask(&get("/a", &release(71))).await.expect(200);
    fixture.ask(&put("/a", "Timeout: 7", "")).await.expect(200);
    assert_eq!(fixture.ask(&acquire).await.number("LockCookie"), 72);
}

#[tokio::test]
async fn after_the_greatest_cookie_comes_1() {
    let fixture = Fixture::new().await;
    fixture.ask(&put("/a", "Timeout: 5", "")).await.expect(200);
    let last = "Timeout: 6\r\nLockCookie: 2147483647";
    fixture.ask(&put("/a", last, "")).await.expect(200);
    let answer = fixture.ask(&get("/a", "Exclusive: acquire")).await;
    assert_eq!(answer.number("LockCookie"), 1);
}
