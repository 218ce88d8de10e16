//! A visitor's browser, and one request of it.

use std::ops::Deref;

use session_core::{
    Access, Engine, Exchange, Finish, RequestHeaders, ResponseHeaders, Session, SessionError,
};

/// Keeps the session's cookie as the last response left it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Browser {
    /// The `Cookie` header.
    pub(crate) line: Option<String>,
}

impl RequestHeaders for Browser {
    fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        let line = self.line.iter().filter(move |_| name == "cookie");
        line.map(String::as_bytes)
    }
}

impl Browser {
    /// Does what the response says.
    pub(crate) fn note(&mut self, headers: &ResponseHeaders) {
        if let Some(line) = &headers.set_cookie {
            let (pair, attributes) = line.split_once(';').unwrap();
            self.line = (!attributes.contains("Max-Age=0")).then(|| pair.to_owned());
        }
    }

    pub(crate) async fn open(
        &self,
        engine: &Engine,
        access: Access,
    ) -> Result<Visit, SessionError> {
        let exchange = engine.exchange();
        exchange.open(self, access).await?;
        let session = Session::new(exchange.clone());
        Ok(Visit { exchange, session })
    }
}

/// One request.
#[derive(Debug)]
pub(crate) struct Visit {
    pub(crate) exchange: Exchange,
    session: Session,
}

impl Deref for Visit {
    type Target = Session;

    fn deref(&self) -> &Session {
        &self.session
    }
}

impl Visit {
    /// What the request is answered with.
    pub(crate) async fn finish(&self) -> Result<ResponseHeaders, SessionError> {
        answer(&self.exchange).await
    }

    /// The same, and the browser does what the answer says.
    pub(crate) async fn answer(self, browser: &mut Browser) -> ResponseHeaders {
        let headers = self.finish().await.unwrap();
        browser.note(&headers);
        headers
    }
}

pub(crate) async fn answer(exchange: &Exchange) -> Result<ResponseHeaders, SessionError> {
    match exchange.finish() {
        Finish::Done(headers) => Ok(headers),
        Finish::Commit(commit) => commit.await,
    }
}
