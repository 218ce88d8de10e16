//! TLS towards the server.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{AlertDescription, CertificateError, ClientConfig, Error, RootCertStore};
use session_core::{ConfigError, StoreConfig};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// How a server proves who it is, and how we do.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), session_core::ConfigError> {
/// use session_store_state_server::{StateServerStore, Tls};
///
/// let tls = Tls::roots("/etc/shop/state-ca.pem").server_name("state.internal");
/// # let tls = Tls::system();
/// let store = StateServerStore::builder("state-server://10.0.0.7:42424")?
///     .tls(&tls)?
///     .build();
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default)]
pub struct Tls {
    /// The file with the authorities; none for those of the system.
    roots: Option<PathBuf>,
    client: Option<(PathBuf, PathBuf)>,
    server_name: Option<String>,
}

impl Tls {
    /// The server's certificate comes from an authority that the system trusts.
    #[must_use]
    pub fn system() -> Self {
        Self::default()
    }

    /// The server's certificate comes from an authority in this file, which has one certificate
    /// or more in PEM. A certificate that signs itself can stand there too.
    #[must_use]
    pub fn roots(file: impl Into<PathBuf>) -> Self {
        Self {
            roots: Some(file.into()),
            ..Self::default()
        }
    }

    /// The certificates (our own first) and the private key, both in PEM, that we show to a
    /// server which demands them. Default: none.
    #[must_use]
    pub fn client(mut self, certificates: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        self.client = Some((certificates.into(), key.into()));
        self
    }

    /// The name or address that the server's certificate has to have. Default: the host in the
    /// URL.
    #[must_use]
    pub fn server_name(mut self, name: impl Into<String>) -> Self {
        self.server_name = Some(name.into());
        self
    }

    /// Reads the files.
    pub(super) fn open(&self, config: &StoreConfig) -> Result<Connector, ConfigError> {
        let name = self.server_name.as_deref().map(|name| {
            let fix = "write a host name or an IP address";
            let name = ServerName::try_from(name.to_owned());
            name.map_err(|_| config.error("tls_server_name", "neither name nor address", fix))
        });
        let roots = match &self.roots {
            Some(file) => roots(config, file)?,
            None => system_roots(config)?,
        };
        Ok(Connector {
            connector: Arc::new(self.client_config(config, roots)?).into(),
            server_name: name.transpose()?,
        })
    }

    fn client_config(
        &self,
        config: &StoreConfig,
        roots: RootCertStore,
    ) -> Result<ClientConfig, ConfigError> {
        let wrong = |error: &dyn fmt::Display| {
            config.error("tls", error.to_string(), "look at the certificates in it")
        };
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let verifier =
            WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
                .build()
                .map_err(|error| wrong(&error))?;
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| wrong(&error))?
            .with_webpki_verifier(verifier);
        let Some((certificates, key)) = &self.client else {
            return Ok(builder.with_no_client_auth());
        };
        let certificates = certificates_in(config, "tls_client_cert", certificates)?;
        let key = private_key(config, key)?;
        let built = builder.with_client_auth_cert(certificates, key);
        built.map_err(|error| {
            let fix = "name the key of the first certificate in store.tls_client_cert";
            config.error("tls_client_key", error.to_string(), fix)
        })
    }
}

fn roots(config: &StoreConfig, file: &Path) -> Result<RootCertStore, ConfigError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates_in(config, "tls", file)? {
        roots.add(certificate).map_err(|error| {
            let wrong = format!("a certificate in {}: {error}", file.display());
            config.error("tls", wrong, "name a file with certificates of authorities")
        })?;
    }
    Ok(roots)
}

fn system_roots(config: &StoreConfig) -> Result<RootCertStore, ConfigError> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        let fix = "install the package ca-certificates, or write the path of a file with the \
                   server's authority in place of \"system\"";
        return Err(config.error("tls", "this system trusts no authority", fix));
    }
    Ok(roots)
}

fn certificates_in(
    config: &StoreConfig,
    setting: &str,
    file: &Path,
) -> Result<Vec<CertificateDer<'static>>, ConfigError> {
    let wrong = |problem: String| {
        let wrong = format!("{}: {problem}", file.display());
        let fix = "name a PEM file with certificates that this process may read";
        config.error(setting, wrong, fix)
    };
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_file_iter(file)
        .map_err(|error| wrong(error.to_string()))?
        .collect();
    let certificates = certificates.map_err(|error| wrong(error.to_string()))?;
    if certificates.is_empty() {
        return Err(wrong("no certificate in it".to_owned()));
    }
    Ok(certificates)
}

fn private_key(config: &StoreConfig, file: &Path) -> Result<PrivateKeyDer<'static>, ConfigError> {
    PrivateKeyDer::from_pem_file(file).map_err(|error| {
        let wrong = format!("{}: {error}", file.display());
        let fix = "name a PEM file with one private key that this process may read";
        config.error("tls_client_key", wrong, fix)
    })
}

/// Puts TLS on connections.
#[derive(Clone)]
pub(super) struct Connector {
    connector: TlsConnector,
    server_name: Option<ServerName<'static>>,
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connector")
            .field("server_name", &self.server_name)
            .finish_non_exhaustive()
    }
}

impl Connector {
    /// The server stands in the URL as `host`.
    pub(super) async fn connect(
        &self,
        host: &str,
        stream: TcpStream,
    ) -> io::Result<TlsStream<TcpStream>> {
        let name = match &self.server_name {
            Some(name) => name.clone(),
            None => ServerName::try_from(host.to_owned()).map_err(io::Error::other)?,
        };
        self.connector.connect(name, stream).await
    }
}

/// What to look at if the error is one of TLS.
pub(super) fn advice(error: &io::Error) -> Option<&'static str> {
    let error = error.get_ref()?.downcast_ref::<Error>()?;
    Some(match error {
        Error::InvalidCertificate(certificate) => about_certificate(certificate),
        Error::InvalidMessage(_) => {
            "the server does not speak TLS here; start it with --tls-cert, or take store.tls away"
        }
        Error::AlertReceived(alert) => about_alert(*alert),
        _ => "look at store.tls and at the server's log",
    })
}

fn about_certificate(error: &CertificateError) -> &'static str {
    match error {
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            "the server's certificate is of an authority that is not trusted; name that \
             authority's file in store.tls"
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "the server's certificate has another name; write that in store.url or in \
             store.tls_server_name"
        }
        CertificateError::Expired
        | CertificateError::ExpiredContext { .. }
        | CertificateError::NotValidYet
        | CertificateError::NotValidYetContext { .. } => {
            "the server's certificate is not valid at this time; renew it, or set the clock"
        }
        _ => "look at the server's --tls-cert and at store.tls",
    }
}

fn about_alert(alert: AlertDescription) -> &'static str {
    match alert {
        AlertDescription::CertificateRequired => {
            "the server demands a client certificate; set store.tls_client_cert and \
             store.tls_client_key"
        }
        AlertDescription::BadCertificate
        | AlertDescription::UnknownCA
        | AlertDescription::UnsupportedCertificate
        | AlertDescription::CertificateExpired
        | AlertDescription::CertificateUnknown
        | AlertDescription::DecryptError
        | AlertDescription::AccessDenied => {
            "the server refuses our certificate; look at store.tls_client_cert and at the \
             authority that the server demands"
        }
        _ => "look at store.tls and at the server's log",
    }
}
