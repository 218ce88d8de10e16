//! Caps, tokens, slow clients, the drain.

use std::time::Duration;

use crate::harness::{Fixture, delete, get, key, put, request};

fn ping(headers: &str) -> String {
    get(
        "/.session/ping",
        &format!("Session-Protocol: 1\r\n{headers}"),
    )
}

/// A page whose host name leads to the server's address could otherwise end sessions.
#[tokio::test]
async fn what_a_browser_sends_is_refused() {
    let fixture = Fixture::new().await;
    for verb in ["GET", "PUT", "DELETE", "HEAD"] {
        let body = (verb == "PUT").then_some("x");
        let text = request(verb, "/a", "Origin: http://evil.example", body);
        fixture.ask(&text).await.expect(400);
    }
    let absent = fixture.ask(&request("GET", "/a", "", None)).await;
    absent.expect(404);
}

#[tokio::test]
async fn the_first_request_shows_the_token() {
    let fixture = Fixture::with_tokens(|_| {}, "secret").await;
    for headers in ["", "Authorization: Bearer wrong", "Authorization: secret"] {
        let mut client = fixture.client().await;
        client.ask(&ping(headers)).await.expect(401);
        assert!(client.is_closed().await);
    }
    let mut client = fixture.client().await;
    client
        .ask(&ping("Authorization: Bearer secret"))
        .await
        .expect(200);
    client.ask(&ping("")).await.expect(200);
}

#[tokio::test]
async fn too_large_an_item_is_refused_before_it_is_read() {
    let fixture = Fixture::with(|limits| limits.max_item = 1000).await;
    fixture
        .ask(&put("/a", "", &"x".repeat(1000)))
        .await
        .expect(200);
    let mut client = fixture.client().await;
    client
        .ask(&put("/a", "", &"x".repeat(1001)))
        .await
        .expect(413);
    let mut client = fixture.client().await;
    client
        .ask("PUT /a HTTP/1.1\r\nContent-Length: 1073741824\r\n\r\n")
        .await
        .expect(413);
    assert!(client.is_closed().await);
}

#[tokio::test]
async fn at_the_memory_cap_nothing_is_evicted() {
    let fixture = Fixture::with(|limits| limits.max_memory = 100_000).await;
    let mut client = fixture.client().await;
    let target = |number: usize| format!("/s/{}", key(number as u8));
    let body = "x".repeat(1000);
    let mut stored = 0;
    while client
        .ask(&put(&target(stored), "Timeout: 1", &body))
        .await
        .status
        == 200
    {
        stored += 1;
    }
    assert!((50..100).contains(&stored), "{stored}");
    client
        .ask(&put(&target(stored), "", &body))
        .await
        .expect(507);
    client
        .ask(&put("/large", "", &"x".repeat(90_000)))
        .await
        .expect(507);
    client
        .ask(&put(&target(0), "Timeout: 1", &"x".repeat(5000)))
        .await
        .expect(507);
    for number in 0..stored {
        let answer = client.ask(&get(&target(number), "")).await.expect(200);
        assert_eq!(answer.text(), body);
    }
    client
        .ask(&put(&target(0), "Timeout: 1", &body))
        .await
        .expect(200);
    client.ask(&delete(&target(1), "")).await.expect(200);
    client
        .ask(&put(&target(stored), "Timeout: 1", &body))
        .await
        .expect(200);
    // What has expired makes room.
    fixture.advance(60_000);
    for number in 0..stored {
        client
            .ask(&put(&target(number + 100), "", &body))
            .await
            .expect(200);
    }
}

#[tokio::test]
async fn too_many_connections_are_turned_away() {
    let fixture = Fixture::with(|limits| limits.max_connections = 2).await;
    let mut first = fixture.client().await;
    let mut second = fixture.client().await;
    for client in [&mut first, &mut second] {
        client.ask(&get("/a", "")).await.expect(404);
    }
    let mut third = fixture.client().await;
    third.answer().await.expect(429);
    assert!(third.is_closed().await);
    drop((first, third));
    tokio::time::sleep(Duration::from_millis(50)).await;
    fixture.ask(&get("/a", "")).await.expect(404);
}

#[tokio::test]
async fn a_slow_frame_is_cut_off() {
    let fixture = Fixture::with(|limits| limits.frame_timeout = Duration::from_secs(5)).await;
    let body = put("/a", "", &"x".repeat(100_000));
    for part in [
        "GET /a HT",
        "PUT /a HTTP/1.1\r\nContent-Length: 5\r\n\r\nab",
        &body[..50_000],
    ] {
        let mut client = fixture.client().await;
        client.send(part).await;
        assert!(client.is_silent().await);
        fixture.advance(4_000);
        client.send("x").await;
        assert!(client.is_silent().await);
        fixture.advance(1_000);
        client.answer().await.expect(408);
        fixture.advance(1_000);
        assert!(client.is_closed().await);
    }
    // Between frames there is no hurry.
    let mut client = fixture.client().await;
    client.ask(&get("/a", "")).await.expect(404);
    fixture.advance(1_000_000);
    client.ask(&get("/a", "")).await.expect(404);
}

#[tokio::test]
async fn a_draining_server_refuses() {
    let fixture = Fixture::new().await;
    let mut client = fixture.client().await;
    let target = format!("/s/{}", key(1));
    client.ask(&put(&target, "", "body")).await.expect(200);
    client
        .ask(&get(&target, "Exclusive: acquire"))
        .await
        .expect(200);
    let acquire = "Session-Protocol: 1\r\nExclusive: acquire\r\nSession-Wait: 60000";
    let mut waiter = fixture.client().await;
    waiter.send(get(&target, acquire)).await;
    assert!(waiter.is_silent().await);
    fixture.server.drain();
    let answer = waiter.answer().await.expect(503);
    assert_eq!(answer.header("Session-Reason"), Some("draining"));
    for _ in 0..2 {
        client.ask(&put("/b", "", "refused")).await.expect(503);
    }
    let answer = client
        .ask(&request("GET", "/a", "Session-Protocol: 1", None))
        .await;
    assert_eq!(
        answer.expect(503).header("Session-Reason"),
        Some("draining")
    );
}
