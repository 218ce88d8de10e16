//! Leases, and waiting for them.

use std::time::Duration;

use crate::harness::{Answer, Client, Fixture, key, request};

const TARGET: &str = "/s/0101010101010101010101010101010101010101010101010101010101010101";

fn ours(verb: &str, headers: &str) -> String {
    let body = (verb == "PUT").then_some("body");
    request(
        verb,
        TARGET,
        &format!("Session-Protocol: 1\r\n{headers}"),
        body,
    )
}

fn acquire(lease: u64, wait: u64) -> String {
    let times = format!("Session-Lease: {lease}\r\nSession-Wait: {wait}");
    ours(
        "GET",
        &format!("Exclusive: acquire\r\nSession-Touch: no\r\n{times}"),
    )
}

fn release(cookie: u64) -> String {
    ours(
        "GET",
        &format!("Exclusive: release\r\nLockCookie: {cookie}"),
    )
}

/// A session whose lease somebody holds for ten seconds.
async fn leased(fixture: &Fixture) -> u64 {
    assert_eq!(TARGET, format!("/s/{}", key(1)));
    fixture.ask(&ours("PUT", "")).await.expect(200);
    fixture
        .ask(&acquire(10_000, 0))
        .await
        .expect(200)
        .number("LockCookie")
}

/// Somebody who waits, and has a place in the queue.
async fn waiter(fixture: &Fixture, lease: u64, wait: u64) -> Client {
    let mut client = fixture.client().await;
    client.send(acquire(lease, wait)).await;
    assert!(client.is_silent().await);
    client
}

async fn write(fixture: &Fixture, headers: &str) -> Answer {
    fixture.ask(&ours("PUT", headers)).await
}

#[tokio::test]
async fn a_lease_keeps_writers_out_and_lets_readers_in() {
    let fixture = Fixture::new().await;
    let cookie = leased(&fixture).await;
    fixture.ask(&ours("GET", "")).await.expect(200);
    fixture.ask(&ours("HEAD", "")).await.expect(200);
    let busy = fixture.ask(&acquire(1, 0)).await.expect(423);
    assert_eq!(busy.number("LockCookie"), cookie);
    write(&fixture, "If-Match: \"1\"").await.expect(423);
    write(&fixture, "LockCookie: 77\r\nIf-Match: \"1\"")
        .await
        .expect(423);
    let mine = format!("LockCookie: {cookie}\r\n");
    write(&fixture, &format!("{mine}If-Match: \"9\""))
        .await
        .expect(412);
    write(
        &fixture,
        &format!("{mine}If-Match: \"1\"\r\nSession-Hold: yes"),
    )
    .await
    .expect(200);
    write(&fixture, "If-Match: \"2\"").await.expect(423);
    write(&fixture, &format!("{mine}If-Match: \"2\""))
        .await
        .expect(200);
    write(&fixture, &format!("{mine}If-Match: \"3\""))
        .await
        .expect(423);
    write(&fixture, "If-Match: \"3\"").await.expect(200);
}

#[tokio::test]
async fn a_lapsed_lease_is_free_and_its_cookie_writes_nothing() {
    let fixture = Fixture::new().await;
    let cookie = leased(&fixture).await;
    fixture.advance(10_000);
    let mine = format!("LockCookie: {cookie}");
    write(&fixture, &mine).await.expect(423);
    fixture.ask(&release(cookie)).await.expect(423);
    let extend = ours("HEAD", &format!("{mine}\r\nSession-Lease: 5"));
    fixture.ask(&extend).await.expect(423);
    let next = fixture.ask(&acquire(5, 0)).await.expect(200);
    assert!(next.number("LockCookie") > cookie);
}

#[tokio::test]
async fn a_lease_is_extended_from_now() {
    let fixture = Fixture::new().await;
    let cookie = leased(&fixture).await;
    fixture.advance(9_000);
    let extend = format!("LockCookie: {cookie}\r\nSession-Lease: 5000\r\nSession-Touch: no");
    fixture.ask(&ours("HEAD", &extend)).await.expect(200);
    fixture
        .ask(&ours("HEAD", "Session-Lease: 5000"))
        .await
        .expect(423);
    fixture.advance(4_999);
    fixture.ask(&acquire(1, 0)).await.expect(423);
    fixture.advance(1);
    fixture.ask(&acquire(1, 0)).await.expect(200);
}

#[tokio::test]
async fn waiters_are_served_in_order() {
    let fixture = Fixture::new().await;
    let mut cookie = leased(&fixture).await;
    let mut waiters = Vec::new();
    for _ in 0..5 {
        waiters.push(waiter(&fixture, 10_000, 60_000).await);
    }
    for mut waiter in waiters {
        fixture.ask(&release(cookie)).await.expect(200);
        let answer = waiter.answer().await.expect(200);
        assert_eq!(answer.number("LockCookie"), cookie + 1);
        assert_eq!(answer.text(), "body");
        cookie += 1;
    }
}

#[tokio::test]
async fn the_holders_save_wakes_the_next() {
    let fixture = Fixture::new().await;
    let cookie = leased(&fixture).await;
    let mut waiter = waiter(&fixture, 10_000, 60_000).await;
    let save = format!("LockCookie: {cookie}\r\nIf-Match: \"1\"");
    write(&fixture, &save).await.expect(200);
    assert_eq!(
        waiter.answer().await.expect(200).header("ETag"),
        Some("\"2\"")
    );
}

#[tokio::test]
async fn a_wait_ends_when_its_time_is_over_or_the_lease_is() {
    let fixture = Fixture::new().await;
    leased(&fixture).await;
    let mut short = waiter(&fixture, 1_000, 4_000).await;
    let mut long = waiter(&fixture, 1_000, 60_000).await;
    fixture.advance(3_999);
    assert!(short.is_silent().await);
    fixture.advance(1);
    short.answer().await.expect(423);
    fixture.advance(6_000);
    long.answer().await.expect(200);
    // The connection of one who waited goes on.
    short.ask(&ours("GET", "")).await.expect(200);
}

#[tokio::test]
async fn waiters_that_are_gone_are_passed_over() {
    let fixture = Fixture::new().await;
    let cookie = leased(&fixture).await;
    let gone = waiter(&fixture, 10_000, 60_000).await;
    let closed = waiter(&fixture, 10_000, 60_000).await;
    let mut waiter = waiter(&fixture, 10_000, 60_000).await;
    gone.reset();
    drop(closed);
    tokio::time::sleep(Duration::from_millis(50)).await;
    fixture.ask(&release(cookie)).await.expect(200);
    let answer = waiter.answer().await.expect(200);
    assert_eq!(answer.number("LockCookie"), cookie + 1);
}

#[tokio::test]
async fn waiters_learn_of_the_end() {
    let fixture = Fixture::new().await;
    leased(&fixture).await;
    let mut first = waiter(&fixture, 10_000, 60_000).await;
    let mut second = waiter(&fixture, 10_000, 60_000).await;
    fixture
        .ask(&ours("DELETE", "If-Match: \"1\""))
        .await
        .expect(423);
    fixture
        .ask(&ours("DELETE", "Session-Ended: revoked"))
        .await
        .expect(200);
    for waiter in [&mut first, &mut second] {
        let answer = waiter.answer().await.expect(410);
        assert_eq!(answer.header("Session-Ended"), Some("revoked"));
    }
}

#[tokio::test]
async fn too_many_waiters_are_refused() {
    let fixture = Fixture::with(|limits| limits.max_waiters_per_key = 2).await;
    leased(&fixture).await;
    let _first = waiter(&fixture, 10_000, 60_000).await;
    let second = waiter(&fixture, 10_000, 60_000).await;
    fixture.ask(&acquire(1, 60_000)).await.expect(429);
    drop(second);
    tokio::time::sleep(Duration::from_millis(50)).await;
    let _third = waiter(&fixture, 10_000, 60_000).await;
}

/// What comes behind a waiting request on the same connection is answered after it.
#[tokio::test]
async fn requests_behind_a_waiting_one_are_not_lost() {
    let fixture = Fixture::new().await;
    let cookie = leased(&fixture).await;
    let mut client = fixture.client().await;
    client
        .send([ours("GET", ""), acquire(5, 60_000), ours("GET", "")].concat())
        .await;
    client.answer().await.expect(200);
    assert!(client.is_silent().await);
    client.send(ours("HEAD", "")).await;
    fixture.ask(&release(cookie)).await.expect(200);
    let answer = client.answer().await.expect(200);
    assert_eq!(answer.number("LockCookie"), cookie + 1);
    for header in [None, None] {
        assert_eq!(
            client.answer().await.expect(200).header("LockCookie"),
            header
        );
    }
}

/// Eight clients count to 200 together.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn contended_increments_are_not_lost() {
    let fixture = Fixture::new().await;
    fixture
        .ask(&request("PUT", TARGET, "Session-Protocol: 1", Some("0")))
        .await
        .expect(200);
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let mut client = fixture.client().await;
        tasks.spawn(async move {
            for _ in 0..25 {
                let held = client.ask(&acquire(60_000, 60_000)).await.expect(200);
                let next: u32 = held.text().parse::<u32>().unwrap() + 1;
                let headers = format!(
                    "Session-Protocol: 1\r\nLockCookie: {}",
                    held.number("LockCookie")
                );
                let put = request("PUT", TARGET, &headers, Some(&next.to_string()));
                client.ask(&put).await.expect(200);
            }
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
    assert_eq!(fixture.ask(&ours("GET", "")).await.text(), "200");
}
