//! [`Error`]: a session error as a response.

use std::fmt;

use axum_core::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, RETRY_AFTER};
use http::{HeaderValue, StatusCode};
use session_core::{SessionError, SessionErrorKind};

/// Why a session could not be read, changed or saved.
///
/// As a response it is a status (409, 431, 500 or 503) and an empty body, with `Retry-After` on
/// 503. The cause is for logs.
#[derive(Debug)]
pub struct Error(SessionError);

impl Error {
    pub(crate) fn layer_missing() -> Self {
        Self(SessionError::layer_missing(
            "no SessionLayer on this route: add .layer(SessionLayer::new(..)?) to the router, \
             after the routes",
        ))
    }

    /// What kind of failure this is.
    #[must_use]
    pub fn kind(&self) -> SessionErrorKind {
        self.0.kind()
    }

    /// The response, with whatever body the service has for "none".
    pub(crate) fn response<B: Default>(&self) -> http::Response<B> {
        let mut response = http::Response::new(B::default());
        let status = StatusCode::from_u16(self.0.status());
        *response.status_mut() = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(wait) = self.0.retry_after() {
            headers.insert(RETRY_AFTER, HeaderValue::from(wait.as_secs()));
        }
        response
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        // The engine has told what went wrong in its own realm.
        if self.kind().is_misuse() {
            tracing::error!(error = %self.0, "session misused");
        }
        self.response()
    }
}

impl From<SessionError> for Error {
    fn from(error: SessionError) -> Self {
        Self(error)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source()
    }
}
