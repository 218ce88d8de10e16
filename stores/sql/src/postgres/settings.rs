//! Where the server is and how it is spoken to: the URL and the options of `[store]`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use session_core::{ConfigError, StoreConfig};
use tokio::runtime::Handle;
use tokio_postgres::Config;
use tokio_postgres::config::{SslMode, TargetSessionAttrs};

use super::dial::Dialer;
use super::store::PostgresStore;
use super::tls::Tls;
use crate::shared::access;
use crate::shared::names::{self, Names};
use crate::shared::options;
use crate::shared::place::{self, Place};

const PORT: u16 = 5432;

/// When an acknowledged write is safe.
///
/// Ends of sessions, renewals and leases are written to disk before their answer whatever this
/// says: a crash does not bring a logout back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SynchronousCommit {
    /// On the disk of the server, and of its synchronous standbys if it has any.
    On,
    /// As `On`, and synchronous standbys have applied it as well.
    RemoteApply,
    /// On the disk of the server, and in the memory of its synchronous standbys.
    RemoteWrite,
    /// On the disk of the server.
    Local,
    /// In the server's memory. A crash of the server loses the last creates, saves and touches,
    /// those of about 0.6 s, although they were answered; nothing is ever damaged.
    Off,
}

impl SynchronousCommit {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::On => "on",
            Self::RemoteApply => "remote_apply",
            Self::RemoteWrite => "remote_write",
            Self::Local => "local",
            Self::Off => "off",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let all = [
            Self::On,
            Self::RemoteApply,
            Self::RemoteWrite,
            Self::Local,
            Self::Off,
        ];
        all.into_iter().find(|one| one.as_str() == text)
    }
}

/// The settings that every connection goes by.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) place: Place,
    pub(super) names: Names,
    pub(super) encrypt: Option<bool>,
    pub(super) authorities: Option<PathBuf>,
    pub(super) connections: usize,
    pub(super) write_connections: usize,
    pub(super) pool: usize,
    pub(super) connect_timeout: Duration,
    pub(super) operation_timeout: Duration,
    pub(super) synchronous_commit: Option<SynchronousCommit>,
}

/// Where the server is and how it is spoken to.
#[derive(Clone, Debug)]
pub struct PostgresStoreBuilder {
    config: StoreConfig,
    settings: Settings,
    runtime: Handle,
}

impl PostgresStoreBuilder {
    /// How many connections carry everybody's reads, from 1 to 64. Default 2. One carries
    /// hundreds of reads at a time, and the server works on each connection with one process.
    #[must_use]
    pub fn connections(mut self, count: usize) -> Self {
        self.settings.connections = count.clamp(1, 64);
        self
    }

    /// How many connections carry gathered creates, saves and touches, from 1 to 64. Default 2,
    /// with one batch of each kind under way at a time, two with 4 and so on. More make smaller
    /// batches: with 16 writers in flight, two at a time created 14 to 53 % fewer sessions.
    #[must_use]
    pub fn write_connections(mut self, count: usize) -> Self {
        self.settings.write_connections = count.clamp(1, 64);
        self
    }

    /// How many connections there are at most for everything else (renewals, leases, control
    /// rows, sweeps), from 1 to 1,024. Default 8. They are opened when they are needed.
    #[must_use]
    pub fn pool(mut self, count: usize) -> Self {
        self.settings.pool = count.clamp(1, 1024);
        self
    }

    /// When an acknowledged write is safe. Default: as the server is configured.
    #[must_use]
    pub fn synchronous_commit(mut self, when: SynchronousCommit) -> Self {
        self.settings.synchronous_commit = Some(when);
        self
    }

    /// How long connecting may take, authentication included. Default 1 s.
    #[must_use]
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.settings.connect_timeout = timeout;
        self
    }

    /// How long an operation may take, its repetitions included. Default 2 s. A connection that
    /// takes longer to answer is closed, and what was on it fails as well.
    #[must_use]
    pub fn operation_timeout(mut self, timeout: Duration) -> Self {
        self.settings.operation_timeout = timeout;
        self
    }

    /// The store. Nothing is connected yet.
    ///
    /// # Errors
    /// The certificates to trust cannot be read.
    pub fn build(self) -> Result<PostgresStore, ConfigError> {
        let config = self.config.clone();
        PostgresStore::new(self.dialer()?)
            .map_err(|error| config.error("pool", error.to_string(), "use another size"))
    }

    pub(super) fn dialer(self) -> Result<Dialer, ConfigError> {
        let tls = self.tls()?;
        Ok(Dialer::new(self.settings, tls, self.runtime))
    }

    fn tls(&self) -> Result<Tls, ConfigError> {
        if !self.settings.encrypts() {
            return Ok(Tls::none());
        }
        let file = self.settings.authorities.as_deref();
        Tls::trusting(file).map_err(|wrong| {
            let fix = "name a file with the certificate of the authority that the server's is \
                       signed by, in PEM";
            self.config.error("sslrootcert", wrong, fix)
        })
    }

    /// Reads URL and options.
    pub(super) fn read(config: &StoreConfig) -> Result<Self, ConfigError> {
        let url = options::before_query(config);
        let place = url
            .strip_prefix("postgres://")
            .or_else(|| url.strip_prefix("postgresql://"))
            .ok_or("not the URL of a PostgreSQL database")
            .and_then(|place| Place::parse(place, PORT))
            .map_err(|wrong| {
                let fix = "write for example postgres://user:password@host:5432/database or \
                           postgres:///database?host=/run/postgresql";
                config.error("url", wrong, fix)
            })?;
        let mut settings = Settings::new(place);
        for (name, value) in options::pairs(config)? {
            settings.set(config, &name, &value)?;
        }
        settings.check(config)?;
        let runtime = Handle::try_current().map_err(|_| {
            let wrong = "a PostgreSQL store needs a tokio runtime, and here is none";
            config.error("url", wrong, "make the store inside of `#[tokio::main]`")
        })?;
        Ok(Self {
            config: config.clone(),
            settings,
            runtime,
        })
    }
}

impl Settings {
    fn new(place: Place) -> Self {
        Self {
            place,
            names: Names::default(),
            encrypt: None,
            authorities: None,
            connections: 2,
            write_connections: 2,
            pool: 8,
            connect_timeout: Duration::from_secs(1),
            operation_timeout: Duration::from_secs(2),
            synchronous_commit: None,
        }
    }

    fn set(&mut self, config: &StoreConfig, name: &str, value: &str) -> Result<(), ConfigError> {
        let count = |most| options::count(config, name, value, most);
        let time = || options::time(config, name, value);
        let bad_name = |wrong| config.error(name, wrong, names::FIX);
        match name {
            "host" => self.set_host(value),
            "port" => {
                let fix = "write a number from 1 to 65535";
                let port =
                    place::port(value).ok_or_else(|| config.error(name, "not a port", fix))?;
                self.place.hosts.iter_mut().for_each(|host| host.1 = port);
            }
            "password_file" => {
                self.place.password = Some(access::password(config, Path::new(value))?)
            }
            "schema" => self.names.set_schema(value).map_err(bad_name)?,
            "table" => self.names.set_table(value).map_err(bad_name)?,
            "connections" => self.connections = count(64)?,
            "write_connections" => self.write_connections = count(64)?,
            "pool" => self.pool = count(1024)?,
            "connect_timeout" => self.connect_timeout = time()?,
            "operation_timeout" => self.operation_timeout = time()?,
            "sslmode" => self.encrypt = Some(access::encrypt(config, value)?),
            "sslrootcert" => self.authorities = Some(value.into()),
            "synchronous_commit" => {
                let fix = "write on, remote_apply, remote_write, local or off";
                let when = SynchronousCommit::parse(value);
                let unknown = || config.error(name, "not a value that PostgreSQL knows", fix);
                self.synchronous_commit = Some(when.ok_or_else(unknown)?);
            }
            _ => {
                let fix = "a PostgreSQL store takes host, port, password_file, sslmode, \
                           sslrootcert, schema, table, connections, write_connections, pool, \
                           synchronous_commit, connect_timeout and operation_timeout";
                return Err(config.error(name, "unknown setting", fix));
            }
        }
        Ok(())
    }

    /// A host from the query, where libpq's users write the folder of a socket.
    fn set_host(&mut self, host: &str) {
        let port = self.place.hosts.first().map_or(PORT, |(_, port)| *port);
        self.place.hosts = vec![(host.to_owned(), port)];
    }

    fn check(&mut self, config: &StoreConfig) -> Result<(), ConfigError> {
        if self.place.hosts.is_empty() {
            self.place.hosts.push(("localhost".to_owned(), PORT));
        }
        if self.authorities.is_some() && !self.encrypts() {
            let fix = "add sslmode=verify-full, or remove it";
            return Err(config.error("sslrootcert", "TLS is off", fix));
        }
        Ok(())
    }

    /// Whether connections use TLS: if nobody said so, when they leave this machine.
    pub(super) fn encrypts(&self) -> bool {
        let remote = |(host, _): &(String, u16)| !access::is_local(host);
        self.encrypt
            .unwrap_or_else(|| self.place.hosts.iter().any(remote))
    }

    /// The driver's configuration.
    pub(super) fn driver(&self) -> Config {
        let mut config = Config::new();
        for (host, port) in &self.place.hosts {
            config.host(host).port(*port);
        }
        if let Some(user) = &self.place.user {
            config.user(user);
        }
        if let Some(password) = &self.place.password {
            config.password(password.as_str());
        }
        if let Some(database) = &self.place.database {
            config.dbname(database);
        }
        if self.place.hosts.len() > 1 {
            // Of several servers one takes writes; which one may change.
            config.target_session_attrs(TargetSessionAttrs::ReadWrite);
        }
        config.ssl_mode(match self.encrypts() {
            true => SslMode::Require,
            false => SslMode::Disable,
        });
        config
            .application_name("session-store")
            .connect_timeout(self.connect_timeout);
        config
    }

    /// The URL without its password, as a command takes it.
    pub(super) fn shown(&self) -> String {
        let mut url = format!("postgres://{}", self.place.shown());
        let default = Names::default();
        let mut sign = '?';
        for (name, value, default) in [
            ("schema", &self.names.schema, &default.schema),
            ("table", &self.names.table, &default.table),
        ] {
            if value != default {
                url.push_str(&format!("{sign}{name}={value}"));
                sign = '&';
            }
        }
        url
    }
}
