//! The admin port.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::harness::{Fixture, put};

async fn admin(fixture: &Fixture, path: &str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = fixture.server.clone();
    let serving = tokio::spawn(async move { server.admin(listener).await });
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    serving.abort();
    answer
}

#[tokio::test]
async fn health_and_readiness() {
    let fixture = Fixture::new().await;
    for path in ["/health", "/ready", "/"] {
        let answer = admin(&fixture, path).await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{path}: {answer}");
    }
    assert!(admin(&fixture, "/other").await.starts_with("HTTP/1.1 404 "));
    fixture.server.drain();
    assert!(
        admin(&fixture, "/health")
            .await
            .starts_with("HTTP/1.1 200 ")
    );
    assert!(admin(&fixture, "/ready").await.starts_with("HTTP/1.1 503 "));
}

#[tokio::test]
async fn metrics_count() {
    let fixture = Fixture::new().await;
    fixture.ask(&put("/a", "", "body")).await.expect(200);
    fixture.ask("junk\r\n\r\n").await.expect(400);
    let text = admin(&fixture, "/metrics").await;
    for line in [
        "session_state_server_items 1",
        "session_state_server_responses_total{status=\"200\"} 1",
        "session_state_server_responses_total{status=\"400\"} 1",
        "session_state_server_connections_total 2",
    ] {
        assert!(
            text.contains(&format!("\n{line}\n")),
            "{line} is not in {text}"
        );
    }
}
