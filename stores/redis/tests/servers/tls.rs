//! TLS, with an authority made for the test.

use std::fs;

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair,
};
use tempfile::TempDir;

use crate::fixture::{failure, found, session, store};
use crate::server::{RedisServer, free_port};

/// Writes an authority and a certificate and key for the server and for a client.
fn certificates() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let authority_key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name = DistinguishedName::new();
    params
        .distinguished_name
        .push(DnType::CommonName, "authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = params.self_signed(&authority_key).unwrap();
    fs::write(folder.path().join("ca.pem"), authority.pem()).unwrap();
    let issuer = Issuer::new(params, authority_key);
    for name in ["server", "client"] {
        let key = KeyPair::generate().unwrap();
        let hosts = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
        let params = CertificateParams::new(hosts).unwrap();
        let certificate = params.signed_by(&key, &issuer).unwrap();
        fs::write(folder.path().join(format!("{name}.pem")), certificate.pem()).unwrap();
        fs::write(
            folder.path().join(format!("{name}.key")),
            key.serialize_pem(),
        )
        .unwrap();
    }
    folder
}

#[tokio::test]
async fn tls_checks_both_sides() {
    let folder = certificates();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let port = free_port();
    let (text, certificate, key, roots) = (
        port.to_string(),
        path("server.pem"),
        path("server.key"),
        path("ca.pem"),
    );
    let server = RedisServer::start(&[
        "--tls-port",
        &text,
        "--tls-cert-file",
        &certificate,
        "--tls-key-file",
        &key,
        "--tls-ca-cert-file",
        &roots,
        "--tls-auth-clients",
        "yes",
    ])
    .await;
    let base = format!("rediss://localhost:{port}");
    let client = format!(
        "tls-client-cert={}&tls-client-key={}",
        path("client.pem"),
        path("client.key")
    );

    let trusting = store(&format!("{base}?tls={roots}&{client}"));
    found(&trusting, session(&trusting).await).await;

    let message = failure(&store(&format!("{base}?{client}"))).await;
    assert!(
        message.contains("authority") && message.contains("store.tls"),
        "{message}"
    );
    let message = failure(&store(&format!("{base}?tls={roots}"))).await;
    assert!(message.contains("tls_client_cert"), "{message}");
    drop(server);
}
