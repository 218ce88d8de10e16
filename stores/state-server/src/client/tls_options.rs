//! The options that have to do with TLS.

use session_core::{ConfigError, StoreConfig};

use super::address::Address;
use super::settings::Settings;
use super::tls::Connector;

/// The options that have to do with TLS, as they stand in the configuration.
#[derive(Debug, Default)]
pub(super) struct TlsOptions {
    tls: Option<String>,
    client_cert: Option<String>,
    client_key: Option<String>,
    server_name: Option<String>,
}

impl TlsOptions {
    /// Takes an option; `false` if it has nothing to do with TLS.
    pub(super) fn set(&mut self, name: &str, value: &str) -> bool {
        let option = match name {
            "tls" => &mut self.tls,
            "tls_client_cert" => &mut self.client_cert,
            "tls_client_key" => &mut self.client_key,
            "tls_server_name" => &mut self.server_name,
            _ => return false,
        };
        *option = Some(value.to_owned());
        true
    }

    /// What connections need for TLS; none if they have none.
    pub(super) fn open(
        self,
        config: &StoreConfig,
        servers: &[Address],
    ) -> Result<Option<Connector>, ConfigError> {
        let switch = self.tls.as_deref().unwrap_or("false");
        if switch == "false" {
            return self.unused(config);
        }
        if servers
            .iter()
            .any(|server| matches!(server, Address::Unix(_)))
        {
            let fix = "take it away; the socket's file permissions protect it";
            return Err(config.error("tls", "a Unix socket has no TLS", fix));
        }
        if !["system", "true"].contains(&switch) && !switch.starts_with('/') {
            let fix = "write \"system\", or the absolute path of a PEM file with the server's \
                       authority";
            return Err(config.error("tls", "neither \"system\" nor an absolute path", fix));
        }
        if self.client_cert.is_some() != self.client_key.is_some() {
            let fix = "write both, or none";
            let wrong = "tls_client_cert and tls_client_key need each other";
            return Err(config.error("tls_client_cert", wrong, fix));
        }
        self.connector(config).map(Some)
    }

    fn unused(self, config: &StoreConfig) -> Result<Option<Connector>, ConfigError> {
        for (name, option) in [
            ("tls_client_cert", self.client_cert),
            ("tls_client_key", self.client_key),
            ("tls_server_name", self.server_name),
        ] {
            if option.is_some() {
                let fix = "set tls to \"system\" or to a PEM file, or take this away";
                return Err(config.error(name, "there is no TLS", fix));
            }
        }
        Ok(None)
    }

    #[cfg(feature = "tls")]
    fn connector(self, config: &StoreConfig) -> Result<Connector, ConfigError> {
        use super::tls::Tls;

        let mut tls = match self.tls.filter(|roots| roots.starts_with('/')) {
            Some(roots) => Tls::roots(roots),
            None => Tls::system(),
        };
        if let (Some(certificate), Some(key)) = (self.client_cert, self.client_key) {
            tls = tls.client(certificate, key);
        }
        if let Some(name) = self.server_name {
            tls = tls.server_name(name);
        }
        tls.open(config)
    }

    #[cfg(not(feature = "tls"))]
    fn connector(self, config: &StoreConfig) -> Result<Connector, ConfigError> {
        let fix = "build session-store-state-server with its feature `tls`";
        Err(config.error("tls", "this program was built without TLS", fix))
    }
}

/// Refuses to send a token over plain TCP to an address that is surely that of another machine.
/// Where there is a name only the connection shows it.
pub(super) fn guard_token(
    config: &StoreConfig,
    servers: &[Address],
    settings: &Settings,
) -> Result<(), ConfigError> {
    let is_guarded = settings.tls.is_none() && !settings.insecure_token_over_plain_tcp;
    if settings.token.is_none() || !is_guarded || !servers.iter().any(Address::is_elsewhere) {
        return Ok(());
    }
    let wrong = "the token would cross the network in clear text";
    let fix = "set tls; or insecure_token_over_plain_tcp = true if nobody else is on this network";
    Err(config.error("token_file", wrong, fix))
}
