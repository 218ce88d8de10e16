//! How a session's token travels: in a cookie, in a header, or in either.

use std::borrow::Cow;

use crate::cookie::{CookieConfig, is_token_byte};

/// Where the token of a session is read from and written to. Nothing else is ever read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Transport {
    /// In a cookie: for browsers.
    #[default]
    Cookie,
    /// In a header: for clients that keep the token themselves.
    Header,
    /// In either, for an application with both kinds of client.
    Both,
}

impl Transport {
    /// Every choice.
    pub(crate) const ALL: [Self; 3] = [Self::Cookie, Self::Header, Self::Both];

    /// The name as it stands in a configuration.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cookie => "cookie",
            Self::Header => "header",
            Self::Both => "both",
        }
    }

    pub(crate) const fn has_cookie(self) -> bool {
        matches!(self, Self::Cookie | Self::Both)
    }

    pub(crate) const fn has_header(self) -> bool {
        matches!(self, Self::Header | Self::Both)
    }
}

/// The configured transports: the cookie, the header, or both.
#[derive(Clone, Debug)]
pub struct Transports {
    cookie: Option<CookieConfig>,
    header: Option<HeaderConfig>,
}

impl Transports {
    /// Keeps what `transport` names and drops the rest.
    pub(crate) fn new(transport: Transport, cookie: CookieConfig, header: HeaderConfig) -> Self {
        Self {
            cookie: transport.has_cookie().then_some(cookie),
            header: transport.has_header().then_some(header),
        }
    }

    /// The cookie, if one is read and written.
    #[must_use]
    pub fn cookie(&self) -> Option<&CookieConfig> {
        self.cookie.as_ref()
    }

    /// The request headers that a session's token is looked for in, as `Vary` names them.
    pub(crate) fn vary(&self) -> Cow<'static, str> {
        match (&self.cookie, &self.header) {
            (Some(_), None) => Cow::Borrowed("Cookie"),
            (Some(_), Some(header)) => Cow::Owned(format!("Cookie, {}", header.name)),
            (None, Some(header)) => Cow::Owned(header.name.clone()),
            (None, None) => Cow::Borrowed(""),
        }
    }

    /// The header, if one is read and written.
    #[must_use]
    pub fn header(&self) -> Option<&HeaderConfig> {
        self.header.as_ref()
    }
}

/// The header that carries the token.
///
/// The client sends the token in a request header of this name. A response has a header of the
/// same name when the client has to keep another token, and an empty one when the session has
/// ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeaderConfig {
    name: String,
}

impl HeaderConfig {
    pub(crate) const DEFAULT_NAME: &str = "session-token";

    pub(crate) fn new(name: &str) -> Result<Self, InvalidHeaderName> {
        let name = name.to_ascii_lowercase();
        match name.as_str() {
            "" => Err(InvalidHeaderName::Empty),
            name if !name.bytes().all(is_token_byte) => Err(InvalidHeaderName::NotAToken),
            name if is_taken(name) => Err(InvalidHeaderName::Taken),
            _ => Ok(Self { name }),
        }
    }

    /// The header's name, in lower case.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// Builds a [`HeaderConfig`].
#[derive(Clone, Debug)]
pub struct HeaderConfigBuilder {
    pub(crate) name: String,
}

impl Default for HeaderConfigBuilder {
    fn default() -> Self {
        Self {
            name: HeaderConfig::DEFAULT_NAME.to_owned(),
        }
    }
}

impl HeaderConfigBuilder {
    /// The header's name, in any case. Default: `session-token`.
    ///
    /// A header that HTTP or proxies give a meaning, such as `authorization`, is refused.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }
}

/// Why a header cannot carry the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum InvalidHeaderName {
    Empty,
    NotAToken,
    Taken,
}

impl InvalidHeaderName {
    pub(crate) const fn wrong(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::NotAToken => {
                "not a header name: only letters, digits and !#$%&'*+-.^_`|~ may stand in one"
            }
            Self::Taken => "a header that has a meaning of its own",
        }
    }
}

const TAKEN: [&str; 37] = [
    "age",
    "allow",
    "alt-svc",
    "authorization",
    "cache-control",
    "connection",
    "cookie",
    "cookie2",
    "date",
    "dnt",
    "early-data",
    "etag",
    "expect",
    "expires",
    "forwarded",
    "from",
    "host",
    "http2-settings",
    "keep-alive",
    "last-modified",
    "link",
    "location",
    "origin",
    "pragma",
    "range",
    "referer",
    "retry-after",
    "server",
    "set-cookie",
    "set-cookie2",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "vary",
    "via",
];

const TAKEN_FAMILIES: [&str; 9] = [
    "accept",
    "access-control-",
    "content-",
    "cross-origin-",
    "if-",
    "proxy-",
    "sec-",
    "x-forwarded-",
    "www-authenticate",
];

fn is_taken(name: &str) -> bool {
    TAKEN.contains(&name) || TAKEN_FAMILIES.iter().any(|start| name.starts_with(start))
}
