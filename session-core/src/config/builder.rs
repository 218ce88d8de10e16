//! [`SessionConfigBuilder`].

use std::time::Duration;

use super::error::{ConfigError, Problem};
use super::limits;
use super::session::SessionConfig;
use super::settings::Settings;
use crate::cookie::{CookieConfigBuilder, InvalidAttribute};
use crate::transport::{
    HeaderConfig, HeaderConfigBuilder, InvalidHeaderName, Transport, Transports,
};

/// Builds a [`SessionConfig`].
#[derive(Clone, Debug)]
pub struct SessionConfigBuilder {
    app: Option<String>,
    settings: Settings,
    transport: Transport,
    /// Kept apart from the default, because what is never read must not be configured.
    cookie: Option<CookieConfigBuilder>,
    header: Option<HeaderConfigBuilder>,
}

impl SessionConfigBuilder {
    pub(super) fn unnamed() -> Self {
        Self {
            app: None,
            settings: Settings::default(),
            transport: Transport::default(),
            cookie: None,
            header: None,
        }
    }

    pub(super) fn app(mut self, app: String) -> Self {
        self.app = Some(app);
        self
    }

    /// The name under which this instance is known in its farm: in messages about key rings, and
    /// in the shared store, where it says now and then that it is there. Default: the host's
    /// name and the process's number, such as `web1-4711`; in a file `session.instance`. 1 to 64
    /// bytes of printable ASCII without `/`.
    ///
    /// A name of its own for each instance, which it keeps over restarts, keeps the store free
    /// of what former instances said.
    #[must_use]
    pub fn instance(mut self, name: impl Into<String>) -> Self {
        self.settings.instance = Some(name.into());
        self
    }

    /// Ends a session that had no request for this long. Default: 20 minutes; in a file
    /// `session.idle_timeout`. From 1 millisecond to [`absolute_timeout`](Self::absolute_timeout).
    ///
    /// A session may end earlier by 5 % of this, at most a minute, because a store is not
    /// written to on every request; never later.
    #[must_use]
    pub fn idle_timeout(mut self, timeout: Duration) -> Self {
        self.settings.idle_timeout = timeout;
        self
    }

    /// Ends a session this long after it began, whatever happens in it. Default: 12 hours; in a
    /// file `session.absolute_timeout`. At most 400 days.
    ///
    /// Only a new login makes a new session. The key ring keeps old keys for at least this long.
    #[must_use]
    pub fn absolute_timeout(mut self, timeout: Duration) -> Self {
        self.settings.absolute_timeout = timeout;
        self
    }

    /// How tokens travel. Default: [`Transport::Cookie`]; in a file `session.transport`.
    #[must_use]
    pub fn transport(mut self, transport: Transport) -> Self {
        self.transport = transport;
        self
    }

    /// Changes the cookie; in a file `[session.cookie]`. May be called several times.
    #[must_use]
    pub fn cookie(
        mut self,
        change: impl FnOnce(CookieConfigBuilder) -> CookieConfigBuilder,
    ) -> Self {
        self.cookie = Some(change(self.cookie.take().unwrap_or_default()));
        self
    }

    /// Changes the header; in a file `[session.header]`. Needs a
    /// [`transport`](Self::transport) with a header.
    #[must_use]
    pub fn header(
        mut self,
        change: impl FnOnce(HeaderConfigBuilder) -> HeaderConfigBuilder,
    ) -> Self {
        self.header = Some(change(self.header.take().unwrap_or_default()));
        self
    }

    /// For how long a lock holds unless its holder extends it. Default: 30 seconds; in a file
    /// `session.lock.lease`. From 1 millisecond to 24 hours.
    ///
    /// When a process dies while a request holds a session, the next request waits this long.
    #[must_use]
    pub fn lock_lease(mut self, lease: Duration) -> Self {
        self.settings.lock_lease = lease;
        self
    }

    /// How long a request waits for a lock before it is answered 503. Default: 5 seconds; in a
    /// file `session.lock.wait`. From 1 millisecond to 24 hours.
    #[must_use]
    pub fn lock_wait(mut self, wait: Duration) -> Self {
        self.settings.lock_wait = wait;
        self
    }

    /// How long connecting to the store may take. Default: 1 second; in a file
    /// `session.timeouts.connect`. From 1 millisecond to 24 hours.
    #[must_use]
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.settings.connect_timeout = timeout;
        self
    }

    /// How long one operation of the store may take. Default: 2 seconds; in a file
    /// `session.timeouts.operation`. From 1 millisecond to 24 hours.
    #[must_use]
    pub fn operation_timeout(mut self, timeout: Duration) -> Self {
        self.settings.operation_timeout = timeout;
        self
    }

    /// How long a whole commit may take, with every retry, before the request is answered 503.
    /// Default: 3 seconds; in a file `session.timeouts.commit`. From 1 millisecond to 24 hours.
    #[must_use]
    pub fn commit_timeout(mut self, timeout: Duration) -> Self {
        self.settings.commit_timeout = timeout;
        self
    }

    /// The largest encoded session, in bytes. Default: 1 MiB; in a file
    /// `session.limits.max_payload`. From 1 KiB to 32 MiB.
    ///
    /// Every request that reads the session moves all of it.
    #[must_use]
    pub fn max_payload(mut self, bytes: usize) -> Self {
        self.settings.max_payload = bytes;
        self
    }

    /// Checks everything.
    ///
    /// # Errors
    ///
    /// A value out of its range, or values that exclude each other; all of them at once.
    pub fn build(self) -> Result<SessionConfig, ConfigError> {
        self.check().map_err(ConfigError::new)
    }

    pub(super) fn check(self) -> Result<SessionConfig, Vec<Problem>> {
        let mut problems = self.settings.problems();
        problems.extend(limits::check_app(self.app.as_deref()).err());
        problems.extend(self.check_unread());
        let cookie = self.cookie.unwrap_or_default().build();
        let cookie =
            cookie.map_err(|invalid| problems.extend(invalid.into_iter().map(cookie_problem)));
        let name = self.header.unwrap_or_default().name;
        let header = HeaderConfig::new(&name)
            .map_err(|invalid| problems.push(header_problem(&name, invalid)));
        let (Ok(cookie), Ok(header), true) = (cookie, header, problems.is_empty()) else {
            return Err(problems);
        };
        Ok(SessionConfig {
            app: self.app.unwrap_or_default(),
            settings: self.settings,
            transports: Transports::new(self.transport, cookie, header),
        })
    }

    /// A transport that is configured and not chosen: whoever wrote it believes that it works.
    fn check_unread(&self) -> Vec<Problem> {
        let mut unread = Vec::new();
        if self.cookie.is_some() && !self.transport.has_cookie() {
            unread.push("session.cookie");
        }
        if self.header.is_some() && !self.transport.has_header() {
            unread.push("session.header");
        }
        let problem = |key| {
            let transport = self.transport.as_str();
            let wrong =
                format!("configured, but not used with session.transport = \"{transport}\"");
            Problem::new(key, wrong, "remove it, or write transport = \"both\"")
        };
        unread.into_iter().map(problem).collect()
    }
}

fn cookie_problem(invalid: InvalidAttribute) -> Problem {
    let names = invalid.attributes.iter();
    let mut keys = names.map(|name| format!("session.cookie.{name}"));
    let key = keys.next().unwrap_or_default();
    let problem = Problem::new(key, invalid.wrong, invalid.fix).value(invalid.value);
    keys.fold(problem, Problem::related)
}

fn header_problem(name: &str, invalid: InvalidHeaderName) -> Problem {
    let fix = "write for example name = \"session-token\"";
    Problem::new("session.header.name", invalid.wrong(), fix).value(format!("{name:?}"))
}
