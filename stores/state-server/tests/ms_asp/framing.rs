//! How requests are told apart, and what is no request.

use std::time::Duration;

use crate::harness::{Fixture, delete, get, head, put};

#[tokio::test]
async fn pipelined_requests_are_answered_in_order() {
    let fixture = Fixture::new().await;
    let mut client = fixture.client().await;
    let mut all = String::new();
    for number in 0..500 {
        all.push_str(&put(&format!("/{number}"), "", &"x".repeat(number)));
        all.push_str(&get(&format!("/{number}"), ""));
    }
    client.send(&all).await;
    for number in 0..500 {
        client.answer().await.expect(200);
        assert_eq!(client.answer().await.expect(200).body.len(), number);
    }
}

/// Large answers and small ones in one batch keep their order.
#[tokio::test]
async fn large_answers_keep_their_place() {
    let fixture = Fixture::new().await;
    let mut client = fixture.client().await;
    client
        .ask(&put("/large", "", &"l".repeat(200_000)))
        .await
        .expect(200);
    client.ask(&put("/small", "", "s")).await.expect(200);
    let batch = [
        get("/small", ""),
        get("/large", ""),
        get("/large", ""),
        get("/small", ""),
    ];
    client.send(batch.concat()).await;
    for length in [1, 200_000, 200_000, 1] {
        assert_eq!(client.answer().await.expect(200).body.len(), length);
    }
}

/// A request that is cut after any byte is the same request.
#[tokio::test]
async fn requests_split_at_every_byte() {
    let fixture = Fixture::new().await;
    let requests = [
        put("/a", "Timeout: 5\r\nLock-Cookie: 7", "body\r\n\r\nGET"),
        get("/a", "Exclusive: acquire"),
        get("/a", "Exclusive: release\r\nLockCookie: 2"),
        head("/a", ""),
        delete("/a", ""),
    ];
    let all = requests.concat();
    for cut in 1..all.len() {
        let mut client = fixture.client().await;
        client.send(&all[..cut]).await;
        tokio::task::yield_now().await;
        client.send(&all[cut..]).await;
        for number in 0..requests.len() {
            let answer = client.answer().await;
            assert_eq!(answer.status, 200, "cut {cut}, answer {number}");
        }
    }
}

#[tokio::test]
async fn requests_byte_by_byte() {
    let fixture = Fixture::new().await;
    let mut client = fixture.client().await;
    for byte in put("/a", "Timeout: 5", "body").bytes() {
        client.send([byte]).await;
        tokio::task::yield_now().await;
    }
    client.answer().await.expect(200);
    assert_eq!(client.ask(&get("/a", "")).await.text(), "body");
}

/// A large body that comes in pieces, with the next request right behind it.
#[tokio::test]
async fn a_large_body_in_pieces() {
    let fixture = Fixture::new().await;
    let mut client = fixture.client().await;
    let body = "0123456789".repeat(30_000);
    let all = [get("/b", ""), put("/a", "", &body), get("/a", "")].concat();
    for piece in all.as_bytes().chunks(33_333) {
        client.send(piece).await;
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    client.answer().await.expect(404);
    client.answer().await.expect(200);
    assert_eq!(client.answer().await.expect(200).text(), body);
}

#[tokio::test]
async fn a_connection_reset_inside_a_body_stores_nothing() {
    let fixture = Fixture::new().await;
    for size in [10, 10_000, 1_000_000] {
        let mut client = fixture.client().await;
        let whole = put("/a", "", &"x".repeat(size));
        client.send(&whole[..whole.len() - 1]).await;
        tokio::time::sleep(Duration::from_millis(20)).await;
        client.reset();
        fixture.ask(&get("/a", "")).await.expect(404);
    }
}

#[tokio::test]
async fn after_a_refusal_with_sound_framing_the_connection_goes_on() {
    let fixture = Fixture::new().await;
    let mut client = fixture.client().await;
    for request in [
        put("/a", "Timeout: 0", "GET / HTTP/1.1\r\n\r\n"),
        put("/a", "Timeout: 0", &"x".repeat(100_000)),
        get("/a%zz", ""),
        get("/a", "Exclusive: maybe"),
        "POST /a HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc".to_owned(),
        "MOVE /a HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc".to_owned(),
    ] {
        client.ask(&request).await.expect(400);
    }
    client.ask(&get("/a", "")).await.expect(404);
}

#[tokio::test]
async fn an_unreadable_head_ends_the_connection() {
    let fixture = Fixture::new().await;
    for request in [
        "junk\r\n\r\n",
        "GET /a HTTP/1.1\nHost: x\n\n",
        "GET /a HTTP/1.1\r\nHost: x\r\n folded: y\r\n\r\n",
        "PUT /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "PUT /a HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        "PUT /a HTTP/1.1\r\nContent-Length: x\r\n\r\n",
        "PUT /a HTTP/1.1\r\n\r\n",
        "GET /a HTTP/1.1\r\nContent-Length: 1\r\n\r\nx",
        "DELETE /a HTTP/1.1\r\nContent-Length: 5\r\n\r\n",
    ] {
        let mut client = fixture.client().await;
        client.ask(request).await.expect(400);
        assert!(client.is_closed().await, "{request:?}");
    }
    fixture
        .ask("GET /a HTTP/1.1\r\nContent-Length: 0\r\n\r\n")
        .await
        .expect(404);
}

#[tokio::test]
async fn connection_close_is_heeded() {
    let fixture = Fixture::new().await;
    let mut client = fixture.client().await;
    client
        .ask(&get("/a", "Connection: close"))
        .await
        .expect(404);
    assert!(client.is_closed().await);
}

/// Bodies that are kept apart from what comes with them, whole or in part.
#[tokio::test]
async fn large_bodies_with_requests_behind_them() {
    let fixture = Fixture::new().await;
    let sizes = [32_767, 32_768, 40_000, 60_000, 100_000];
    for order in [sizes.to_vec(), sizes.iter().rev().copied().collect()] {
        let mut client = fixture.client().await;
        let mut all = String::new();
        for size in &order {
            all.push_str(&get("/none", ""));
            all.push_str(&put("/a", "", &"x".repeat(*size)));
            all.push_str(&get("/a", ""));
        }
        client.send(&all).await;
        for size in &order {
            client.answer().await.expect(404);
            client.answer().await.expect(200);
            assert_eq!(client.answer().await.expect(200).body.len(), *size);
        }
        client.ask(&delete("/a", "")).await.expect(200);
    }
}

/// So are those of the extended protocol.
#[tokio::test]
async fn extended_requests_split_at_every_byte() {
    let fixture = Fixture::new().await;
    let ours = "Session-Protocol: 1\r\n";
    let (from, to) = (crate::harness::key(1), crate::harness::key(2));
    let put = put(
        &format!("/s/{from}"),
        &format!("{ours}Session-Labels: YQ=="),
        "body",
    );
    let destination = format!("{ours}Destination: /s/{to}\r\nIf-Match: \"1\"");
    let request = crate::harness::request;
    let rename = request("MOVE", &format!("/s/{from}"), &destination, Some("moved"));
    let all = [put, rename, get(&format!("/s/{to}"), ours)].concat();
    for cut in 1..all.len() {
        // The sessions of the round before are forgotten.
        fixture.advance(3_600_000);
        let mut client = fixture.client().await;
        client.send(&all[..cut]).await;
        tokio::task::yield_now().await;
        client.send(&all[cut..]).await;
        for _ in 0..2 {
            client.answer().await.expect(200);
        }
        assert_eq!(
            client.answer().await.expect(200).text(),
            "moved",
            "cut {cut}"
        );
    }
}
