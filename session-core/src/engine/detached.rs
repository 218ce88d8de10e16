//! A future that runs to its end even if whoever asked for it goes away.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::task::{JoinError, JoinHandle};
use tracing::Instrument;

use super::Engine;
use crate::store::{StoreError, StoreErrorKind};

/// A future without borrowed parts, as store operations and commits are.
pub(super) type Operation<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// An operation that is polled once in place, and moved to a task of its own, with a deadline,
/// if it has to wait. An operation that is ready at once costs no task and no timer.
pub(super) struct Detached<T> {
    engine: Engine,
    deadline: Duration,
    stage: Stage<T>,
}

enum Stage<T> {
    InPlace(Operation<T>),
    Task(JoinHandle<Result<T, StoreError>>),
    Done,
}

impl Engine {
    /// Runs `operation` to its end, for at most `deadline` once it has to wait.
    pub(super) fn detached<T: Send + 'static>(
        &self,
        deadline: Duration,
        operation: Operation<T>,
    ) -> Detached<T> {
        Detached {
            engine: self.clone(),
            deadline,
            stage: Stage::InPlace(operation),
        }
    }

    /// Bounds an operation that has to wait.
    pub(super) async fn timed<T>(
        &self,
        deadline: Duration,
        operation: Operation<T>,
    ) -> Result<T, StoreError> {
        let timed = tokio::time::timeout(deadline, operation).await;
        timed.map_err(|_| {
            let message = format!("no answer within {deadline:?} (session.timeouts)");
            self.failure(StoreErrorKind::TimedOut, message)
        })
    }

    fn stopped(&self) -> StoreError {
        let message = "the runtime was shut down while the store was asked".to_owned();
        self.failure(StoreErrorKind::Unavailable, message)
    }

    /// What became of a task without a result.
    fn lost(&self, error: &JoinError) -> StoreError {
        if !error.is_panic() {
            return self.stopped();
        }
        let message = "it panicked: the store, or an update that ran again".to_owned();
        self.failure(StoreErrorKind::Other, message)
    }

    pub(super) fn failure(&self, kind: StoreErrorKind, message: String) -> StoreError {
        StoreError::new(kind, self.inner.store.name(), message)
    }
}

impl<T: Send + 'static> Detached<T> {
    fn detach(&self, operation: Operation<T>) -> Option<JoinHandle<Result<T, StoreError>>> {
        let (engine, deadline) = (self.engine.clone(), self.deadline);
        let task = async move { engine.timed(deadline, operation).await };
        let runtime = self.engine.runtime()?;
        let tasks = &self.engine.inner.tasks;
        Some(tasks.spawn_on(task.in_current_span(), &runtime))
    }
}

impl<T: Send + 'static> Future for Detached<T> {
    type Output = Result<T, StoreError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if let Stage::InPlace(operation) = &mut self.stage {
            if let Poll::Ready(output) = operation.as_mut().poll(context) {
                self.stage = Stage::Done;
                return Poll::Ready(Ok(output));
            }
            if let Stage::InPlace(operation) = std::mem::replace(&mut self.stage, Stage::Done)
                && let Some(task) = self.detach(operation)
            {
                self.stage = Stage::Task(task);
            }
        }
        let Stage::Task(task) = &mut self.stage else {
            return Poll::Ready(Err(self.engine.stopped()));
        };
        let joined = ready!(Pin::new(task).poll(context));
        self.stage = Stage::Done;
        Poll::Ready(joined.unwrap_or_else(|error| Err(self.engine.lost(&error))))
    }
}

impl<T> fmt::Debug for Detached<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Detached(..)")
    }
}
