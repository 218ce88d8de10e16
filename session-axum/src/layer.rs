//! [`SessionLayer`]: sessions for every service below it.

use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Request, Response};
use session_core::{Engine, EngineError, KeyRing, SessionConfig, SessionStore};
use tower_layer::Layer;
use tower_service::Service;

use crate::future::ResponseFuture;
use crate::request::Exchanges;

/// Sessions for every service below it; cheap to clone.
///
/// The layer itself does next to nothing: nothing is parsed and nothing is loaded for a handler
/// that asks for no session. Two layers with different cookies are two sessions, of which
/// extractors see the inner one; a layer inside another one of the same cookie or header has no effect.
///
/// Every response of the services below is committed, whatever its status. So a layer that gives
/// up on a handler half-way and answers itself, such as a time-out, belongs outside this one:
/// then what the handler had done so far is forgotten.
#[derive(Clone, Debug)]
pub struct SessionLayer {
    engine: Engine,
}

impl SessionLayer {
    /// A layer over `store`, with the keys of `ring`.
    ///
    /// Call it inside the tokio runtime: store operations that outlive their request run there.
    ///
    /// # Errors
    /// The ring does not fit the store or the configuration.
    pub fn new(
        config: SessionConfig,
        ring: KeyRing,
        store: Arc<dyn SessionStore>,
    ) -> Result<Self, EngineError> {
        Engine::new(config, ring, store).map(Self::from)
    }

    /// The engine behind the layer, for readiness probes and a clean shutdown.
    #[must_use]
    pub fn engine(&self) -> &Engine {
        &self.engine
    }
}

impl From<Engine> for SessionLayer {
    fn from(engine: Engine) -> Self {
        Self { engine }
    }
}

impl<S> Layer<S> for SessionLayer {
    type Service = SessionService<S>;

    fn layer(&self, inner: S) -> SessionService<S> {
        SessionService {
            inner,
            engine: self.engine.clone(),
        }
    }
}

/// The service that [`SessionLayer`] makes.
#[derive(Clone, Debug)]
pub struct SessionService<S> {
    inner: S,
    engine: Engine,
}

impl<S, RequestBody, ResponseBody> Service<Request<RequestBody>> for SessionService<S>
where
    S: Service<Request<RequestBody>, Response = Response<ResponseBody>>,
    ResponseBody: Default,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future, ResponseBody>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<RequestBody>) -> Self::Future {
        let exchange = Exchanges::add(request.extensions_mut(), &self.engine);
        ResponseFuture::new(self.inner.call(request), exchange)
    }
}
