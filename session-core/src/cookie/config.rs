//! [`CookieConfig`]: how the session cookie looks.

use std::time::Duration;

use cookie::SameSite;

use super::attributes::{Attributes, InvalidAttribute, MaxAge};
use super::write::{SetCookie, SetCookieError};

/// How the session cookie looks. Always `HttpOnly`, always with `SameSite`, and `Secure` unless
/// [`insecure_allow_http`](CookieConfigBuilder::insecure_allow_http) was asked for.
///
/// Made by [`SessionConfigBuilder::cookie`](crate::SessionConfigBuilder::cookie) or from the
/// table `[session.cookie]` of a configuration file.
#[derive(Clone, Debug)]
pub struct CookieConfig {
    attributes: Attributes,
    max_age: Option<MaxAge>,
    line: SetCookie,
}

impl CookieConfig {
    /// The cookie's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.attributes.name
    }

    /// The host below which the cookie is sent; none: only to the host that set it.
    #[must_use]
    pub fn domain(&self) -> Option<&str> {
        self.attributes.domain.as_deref()
    }

    /// The path below which the cookie is sent.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.attributes.path
    }

    /// On which requests from other sites the cookie is sent.
    #[must_use]
    pub fn same_site(&self) -> SameSite {
        self.attributes.same_site
    }

    /// How long browsers keep the cookie; none: until they are closed.
    #[must_use]
    pub fn max_age(&self) -> Option<Duration> {
        self.max_age.map(MaxAge::as_duration)
    }

    /// Whether an embedded page gets a cookie of its own under each embedding site.
    #[must_use]
    pub fn partitioned(&self) -> bool {
        self.attributes.partitioned
    }

    /// Whether the cookie is sent over HTTPS only.
    #[must_use]
    pub fn secure(&self) -> bool {
        self.attributes.secure()
    }

    pub(crate) fn default_max_age(&self) -> Option<MaxAge> {
        self.max_age
    }

    /// The value of a `Set-Cookie` header that sets `value`.
    ///
    /// # Errors
    ///
    /// Name and value are larger than browsers take, or the value has bytes that a cookie cannot
    /// hold.
    pub(crate) fn set_cookie(
        &self,
        value: &str,
        max_age: Option<MaxAge>,
    ) -> Result<String, SetCookieError> {
        self.line.set(value, max_age)
    }

    /// The value of a `Set-Cookie` header that removes the cookie.
    pub(crate) fn removal(&self) -> &str {
        self.line.removal()
    }
}

/// Builds a [`CookieConfig`]. What browsers would ignore is refused when the whole configuration
/// is built.
#[derive(Clone, Debug, Default)]
pub struct CookieConfigBuilder {
    attributes: Attributes,
}

impl CookieConfigBuilder {
    /// The cookie's name. Default: `__Host-session`.
    ///
    /// The prefix `__Host-` makes browsers refuse a cookie of this name from anybody but this
    /// host over HTTPS, so that a neighbouring subdomain cannot plant one. It forbids a
    /// [`domain`](Self::domain) and demands the path `/`.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.attributes.name = name.into();
        self
    }

    /// Sends the cookie to this host and all below it. Default: only to the host that set it.
    ///
    /// Every subdomain can then read and overwrite the session cookie.
    #[must_use]
    pub fn domain(mut self, domain: impl Into<String>) -> Self {
        self.attributes.domain = Some(domain.into());
        self
    }

    /// Sends the cookie for this path and all below it only. Default: `/`.
    ///
    /// Paths do not protect: pages of one host can reach into each other.
    #[must_use]
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.attributes.path = path.into();
        self
    }

    /// On which requests from other sites the cookie is sent. Default: [`SameSite::Lax`], on
    /// links that are followed and on nothing else. Always written, because browsers differ in
    /// what they do without it.
    #[must_use]
    pub fn same_site(mut self, same_site: SameSite) -> Self {
        self.attributes.same_site = same_site;
        self
    }

    /// How long browsers keep the cookie: whole seconds, at most 400 days. Default: none, until
    /// they are closed.
    ///
    /// This does not lengthen the session: the server ends it by its own timeouts.
    #[must_use]
    pub fn max_age(mut self, max_age: Duration) -> Self {
        self.attributes.max_age = Some(max_age);
        self
    }

    /// Gives an embedded page a cookie of its own under each embedding site (CHIPS). Default:
    /// false.
    #[must_use]
    pub fn partitioned(mut self, partitioned: bool) -> Self {
        self.attributes.partitioned = partitioned;
        self
    }

    /// Leaves out `Secure`, so that the cookie travels over plain HTTP. Default: false.
    ///
    /// For development on one's own machine only: anybody on the way can read the cookie and be
    /// that user. Needs a [`name`](Self::name) without prefix, such as `session`.
    #[must_use]
    pub fn insecure_allow_http(mut self, allow: bool) -> Self {
        self.attributes.insecure_allow_http = allow;
        self
    }

    pub(crate) fn build(self) -> Result<CookieConfig, Vec<InvalidAttribute>> {
        let problems = self.attributes.problems();
        if !problems.is_empty() {
            return Err(problems);
        }
        Ok(CookieConfig {
            max_age: self.attributes.max_age.and_then(MaxAge::new),
            line: SetCookie::new(&self.attributes),
            attributes: self.attributes,
        })
    }
}
