//! [`Dialer`]: how a connection is made and set up.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Error, Opts, Row, SslOpts};
use session_core::{Clock, SystemClock};
use tokio::runtime::Handle;

use super::fault::{Fault, Target};
use super::row::Reader;
use super::schema;
use super::settings::Settings;
use super::statements;
use super::tls;
use crate::shared::turns::jitter;

/// Makes connections.
pub(super) struct Dialer {
    pub(super) settings: Settings,
    pub(super) target: Target,
    pub(super) runtime: Handle,
    pub(super) clock: SystemClock,
    /// The most bytes that the server takes at once, as the last connection was told.
    most: AtomicUsize,
    driver: Opts,
}

impl fmt::Debug for Dialer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dialer")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

/// The time that an operation has, its repetitions included.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deadline(Duration);

impl Dialer {
    pub(super) fn new(settings: Settings, tls: Option<SslOpts>, runtime: Handle) -> Self {
        Self {
            target: Target::new(&settings),
            driver: settings.driver(tls),
            clock: SystemClock::default(),
            most: AtomicUsize::new(usize::MAX),
            settings,
            runtime,
        }
    }

    /// A connection to tables that this program works with, within the connect timeout.
    pub(super) async fn dial(&self) -> Result<Conn, Fault> {
        let limit = self.settings.operation_timeout;
        let dialing = async {
            let mut connection = self.open(Some(limit)).await?;
            self.check(&mut connection).await?;
            Ok(connection)
        };
        self.in_time(dialing).await
    }

    /// A connection whose statements may take as long as they take, whatever tables there are.
    pub(super) async fn dial_patiently(&self) -> Result<Conn, Fault> {
        self.in_time(self.open(None)).await
    }

    async fn in_time(
        &self,
        dialing: impl Future<Output = Result<Conn, Fault>>,
    ) -> Result<Conn, Fault> {
        let patience = self.settings.connect_timeout;
        match tokio::time::timeout(patience, dialing).await {
            Ok(dialed) => dialed,
            Err(_) => Err(self.target.timed_out("phase: connect")),
        }
    }

    async fn open(&self, limit: Option<Duration>) -> Result<Conn, Fault> {
        let failed = |error: Error| self.target.connecting(&error);
        if self.settings.encrypts() {
            tls::choose_provider();
        }
        let mut connection = Conn::new(self.driver.clone()).await.map_err(failed)?;
        let set_up = set_up(limit);
        connection.query_drop(set_up).await.map_err(failed)?;
        Ok(connection)
    }

    /// The version of the tables is asked before they are touched, since those of another
    /// version may not have the columns that the statements name.
    async fn check(&self, connection: &mut Conn) -> Result<(), Fault> {
        let asked = statements::version(&self.settings.table);
        let row: Option<Row> = connection
            .query_first(asked)
            .await
            .map_err(|error| self.target.connecting(&error))?;
        let row = row.ok_or_else(|| self.target.no_tables())?;
        let reader = Reader::new(&row, &self.target);
        match reader.number(0)? {
            schema::VERSION => {}
            other => return Err(self.target.version(other, schema::VERSION)),
        }
        let most = usize::try_from(reader.number(2)?);
        self.most
            .store(most.unwrap_or(usize::MAX), Ordering::Relaxed);
        match reader.number(1)? {
            1 => Ok(()),
            _ if self.settings.accept_delayed_flush => Ok(()),
            other => Err(self.target.delayed_flush(other)),
        }
    }

    /// Whether the server takes so many bytes at once. It closes the connection on more.
    pub(super) fn fits(&self, bytes: usize) -> bool {
        const REST: usize = 4096;
        bytes.saturating_add(REST) <= self.most.load(Ordering::Relaxed)
    }

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
        let pause = pause.mul_f64(jitter());
        if self.left(deadline) <= pause {
            return false;
        }
        tokio::time::sleep(pause).await;
        true
    }
}

/// What every connection starts with.
///
/// The strict mode makes an error of what would be cut off. The isolation level is the only one
/// that every binary log takes; each operation is right under all of them. A statement whose
/// client has given up must not wait for a lock much longer. The comment is read by MariaDB
/// alone; MySQL limits only reads, and those do not wait for locks.
fn set_up(limit: Option<Duration>) -> String {
    let (wait, most) = match limit {
        Some(limit) => ((limit.as_secs() / 4).clamp(1, 50), limit.as_secs_f64()),
        None => (50, 0.0),
    };
    format!(
        "SET SESSION autocommit = 1, sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION', \
         sql_safe_updates = 0, time_zone = '+00:00', innodb_lock_wait_timeout = {wait} \
         /*M!100100 , max_statement_time = {most:.3} */; \
         SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ"
    )
}
