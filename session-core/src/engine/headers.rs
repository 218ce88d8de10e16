//! What the engine reads of a request and adds to a response, without a type of any framework.

use std::borrow::Cow;
use std::fmt;

use super::Engine;
use super::state::Via;
use crate::cause::Cause;
use crate::cookie::{self, MaxAge};
use crate::machine_key::{Kid, Rejected, Token, VerifiedId};

/// The headers of a request; an adapter implements it for its framework's type.
pub trait RequestHeaders {
    /// The values of all header lines of that name, in order. `name` is in lower case.
    fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]>;
}

/// What an adapter adds to a response.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct ResponseHeaders {
    /// `Set-Cookie`, to be appended, if the session's cookie changes.
    pub set_cookie: Option<String>,
    /// The session's own response header and its value, to be set, if the client uses one.
    /// An empty value says that the session has ended.
    pub token: Option<(String, String)>,
    /// Names of request headers that the response depends on, to be appended to `Vary`.
    pub vary: Option<Cow<'static, str>>,
}

impl ResponseHeaders {
    /// Whether the response must not be stored by any cache: set `Cache-Control: no-store`,
    /// whatever the handler said.
    #[must_use]
    pub fn no_store(&self) -> bool {
        self.set_cookie.is_some() || self.token.is_some()
    }
}

impl fmt::Debug for ResponseHeaders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseHeaders")
            .field("set_cookie", &self.set_cookie.is_some())
            .field("token", &self.token.is_some())
            .field("vary", &self.vary)
            .finish()
    }
}

/// What becomes of the client's token.
#[derive(Debug, Default)]
pub(super) enum TokenChange {
    /// It stays as it is.
    #[default]
    None,
    /// The client gets this one.
    Issue {
        via: Via,
        token: Token,
        max_age: Option<MaxAge>,
    },
    /// The client forgets it.
    Remove(Via),
}

/// A token that was verified, and where it came from.
pub(super) struct Candidate {
    pub(super) id: VerifiedId,
    pub(super) via: Via,
}

/// What a request presents.
#[derive(Default)]
pub(super) struct Presented {
    /// A verified token.
    pub(super) first: Option<Candidate>,
    /// Verified tokens of other sessions.
    pub(super) others: Vec<Candidate>,
    /// A key id that the ring does not hold.
    pub(super) unknown: Option<Kid>,
    /// Whether there were more cookies than are looked at.
    pub(super) overlong: bool,
    /// Whether the client sent the session's header, even with a dead token.
    pub(super) by_header: bool,
}

impl Presented {
    fn judge(&mut self, verified: Result<VerifiedId, Rejected>, via: Via) {
        match verified {
            Ok(id) => self.add(Candidate { id, via }),
            Err(rejected) => {
                if rejected.cause == Cause::UnknownKey {
                    self.unknown = rejected.kid;
                }
                super::events::token_rejected(rejected.cause);
            }
        }
    }

    /// Adds a token, unless it is there already.
    fn add(&mut self, candidate: Candidate) {
        let same = |other: &Candidate| other.id.id().as_bytes() == candidate.id.id().as_bytes();
        match &self.first {
            None => self.first = Some(candidate),
            Some(first) if same(first) || self.others.iter().any(same) => {}
            Some(_) => self.others.push(candidate),
        }
    }
}

impl Engine {
    /// Finds and verifies the tokens of a request. Asks no store.
    pub(super) fn present(&self, headers: &impl RequestHeaders) -> Presented {
        let (keys, now) = (self.keys(), self.now());
        let mut presented = Presented::default();
        if let (Some(config), Some(tokens)) = (self.config().transports().cookie(), &keys.cookie) {
            match cookie::candidates(headers.values("cookie"), config.name().as_bytes()) {
                Ok(found) => {
                    for text in found.as_slice() {
                        presented.judge(tokens.verify(text, now), Via::Cookie);
                    }
                }
                Err(_) => presented.overlong = true,
            }
        }
        if let (Some(config), Some(tokens)) = (self.config().transports().header(), &keys.header) {
            for (count, text) in headers.values(config.name()).enumerate() {
                presented.by_header = true;
                if count == cookie::MAX_CANDIDATES {
                    presented.overlong = true;
                    break;
                }
                presented.judge(tokens.verify(text, now), Via::Header);
            }
        }
        presented
    }

    /// The headers of a response.
    pub(super) fn response_headers(&self, read: bool, change: TokenChange) -> ResponseHeaders {
        let mut headers = ResponseHeaders::default();
        let transports = self.config().transports();
        if read {
            headers.vary = Some(transports.vary());
        }
        let cookie = transports.cookie();
        let header = transports.header().map(|header| header.name().to_owned());
        match change {
            TokenChange::None => {}
            TokenChange::Issue {
                via: Via::Cookie,
                token,
                max_age,
            } => {
                // A token is a short run of cookie bytes, so the line is never refused.
                headers.set_cookie =
                    cookie.and_then(|cookie| cookie.set_cookie(token.as_str(), max_age).ok());
            }
            TokenChange::Remove(Via::Cookie) => {
                headers.set_cookie = cookie.map(|cookie| cookie.removal().to_owned());
            }
            TokenChange::Issue {
                via: Via::Header,
                token,
                ..
            } => {
                headers.token = header.map(|name| (name, token.as_str().to_owned()));
            }
            TokenChange::Remove(Via::Header) => {
                headers.token = header.map(|name| (name, String::new()));
            }
        }
        headers
    }
}
