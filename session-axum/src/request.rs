//! The session of a request, for middleware and plain tower services.

use std::future::Future;

use http::request::Parts;
use http::{Extensions, HeaderMap, Request};
use session_core::{Access, Engine, Exchange};

use crate::error::Error;
use crate::extract::{ExclusiveSession, LiveSession, ReadOnlySession, Session};
use crate::headers::Headers;

/// The exchanges of the layers around a service, innermost first.
#[derive(Clone)]
pub(crate) struct Exchanges {
    exchange: Exchange,
    outer: Option<Box<Exchanges>>,
}

impl Exchanges {
    /// Makes an exchange for a request, unless a layer of the same cookie or header has.
    pub(crate) fn add(extensions: &mut Extensions, engine: &Engine) -> Option<Exchange> {
        let outer = extensions.remove::<Self>();
        if let Some(outer) = outer.as_ref().filter(|outer| outer.has(engine)) {
            extensions.insert(outer.clone());
            return None;
        }
        let exchange = engine.exchange();
        extensions.insert(Self {
            exchange: exchange.clone(),
            outer: outer.map(Box::new),
        });
        Some(exchange)
    }

    fn has(&self, engine: &Engine) -> bool {
        let (cookie, header) = names(self.exchange.engine());
        let (other_cookie, other_header) = names(engine);
        let shared = cookie.is_some() && cookie == other_cookie
            || header.is_some() && header == other_header;
        shared || self.outer.as_ref().is_some_and(|outer| outer.has(engine))
    }
}

/// What tells the session of one layer from that of another.
fn names(engine: &Engine) -> (Option<&str>, Option<&str>) {
    let transports = engine.config().transports();
    let cookie = transports.cookie().map(|cookie| cookie.name());
    (cookie, transports.header().map(|header| header.name()))
}

/// Loads the session of a request, once, however often it is asked for.
pub(crate) async fn open(
    headers: &HeaderMap,
    extensions: &Extensions,
    access: Access,
) -> Result<Exchange, Error> {
    let exchanges = extensions.get::<Exchanges>();
    let exchange = &exchanges.ok_or_else(Error::layer_missing)?.exchange;
    exchange.open(&Headers(headers), access).await?;
    Ok(exchange.clone())
}

/// The session of a request, for middleware that looks at it before the handler and for tower
/// services without extractors. It shares one load with the handler's own extractors.
///
/// ```
/// use axum::{extract::Request, middleware::Next, response::Response};
/// use session_axum::{Error, SessionRequestExt};
///
/// async fn only_users(request: Request, next: Next) -> Result<Response, Error> {
///     let session = request.read_only_session().await?;
///     match session.principal() {
///         Some(_) => Ok(next.run(request).await),
///         None => Ok(Response::builder().status(401).body(Default::default()).unwrap_or_default()),
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a request, which alone has a session",
    note = "call this on an `http::Request` or on its `http::request::Parts`"
)]
pub trait SessionRequestExt: sealed::Sealed {
    /// The session for reading.
    ///
    /// # Errors
    /// The session could not be loaded, or there is no [`SessionLayer`](crate::SessionLayer).
    fn read_only_session(&self) -> impl Future<Output = Result<ReadOnlySession, Error>> + Send;

    /// The session for reading and writing.
    ///
    /// # Errors
    /// As [`read_only_session`](Self::read_only_session).
    fn session(&self) -> impl Future<Output = Result<Session, Error>> + Send;

    /// The session with its lease.
    ///
    /// # Errors
    /// As [`read_only_session`](Self::read_only_session), and if the lease stayed taken.
    fn exclusive_session(&self) -> impl Future<Output = Result<ExclusiveSession, Error>> + Send;

    /// The session for what goes on after the response's head.
    ///
    /// # Errors
    /// As [`read_only_session`](Self::read_only_session).
    fn live_session(&self) -> impl Future<Output = Result<LiveSession, Error>> + Send;
}

mod sealed {
    use http::{Extensions, HeaderMap};

    pub trait Sealed {
        fn split(&self) -> (&HeaderMap, &Extensions);
    }
}

impl<B> sealed::Sealed for Request<B> {
    fn split(&self) -> (&HeaderMap, &Extensions) {
        (self.headers(), self.extensions())
    }
}

impl sealed::Sealed for Parts {
    fn split(&self) -> (&HeaderMap, &Extensions) {
        (&self.headers, &self.extensions)
    }
}

impl<R: sealed::Sealed> SessionRequestExt for R {
    fn read_only_session(&self) -> impl Future<Output = Result<ReadOnlySession, Error>> + Send {
        let (headers, extensions) = self.split();
        ReadOnlySession::open(headers, extensions)
    }

    fn session(&self) -> impl Future<Output = Result<Session, Error>> + Send {
        let (headers, extensions) = self.split();
        Session::open(headers, extensions)
    }

    fn exclusive_session(&self) -> impl Future<Output = Result<ExclusiveSession, Error>> + Send {
        let (headers, extensions) = self.split();
        ExclusiveSession::open(headers, extensions)
    }

    fn live_session(&self) -> impl Future<Output = Result<LiveSession, Error>> + Send {
        let (headers, extensions) = self.split();
        LiveSession::open(headers, extensions)
    }
}
