//! [`Answer`]: a response that has been read.

use reqwest::Response;
use reqwest::header::{HeaderMap, SET_COOKIE};
use serde_json::Value;

use super::COOKIE;

/// A response that has been read.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    pub(super) async fn received(response: Response) -> Self {
        Self {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            body: response.text().await.unwrap(),
        }
    }

    /// Fails unless the status is 200.
    #[track_caller]
    pub(crate) fn ok(self) -> Self {
        self.expect(200)
    }

    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{self:?}");
        self
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// Every `Set-Cookie` line.
    pub(crate) fn set_cookies(&self) -> Vec<&str> {
        let lines = self.headers.get_all(SET_COOKIE).iter();
        lines.map(|line| line.to_str().unwrap()).collect()
    }

    #[track_caller]
    pub(crate) fn assert_no_cookie(&self) {
        assert_eq!(self.set_cookies(), Vec::<&str>::new(), "a cookie was set");
    }

    /// The one `Set-Cookie` line of the session.
    #[track_caller]
    pub(crate) fn session_line(&self) -> &str {
        self.line_of(COOKIE)
    }

    #[track_caller]
    pub(crate) fn line_of(&self, name: &str) -> &str {
        let lines = self.set_cookies().into_iter();
        let ours = lines.filter(|line| line.starts_with(&format!("{name}=")));
        let ours: Vec<_> = ours.collect();
        assert_eq!(ours.len(), 1, "not exactly one cookie {name}: {ours:?}");
        ours[0]
    }

    /// The `Cookie` header by which a browser would return the session's cookie.
    #[track_caller]
    pub(crate) fn session_pair(&self) -> String {
        let line = self.session_line();
        line.split(';').next().unwrap_or_default().to_owned()
    }
}
