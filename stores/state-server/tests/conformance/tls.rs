//! TLS towards the server, and what is said when it does not come about.

use std::sync::Arc;
use std::time::Duration;

use session_core::{Load, SessionStore, StoreError, StoreErrorKind};
use session_store_state_server::server::{self, Limits, Listening, Server, TlsFiles, Tokens};
use session_store_state_server::{StateServerStore, Tls};
use tempfile::TempDir;
use tokio::net::{TcpListener, UdpSocket};

use crate::certificates::Authority;
use crate::farm::{LIFETIME, create, key, load, record, serve};

/// A server behind TLS, whose certificate is for `name`; its port.
async fn serve_tls(authority: &Authority, name: &str, clients: Option<&Authority>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = Server::new(Limits::default(), Tokens::default());
    let tls = server_tls(authority, name, clients);
    tokio::spawn(server.serve(Listening::Tls(listener, tls)));
    port
}

/// What a server needs whose certificate is for `name`.
pub(crate) fn server_tls(
    authority: &Authority,
    name: &str,
    clients: Option<&Authority>,
) -> Arc<server::Tls> {
    authority.sign("server", name);
    let tls = server::Tls::load(TlsFiles {
        cert: authority.file("server.pem").into(),
        key: authority.file("server.key").into(),
        client_ca: clients.map(|clients| clients.file("ca.pem").into()),
    });
    Arc::new(tls.unwrap())
}

/// The files of a certificate for `name` and of its key.
fn issued(authority: &Authority, name: &str) -> (String, String) {
    authority.sign(name, name);
    let file = |kind: &str| authority.file(&format!("{name}.{kind}"));
    (file("pem"), file("key"))
}

fn store(place: &str, query: &str) -> Arc<StateServerStore> {
    let url = format!("state-server://{place}?connect-timeout=3s&{query}");
    Arc::new(StateServerStore::builder(&url).unwrap().build())
}

async fn failure(store: &Arc<StateServerStore>) -> StoreError {
    let asked = tokio::time::timeout(Duration::from_secs(5), load(store, key(1)));
    asked.await.unwrap().unwrap_err()
}

fn assert_says(error: &StoreError, words: &[&str]) {
    let text = error.to_string();
    for word in words {
        assert!(text.contains(word), "no {word:?} in: {text}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_are_kept_over_tls() {
    let authority = Authority::new();
    let port = serve_tls(&authority, "localhost", None).await;
    let store = store(
        &format!("localhost:{port}"),
        &format!("tls={}", authority.file("ca.pem")),
    );
    create(&store, key(1)).await;
    assert!(matches!(load(&store, key(1)).await, Ok(Load::Found(_))));

    let mut large = record(1);
    large.payload = vec![7; 3 << 20].into();
    let created = Arc::clone(&store).create(key(2), large.clone(), LIFETIME);
    assert!(created.await.is_ok());
    match load(&store, key(2)).await.unwrap() {
        Load::Found(found) => assert_eq!(found.record, large),
        other => panic!("{other:?}"),
    }

    let many = (10..300).map(|number| {
        let store = Arc::clone(&store);
        tokio::spawn(async move { create(&store, key(number)).await })
    });
    for one in many.collect::<Vec<_>>() {
        one.await.unwrap();
    }
}

#[tokio::test]
async fn the_name_may_be_another_than_that_of_the_url() {
    let authority = Authority::new();
    let port = serve_tls(&authority, "state.example", None).await;
    let place = format!("127.0.0.1:{port}");
    let roots = format!("tls={}", authority.file("ca.pem"));
    let error = failure(&store(&place, &roots)).await;
    assert_eq!(error.kind(), StoreErrorKind::Refused);
    let words = [
        &place,
        "phase: TLS",
        "another name",
        "store.tls_server_name",
    ];
    assert_says(&error, &words);

    let named = store(&place, &format!("{roots}&tls-server-name=state.example"));
    create(&named, key(1)).await;
    let tls = Tls::roots(authority.file("ca.pem")).server_name("state.example");
    let url = format!("state-server://{place}");
    let builder = StateServerStore::builder(&url).unwrap();
    let built = Arc::new(builder.tls(&tls).unwrap().build());
    assert!(matches!(load(&built, key(1)).await, Ok(Load::Found(_))));
}

#[tokio::test]
async fn an_unknown_authority_is_not_trusted() {
    let (authority, other) = (Authority::new(), Authority::new());
    let port = serve_tls(&authority, "localhost", None).await;
    let place = format!("localhost:{port}");
    for roots in [other.file("ca.pem"), "system".to_owned()] {
        let store = match roots.as_str() {
            "system" if !has_system_roots() => continue,
            roots => store(&place, &format!("tls={roots}")),
        };
        let error = failure(&store).await;
        assert_eq!(error.kind(), StoreErrorKind::Refused);
        assert_says(&error, &[&place, "phase: TLS", "not trusted", "store.tls"]);
    }
}

fn has_system_roots() -> bool {
    StateServerStore::builder("state-server://localhost?tls=system").is_ok()
}

#[tokio::test]
async fn a_client_certificate_is_shown_where_it_is_demanded() {
    let (authority, clients, other) = (Authority::new(), Authority::new(), Authority::new());
    let port = serve_tls(&authority, "localhost", Some(&clients)).await;
    let place = format!("localhost:{port}");
    let roots = format!("tls={}", authority.file("ca.pem"));
    let error = failure(&store(&place, &roots)).await;
    assert_eq!(error.kind(), StoreErrorKind::Refused);
    let words = [&place, "client certificate", "store.tls_client_cert"];
    assert_says(&error, &words);

    let with = |(cert, key): (String, String)| {
        store(
            &place,
            &format!("{roots}&tls-client-cert={cert}&tls-client-key={key}"),
        )
    };
    let error = failure(&with(issued(&other, "shop"))).await;
    assert_eq!(error.kind(), StoreErrorKind::Refused);
    assert_says(
        &error,
        &["refuses our certificate", "store.tls_client_cert"],
    );

    let admitted = with(issued(&clients, "shop"));
    create(&admitted, key(1)).await;
    assert!(matches!(load(&admitted, key(1)).await, Ok(Load::Found(_))));
}

#[tokio::test]
async fn a_client_without_tls_is_told_of_a_server_with_it() {
    let authority = Authority::new();
    let port = serve_tls(&authority, "localhost", None).await;
    let place = format!("localhost:{port}");
    let error = failure(&store(&place, "connect-timeout=300ms")).await;
    assert_says(&error, &[&place, "phase: token", "speaks TLS", "store.tls"]);
}

#[tokio::test]
async fn a_client_with_tls_is_told_of_a_server_without_it() {
    let authority = Authority::new();
    let place = serve().await;
    let roots = format!("tls={}", authority.file("ca.pem"));
    let error = failure(&store(&place, &roots)).await;
    assert_eq!(error.kind(), StoreErrorKind::Refused);
    let words = [&*place, "phase: TLS", "does not speak TLS", "--tls-cert"];
    assert_says(&error, &words);
}

fn config_error(query: &str) -> String {
    let url = format!("state-server://localhost?{query}");
    match StateServerStore::builder(&url) {
        Ok(_) => panic!("{query} was taken"),
        Err(error) => error.to_string(),
    }
}

#[tokio::test]
async fn files_that_do_not_fit_are_named() {
    let authority = Authority::new();
    let (cert, key) = issued(&authority, "one");
    let (_, other) = issued(&authority, "two");
    let roots = authority.file("ca.pem");
    for (query, words) in [
        ("tls=ca.pem".to_owned(), ["store.tls", "absolute path"]),
        ("tls=/no/such.pem".to_owned(), ["store.tls", "/no/such.pem"]),
        (format!("tls={key}"), ["store.tls", "no certificate"]),
        (
            format!("tls={roots}&tls-client-cert={cert}"),
            ["store.tls_client_cert", "each other"],
        ),
        (
            format!("tls={roots}&tls-client-cert={cert}&tls-client-key={other}"),
            ["store.tls_client_key", "store.tls_client_cert"],
        ),
        (
            format!("tls={roots}&tls-client-cert={cert}&tls-client-key={cert}"),
            ["store.tls_client_key", "private key"],
        ),
        (
            format!("tls={roots}&tls-server-name=-"),
            ["store.tls_server_name", "host name"],
        ),
        (
            "tls-server-name=a".to_owned(),
            ["store.tls_server_name", "no TLS"],
        ),
    ] {
        let error = config_error(&query);
        for word in words {
            assert!(error.contains(word), "{query}: no {word:?} in {error}");
        }
        assert!(!error.contains("PRIVATE"), "{error}");
    }
}

/// An address of this machine that others can reach, if it has one.
async fn outer_address() -> Option<String> {
    let socket = UdpSocket::bind("0.0.0.0:0").await.ok()?;
    // Nothing is sent; the system only chooses the address it would send from.
    socket.connect("192.0.2.1:9").await.ok()?;
    let address = socket.local_addr().ok()?.ip();
    (!address.is_loopback() && !address.is_unspecified()).then(|| address.to_string())
}

#[tokio::test]
async fn a_server_on_loopback_only_is_recognised() {
    let Some(outer) = outer_address().await else {
        eprintln!("skipped: this machine has loopback only");
        return;
    };
    let inner = serve().await;
    let port = inner.rsplit(':').next().unwrap();
    let place = format!("{outer}:{port}");
    let error = failure(&store(&place, "connect-timeout=300ms")).await;
    let words = [
        &*place,
        "phase: connect",
        "127.0.0.1 only",
        "--allow-remote",
    ];
    assert_says(&error, &words);
}

/// A token crosses the network in clear text only if somebody says so.
#[tokio::test]
async fn a_token_is_not_sent_over_plain_tcp_to_others() {
    let Some(outer) = outer_address().await else {
        eprintln!("skipped: this machine has loopback only");
        return;
    };
    let listener = TcpListener::bind((outer.as_str(), 0)).await.unwrap();
    let place = listener.local_addr().unwrap().to_string();
    let server = Server::new(Limits::default(), Tokens::from_lines("secret"));
    tokio::spawn(server.serve(Listening::Tcp(listener)));
    let url = format!("state-server://{place}");
    let builder = || {
        StateServerStore::builder(&url)
            .unwrap()
            .token("secret")
            .unwrap()
    };

    let guarded = Arc::new(builder().build());
    let error = failure(&guarded).await;
    assert_eq!(error.kind(), StoreErrorKind::Refused);
    let words = [&*place, "clear text", "store.insecure_token_over_plain_tcp"];
    assert_says(&error, &words);
    let open = Arc::new(builder().insecure_token_over_plain_tcp().build());
    create(&open, key(1)).await;

    let folder = TempDir::new().unwrap();
    let file = folder.path().join("token");
    std::fs::write(&file, "secret").unwrap();
    let url = format!("{url}?token-file={}", file.display());
    let error = StateServerStore::builder(&url).unwrap_err().to_string();
    assert!(error.contains("store.token_file"), "{error}");
    let url = format!("{url}&insecure-token-over-plain-tcp=true");
    assert!(StateServerStore::builder(&url).is_ok());
}
