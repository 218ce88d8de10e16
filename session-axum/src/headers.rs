//! Header maps as the engine reads and fills them.

use std::borrow::Cow;

use http::header::{CACHE_CONTROL, SET_COOKIE, VARY};
use http::{HeaderMap, HeaderName, HeaderValue};
use session_core::{RequestHeaders, ResponseHeaders};

/// A request's headers.
pub(crate) struct Headers<'a>(pub(crate) &'a HeaderMap);

impl RequestHeaders for Headers<'_> {
    fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.0.get_all(name).iter().map(HeaderValue::as_bytes)
    }
}

/// Adds the session's headers to a response.
pub(crate) fn apply(session: ResponseHeaders, headers: &mut HeaderMap) {
    if session.no_store() {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    if let Some(vary) = session.vary {
        add_vary(vary, headers);
    }
    if let Some(Ok(line)) = session.set_cookie.map(secret) {
        headers.append(SET_COOKIE, line);
    }
    if let Some((name, token)) = session.token
        && let (Ok(name), Ok(token)) = (HeaderName::try_from(name), secret(token))
    {
        headers.insert(name, token);
    }
}

/// A header value that is kept out of logs and of the compression tables of HTTP/2.
fn secret(value: String) -> Result<HeaderValue, http::header::InvalidHeaderValue> {
    let mut value = HeaderValue::try_from(value)?;
    value.set_sensitive(true);
    Ok(value)
}

fn add_vary(vary: Cow<'static, str>, headers: &mut HeaderMap) {
    let said = |name: &str| {
        let lines = headers.get_all(VARY).iter();
        let mut names = lines
            .filter_map(|line| line.to_str().ok())
            .flat_map(|line| line.split(',').map(str::trim));
        names.any(|said| said == "*" || said.eq_ignore_ascii_case(name))
    };
    if vary.split(", ").all(said) {
        return;
    }
    let value = match vary {
        Cow::Borrowed(vary) => Ok(HeaderValue::from_static(vary)),
        Cow::Owned(vary) => HeaderValue::try_from(vary),
    };
    if let Ok(value) = value {
        headers.append(VARY, value);
    }
}
