//! What one request does, and the request itself.

use axum::body::Body;
use http::{HeaderValue, Request, Uri, header::COOKIE};

/// One kind of request, the same for every contestant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Case {
    Untouched,
    UntouchedWithoutCookie,
    Read,
    ReadWrite,
    New,
}

impl Case {
    pub const ALL: [Self; 5] = [
        Self::Untouched,
        Self::UntouchedWithoutCookie,
        Self::Read,
        Self::ReadWrite,
        Self::New,
    ];

    /// Heading in the report.
    pub fn title(self) -> &'static str {
        match self {
            Self::Untouched => "untouched, cookie",
            Self::UntouchedWithoutCookie => "untouched, no cookie",
            Self::Read => "read",
            Self::ReadWrite => "read + write",
            Self::New => "new session",
        }
    }

    /// Name on the command line of a counted run.
    pub fn word(self) -> &'static str {
        match self {
            Self::Untouched => "untouched",
            Self::UntouchedWithoutCookie => "no-cookie",
            Self::Read => "read",
            Self::ReadWrite => "read-write",
            Self::New => "new",
        }
    }

    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|case| case.word() == word)
    }

    /// The request of this case from the visitor who holds `cookie`.
    pub fn request(self, cookie: &HeaderValue) -> Prepared {
        match self {
            Self::Untouched => Prepared::new("/untouched", Some(cookie)),
            Self::UntouchedWithoutCookie => Prepared::new("/untouched", None),
            Self::Read => Prepared::new("/read", Some(cookie)),
            Self::ReadWrite => Prepared::new("/update", Some(cookie)),
            Self::New => Prepared::new("/new", None),
        }
    }
}

/// A request that can be sent many times; a copy shares its text.
#[derive(Clone, Debug)]
pub struct Prepared {
    uri: Uri,
    cookie: Option<HeaderValue>,
}

impl Prepared {
    pub fn new(path: &'static str, cookie: Option<&HeaderValue>) -> Self {
        Self {
            uri: Uri::from_static(path),
            cookie: cookie.cloned(),
        }
    }

    pub fn to_request(&self) -> Request<Body> {
        let mut request = Request::new(Body::empty());
        *request.uri_mut() = self.uri.clone();
        if let Some(cookie) = &self.cookie {
            request.headers_mut().insert(COOKIE, cookie.clone());
        }
        request
    }

    /// The same request `times` over.
    pub fn repeated(self, times: u64) -> impl Iterator<Item = Request<Body>> + Send + 'static {
        (0..times).map(move |_| self.to_request())
    }
}
