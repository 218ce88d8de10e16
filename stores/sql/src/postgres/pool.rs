//! The pool: connections for what waits for locks, one operation at a time on each.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use deadpool_postgres::RecyclingMethod;
use deadpool_postgres::{BuildError, Connect, Manager, ManagerConfig, Object, Pool, PoolError};
use tokio::task::JoinHandle;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Config, Error, Row};

use super::dial::{Dialer, Purpose};
use super::fault::Fault;
use super::links::Deadline;

/// The pool and what its connections are made by.
pub(super) struct Pooled {
    dialer: Arc<Dialer>,
    pool: Pool,
}

/// Makes the pool's connections on the store's runtime.
struct Opener(Arc<Dialer>);

type Opening<'a> =
    Pin<Box<dyn Future<Output = Result<(Client, JoinHandle<()>), Error>> + Send + 'a>>;

impl Connect for Opener {
    fn connect(&self, _: &Config) -> Opening<'_> {
        Box::pin(async move {
            match self.0.open(Purpose::Durable).await {
                Some(opened) => opened,
                // The runtime has ended. Whoever asked has a limit.
                None => std::future::pending().await,
            }
        })
    }
}

impl Pooled {
    pub(super) fn new(dialer: &Arc<Dialer>) -> Result<Self, BuildError> {
        let config = ManagerConfig {
            // Anything else adds a round trip to every operation.
            recycling_method: RecyclingMethod::Fast,
        };
        let opener = Opener(Arc::clone(dialer));
        let manager = Manager::from_connect(Config::new(), opener, config);
        Ok(Self {
            dialer: Arc::clone(dialer),
            pool: Pool::builder(manager)
                .max_size(dialer.settings.pool)
                .build()?,
        })
    }

    /// Executes a statement once.
    pub(super) async fn query(
        &self,
        statement: &str,
        parameters: &[&(dyn ToSql + Sync)],
        deadline: Deadline,
    ) -> Result<Vec<Row>, Fault> {
        let connection = self.connection(deadline).await?;
        let asked = async {
            let prepared = connection.prepare_cached(statement).await?;
            connection.query(&prepared, parameters).await
        };
        match tokio::time::timeout(self.dialer.left(deadline), asked).await {
            Ok(Ok(rows)) => Ok(rows),
            Ok(Err(error)) => {
                let fault = self.dialer.target.failed(&error);
                if fault.ends_the_connection() {
                    drop(Object::take(connection));
                }
                Err(fault)
            }
            Err(_) => {
                // It may still be at work, and the next would wait for it.
                drop(Object::take(connection));
                Err(self.dialer.target.timed_out("phase: statement"))
            }
        }
    }

    async fn connection(&self, deadline: Deadline) -> Result<Object, Fault> {
        let target = &self.dialer.target;
        match tokio::time::timeout(self.dialer.left(deadline), self.pool.get()).await {
            Ok(Ok(connection)) => Ok(connection),
            Ok(Err(PoolError::Backend(error))) => Err(target.connecting(&error)),
            Ok(Err(_)) => Err(target.stopped()),
            Err(_) => Err(target.timed_out("phase: connect")),
        }
    }

    /// Executes a statement until it succeeds, another attempt is of no use, or the time is
    /// over. The answer says whether an earlier attempt may have been done as well.
    pub(super) async fn insist(
        &self,
        statement: &str,
        parameters: &[&(dyn ToSql + Sync)],
    ) -> Result<Answer, Fault> {
        let deadline = self.dialer.deadline();
        let mut uncertain = false;
        let mut attempts = 0;
        loop {
            let fault = match self.query(statement, parameters, deadline).await {
                Ok(rows) => return Ok(Answer { rows, uncertain }),
                Err(fault) => fault,
            };
            uncertain |= fault.is_uncertain();
            attempts += 1;
            if !fault.is_passing() || !self.dialer.pause(deadline, attempts).await {
                return Err(fault);
            }
        }
    }
}

/// Rows, and whether an attempt before them may have been done.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) rows: Vec<Row>,
    pub(super) uncertain: bool,
}

impl Answer {
    /// The only row, if there is one.
    pub(super) fn row(&self) -> Option<&Row> {
        self.rows.first()
    }
}

impl std::fmt::Debug for Pooled {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pooled")
            .field("status", &self.pool.status())
            .finish_non_exhaustive()
    }
}
