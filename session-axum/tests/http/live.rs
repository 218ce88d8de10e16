//! Streams and WebSockets.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::response::Response;
use axum::routing::get;
use futures_util::{SinkExt as _, StreamExt as _, stream};
use session_axum::{Error, LiveSession, Session};
use tokio::sync::Notify;
use tokio_tungstenite::tungstenite;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;

use crate::support::{Server, Sessions, Visitor, header};

async fn count(session: Session) -> Result<String, Error> {
    Ok(session.increment("n", 1)?.to_string())
}

async fn log_out(session: Session) -> Result<(), Error> {
    Ok(session.destroy()?)
}

async fn renew(session: Session) -> Result<(), Error> {
    Ok(session.renew()?)
}

/// A body of one piece, which is made after the head was sent and somebody said go.
fn later(go: Arc<Notify>, work: impl Future<Output = String> + Send + 'static) -> Body {
    let piece = async move {
        go.notified().await;
        Ok::<_, std::convert::Infallible>(work.await)
    };
    Body::from_stream(stream::once(piece))
}

fn says<T: std::fmt::Debug>(outcome: Result<T, session_core::SessionError>) -> String {
    outcome.map_or_else(
        |error| format!("{:?}", error.kind()),
        |value| format!("{value:?}"),
    )
}

async fn plain(State(go): State<Arc<Notify>>, session: Session) -> Result<Body, Error> {
    session.increment("n", 1)?;
    Ok(later(go, async move {
        let commit = says(session.commit().await);
        let outcomes = [
            says(session.insert("late", &1)),
            says(session.renew()),
            says(session.destroy()),
            commit,
            says(session.get::<i64>("n")),
        ];
        outcomes.join(" ")
    }))
}

async fn live(State(go): State<Arc<Notify>>, session: LiveSession) -> Result<Body, Error> {
    session.increment("n", 1)?;
    Ok(later(go, async move {
        let seen = says(session.reload().await);
        let count = says(session.increment("n", 10));
        let commit = says(session.commit().await);
        let alive = says(session.keep_alive().await);
        [seen, count, commit, alive].join(" ")
    }))
}

async fn end(State(go): State<Arc<Notify>>, session: LiveSession) -> Body {
    later(go, async move {
        let destroyed = says(session.destroy());
        let commit = says(session.commit().await);
        [destroyed, commit].join(" ")
    })
}

async fn too_new(State(go): State<Arc<Notify>>, session: LiveSession) -> Body {
    later(go, async move {
        let renewed = says(session.renew());
        let commit = says(session.commit().await);
        [renewed, commit].join(" ")
    })
}

async fn upgrade(socket: WebSocketUpgrade, session: LiveSession) -> Result<Response, Error> {
    session.increment("n", 1)?;
    Ok(socket.on_upgrade(move |socket| talk(socket, session)))
}

async fn talk(mut socket: WebSocket, session: LiveSession) {
    while let Some(Ok(Message::Text(text))) = socket.recv().await {
        let answer = match text.as_str() {
            "count" => match session.increment("n", 1) {
                Ok(_) => says(session.commit().await),
                Err(error) => format!("{:?}", error.kind()),
            },
            "read" => says(session.get::<i64>("n")),
            "reload" => says(session.reload().await),
            _ => says(session.keep_alive().await),
        };
        if socket.send(Message::Text(answer.into())).await.is_err() {
            return;
        }
    }
}

async fn server() -> (Server, Arc<Notify>) {
    let go = Arc::new(Notify::new());
    let app = Router::new()
        .route("/plain", get(plain))
        .route("/live", get(live))
        .route("/end", get(end))
        .route("/renewing", get(too_new))
        .with_state(go.clone())
        .route("/count", get(count))
        .route("/logout", get(log_out))
        .route("/renew", get(renew))
        .route("/ws", get(upgrade));
    let sessions = Sessions::default();
    (Server::start(app.layer(sessions.layer)).await, go)
}

#[tokio::test]
async fn c17_a_plain_session_is_committed_before_the_head_and_refuses_later_writes() {
    let (server, go) = server().await;
    let visitor = server.visitor();
    let head = visitor.get("/plain").await;
    assert_eq!(
        visitor.text("/count").await,
        "2",
        "committed before the body"
    );
    go.notify_one();
    let body = head.text().await.unwrap();
    assert_eq!(body, "TooLate TooLate TooLate TooLate Some(1)");
}

#[tokio::test]
async fn a_live_session_writes_after_the_head_what_it_commits() {
    let (server, go) = server().await;
    let visitor = server.visitor();
    let head = visitor.get("/live").await;
    assert!(
        head.headers().contains_key("set-cookie"),
        "the first write was before it"
    );
    assert_eq!(visitor.text("/count").await, "2");
    go.notify_one();
    assert_eq!(head.text().await.unwrap(), "true 12 () true");
    assert_eq!(visitor.text("/count").await, "13");
}

#[tokio::test]
async fn n04_a_live_session_is_told_that_it_ended_meanwhile() {
    let (server, go) = server().await;
    let visitor = server.visitor();
    visitor.text("/count").await;
    let head = visitor.get("/live").await;
    visitor.text("/logout").await;
    go.notify_one();
    assert_eq!(head.text().await.unwrap(), "false 12 Ended false");
    assert_eq!(visitor.text("/count").await, "1", "another session");
}

#[tokio::test]
async fn a_live_session_can_end_itself_and_not_become_another() {
    let (server, go) = server().await;
    let visitor = server.visitor();
    visitor.text("/count").await;
    let head = visitor.get("/renewing").await;
    go.notify_one();
    assert_eq!(head.text().await.unwrap(), "() TooLate");
    assert_eq!(visitor.text("/count").await, "2");
    let head = visitor.get("/end").await;
    go.notify_one();
    assert_eq!(head.text().await.unwrap(), "() ()");
    assert_eq!(visitor.text("/count").await, "1");
}

type Socket =
    tokio_tungstenite::WebSocketStream<tokio_tungstenite::MaybeTlsStream<tokio::net::TcpStream>>;

async fn connect(server: &Server, cookie: &str) -> Socket {
    let url = format!("ws://{}/ws", server.address);
    let mut request = url.into_client_request().unwrap();
    request
        .headers_mut()
        .insert("cookie", cookie.parse().unwrap());
    let (socket, response) = tokio_tungstenite::connect_async(request).await.unwrap();
    assert_eq!(response.status(), 101);
    socket
}

async fn ask(socket: &mut Socket, question: &str) -> String {
    socket
        .send(tungstenite::Message::text(question))
        .await
        .unwrap();
    socket
        .next()
        .await
        .unwrap()
        .unwrap()
        .into_text()
        .unwrap()
        .to_string()
}

async fn cookie_of(visitor: &Visitor) -> String {
    let cookie = header(&visitor.get("/count").await, "set-cookie");
    cookie.split(';').next().unwrap().to_owned()
}

#[tokio::test]
async fn a_websocket_reads_and_writes_the_session() {
    let (server, _) = server().await;
    let visitor = server.visitor();
    let cookie = cookie_of(&visitor).await;
    let mut socket = connect(&server, &cookie).await;
    assert_eq!(
        visitor.text("/count").await,
        "3",
        "committed with the upgrade"
    );
    assert_eq!(ask(&mut socket, "read").await, "Some(2)");
    assert_eq!(ask(&mut socket, "count").await, "()");
    assert_eq!(ask(&mut socket, "read").await, "Some(4)", "merged");
    assert_eq!(visitor.text("/count").await, "5");
    assert_eq!(ask(&mut socket, "reload").await, "true");
    assert_eq!(ask(&mut socket, "read").await, "Some(5)");
    assert_eq!(ask(&mut socket, "alive").await, "true");
}

#[tokio::test]
async fn n15_a_websocket_is_told_that_its_session_is_over() {
    for end in ["/logout", "/renew"] {
        let (server, _) = server().await;
        let visitor = server.visitor();
        let cookie = cookie_of(&visitor).await;
        let mut socket = connect(&server, &cookie).await;
        visitor.text(end).await;
        assert_eq!(ask(&mut socket, "alive").await, "false", "{end}");
        assert_eq!(ask(&mut socket, "reload").await, "false", "{end}");
        let told = if end == "/logout" {
            "Ended"
        } else {
            "Conflict"
        };
        assert_eq!(ask(&mut socket, "count").await, told);
        assert_eq!(ask(&mut socket, "alive").await, "false", "still");
    }
}
