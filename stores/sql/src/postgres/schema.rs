//! The tables in PostgreSQL.

use async_trait::async_trait;
use session_core::{ConfigError, StoreConfig, StoreError};
use tokio_postgres::{Client, Error};

use super::dial::{Connection, Dialer, Purpose};
use super::fault::Fault;
use super::settings::PostgresStoreBuilder;
use super::statements;
use crate::schema::{Persistence, Status, Tables};
use crate::shared::names::Names;

/// The version of the tables that this program works with.
pub(super) const VERSION: i32 = 1;

/// What leads from each version to the next, from none on.
const MIGRATIONS: [fn(&Names, Persistence) -> String; VERSION as usize] = [first];

/// The tables of a store.
#[derive(Debug)]
pub(crate) struct PostgresTables {
    dialer: Dialer,
}

/// Sessions, control rows, and one row with the version and the sweeper's lease.
///
/// The fill factor leaves room in each page for the next version of its rows: together with
/// `due`, which touches and saves leave alone, it keeps their updates out of every index.
/// Measured with 10,000 sessions of 200 bytes, each touched five times: no touch reached an index
/// and each wrote 279 bytes of log; with an index on `expires` every touch did, and wrote 537.
/// The content is sealed, so compressing it is a waste of time.
fn first(names: &Names, persistence: Persistence) -> String {
    let unlogged = match persistence {
        Persistence::Permanent => "",
        Persistence::Temporary => "UNLOGGED ",
    };
    let sessions = names.sessions();
    format!(
        "CREATE {unlogged}TABLE {sessions} (
    key bytea NOT NULL PRIMARY KEY,
    revision bigint NOT NULL,
    -- The idle length in milliseconds.
    idle bigint NOT NULL,
    -- When it expires if nobody touches it; of an ended session, when its row may go.
    expires timestamptz NOT NULL,
    -- The absolute deadline.
    ends timestamptz NOT NULL,
    -- When a sweep looks at it next: never after it expires.
    due timestamptz NOT NULL,
    lease_token bigint NOT NULL,
    leased_until timestamptz,
    -- Why it ended, if it did: 1 renewed, 2 destroyed, 3 revoked.
    ended smallint,
    principal bytea,
    labels bytea NOT NULL,
    content bytea NOT NULL
) WITH (fillfactor = 75, autovacuum_vacuum_scale_factor = 0.05);
ALTER TABLE {sessions} ALTER COLUMN content SET STORAGE EXTERNAL;
CREATE INDEX {due} ON {sessions} (due);
CREATE INDEX {principal} ON {sessions} (principal, key) WHERE principal IS NOT NULL;
CREATE TABLE {control} (
    name text NOT NULL PRIMARY KEY,
    version bigint NOT NULL,
    value bytea NOT NULL
);
CREATE TABLE {version} (
    version integer NOT NULL,
    -- Which instance sweeps, and until when others leave it to do so.
    sweeper bigint,
    sweeping_until timestamptz
);
INSERT INTO {version} (version) VALUES (1);
",
        due = names.index("_due"),
        principal = names.index("_principal"),
        control = names.control(),
        version = names.version(),
    )
}

impl PostgresTables {
    pub(crate) fn of(config: &StoreConfig) -> Result<Self, ConfigError> {
        let dialer = PostgresStoreBuilder::read(config)?.dialer()?;
        Ok(Self { dialer })
    }

    fn names(&self) -> &Names {
        &self.dialer.settings.names
    }

    /// Begins a transaction that no other of its kind runs beside in the same schema, which may
    /// have to be made as well. It may take as long as it takes.
    fn begin(&self) -> String {
        format!(
            "BEGIN;\nSET LOCAL statement_timeout TO 0;\nSET LOCAL lock_timeout TO 0;\n\
             SELECT pg_advisory_xact_lock(hashtextextended('session-store {}', 0));\n",
            self.names().schema
        )
    }

    async fn connect(&self) -> Result<Connection, Fault> {
        self.dialer.dial(Purpose::Durable).await
    }

    /// The version of the tables, none if there are none.
    async fn version(&self, client: &Client) -> Result<Option<i32>, Error> {
        let table = self.names().version();
        let there = "SELECT to_regclass($1::text) IS NOT NULL";
        let row = client.query_one(there, &[&table]).await?;
        if !row.try_get::<_, bool>(0)? {
            return Ok(None);
        }
        let row = client.query_one(&statements::version(&table), &[]).await?;
        row.try_get(0).map(Some)
    }

    async fn install_in(&self, client: &Client, persistence: Persistence) -> Result<Status, Error> {
        client.batch_execute(&self.begin()).await?;
        let before = status(self.version(client).await?);
        let done = match before {
            Status::Missing => 0,
            Status::Current(version) | Status::Older(version) | Status::Newer(version) => version,
        };
        if done == 0 && !self.schema_is_there(client).await? {
            client.batch_execute(&self.make_schema()).await?;
        }
        for migration in MIGRATIONS.iter().skip(done as usize) {
            let text = migration(self.names(), persistence);
            client.batch_execute(&text).await?;
        }
        client.batch_execute("COMMIT").await?;
        Ok(before)
    }

    /// Asked beforehand, since `IF NOT EXISTS` needs a permission that is needed for nothing
    /// else where the schema is there.
    async fn schema_is_there(&self, client: &Client) -> Result<bool, Error> {
        let asked = "SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = $1)";
        let row = client.query_one(asked, &[&self.names().schema]).await?;
        row.try_get(0)
    }

    fn make_schema(&self) -> String {
        let schema = self.names().quoted_schema();
        format!("CREATE SCHEMA IF NOT EXISTS {schema};\n")
    }

    async fn remove_in(&self, client: &Client) -> Result<bool, Error> {
        client.batch_execute(&self.begin()).await?;
        let there = self.version(client).await?.is_some();
        let names = self.names();
        let tables = [names.sessions(), names.control(), names.version()].join(", ");
        let text = format!("DROP TABLE IF EXISTS {tables}; COMMIT");
        client.batch_execute(&text).await?;
        Ok(there)
    }

    fn failed(&self, error: &Error) -> StoreError {
        self.dialer.target.failed(error).into()
    }
}

#[async_trait]
impl Tables for PostgresTables {
    async fn install(&self, persistence: Persistence) -> Result<Status, StoreError> {
        let connection = self.connect().await?;
        let installed = self.install_in(&connection.client, persistence).await;
        match installed.map_err(|error| self.failed(&error))? {
            Status::Newer(version) => {
                let version = version.try_into().unwrap_or(i32::MAX);
                Err(self.dialer.target.version(version, VERSION).into())
            }
            before => Ok(before),
        }
    }

    async fn remove(&self) -> Result<bool, StoreError> {
        let connection = self.connect().await?;
        let removed = self.remove_in(&connection.client).await;
        removed.map_err(|error| self.failed(&error))
    }

    async fn status(&self) -> Result<Status, StoreError> {
        let connection = self.connect().await?;
        let version = self.version(&connection.client).await;
        version.map(status).map_err(|error| self.failed(&error))
    }

    fn print(&self, persistence: Persistence) -> String {
        let steps = MIGRATIONS.map(|migration| migration(self.names(), persistence));
        format!(
            "{}{}{}COMMIT;\n",
            self.begin(),
            self.make_schema(),
            steps.concat()
        )
    }
}

fn status(version: Option<i32>) -> Status {
    let Some(version) = version else {
        return Status::Missing;
    };
    let number = version.unsigned_abs();
    match version.cmp(&VERSION) {
        std::cmp::Ordering::Less => Status::Older(number),
        std::cmp::Ordering::Equal => Status::Current(number),
        std::cmp::Ordering::Greater => Status::Newer(number),
    }
}
