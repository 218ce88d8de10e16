//! [`Browser`]: an HTTP client with a cookie jar.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use reqwest::cookie::{CookieStore as _, Jar};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{Client, ClientBuilder, Method, Response, Url};

use super::COOKIE;
use super::answer::Answer;

/// An HTTP client with a cookie jar, which follows no redirects.
#[derive(Clone, Debug)]
pub(crate) struct Browser {
    client: Client,
    jar: Arc<Jar>,
    bases: Arc<[Url]>,
    next: Arc<AtomicUsize>,
}

impl Browser {
    pub(crate) fn new(addresses: Vec<SocketAddr>) -> Self {
        Self::with(addresses, Policy::none(), |client| client)
    }

    /// Without a jar; the same header with every request.
    pub(super) fn bearing(addresses: Vec<SocketAddr>, name: &'static str, value: &str) -> Self {
        let value = HeaderValue::from_str(value).unwrap();
        let headers = HeaderMap::from_iter([(HeaderName::from_static(name), value)]);
        Self::with(addresses, Policy::none(), |client| {
            client.default_headers(headers)
        })
    }

    /// A browser with the same cookies that follows redirects.
    pub(crate) fn following(&self) -> Self {
        let client = builder(Policy::limited(5)).cookie_provider(Arc::clone(&self.jar));
        Self {
            client: client.build().unwrap(),
            ..self.clone()
        }
    }

    fn with(
        addresses: Vec<SocketAddr>,
        redirects: Policy,
        change: impl FnOnce(ClientBuilder) -> ClientBuilder,
    ) -> Self {
        let jar = Arc::new(Jar::default());
        let client = builder(redirects).cookie_provider(Arc::clone(&jar));
        let base = |address| Url::parse(&format!("http://{address}/")).unwrap();
        Self {
            client: change(client).build().unwrap(),
            jar,
            bases: addresses.into_iter().map(base).collect(),
            next: Arc::default(),
        }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, String::new()).await
    }

    pub(crate) async fn post(&self, path: &str) -> Answer {
        self.send(Method::POST, path, String::new()).await
    }

    pub(crate) async fn post_body(&self, path: &str, body: &str) -> Answer {
        self.send(Method::POST, path, body.to_owned()).await
    }

    /// A response of which only the head has been read.
    pub(crate) async fn open(&self, path: &str) -> Response {
        let url = self.bases[0].join(path).unwrap();
        self.client.get(url).send().await.unwrap()
    }

    /// The same client with a `Cookie` header beside its own.
    pub(crate) fn with_cookie(&self, cookie: &str) -> Self {
        for base in self.bases.iter() {
            self.jar.add_cookie_str(cookie, base);
        }
        self.clone()
    }

    async fn send(&self, method: Method, path: &str, body: String) -> Answer {
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        let url = self.bases[turn % self.bases.len()].join(path).unwrap();
        let request = self.client.request(method, url).body(body);
        Answer::received(request.send().await.unwrap()).await
    }

    /// The `Cookie` header that the browser would send: the session cookie's name and value.
    pub(crate) fn cookie(&self) -> Option<String> {
        let cookies = self.jar.cookies(&self.bases[0])?;
        let mut pairs = cookies.to_str().unwrap().split("; ");
        let pair = pairs.find(|pair| pair.starts_with(&format!("{COOKIE}=")))?;
        Some(pair.to_owned())
    }

    /// The session's token, which must be there.
    pub(crate) fn token(&self) -> String {
        let cookie = self.cookie().unwrap();
        cookie[COOKIE.len() + 1..].to_owned()
    }

    /// The value under `key`, or none.
    pub(crate) async fn value(&self, key: &str) -> Option<String> {
        let answer = self.get(&format!("/get/{key}")).await;
        match answer.status {
            200 => Some(answer.body),
            404 => None,
            status => panic!("GET /get/{key}: {status}"),
        }
    }

    /// Fails unless the session is unknown, and unless asking for it leaves the cookie alone.
    pub(crate) async fn assert_anonymous(&self) {
        let answer = self.get("/info").await.ok();
        assert_eq!(answer.json()["is_new"], true, "not anonymous");
        answer.assert_no_cookie();
    }
}

fn builder(redirects: Policy) -> ClientBuilder {
    Client::builder().redirect(redirects).no_proxy()
}
