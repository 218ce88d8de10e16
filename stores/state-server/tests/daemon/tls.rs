//! TLS on the port.

use std::fs;
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::certificates::Authority;
use crate::client::{Client, get, put};
use crate::process::{Daemon, PATIENCE, until};

/// A daemon with a certificate for `localhost`, and more flags.
fn start(authority: &Authority, more: &[&str]) -> Daemon {
    let (cert, key) = (authority.file("server.pem"), authority.file("server.key"));
    if !fs::exists(&cert).unwrap() {
        authority.sign("server", "localhost");
    }
    Daemon::start(&[&["--tls-cert", &cert, "--tls-key", &key], more].concat())
}

/// A client that trusts the authority, with a certificate from it if one is named.
fn client(daemon: &Daemon, authority: &Authority, shown: Option<&str>) -> Client {
    let certificates = |file: String| {
        let read = CertificateDer::pem_file_iter(file).unwrap();
        read.map(Result::unwrap).collect::<Vec<_>>()
    };
    let mut roots = RootCertStore::empty();
    for certificate in certificates(authority.file("ca.pem")) {
        roots.add(certificate).unwrap();
    }
    let builder = ClientConfig::builder().with_root_certificates(roots);
    let config = match shown {
        None => builder.with_no_client_auth(),
        Some(name) => {
            let key = PrivateKeyDer::from_pem_file(authority.file(&format!("{name}.key")));
            let chain = certificates(authority.file(&format!("{name}.pem")));
            builder.with_client_auth_cert(chain, key.unwrap()).unwrap()
        }
    };
    let name = ServerName::try_from("localhost").unwrap();
    let connection = ClientConnection::new(Arc::new(config), name).unwrap();
    let stream = TcpStream::connect(&daemon.places[0]).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    Client::over(Box::new(StreamOwned::new(connection, stream)))
}

#[test]
fn requests_and_large_bodies() {
    let authority = Authority::new();
    let daemon = start(&authority, &[]);
    let mut client = client(&daemon, &authority, None);
    for size in [1, 10_000, 1 << 20, 20 << 20] {
        client.ask(&put("/a", "", &"x".repeat(size))).expect(200);
        assert_eq!(client.ask(&get("/a", "")).expect(200).body.len(), size);
    }
    client.send([get("/a", ""), get("/b", "")].concat());
    client.answer().expect(200);
    client.answer().expect(404);
}

#[test]
fn a_client_certificate_is_demanded_where_an_authority_is_named() {
    let authority = Authority::new();
    authority.sign("alice", "alice");
    let ca = authority.file("ca.pem");
    let daemon = start(&authority, &["--tls-client-ca", &ca]);
    client(&daemon, &authority, Some("alice"))
        .ask(&get("/a", ""))
        .expect(404);
    // In TLS 1.3 the client learns with its first read that it was not let in.
    let is_refused = |client: &mut Client| {
        client.send_if_open(&get("/a", ""));
        client.try_next().is_err()
    };
    assert!(is_refused(&mut client(&daemon, &authority, None)));
    let stranger = Authority::new();
    stranger.sign("mallory", "mallory");
    for suffix in ["pem", "key"] {
        let file = format!("mallory.{suffix}");
        fs::copy(stranger.file(&file), authority.file(&file)).unwrap();
    }
    assert!(is_refused(&mut client(
        &daemon,
        &authority,
        Some("mallory")
    )));
    let count = || daemon.metric("refusals_total{reason=\"handshake\"}");
    until(|| (count() == 2).then_some(())).unwrap();
    daemon.logs("no TLS handshake");
}

#[test]
fn plain_bytes_are_logged_and_closed() {
    let authority = Authority::new();
    let daemon = start(&authority, &[]);
    let mut plain = daemon.client();
    plain.send(get("/a", ""));
    assert!(plain.is_closed());
    daemon.logs("must be told to use TLS");
    client(&daemon, &authority, None)
        .ask(&get("/a", ""))
        .expect(404);
}

#[test]
fn a_handshake_has_as_long_as_a_request() {
    let authority = Authority::new();
    let daemon = start(
        &authority,
        &["--frame-timeout", "300ms", "--max-connections", "2"],
    );
    let start = Instant::now();
    let mut silent = daemon.client();
    let mut slow = daemon.client();
    slow.send([22, 3, 1]);
    assert!(silent.is_closed() && slow.is_closed());
    assert!(start.elapsed() >= Duration::from_millis(300));
    until(|| (daemon.metric("connections") == 0).then_some(())).unwrap();
    assert_eq!(daemon.metric("refusals_total{reason=\"handshake\"}"), 2);
    let mut client = client(&daemon, &authority, None);
    client.ask(&get("/a", "")).expect(404);
}

/// Handshakes count as connections.
#[test]
fn too_many_connections_are_turned_away() {
    let authority = Authority::new();
    let daemon = start(&authority, &["--max-connections", "2"]);
    let _first = daemon.client();
    let mut second = client(&daemon, &authority, None);
    second.ask(&get("/a", "")).expect(404);
    let mut third = client(&daemon, &authority, None);
    third.ask(&get("/a", "")).expect(429);
}

#[test]
fn certificates_are_read_again() {
    let authority = Authority::new();
    let daemon = start(&authority, &[]);
    let mut before = client(&daemon, &authority, None);
    before.ask(&get("/a", "")).expect(404);
    fs::write(authority.file("server.key"), "junk").unwrap();
    daemon.signal(Signal::HUP);
    daemon.logs("TLS goes on with what it had");
    client(&daemon, &authority, None)
        .ask(&get("/a", ""))
        .expect(404);
    // A new authority signs; who trusts only the old one is not served.
    let new = Authority::new();
    new.sign("server", "localhost");
    for file in ["server.pem", "server.key"] {
        fs::copy(new.file(file), authority.file(file)).unwrap();
    }
    daemon.signal(Signal::HUP);
    daemon.logs("have been read again");
    client(&daemon, &new, None).ask(&get("/a", "")).expect(404);
    before.ask(&get("/a", "")).expect(404);
}

#[test]
fn without_tls_the_signal_to_read_again_does_nothing() {
    let daemon = Daemon::start(&[]);
    daemon.signal(Signal::HUP);
    std::thread::sleep(Duration::from_millis(50));
    daemon.client().ask(&get("/a", "")).expect(404);
}

#[test]
fn the_drain_ends_connections_with_tls() {
    let authority = Authority::new();
    let mut daemon = start(&authority, &[]);
    let mut open = client(&daemon, &authority, None);
    open.ask(&get("/a", "")).expect(404);
    let _silent = daemon.client();
    until(|| (daemon.metric("connections") == 2).then_some(())).unwrap();
    daemon.signal(Signal::TERM);
    daemon.logs("draining");
    open.ask(&get("/a", "")).expect(503);
    assert!(daemon.ended(Duration::from_secs(5)).success());
}
