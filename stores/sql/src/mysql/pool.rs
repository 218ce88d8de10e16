//! The pool: connections that carry one operation at a time.

use std::fmt;
use std::sync::Arc;

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Error, Params, Row, Value};
use parking_lot::Mutex;
use tokio::sync::Semaphore;

use super::dial::{Deadline, Dialer};
use super::fault::Fault;

/// The connections and what they are made by.
pub(super) struct Pool {
    pub(super) dialer: Arc<Dialer>,
    /// Connections that nobody uses, the last one used at the end.
    idle: Mutex<Vec<Conn>>,
    /// How many may be in use.
    places: Semaphore,
}

/// What is sent in one round trip.
#[derive(Clone, Debug)]
pub(super) enum Request {
    /// A statement that each connection prepares once.
    Statement(Arc<str>, Params),
    /// So many statements as one text, the first of which begins a transaction and the last of
    /// which commits it. The server goes through all of them, or up to the first that fails,
    /// whatever becomes of the client.
    Transaction(String, usize),
    /// A statement that is different every time.
    Text(String),
}

/// What a statement came to.
#[derive(Debug)]
pub(super) struct Done {
    /// The rows that a write found.
    pub(super) count: u64,
    /// What the statement passed to `LAST_INSERT_ID`.
    pub(super) number: Option<u64>,
    pub(super) rows: Vec<Row>,
}

/// What a request came to, and whether an attempt before may have been done as well.
#[derive(Debug)]
pub(super) struct Answer {
    done: Vec<Done>,
    pub(super) uncertain: bool,
    /// The row that was to be added is there. Nothing was done.
    pub(super) is_duplicate: bool,
}

impl Answer {
    /// The rows that the statement at this place found.
    pub(super) fn count(&self, statement: usize) -> u64 {
        self.done.get(statement).map_or(0, |done| done.count)
    }

    /// Whether the only statement found a row.
    pub(super) fn found(&self) -> bool {
        self.count(0) > 0
    }

    pub(super) fn number(&self) -> Option<u64> {
        self.done.first().and_then(|done| done.number)
    }

    /// The rows of the statement at this place.
    pub(super) fn rows(&self, statement: usize) -> &[Row] {
        self.done.get(statement).map_or(&[], |done| &done.rows)
    }

    pub(super) fn row(&self) -> Option<&Row> {
        self.rows(0).first()
    }
}

impl Pool {
    pub(super) fn new(dialer: &Arc<Dialer>) -> Self {
        Self {
            dialer: Arc::clone(dialer),
            idle: Mutex::default(),
            places: Semaphore::new(dialer.settings.pool),
        }
    }

    /// Sends a request until it succeeds, another attempt is of no use, or the time is over.
    pub(super) async fn insist(
        &self,
        request: &Request,
        deadline: Deadline,
    ) -> Result<Answer, Fault> {
        let mut uncertain = false;
        let mut attempts = 0;
        loop {
            let (done, fault) = match self.attempt(request, deadline).await {
                Ok(done) => (done, None),
                Err(fault) => (Vec::new(), Some(fault)),
            };
            let is_duplicate = fault.as_ref().is_some_and(Fault::is_duplicate);
            let fault = match fault {
                Some(fault) if !is_duplicate => fault,
                _ => {
                    return Ok(Answer {
                        done,
                        uncertain,
                        is_duplicate,
                    });
                }
            };
            uncertain |= fault.is_uncertain();
            attempts += 1;
            if !fault.is_passing() || !self.dialer.pause(deadline, attempts).await {
                return Err(fault);
            }
        }
    }

    async fn attempt(&self, request: &Request, deadline: Deadline) -> Result<Vec<Done>, Fault> {
        let target = &self.dialer.target;
        let waiting = self.places.acquire();
        let place = tokio::time::timeout(self.dialer.left(deadline), waiting);
        let _place = match place.await {
            Ok(Ok(place)) => place,
            Ok(Err(_)) => return Err(target.stopped()),
            Err(_) => return Err(target.timed_out("phase: connection; or raise store.pool")),
        };
        let idle = self.idle.lock().pop();
        let mut connection = match idle {
            Some(connection) => connection,
            None => self.dialer.dial().await?,
        };
        if !self.dialer.fits(request.size()) {
            self.idle.lock().push(connection);
            return Err(target.too_large());
        }
        let sending = request.send(&mut connection);
        match tokio::time::timeout(self.dialer.left(deadline), sending).await {
            Ok(Ok(done)) => {
                self.idle.lock().push(connection);
                Ok(done)
            }
            Ok(Err(error)) => {
                let fault = target.failed(&error);
                self.after(&fault, request, connection, deadline).await;
                Err(fault)
            }
            // The answer may come yet, and the next would take it for its own.
            Err(_) => Err(target.timed_out("phase: statement")),
        }
    }

    /// Keeps a connection after a failure, if there is nothing left of it.
    async fn after(
        &self,
        fault: &Fault,
        request: &Request,
        mut connection: Conn,
        deadline: Deadline,
    ) {
        if fault.is_uncertain() {
            // What happened to this one happened to the others: a restart, or a switch-over.
            let lost = std::mem::take(&mut *self.idle.lock());
            drop(lost);
            return;
        }
        if connection.is_disconnected() {
            return;
        }
        if matches!(request, Request::Transaction(..)) {
            let undoing = connection.query_drop("ROLLBACK");
            let undone = tokio::time::timeout(self.dialer.left(deadline), undoing).await;
            if !matches!(undone, Ok(Ok(()))) {
                return;
            }
        }
        self.idle.lock().push(connection);
    }
}

impl Request {
    /// About how many bytes go to the server.
    fn size(&self) -> usize {
        let value = |value: &Value| match value {
            Value::Bytes(bytes) => bytes.len(),
            _ => size_of::<i64>(),
        };
        match self {
            Self::Statement(_, Params::Positional(values)) => values.iter().map(value).sum(),
            Self::Statement(..) => 0,
            Self::Transaction(text, _) | Self::Text(text) => text.len(),
        }
    }

    /// Executes it once.
    async fn send(&self, connection: &mut Conn) -> Result<Vec<Done>, Error> {
        match self {
            Self::Statement(text, parameters) => {
                let mut result = connection.exec_iter(&**text, parameters.clone()).await?;
                let count = result.affected_rows();
                let number = result.last_insert_id();
                let rows = result.collect().await?;
                Ok(vec![Done {
                    count,
                    number,
                    rows,
                }])
            }
            Self::Text(text) => send_text(connection, text, 1).await,
            Self::Transaction(text, statements) => send_text(connection, text, *statements).await,
        }
    }
}

async fn send_text(
    connection: &mut Conn,
    text: &str,
    statements: usize,
) -> Result<Vec<Done>, Error> {
    let mut result = connection.query_iter(text).await?;
    let mut done = Vec::with_capacity(statements);
    for _ in 0..statements {
        done.push(Done {
            count: result.affected_rows(),
            number: None,
            rows: result.collect().await?,
        });
    }
    result.drop_result().await?;
    Ok(done)
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool")
            .field("idle", &self.idle.lock().len())
            .field("free", &self.places.available_permits())
            .finish_non_exhaustive()
    }
}
