//! [`Links`]: a few connections that everybody shares, with their statements prepared.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use session_core::Clock;
use tokio::sync::Mutex as FairMutex;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Error, Row, Statement};

use super::dial::{Connection, Dialer, Purpose};
use super::fault::Fault;
use super::schema;
use super::statements;

/// A few connections, on each of which many statements are under way.
#[derive(Debug)]
pub(super) struct Links {
    dialer: Arc<Dialer>,
    purpose: Purpose,
    /// The text of the statements; they are named by their place here.
    statements: Vec<String>,
    slots: Vec<Slot>,
    next: AtomicUsize,
}

#[derive(Debug, Default)]
struct Slot {
    link: Mutex<Option<Arc<Link>>>,
    /// Held by who connects; how often that was tried, and what came of the last attempt if it
    /// failed.
    dialing: FairMutex<Option<Fault>>,
    attempts: AtomicUsize,
}

/// A connection with its prepared statements.
#[derive(Debug)]
pub(super) struct Link {
    connection: Connection,
    statements: Vec<Statement>,
}

/// The time that an operation has, its repetitions included.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deadline(Duration);

impl Links {
    pub(super) fn new(
        dialer: &Arc<Dialer>,
        purpose: Purpose,
        count: usize,
        statements: Vec<String>,
    ) -> Self {
        Self {
            dialer: Arc::clone(dialer),
            purpose,
            statements,
            slots: (0..count).map(|_| Slot::default()).collect(),
            next: AtomicUsize::new(0),
        }
    }

    /// Executes a statement once.
    pub(super) async fn query(
        &self,
        statement: usize,
        parameters: &[&(dyn ToSql + Sync)],
        deadline: Deadline,
    ) -> Result<Vec<Row>, Fault> {
        let slot = self.slot();
        let link = self.link(slot).await?;
        let asked = link.query(statement, parameters);
        match tokio::time::timeout(self.dialer.left(deadline), asked).await {
            Ok(Ok(rows)) => Ok(rows),
            Ok(Err(error)) => {
                let fault = self.dialer.target.failed(&error);
                if fault.ends_the_connection() {
                    slot.give_up(&link);
                }
                Err(fault)
            }
            Err(_) => {
                // What comes behind would wait as well.
                slot.give_up(&link);
                Err(self.dialer.target.timed_out("phase: statement"))
            }
        }
    }

    /// The next connection in turn.
    fn slot(&self) -> &Slot {
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        &self.slots[turn % self.slots.len()]
    }

    async fn link(&self, slot: &Slot) -> Result<Arc<Link>, Fault> {
        if let Some(link) = slot.open() {
            return Ok(link);
        }
        let seen = slot.attempts.load(Ordering::Acquire);
        let mut last = slot.dialing.lock().await;
        if let Some(link) = slot.open() {
            return Ok(link);
        }
        if let (Some(fault), true) = (&*last, slot.attempts.load(Ordering::Acquire) != seen) {
            // Somebody tried while we waited to. A crowd does not try one after the other.
            return Err(fault.clone());
        }
        let dialed = self.dial().await;
        slot.attempts.fetch_add(1, Ordering::Release);
        *last = dialed.as_ref().err().cloned();
        let link = Arc::new(dialed?);
        *slot.link.lock() = Some(Arc::clone(&link));
        Ok(link)
    }

    async fn dial(&self) -> Result<Link, Fault> {
        let connection = self.dialer.dial(self.purpose).await?;
        let patience = self.dialer.settings.connect_timeout;
        match tokio::time::timeout(patience, self.prepare(&connection)).await {
            Ok(Ok((version, statements))) => {
                self.dialer.check(version)?;
                Ok(Link {
                    connection,
                    statements,
                })
            }
            Ok(Err(error)) => Err(self.dialer.target.connecting(&error)),
            Err(_) => Err(self.dialer.target.timed_out("phase: prepare")),
        }
    }

    /// The version of the tables is asked before they are touched, since those of another
    /// version may not have the columns that the statements name.
    async fn prepare(&self, connection: &Connection) -> Result<(i32, Vec<Statement>), Error> {
        let client = &connection.client;
        let asked = statements::version(&self.dialer.settings.names.version());
        let row = client.query_one(&asked, &[]).await?;
        let version = row.try_get(0)?;
        let mut prepared = Vec::with_capacity(self.statements.len());
        if version == schema::VERSION {
            for statement in &self.statements {
                prepared.push(client.prepare(statement).await?);
            }
        }
        Ok((version, prepared))
    }
}

impl Slot {
    fn open(&self) -> Option<Arc<Link>> {
        let link = self.link.lock();
        let open = |link: &&Arc<Link>| !link.connection.client.is_closed();
        link.as_ref().filter(open).cloned()
    }

    /// Leaves a connection to those who still wait for it.
    fn give_up(&self, broken: &Arc<Link>) {
        let mut link = self.link.lock();
        if link.as_ref().is_some_and(|link| Arc::ptr_eq(link, broken)) {
            *link = None;
        }
    }
}

impl Link {
    async fn query(
        &self,
        statement: usize,
        parameters: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>, Error> {
        let statement = &self.statements[statement];
        self.connection.client.query(statement, parameters).await
    }
}

impl Dialer {
    /// The end of an operation that begins now.
    pub(super) fn deadline(&self) -> Deadline {
        Deadline(self.clock.monotonic() + self.settings.operation_timeout)
    }

    pub(super) fn left(&self, deadline: Deadline) -> Duration {
        deadline.0.saturating_sub(self.clock.monotonic())
    }

    /// Waits a little before the next attempt, the longer the more there were; `false` if there
    /// is no time left for one.
    pub(super) async fn pause(&self, deadline: Deadline, attempts: u32) -> bool {
        let pause = Duration::from_millis(5 << attempts.min(5));
        let pause = pause.mul_f64(crate::shared::turns::jitter());
        if self.left(deadline) <= pause {
            return false;
        }
        tokio::time::sleep(pause).await;
        true
    }

    fn check(&self, version: i32) -> Result<(), Fault> {
        match version {
            schema::VERSION => Ok(()),
            other => Err(self.target.version(other, schema::VERSION)),
        }
    }
}
