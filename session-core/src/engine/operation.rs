//! Store operations, each with its deadline and its endpoint's breaker.

use std::future::{Future, poll_fn};
use std::task::Poll;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::task::AbortHandle;
use tracing::Instrument;

use super::Engine;
use super::breaker::{Change, Leave, Reach};
use super::detached::Operation;
use crate::id::StoreKey;
use crate::store::{StoreError, StoreErrorKind};

/// What a store's method returns.
type StoreOperation<T> = Operation<Result<T, StoreError>>;

impl Engine {
    /// Runs a store operation. Only for futures that are detached themselves: dropping this one
    /// drops the operation.
    pub(super) async fn call<T>(
        &self,
        key: &StoreKey,
        operation: StoreOperation<T>,
    ) -> Result<T, StoreError> {
        let deadline = self.config().operation_timeout();
        self.call_within(key, deadline, operation).await
    }

    /// [`Engine::call`] with a deadline of its own, for operations that may wait for others.
    pub(super) async fn call_within<T>(
        &self,
        key: &StoreKey,
        deadline: Duration,
        mut operation: StoreOperation<T>,
    ) -> Result<T, StoreError> {
        let admission = self.admit(key)?;
        let polled = poll_fn(|context| Poll::Ready(operation.as_mut().poll(context))).await;
        let result = match polled {
            Poll::Ready(result) => result,
            Poll::Pending => self.timed(deadline, operation).await.flatten(),
        };
        admission.judge(&result);
        result
    }

    /// Runs a store operation to its end even if the caller is dropped; the breaker learns what
    /// came of it in any case.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        key: &StoreKey,
        mut operation: StoreOperation<T>,
    ) -> Result<T, StoreError> {
        let admission = self.admit(key)?;
        let polled = poll_fn(|context| Poll::Ready(operation.as_mut().poll(context))).await;
        if let Poll::Ready(result) = polled {
            admission.judge(&result);
            return result;
        }
        let engine = self.clone();
        let judged = async move {
            let deadline = engine.config().operation_timeout();
            let result = engine.timed(deadline, operation).await.flatten();
            admission.judge(&result);
            result
        };
        self.detached(Duration::MAX, Box::pin(judged))
            .await
            .flatten()
    }

    /// A store operation that belongs to no session; it runs to its end as well.
    pub(super) async fn ask<T: Send + 'static>(
        &self,
        operation: StoreOperation<T>,
    ) -> Result<T, StoreError> {
        let deadline = self.config().operation_timeout();
        self.detached(deadline, operation).await.flatten()
    }

    /// Runs a task that nobody waits for.
    pub(super) fn spawn(
        &self,
        task: impl Future<Output = ()> + Send + 'static,
    ) -> Option<AbortHandle> {
        let runtime = self.runtime()?;
        let task = self.inner.tasks.spawn_on(task.in_current_span(), &runtime);
        Some(task.abort_handle())
    }

    /// The runtime that the engine was made in; without one, that of the caller.
    pub(super) fn runtime(&self) -> Option<Handle> {
        let captured = self.inner.runtime.clone();
        captured.or_else(|| Handle::try_current().ok())
    }

    fn admit(&self, key: &StoreKey) -> Result<Admission, StoreError> {
        let endpoint = self.inner.store.endpoint(key.route());
        let leave = self.inner.breakers.admit(endpoint, || self.monotonic());
        leave
            .map(|leave| Admission {
                engine: self.clone(),
                endpoint,
                leave,
            })
            .ok_or_else(|| {
                let message = "not asked, because it could not be reached five times in a row; \
                               one request a second tries again";
                self.failure(StoreErrorKind::Unavailable, message.to_owned())
            })
    }
}

/// A request's leave to ask an endpoint. A probe that is dropped before its result is there, with
/// its request or at a deadline, leaves its turn to another.
struct Admission {
    engine: Engine,
    endpoint: u16,
    leave: Leave,
}

impl Admission {
    fn judge<T>(mut self, result: &Result<T, StoreError>) {
        let leave = std::mem::replace(&mut self.leave, Leave::Free);
        let reach = match result {
            Err(error) if error.is_unreachable() => Reach::Unreachable,
            _ => Reach::Reached,
        };
        let (engine, endpoint) = (&self.engine, self.endpoint);
        let breakers = &engine.inner.breakers;
        let change = breakers.record(endpoint, leave, reach, || engine.monotonic());
        let store = engine.inner.store.name();
        match change {
            Change::None => {}
            Change::Opened => tracing::error!(store, endpoint, "store unreachable: breaker opened"),
            Change::Closed => tracing::info!(store, endpoint, "store reachable: breaker closed"),
        }
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        if self.leave == Leave::Probe {
            let breakers = &self.engine.inner.breakers;
            breakers.give_up_probe(self.endpoint, self.engine.monotonic());
        }
    }
}
