//! The sessions of a principal.

use crate::harness::{Fixture, key, request};

fn ours(verb: &str, target: &str, headers: &str) -> String {
    let body = matches!(verb, "PUT" | "MOVE").then_some("body");
    request(
        verb,
        target,
        &format!("Session-Protocol: 1\r\n{headers}"),
        body,
    )
}

fn target(number: u8) -> String {
    format!("/s/{}", key(number))
}

fn principal(number: u8) -> String {
    format!("/.session/principal/{}", key(number))
}

async fn session(fixture: &Fixture, number: u8, owner: u8, labels: &str) {
    let headers = format!("Session-Principal: {}\r\n{labels}", key(owner));
    fixture
        .ask(&ours("PUT", &target(number), &headers))
        .await
        .expect(200);
}

async fn list(fixture: &Fixture, owner: u8) -> Vec<String> {
    let answer = fixture
        .ask(&ours("GET", &principal(owner), ""))
        .await
        .expect(200);
    answer.text().lines().map(str::to_owned).collect()
}

#[tokio::test]
async fn a_listing_has_a_line_for_each_session() {
    let fixture = Fixture::new().await;
    session(&fixture, 1, 9, "Session-Labels: YWJj\r\nSession-Ttl: 5000").await;
    session(&fixture, 2, 9, "Session-Ttl: 1000").await;
    session(&fixture, 3, 8, "").await;
    fixture.advance(10);
    let lines = [
        format!("{} 1 4990 YWJj", key(1)),
        format!("{} 1 990 -", key(2)),
    ];
    assert_eq!(list(&fixture, 9).await, lines);
    fixture.advance(990);
    assert_eq!(list(&fixture, 9).await.len(), 1);
    assert!(list(&fixture, 7).await.is_empty());
}

#[tokio::test]
async fn the_index_follows_writes() {
    let fixture = Fixture::new().await;
    session(&fixture, 1, 9, "").await;
    session(&fixture, 1, 8, "").await;
    assert!(list(&fixture, 9).await.is_empty());
    assert_eq!(list(&fixture, 8).await.len(), 1);
    let headers = format!(
        "Destination: {}\r\nSession-Principal: {}",
        target(2),
        key(8)
    );
    let moved = ours("MOVE", &target(1), &headers);
    fixture.ask(&moved).await.expect(200);
    assert!(list(&fixture, 8).await[0].starts_with(&key(2)));
    let delete = ours("DELETE", &target(2), "");
    fixture.ask(&delete).await.expect(200);
    assert!(list(&fixture, 8).await.is_empty());
    let foreign = format!("Session-Principal: {}", key(8));
    fixture
        .ask(&ours("PUT", "/foreign", &foreign))
        .await
        .expect(400);
}

#[tokio::test]
async fn a_listing_comes_in_pages() {
    let fixture = Fixture::new().await;
    for number in 1..=250 {
        session(&fixture, number, 9, "").await;
    }
    let (mut keys, mut headers, mut pages) = (Vec::new(), String::new(), 0);
    loop {
        let answer = fixture
            .ask(&ours("GET", &principal(9), &headers))
            .await
            .expect(200);
        keys.extend(answer.text().lines().map(|line| line[..64].to_owned()));
        pages += 1;
        match answer.header("Session-Next") {
            Some(next) => headers = format!("Session-After: {next}"),
            None => break,
        }
    }
    assert_eq!((pages, keys.len()), (3, 250));
    keys.dedup();
    assert_eq!(keys.len(), 250);
}

#[tokio::test]
async fn all_sessions_of_a_principal_end_but_one() {
    let fixture = Fixture::new().await;
    for number in 1..=5 {
        session(&fixture, number, 9, "").await;
    }
    session(&fixture, 6, 8, "").await;
    let except = format!("Session-Except: {}", key(3));
    let answer = fixture
        .ask(&ours("DELETE", &principal(9), &except))
        .await
        .expect(200);
    assert_eq!(answer.number("Session-Count"), 4);
    for number in 1..=6 {
        let answer = fixture.ask(&ours("GET", &target(number), "")).await;
        let ended = answer.header("Session-Ended");
        match number {
            3 | 6 => assert_eq!((answer.status, ended), (200, None)),
            _ => assert_eq!((answer.status, ended), (410, Some("revoked"))),
        }
    }
    let answer = fixture.ask(&ours("DELETE", &principal(9), "")).await;
    assert_eq!(answer.expect(200).number("Session-Count"), 1);
}
