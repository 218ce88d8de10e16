//! Writes that wait for replicas.

use std::fmt;
use std::sync::Weak;

use deadpool::managed::{Manager, Metrics, Pool, RecycleError, RecycleResult};
use redis::Value;
use session_core::StoreErrorKind;

use crate::call::Call;
use crate::dial::Connection;
use crate::fault::Fault;
use crate::moment::Moment;
use crate::server::{Lost, Server, carry};
use crate::settings::Settings;

/// How many such writes can be under way at a server at a time.
const CONNECTIONS: usize = 16;

/// Connections on which one write at a time waits for replicas. `WAIT` holds up everything that
/// comes after it on the same connection, so it cannot use the shared one.
pub(crate) struct Confirmed {
    pool: Option<Pool<Dialer>>,
}

struct Dialer(Weak<Server>);

impl Manager for Dialer {
    type Type = Connection;
    type Error = Fault;

    async fn create(&self) -> Result<Connection, Fault> {
        let server = self.0.upgrade().ok_or_else(Fault::stopped)?;
        let runtime = server.runtime().clone();
        let opening = runtime.spawn(async move {
            let deadline = Moment::from_now(server.connect_timeout());
            server.open_once(deadline).await
        });
        opening.await.unwrap_or_else(|_| Err(Fault::stopped()))
    }

    /// Without a question to the server, which would be a round trip.
    async fn recycle(&self, connection: &mut Connection, _: &Metrics) -> RecycleResult<Fault> {
        match connection.is_closed() {
            true => Err(RecycleError::message("closed")),
            false => Ok(()),
        }
    }
}

impl Confirmed {
    pub(crate) fn new(server: &Weak<Server>, settings: &Settings) -> Self {
        let build = || {
            let pool = Pool::builder(Dialer(Weak::clone(server)));
            // Fails only for timeouts, of which there are none here.
            pool.max_size(CONNECTIONS).build().ok()
        };
        let pool = (settings.wait_replicas > 0).then(build).flatten();
        Self { pool }
    }

    pub(crate) fn forget(&self) {
        if let Some(pool) = &self.pool {
            pool.retain(|_, _| false);
        }
    }

    /// Sends a write and `WAIT` in one trip.
    pub(crate) async fn send(
        &self,
        settings: &Settings,
        call: Call,
        deadline: Moment,
    ) -> Result<Vec<Value>, Lost> {
        let Some(pool) = &self.pool else {
            return Err(Lost::Unsent(Fault::stopped()));
        };
        let connection = deadline.bound(pool.get()).await;
        let mut connection = match connection {
            Ok(Ok(connection)) => connection,
            Ok(Err(deadpool::managed::PoolError::Backend(fault))) => {
                return Err(Lost::Unsent(fault));
            }
            Ok(Err(_)) => return Err(Lost::Unsent(Fault::stopped())),
            Err(_) => return Err(Lost::Unsent(no_connection())),
        };
        let mut guard = Busy(&mut connection, true);
        let call = call.then(wait(settings));
        let answers = carry(guard.0, &call, deadline.after(settings.wait_timeout)).await;
        guard.1 = false;
        let mut answers = answers?;
        let Some(Value::Int(replicas)) = answers.pop() else {
            return Ok(answers);
        };
        if replicas < i64::from(settings.wait_replicas) {
            let message = format!(
                "{}: done on the primary, but only {replicas} of {} replicas have it; look at the \
                 replicas, store.wait_replicas and store.wait_timeout",
                guard.0.address, settings.wait_replicas
            );
            return Err(Lost::Cut(Fault::lasting(StoreErrorKind::TimedOut, message)));
        }
        Ok(answers)
    }
}

fn wait(settings: &Settings) -> redis::Cmd {
    let mut command = redis::cmd("WAIT");
    let millis = u64::try_from(settings.wait_timeout.as_millis()).unwrap_or(u64::MAX);
    command.arg(settings.wait_replicas).arg(millis);
    command
}

fn no_connection() -> Fault {
    let message = "too many writes wait for replicas; look at the replicas and at \
                   store.wait_timeout";
    Fault::passing(StoreErrorKind::TimedOut, message)
}

/// Gives a connection up if whoever used it is gone before the answer: the next one would have
/// to wait behind it.
struct Busy<'a>(&'a mut Connection, bool);

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        if self.1 {
            self.0.close();
        }
    }
}

impl fmt::Debug for Confirmed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Confirmed(..)")
    }
}
