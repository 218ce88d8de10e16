//! TLS towards the server.

use session_core::{ConfigError, StoreConfig};

/// The options that have to do with TLS, as they stand in the configuration.
#[derive(Debug, Default)]
pub(crate) struct TlsOptions {
    is_on: bool,
    roots: Option<String>,
    client_cert: Option<String>,
    client_key: Option<String>,
}

/// The certificates that connections use, read once.
#[derive(Clone)]
pub(crate) struct Tls {
    #[cfg(feature = "tls")]
    certificates: redis::TlsCertificates,
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tls(..)")
    }
}

impl TlsOptions {
    pub(crate) fn new(is_on: bool) -> Self {
        Self {
            is_on,
            ..Self::default()
        }
    }

    /// Takes an option; `false` if it has nothing to do with TLS.
    pub(crate) fn set(&mut self, name: &str, value: &str) -> bool {
        let option = match name {
            "tls" => &mut self.roots,
            "tls_client_cert" => &mut self.client_cert,
            "tls_client_key" => &mut self.client_key,
            _ => return false,
        };
        *option = Some(value.to_owned());
        true
    }

    /// What connections need for TLS; none if they have none.
    pub(crate) fn open(self, config: &StoreConfig) -> Result<Option<Tls>, ConfigError> {
        let roots = self.roots.as_deref();
        if !self.is_on {
            let options = [&self.roots, &self.client_cert, &self.client_key];
            if options.iter().any(|option| option.is_some()) {
                let fix = "write rediss:// for TLS, or take the tls options away";
                return Err(config.error("tls", "the URL says that there is no TLS", fix));
            }
            return Ok(None);
        }
        if roots.is_some_and(|roots| roots != "system" && !roots.starts_with('/')) {
            let fix = "write \"system\", or the absolute path of a PEM file with the server's \
                       authority";
            return Err(config.error("tls", "neither \"system\" nor an absolute path", fix));
        }
        if self.client_cert.is_some() != self.client_key.is_some() {
            let wrong = "tls_client_cert and tls_client_key need each other";
            return Err(config.error("tls_client_cert", wrong, "write both, or none"));
        }
        self.read(config).map(Some)
    }

    #[cfg(feature = "tls")]
    fn read(self, config: &StoreConfig) -> Result<Tls, ConfigError> {
        use redis::{ClientTlsConfig, TlsCertificates};

        let file = |name: &str, path: &str| {
            std::fs::read(path).map_err(|error| {
                let wrong = format!("cannot read {path}: {error}");
                config.error(name, wrong, "name a file that this process may read")
            })
        };
        let roots = self.roots.filter(|roots| roots != "system");
        let root_cert = roots.map(|path| file("tls", &path)).transpose()?;
        let client_tls = match (&self.client_cert, &self.client_key) {
            (Some(certificate), Some(key)) => Some(ClientTlsConfig {
                client_cert: file("tls_client_cert", certificate)?,
                client_key: file("tls_client_key", key)?,
            }),
            _ => None,
        };
        // The driver takes the provider of the process and would panic if there were a choice.
        if rustls::crypto::CryptoProvider::get_default().is_none() {
            let provider = rustls::crypto::aws_lc_rs::default_provider();
            // Somebody else may have been first, which is as good.
            let _ = provider.install_default();
        }
        let certificates = TlsCertificates {
            client_tls,
            root_cert,
        };
        Ok(Tls { certificates })
    }

    #[cfg(not(feature = "tls"))]
    fn read(self, config: &StoreConfig) -> Result<Tls, ConfigError> {
        let fix = "build session-store-redis with its feature `tls`";
        Err(config.error("url", "this program was built without TLS", fix))
    }
}

impl Tls {
    /// A client that speaks TLS.
    #[cfg(feature = "tls")]
    pub(crate) fn client(&self, info: redis::ConnectionInfo) -> redis::RedisResult<redis::Client> {
        redis::Client::build_with_tls(info, self.certificates.clone())
    }

    /// A client that speaks TLS.
    #[cfg(not(feature = "tls"))]
    pub(crate) fn client(&self, info: redis::ConnectionInfo) -> redis::RedisResult<redis::Client> {
        redis::Client::open(info)
    }
}
