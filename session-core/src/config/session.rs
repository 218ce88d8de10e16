//! [`SessionConfig`]: how sessions of one application behave.

use std::time::Duration;

use super::builder::SessionConfigBuilder;
use super::settings::Settings;
use crate::transport::Transports;

/// How the sessions of one application behave. Checked when it is built, and immutable.
///
/// ```
/// use std::time::Duration;
///
/// use session_core::{SameSite, SessionConfig};
///
/// # fn main() -> Result<(), session_core::ConfigError> {
/// let config = SessionConfig::builder("shop")
///     .idle_timeout(Duration::from_secs(30 * 60))
///     .cookie(|cookie| cookie.same_site(SameSite::Strict))
///     .build()?;
/// assert_eq!(config.absolute_timeout(), Duration::from_secs(12 * 60 * 60));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct SessionConfig {
    pub(super) app: String,
    pub(super) settings: Settings,
    pub(super) transports: Transports,
}

impl SessionConfig {
    /// A configuration for the application called `app`, with a default for everything else.
    ///
    /// Every key is derived from the application's name, so two applications that share a key
    /// ring and a store cannot read each other's sessions, and an application that is renamed
    /// starts with none. 1 to 64 bytes of printable ASCII.
    pub fn builder(app: impl Into<String>) -> SessionConfigBuilder {
        SessionConfigBuilder::unnamed().app(app.into())
    }

    /// The application's name.
    #[must_use]
    pub fn app(&self) -> &str {
        &self.app
    }

    /// The name of this instance in its farm, if one is configured.
    #[must_use]
    pub fn instance(&self) -> Option<&str> {
        self.settings.instance.as_deref()
    }

    /// How long a session lives without a request.
    #[must_use]
    pub fn idle_timeout(&self) -> Duration {
        self.settings.idle_timeout
    }

    /// How long a session lives at most, whatever happens in it.
    #[must_use]
    pub fn absolute_timeout(&self) -> Duration {
        self.settings.absolute_timeout
    }

    /// How tokens travel.
    #[must_use]
    pub fn transports(&self) -> &Transports {
        &self.transports
    }

    /// For how long a lock holds unless its holder extends it.
    #[must_use]
    pub fn lock_lease(&self) -> Duration {
        self.settings.lock_lease
    }

    /// How long a request waits for a lock.
    #[must_use]
    pub fn lock_wait(&self) -> Duration {
        self.settings.lock_wait
    }

    /// How long connecting to the store may take.
    #[must_use]
    pub fn connect_timeout(&self) -> Duration {
        self.settings.connect_timeout
    }

    /// How long one operation of the store may take.
    #[must_use]
    pub fn operation_timeout(&self) -> Duration {
        self.settings.operation_timeout
    }

    /// How long a whole commit may take, with every retry.
    #[must_use]
    pub fn commit_timeout(&self) -> Duration {
        self.settings.commit_timeout
    }

    /// The largest encoded session, in bytes.
    #[must_use]
    pub fn max_payload(&self) -> usize {
        self.settings.max_payload
    }
}
