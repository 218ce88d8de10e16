//! A contestant that has been started: a runtime, the application on it and one session.

use std::{convert::Infallible, error::Error, future::poll_fn, pin::Pin};

use axum::body::{Body, to_bytes};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header::SET_COOKIE};
use tokio::runtime::{Builder, Runtime};
use tower_service::Service;

use crate::{
    case::{Case, Prepared},
    contestants::{BARE, Contestant},
};

/// What is sent to the bare framework, which hands out no cookie of its own.
const STAND_IN_COOKIE: &str = "__Host-session=6EbpWOqfyVrlF0Yy1QMTcNwsJr2bkdG4mhXZt8UvA3g";

pub type Failure = Box<dyn Error + Send + Sync>;
pub type Pending<T> = Pin<Box<dyn Future<Output = T> + Send>>;
pub type Requests = Box<dyn Iterator<Item = Request<Body>> + Send>;

/// A router with its session layer around it.
///
/// The loop over the requests stands inside, so that one request costs no dynamic dispatch.
pub trait App: Send + Sync {
    /// Sends the requests one after the other.
    fn drive(&self, requests: Requests) -> Pending<()>;

    /// Sends one request.
    fn call(&self, request: Request<Body>) -> Pending<Response<Body>>;
}

impl<S> App for S
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
    S: Clone + Send + Sync + 'static,
    S::Future: Send,
{
    fn drive(&self, requests: Requests) -> Pending<()> {
        let mut app = self.clone();
        Box::pin(async move {
            for request in requests {
                drop(send(&mut app, request).await);
            }
        })
    }

    fn call(&self, request: Request<Body>) -> Pending<Response<Body>> {
        let mut app = self.clone();
        Box::pin(async move { send(&mut app, request).await })
    }
}

async fn send<S>(app: &mut S, request: Request<Body>) -> Response<Body>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
{
    let Ok(()) = poll_fn(|context| app.poll_ready(context)).await;
    let Ok(response) = app.call(request).await;
    response
}

/// One running contestant. Dropping it frees its sessions and stops its background tasks.
pub struct Instance {
    pub name: &'static str,
    /// Of a session with a counter and 200 bytes of other values.
    pub cookie: HeaderValue,
    pub app: Box<dyn App>,
    pub runtime: Runtime,
}

impl Instance {
    /// Starts on the calling thread only.
    pub fn start(contestant: &Contestant) -> Result<Self, Failure> {
        Self::start_on(
            Builder::new_current_thread().enable_time().build()?,
            contestant,
        )
    }

    /// Starts on a runtime with that many threads.
    pub fn start_threads(contestant: &Contestant, threads: usize) -> Result<Self, Failure> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(threads)
            .enable_time()
            .build()?;
        Self::start_on(runtime, contestant)
    }

    fn start_on(runtime: Runtime, contestant: &Contestant) -> Result<Self, Failure> {
        let app = (contestant.app)(&runtime)?;
        let mut instance = Self {
            name: contestant.name,
            cookie: HeaderValue::from_static(""),
            app,
            runtime,
        };
        instance.cookie = instance.new_session()?;
        instance.check()?;
        Ok(instance)
    }

    /// Sends the request of `case` that many times, one after the other, on this thread.
    pub fn run(&self, case: Case, times: u64) {
        self.drive(Box::new(case.request(&self.cookie).repeated(times)));
    }

    pub fn drive(&self, requests: Requests) {
        self.runtime.block_on(self.app.drive(requests));
    }

    /// Fills a session with 200 bytes of values and returns what its browser would send.
    pub fn new_session(&self) -> Result<HeaderValue, Failure> {
        if self.name == BARE {
            return Ok(HeaderValue::from_static(STAND_IN_COOKIE));
        }
        let request = Prepared::new("/fill", None).to_request();
        let response = self.runtime.block_on(self.app.call(request));
        cookie_to_send(response.headers())
    }

    /// A contestant that does not do its work would look fast.
    fn check(&self) -> Result<(), Failure> {
        let bare = self.name == BARE;
        let expected = if bare { ["0"; 3] } else { ["1", "2", "2"] };
        let cases = [Case::Read, Case::ReadWrite, Case::Read];
        for (case, expected) in cases.into_iter().zip(expected) {
            self.expect(case, expected)?;
        }
        self.expect(Case::Untouched, "0")?;
        self.expect(Case::UntouchedWithoutCookie, "0")
    }

    fn expect(&self, case: Case, expected: &str) -> Result<(), Failure> {
        let request = case.request(&self.cookie).to_request();
        let (status, body) = self.runtime.block_on(async {
            let (head, body) = self.app.call(request).await.into_parts();
            to_bytes(body, 64).await.map(|body| (head.status, body))
        })?;
        if status == StatusCode::OK && body == expected {
            return Ok(());
        }
        let (name, case) = (self.name, case.title());
        Err(format!("{name}, {case}: {status} {body:?} instead of {expected:?}").into())
    }
}

/// The `Cookie` header that answers the `Set-Cookie` headers of a response.
pub fn cookie_to_send(headers: &HeaderMap) -> Result<HeaderValue, Failure> {
    let mut pairs = Vec::new();
    for header in headers.get_all(SET_COOKIE) {
        let pair = header.to_str()?.split(';').next().unwrap_or_default();
        let removed = pair.ends_with('=');
        if !removed {
            pairs.push(pair);
        }
    }
    if pairs.is_empty() {
        return Err("a new session set no cookie".into());
    }
    Ok(HeaderValue::from_str(&pairs.join("; "))?)
}
