//! The extractors. Each wraps the handle of `session-core` and dereferences to it.

use std::ops::Deref;

use axum_core::extract::{FromRequestParts, OptionalFromRequestParts};
use http::request::Parts;
use http::{Extensions, HeaderMap};
use session_core::Access;

use crate::error::Error;
use crate::request::open;

macro_rules! extractor {
    ($(#[$doc:meta])* $name:ident, $handle:ident, $access:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug)]
        pub struct $name(session_core::$handle);

        impl $name {
            pub(crate) async fn open(
                headers: &HeaderMap,
                extensions: &Extensions,
            ) -> Result<Self, Error> {
                let exchange = open(headers, extensions, Access::$access).await?;
                Ok(Self(session_core::$handle::new(exchange)))
            }
        }

        impl Deref for $name {
            type Target = session_core::$handle;

            fn deref(&self) -> &Self::Target {
                &self.0
            }
        }

        impl<S: Sync> FromRequestParts<S> for $name {
            type Rejection = Error;

            async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Error> {
                Self::open(&parts.headers, &parts.extensions).await
            }
        }

        impl<S: Sync> OptionalFromRequestParts<S> for $name {
            type Rejection = Error;

            async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Error> {
                let session = Self::open(&parts.headers, &parts.extensions).await?;
                Ok(Some(session).filter(|session| !session.is_new()))
            }
        }
    };
}

extractor! {
    /// The session for reading: never writes, never waits. See [`session_core::ReadOnlySession`].
    ReadOnlySession, ReadOnlySession, ReadOnly
}

extractor! {
    /// The session for reading and writing, merged with parallel requests. See
    /// [`session_core::Session`].
    Session, Session, ReadWrite
}

extractor! {
    /// The session with its lease: until this request has been answered, no other one that
    /// asks for an `ExclusiveSession` runs, and none that writes commits. See
    /// [`session_core::Session`].
    ///
    /// A request that waits longer than `session.lock.wait` is answered 503.
    ExclusiveSession, Session, Exclusive
}

extractor! {
    /// The session for a stream or a WebSocket, which goes on after the response's head. See
    /// [`session_core::LiveSession`].
    LiveSession, LiveSession, ReadWrite
}
