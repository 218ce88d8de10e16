//! TLS towards the server, and what is said when it does not come about.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::RootCertStore;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use session_core::{Load, SessionStore, StoreError, StoreErrorKind};
use session_store_state_server::server::{Limits, Listening, Server, Tokens};
use session_store_state_server::{StateServerStore, Tls};
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio_rustls::TlsAcceptor;

use crate::farm::{LIFETIME, create, key, load, record, serve};

/// An authority whose certificates live as long as the test.
struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    folder: TempDir,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new([]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let issuer = CertifiedIssuer::self_signed(params, key).unwrap();
        let folder = TempDir::new().unwrap();
        std::fs::write(folder.path().join("ca.pem"), issuer.pem()).unwrap();
        Self { issuer, folder }
    }

    /// The file of the authority's own certificate, or another in its folder.
    fn file(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    fn issue(&self, name: &str) -> (CertificateDer<'static>, KeyPair) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new([name.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        (certificate.der().clone(), key)
    }

    /// Writes `name.pem` and `name.key`.
    fn issue_files(&self, name: &str) -> (PathBuf, PathBuf) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new([name.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let files = (
            self.folder.path().join(format!("{name}.pem")),
            self.folder.path().join(format!("{name}.key")),
        );
        std::fs::write(&files.0, certificate.pem()).unwrap();
        std::fs::write(&files.1, key.serialize_pem()).unwrap();
        files
    }

    fn server_config(&self, name: &str, clients: Option<&Self>) -> rustls::ServerConfig {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let builder = rustls::ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .unwrap();
        let builder = match clients {
            None => builder.with_no_client_auth(),
            Some(authority) => {
                let mut roots = RootCertStore::empty();
                roots.add(authority.issuer.der().clone()).unwrap();
                let roots = Arc::new(roots);
                let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider);
                builder.with_client_cert_verifier(verifier.build().unwrap())
            }
        };
        let (certificate, key) = self.issue(name);
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        builder.with_single_cert(vec![certificate], key).unwrap()
    }
}

/// A server behind TLS, whose certificate is for `name`; its port.
async fn serve_tls(authority: &Authority, name: &str, clients: Option<&Authority>) -> u16 {
    let config = authority.server_config(name, clients);
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let behind = serve().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (acceptor, behind) = (acceptor.clone(), behind.clone());
            tokio::spawn(async move {
                let mut stream = acceptor.accept(stream).await?;
                let mut behind = TcpStream::connect(behind).await?;
                tokio::io::copy_bidirectional(&mut stream, &mut behind).await
            });
        }
    });
    port
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

    let with = |(cert, key): (PathBuf, PathBuf)| {
        let (cert, key) = (cert.display(), key.display());
        store(
            &place,
            &format!("{roots}&tls-client-cert={cert}&tls-client-key={key}"),
        )
    };
    let error = failure(&with(other.issue_files("shop"))).await;
    assert_eq!(error.kind(), StoreErrorKind::Refused);
    assert_says(
        &error,
        &["refuses our certificate", "store.tls_client_cert"],
    );

    let admitted = with(clients.issue_files("shop"));
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
    let (cert, key) = authority.issue_files("one");
    let (_, other) = authority.issue_files("two");
    let (cert, key, other) = (cert.display(), key.display(), other.display());
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
