//! The extensions: revisions, lifetimes, rename, tombstones, control rows.

use crate::harness::{Answer, Client, Fixture, key, request};

const OURS: &str = "Session-Protocol: 1\r\n";

async fn ours(client: &mut Client, verb: &str, target: &str, headers: &str, body: &str) -> Answer {
    let body = matches!(verb, "PUT" | "MOVE").then_some(body);
    let text = request(verb, target, &format!("{OURS}{headers}"), body);
    client.ask(&text).await
}

/// A session at revision 1 that idles for a second.
async fn session(client: &mut Client, number: u8) -> String {
    let target = format!("/s/{}", key(number));
    let headers = "If-None-Match: *\r\nSession-Ttl: 1000";
    let created = ours(client, "PUT", &target, headers, "first").await;
    assert_eq!(created.expect(200).header("ETag"), Some("\"1\""));
    target
}

#[tokio::test]
async fn answers_tell_revision_and_times() {
    let fixture = Fixture::new().await;
    let mut client = fixture.client().await;
    let target = session(&mut client, 1).await;
    fixture.advance(300);
    let loaded = ours(&mut client, "GET", &target, "Session-Touch: no", "").await;
    let loaded = loaded.expect(200);
    assert_eq!(loaded.header("Session-Protocol"), Some("1"));
    assert_eq!(loaded.header("ETag"), Some("\"1\""));
    assert_eq!(loaded.number("Session-Ttl"), 1000);
    assert_eq!(loaded.number("Session-Left"), 700);
    assert_eq!(loaded.number("Session-Time"), 1_000_000_000_300);
    assert_eq!(loaded.header("Timeout"), None);
    let missing = ours(&mut client, "GET", "/missing", "", "")
        .await
        .expect(404);
    assert_eq!(missing.number("Session-Time"), 1_000_000_000_300);
    let foreign = fixture
        .ask(&request("GET", &target, "", None))
        .await
        .expect(200);
    assert_eq!(foreign.number("Timeout"), 1);
    assert!(!foreign.head.contains("Session-"));
}

#[tokio::test]
async fn a_write_names_its_revision() {
    let fixture = Fixture::new().await;
    let mut client = fixture.client().await;
    let target = session(&mut client, 1).await;
    let again = ours(&mut client, "PUT", &target, "If-None-Match: *", "x").await;
    assert_eq!(again.expect(412).text(), "");
    let saved = ours(&mut client, "PUT", &target, "If-Match: \"1\"", "second").await;
    assert_eq!(saved.expect(200).header("ETag"), Some("\"2\""));
    for verb in ["PUT", "DELETE"] {
        let stale = ours(&mut client, verb, &target, "If-Match: \"1\"", "third")
            .await
            .expect(412);
        assert_eq!(
            (stale.text(), stale.header("ETag")),
            ("second", Some("\"2\""))
        );
        assert!(stale.header("Session-Left").is_some());
    }
    let missing = ours(&mut client, "PUT", "/s/missing", "If-Match: \"1\"", "x").await;
    missing.expect(404);
    ours(&mut client, "DELETE", &target, "If-Match: \"2\"", "")
        .await
        .expect(200);
}

#[tokio::test]
async fn unreadable_headers_are_refused_with_a_reason() {
    let fixture = Fixture::new().await;
    let mut client = fixture.client().await;
    let target = session(&mut client, 1).await;
    for headers in [
        "If-Match: 1",
        "If-Match: *",
        "If-Match: \"1\", \"2\"",
        "If-Match: \"1\"\r\nIf-Match: \"2\"",
        "If-Match: \"1\"\r\nIf-None-Match: *",
        "If-None-Match: \"1\"",
        "Session-Ttl: 0",
        "If-None-Match: *\r\nSession-Revision: 0",
        "Session-Revision: 2",
        "Session-Ttl: -1",
        "Session-Deadline: x",
        "Session-Principal: 12",
        "Session-Labels: <>",
        "Session-Hold: maybe",
        "Session-Touch: yes",
    ] {
        let answer = ours(&mut client, "PUT", &target, headers, "x")
            .await
            .expect(400);
        assert!(answer.header("Session-Reason").is_some(), "{headers}");
    }
    ours(&mut client, "GET", "/.session/other", "", "")
        .await
        .expect(400);
    ours(&mut client, "HEAD", &target, "Session-Lease: 0", "")
        .await
        .expect(400);
    ours(&mut client, "DELETE", &target, "Session-Ended: later", "")
        .await
        .expect(400);
    // They mean nothing in the plain protocol.
    fixture
        .ask(&request(
            "PUT",
            "/a",
            "Session-Ttl: 0\r\nIf-Match: *",
            Some(""),
        ))
        .await
        .expect(200);
}

#[tokio::test]
async fn a_touch_slides_and_a_load_need_not() {
    let fixture = Fixture::new().await;
    let mut client = fixture.client().await;
    let target = session(&mut client, 1).await;
    fixture.advance(600);
    ours(&mut client, "HEAD", &target, "", "").await.expect(200);
    fixture.advance(600);
    ours(&mut client, "GET", &target, "Session-Touch: no", "")
        .await
        .expect(200);
    let stale = ours(&mut client, "PUT", &target, "If-Match: \"9\"", "").await;
    assert_eq!(stale.expect(412).number("Session-Left"), 400);
    fixture.advance(400);
    ours(&mut client, "HEAD", &target, "", "").await.expect(404);
}

#[tokio::test]
async fn nothing_moves_past_the_deadline() {
    let fixture = Fixture::new().await;
    let mut client = fixture.client().await;
    let target = format!("/s/{}", key(1));
    let times = "Session-Ttl: 1000\r\nSession-Deadline: 1500";
    ours(&mut client, "PUT", &target, times, "")
        .await
        .expect(200);
    fixture.advance(900);
    let touched = ours(&mut client, "HEAD", &target, "", "").await.expect(200);
    assert_eq!(touched.number("Session-Left"), 600);
    let later = "If-Match: \"1\"\r\nSession-Ttl: 9000\r\nSession-Deadline: 9000";
    let saved = ours(&mut client, "PUT", &target, later, "")
        .await
        .expect(200);
    assert_eq!(saved.number("Session-Left"), 600);
    let sooner = "If-Match: \"2\"\r\nSession-Ttl: 9000\r\nSession-Deadline: 100";
    let saved = ours(&mut client, "PUT", &target, sooner, "")
        .await
        .expect(200);
    assert_eq!(saved.number("Session-Left"), 100);
    fixture.advance(100);
    ours(&mut client, "GET", &target, "", "").await.expect(404);
}

#[tokio::test]
async fn an_ended_session_leaves_a_tombstone() {
    let fixture = Fixture::new().await;
    let mut client = fixture.client().await;
    for (number, headers, reason) in [
        (1, "", "destroyed"),
        (2, "Session-Ended: revoked", "revoked"),
        (3, "Session-Ended: destroyed", "destroyed"),
    ] {
        let target = session(&mut client, number).await;
        ours(&mut client, "DELETE", &target, headers, "")
            .await
            .expect(200);
        for (verb, headers) in [
            ("GET", ""),
            ("HEAD", ""),
            ("PUT", "If-None-Match: *"),
            ("PUT", "If-Match: \"1\""),
            ("DELETE", "Session-Ended: revoked"),
            ("GET", "Exclusive: acquire"),
        ] {
            let gone = ours(&mut client, verb, &target, headers, "")
                .await
                .expect(410);
            assert_eq!(gone.header("Session-Ended"), Some(reason));
        }
        for verb in ["GET", "HEAD", "DELETE", "PUT"] {
            let body = (verb == "PUT").then_some("revived");
            fixture
                .ask(&request(verb, &target, "", body))
                .await
                .expect(404);
        }
    }
    fixture.advance(60_000);
    ours(&mut client, "GET", &format!("/s/{}", key(1)), "", "")
        .await
        .expect(404);
    session(&mut client, 1).await;
}

#[tokio::test]
async fn move_leaves_a_tombstone_and_goes_on() {
    let fixture = Fixture::new().await;
    let mut client = fixture.client().await;
    let (from, to) = (session(&mut client, 1).await, format!("/s/{}", key(2)));
    let taken = session(&mut client, 3).await;
    let headers = |to: &str, revision: u8| format!("Destination: {to}\r\nIf-Match: \"{revision}\"");
    ours(&mut client, "MOVE", &from, &headers(&to, 2), "x")
        .await
        .expect(412);
    ours(&mut client, "MOVE", &from, &headers(&taken, 1), "x")
        .await
        .expect(409);
    ours(&mut client, "MOVE", &from, &headers(&from, 1), "x")
        .await
        .expect(409);
    ours(&mut client, "MOVE", &from, "If-Match: \"1\"", "x")
        .await
        .expect(400);
    let route = format!("/s/ff{}", &key(2)[2..]);
    ours(&mut client, "MOVE", &from, &headers(&route, 1), "x")
        .await
        .expect(400);
    let moved = ours(&mut client, "MOVE", &from, &headers(&to, 1), "moved")
        .await
        .expect(200);
    assert_eq!(moved.header("ETag"), Some("\"2\""));
    let gone = ours(&mut client, "GET", &from, "", "").await.expect(410);
    assert_eq!(gone.header("Session-Ended"), Some("renewed"));
    assert_eq!(
        ours(&mut client, "GET", &to, "", "")
            .await
            .expect(200)
            .text(),
        "moved"
    );
    ours(&mut client, "MOVE", &to, &headers(&from, 2), "x")
        .await
        .expect(409);
    ours(&mut client, "MOVE", &from, &headers(&to, 1), "x")
        .await
        .expect(410);
}

#[tokio::test]
async fn control_rows() {
    let fixture = Fixture::new().await;
    let mut client = fixture.client().await;
    let row = "/.session/control/ring%2fshop";
    ours(&mut client, "GET", row, "", "").await.expect(404);
    ours(&mut client, "PUT", row, "If-Match: \"1\"", "x")
        .await
        .expect(404);
    let written = ours(&mut client, "PUT", row, "If-None-Match: *", "one").await;
    assert_eq!(written.expect(200).header("ETag"), Some("\"1\""));
    for condition in ["If-None-Match: *", "If-Match: \"2\""] {
        let conflict = ours(&mut client, "PUT", row, condition, "x")
            .await
            .expect(412);
        assert_eq!(
            (conflict.text(), conflict.header("ETag")),
            ("one", Some("\"1\""))
        );
    }
    ours(&mut client, "PUT", row, "If-Match: \"1\"", "two")
        .await
        .expect(200);
    fixture.advance(1 << 40);
    let read = ours(&mut client, "GET", row, "", "").await.expect(200);
    assert_eq!((read.text(), read.header("ETag")), ("two", Some("\"2\"")));
    fixture
        .ask(&request("GET", row, "", None))
        .await
        .expect(404);
}

#[tokio::test]
async fn ping() {
    let fixture = Fixture::new().await;
    let mut client = fixture.client().await;
    let pong = ours(&mut client, "GET", "/.session/ping", "", "")
        .await
        .expect(200);
    assert_eq!(pong.number("Session-Time"), 1_000_000_000_000);
}

/// Another version is as foreign as none.
#[tokio::test]
async fn only_our_version_has_extensions() {
    let fixture = Fixture::new().await;
    for version in ["", "0", "2", "1.0", "one"] {
        let headers = format!("Session-Protocol: {version}\r\nIf-Match: junk");
        let target = format!("/version{version}");
        let stored = fixture
            .ask(&request("PUT", &target, &headers, Some("x")))
            .await;
        assert!(!stored.expect(200).head.contains("Session-"), "{version}");
    }
}

/// What is wrong is told in this order: 400, 404, 410, 423, 412.
#[tokio::test]
async fn the_order_of_refusals() {
    let fixture = Fixture::new().await;
    let mut client = fixture.client().await;
    let stale = "If-Match: \"9\"";
    let target = session(&mut client, 1).await;
    ours(&mut client, "GET", &target, "Exclusive: acquire", "")
        .await
        .expect(200);
    let to = format!("Destination: /s/{}", key(2));
    for verb in ["PUT", "DELETE", "MOVE"] {
        let all_wrong = format!("{stale}\r\nLockCookie: x\r\n{to}");
        let missing = format!("/s/{}", key(3));
        ours(&mut client, verb, &missing, &all_wrong, "")
            .await
            .expect(400);
        let locked = format!("{stale}\r\nLockCookie: 77\r\n{to}");
        ours(&mut client, verb, &missing, &locked, "")
            .await
            .expect(404);
        let answer = ours(&mut client, verb, &target, &locked, "")
            .await
            .expect(423);
        assert_eq!(answer.number("LockCookie"), 2);
        // With the lock only the revision is wrong, and the lock stays.
        let mine = format!("{stale}\r\nLockCookie: 2\r\n{to}");
        let answer = ours(&mut client, verb, &target, &mine, "")
            .await
            .expect(412);
        assert_eq!(answer.text(), "first");
    }
    let locked = format!("{stale}\r\n{to}");
    ours(&mut client, "DELETE", &target, "", "")
        .await
        .expect(200);
    for verb in ["PUT", "DELETE", "MOVE"] {
        ours(&mut client, verb, &target, &locked, "")
            .await
            .expect(410);
    }
}

#[tokio::test]
async fn a_move_needs_the_lock_and_ends_it() {
    let fixture = Fixture::new().await;
    let mut client = fixture.client().await;
    let target = session(&mut client, 1).await;
    ours(&mut client, "GET", &target, "Exclusive: acquire", "")
        .await
        .expect(200);
    let to = format!("/s/{}", key(2));
    let headers = format!("Destination: {to}\r\nIf-Match: \"1\"");
    ours(&mut client, "MOVE", &target, &headers, "x")
        .await
        .expect(423);
    let mut waiter = fixture.client().await;
    let wait = format!("{OURS}Exclusive: acquire\r\nSession-Wait: 60000");
    waiter.send(request("GET", &target, &wait, None)).await;
    assert!(waiter.is_silent().await);
    let mine = format!("{headers}\r\nLockCookie: 2");
    ours(&mut client, "MOVE", &target, &mine, "x")
        .await
        .expect(200);
    let answer = waiter.answer().await.expect(410);
    assert_eq!(answer.header("Session-Ended"), Some("renewed"));
    let answer = ours(&mut client, "GET", &to, "Exclusive: acquire", "").await;
    // The counter goes on under the new key.
    assert_eq!(answer.expect(200).number("LockCookie"), 3);
    let unframed = format!("MOVE {to} HTTP/1.1\r\n{OURS}\r\n");
    client.ask(&unframed).await.expect(400);
    assert!(client.is_closed().await);
}

#[tokio::test]
async fn a_session_arrives_at_its_revision() {
    let fixture = Fixture::new().await;
    let mut client = fixture.client().await;
    let target = format!("/s/{}", key(1));
    let headers = "If-None-Match: *\r\nSession-Revision: 7";
    let put = ours(&mut client, "PUT", &target, headers, "x").await;
    let put = put.expect(200);
    assert_eq!(put.header("ETag"), Some("\"7\""));
    let headers = "If-Match: \"7\"";
    let put = ours(&mut client, "PUT", &target, headers, "y").await;
    let put = put.expect(200);
    assert_eq!(put.header("ETag"), Some("\"8\""));
}
