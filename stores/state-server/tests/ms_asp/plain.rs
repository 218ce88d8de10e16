//! Items of a foreign client.

use crate::harness::{Fixture, delete, get, head, put};

#[tokio::test]
async fn put_and_get() {
    let fixture = Fixture::new().await;
    fixture.ask(&get("/a", "")).await.expect(404);
    let stored = fixture.ask(&put("/a", "Timeout: 7", "bytes")).await;
    let stored = stored.expect(200);
    let answer = fixture.ask(&get("/a", "")).await.expect(200);
    assert_eq!(answer.text(), "bytes");
    assert_eq!(answer.header("Timeout"), Some("7"));
    for answer in [stored, answer] {
        assert!(answer.head.starts_with("HTTP/1.1 200 OK\r\n"));
        assert_eq!(answer.header("X-AspNet-Version"), Some("4.0.30319"));
        assert_eq!(answer.header("Cache-Control"), Some("private"));
        assert!(!answer.head.contains("Session-"), "{answer:?}");
        assert_eq!(answer.header("ETag"), None);
    }
}

#[tokio::test]
async fn targets_with_and_without_slash_are_one() {
    let fixture = Fixture::new().await;
    fixture
        .ask(&put("/app(x%3d)/id+1", "", "body"))
        .await
        .expect(200);
    for target in [
        "app(x%3d)/id+1",
        "//app(x%3D)/id+1",
        "%2fapp(x=)%2Fid%201",
        "%2f%2fapp(x=)/id%201",
    ] {
        fixture.ask(&get(target, "")).await.expect(200);
    }
    for target in ["/App(x%3d)/id+1", "///app(x%3d)/id+1", "/app(x%3d)/id%2b1"] {
        fixture.ask(&get(target, "")).await.expect(404);
    }
    fixture.ask(&get("/a%zz", "")).await.expect(400);
}

#[tokio::test]
async fn insert_only_changes_nothing_that_exists() {
    let fixture = Fixture::new().await;
    fixture
        .ask(&put("/a", "ExtraFlags: 1", "first"))
        .await
        .expect(200);
    fixture
        .ask(&put("/a", "ExtraFlags: 1", "second"))
        .await
        .expect(200);
    assert_eq!(fixture.ask(&get("/a", "")).await.text(), "first");
    fixture
        .ask(&put("/b", "ExtraFlags: x", ""))
        .await
        .expect(400);
    fixture.ask(&get("/b", "")).await.expect(404);
}

#[tokio::test]
async fn action_flags_come_exactly_once() {
    let fixture = Fixture::new().await;
    for first in ["", "Exclusive: acquire"] {
        let target = format!("/once{}", first.len());
        fixture
            .ask(&put(&target, "ExtraFlags: 1", ""))
            .await
            .expect(200);
        fixture.ask(&head(&target, "")).await.expect(200);
        let answer = fixture.ask(&get(&target, first)).await.expect(200);
        assert_eq!(answer.header("ActionFlags"), Some("1"));
        fixture
            .ask(&get(&target, "Exclusive: release\r\nLockCookie: 2"))
            .await
            .expect(200);
        let answer = fixture.ask(&get(&target, "")).await.expect(200);
        assert_eq!(answer.header("ActionFlags"), None);
    }
    fixture
        .ask(&put("/put", "ExtraFlags: 1", ""))
        .await
        .expect(200);
    fixture
        .ask(&put("/put", "", "initialised"))
        .await
        .expect(200);
    let answer = fixture.ask(&get("/put", "")).await.expect(200);
    assert_eq!(answer.header("ActionFlags"), None);
}

#[tokio::test]
async fn timeouts() {
    let fixture = Fixture::new().await;
    fixture.ask(&put("/absent", "", "")).await.expect(200);
    let answer = fixture.ask(&get("/absent", "")).await;
    assert_eq!(answer.header("Timeout"), Some("20"));
    for timeout in [
        "0",
        "-1",
        "junk",
        "",
        "525601",
        "1.5",
        "99999999999999999999",
    ] {
        let request = put("/bad", &format!("Timeout: {timeout}"), "");
        fixture.ask(&request).await.expect(400);
    }
    fixture.ask(&get("/bad", "")).await.expect(404);
    fixture
        .ask(&put("/year", "Timeout: 525600", ""))
        .await
        .expect(200);
    let answer = fixture.ask(&get("/year", "")).await;
    assert_eq!(answer.header("Timeout"), Some("525600"));
}

#[tokio::test]
async fn items_expire() {
    let fixture = Fixture::new().await;
    fixture.ask(&put("/a", "Timeout: 1", "")).await.expect(200);
    fixture.advance(59_999);
    fixture.ask(&head("/a", "")).await.expect(200);
    fixture.advance(60_000);
    fixture.ask(&head("/a", "")).await.expect(404);
    fixture
        .ask(&put("/a", "ExtraFlags: 1\r\nTimeout: 1", "new"))
        .await
        .expect(200);
    assert_eq!(fixture.ask(&get("/a", "")).await.text(), "new");
}

#[tokio::test]
async fn every_verb_slides_the_expiry() {
    let fixture = Fixture::new().await;
    fixture.ask(&put("/a", "Timeout: 1", "")).await.expect(200);
    let release = "Exclusive: release\r\nLockCookie: 2";
    for (request, status) in [
        (head("/a", ""), 200),
        (get("/a", ""), 200),
        (get("/a", "Exclusive: acquire"), 200),
        (get("/a", ""), 423),
        (put("/a", "Timeout: 1", ""), 423),
        (delete("/a", ""), 423),
        (get("/a", release), 200),
        (put("/a", "ExtraFlags: 1", ""), 200),
        (put("/a", "Timeout: 1", ""), 200),
        (head("/a", ""), 200),
    ] {
        fixture.advance(40_000);
        fixture.ask(&request).await.expect(status);
    }
}

#[tokio::test]
async fn bodies_of_all_sizes() {
    let fixture = Fixture::new().await;
    let mut client = fixture.client().await;
    for size in [0, 1, 16 << 10, 60 << 10, 100 << 10, 1 << 20, 20 << 20] {
        let body: String = (0..size)
            .map(|at| char::from(b'a' + (at % 23) as u8))
            .collect();
        client.ask(&put("/a", "", &body)).await.expect(200);
        let answer = client.ask(&get("/a", "")).await.expect(200);
        assert!(answer.body == body.as_bytes(), "{size}");
    }
    client.ask(&delete("/a", "")).await.expect(200);
    client.ask(&delete("/a", "")).await.expect(404);
}

/// What an ASP.NET client of a published application and session sends.
#[tokio::test]
async fn the_target_of_an_asp_net_client() {
    let fixture = Fixture::new().await;
    let target = "%2fLM%2fW3SVC%2f1%2fROOT(cAHkmVhipCLv%2fQnONQmPsKL%2bq%2fAjnK%2fnYS9aV3Zlad8%3d)%2f15hgq1uszp2tjt45lkwxmb55";
    fixture
        .ask(&put(target, "ExtraFlags: 1", "x"))
        .await
        .expect(200);
    let answer = fixture
        .ask(&get(target, "Exclusive: acquire"))
        .await
        .expect(200);
    assert_eq!(answer.number("LockCookie"), 2);
    let decoded = target.replace("%2f", "/").replace("%2b", "%2B");
    fixture.ask(&head(&decoded, "")).await.expect(200);
    fixture
        .ask(&head(&target.to_lowercase(), ""))
        .await
        .expect(404);
}

#[tokio::test]
async fn insert_only_leaves_a_locked_item_alone() {
    let fixture = Fixture::new().await;
    fixture.ask(&put("/a", "", "first")).await.expect(200);
    fixture
        .ask(&get("/a", "Exclusive: acquire"))
        .await
        .expect(200);
    fixture
        .ask(&put("/a", "ExtraFlags: 1", "second"))
        .await
        .expect(200);
    fixture.ask(&get("/a", "")).await.expect(423);
    fixture
        .ask(&get("/a", "Exclusive: release\r\nLockCookie: 2"))
        .await
        .expect(200);
    assert_eq!(fixture.ask(&get("/a", "")).await.text(), "first");
}

#[tokio::test]
async fn other_verbs_are_refused() {
    let fixture = Fixture::new().await;
    for verb in ["POST", "OPTIONS", "get", "MOVE"] {
        let request = crate::harness::request(verb, "/a", "Destination: /b", Some(""));
        fixture.ask(&request).await.expect(400);
    }
}
