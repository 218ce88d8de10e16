//! [`WaitingRoom`]: connections for those who wait for a lease.
//!
//! Answers come in order, so a request that the server parks holds up everything behind it. Such
//! requests therefore travel alone: one to a connection, on a few connections of their own.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use session_core::{Clock, SystemClock};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::dial::{Connection, Dialer, draining};
use super::fault::{Fault, Lost, Phase};
use super::reply::Reply;

/// The connections to one server on which callers wait.
#[derive(Debug)]
pub(super) struct WaitingRoom {
    room: Arc<Room>,
    runtime: Handle,
}

#[derive(Debug)]
struct Room {
    dialer: Dialer,
    /// One for each connection that may be open. Callers queue up for them in order.
    seats: Semaphore,
    idle: Mutex<Vec<Connection>>,
    clock: SystemClock,
}

impl WaitingRoom {
    pub(super) fn new(dialer: Dialer, runtime: &Handle) -> Self {
        let room = Room {
            seats: Semaphore::new(dialer.settings.waiting_connections),
            dialer,
            idle: Mutex::default(),
            clock: SystemClock::default(),
        };
        Self {
            room: Arc::new(room),
            runtime: runtime.clone(),
        }
    }

    /// As [`ask`](Self::ask), for a request that may be sent only once.
    pub(super) async fn ask_once(
        &self,
        wait: Duration,
        write: impl Fn(&mut Vec<u8>, Duration) + Send + Sync + 'static,
    ) -> Result<Option<Reply>, Lost> {
        self.send(wait, false, write).await
    }

    /// Sends the request that `write` makes for the time that is left of `wait`, and waits for
    /// its answer; none if `wait` was over before its turn. If the caller goes away the
    /// connection is closed, by which the server knows.
    pub(super) async fn ask(
        &self,
        wait: Duration,
        write: impl Fn(&mut Vec<u8>, Duration) + Send + Sync + 'static,
    ) -> Result<Option<Reply>, Lost> {
        self.send(wait, true, write).await
    }

    async fn send(
        &self,
        wait: Duration,
        is_repeatable: bool,
        write: impl Fn(&mut Vec<u8>, Duration) + Send + Sync + 'static,
    ) -> Result<Option<Reply>, Lost> {
        let room = Arc::clone(&self.room);
        let task = self
            .runtime
            .spawn(async move { room.ask(wait, is_repeatable, write).await });
        let mut task = Leaving(task);
        let stopped = || Lost::Final(Fault::stopped(self.room.dialer.address()));
        (&mut task.0).await.unwrap_or_else(|_| Err(stopped()))
    }
}

/// A task that ends when nobody waits for it.
struct Leaving<T>(JoinHandle<T>);

impl<T> Drop for Leaving<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Room {
    async fn ask(
        &self,
        wait: Duration,
        is_repeatable: bool,
        write: impl Fn(&mut Vec<u8>, Duration),
    ) -> Result<Option<Reply>, Lost> {
        let began = self.clock.monotonic();
        let Ok(Ok(_seat)) = timeout(wait, self.seats.acquire()).await else {
            return Ok(None);
        };
        let mut again = true;
        loop {
            let connection = self.connection().await?;
            let waited = self.clock.monotonic().saturating_sub(began);
            let left = wait.saturating_sub(waited);
            let mut request = Vec::new();
            write(&mut request, left);
            match self.exchange(connection, &request, left).await {
                Err(lost) if again && lost.may_repeat(is_repeatable) => again = false,
                answered => return answered.map(Some),
            }
        }
    }

    /// An idle connection that is still open, or a new one.
    async fn connection(&self) -> Result<Connection, Lost> {
        loop {
            let idle = self.idle.lock().pop();
            match idle {
                None => return self.dialer.dial().await.map_err(Lost::Final),
                Some(mut connection) => {
                    if !connection.is_dead().await {
                        return Ok(connection);
                    }
                }
            }
        }
    }

    async fn exchange(
        &self,
        mut connection: Connection,
        request: &[u8],
        wait: Duration,
    ) -> Result<Reply, Lost> {
        let patience = wait.saturating_add(self.dialer.settings.operation_timeout);
        let fault = |error: &io::Error| self.dialer.io(Phase::Read, error);
        match timeout(patience, connection.exchange(request, false)).await {
            Ok(Ok(reply)) if reply.status == 503 => Err(Lost::Undone(fault(&draining()))),
            Ok(Ok(reply)) => {
                self.idle.lock().push(connection);
                Ok(reply)
            }
            Ok(Err(error)) => Err(Lost::Cut(fault(&error))),
            Err(_) => Err(Lost::Final(fault(&io::ErrorKind::TimedOut.into()))),
        }
    }
}
