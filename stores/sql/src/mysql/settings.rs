//! Where the server is and how it is spoken to: the URL and the options of `[store]`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use mysql_async::{Opts, OptsBuilder, SslOpts};
use session_core::{ConfigError, StoreConfig};
use tokio::runtime::Handle;

use super::dial::Dialer;
use super::store::MysqlStore;
use super::tls;
use crate::shared::access;
use crate::shared::names;
use crate::shared::options;
use crate::shared::place::{self, Place};

const PORT: u16 = 3306;

const TABLE: &str = "sessions";

/// The settings that every connection goes by.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) place: Place,
    /// The table of sessions, checked; the names of the others begin with it.
    pub(super) table: String,
    pub(super) encrypt: Option<bool>,
    pub(super) authorities: Option<PathBuf>,
    pub(super) pool: usize,
    pub(super) connect_timeout: Duration,
    pub(super) operation_timeout: Duration,
    pub(super) accept_delayed_flush: bool,
}

/// Where the server is and how it is spoken to.
#[derive(Clone, Debug)]
pub struct MysqlStoreBuilder {
    config: StoreConfig,
    settings: Settings,
    runtime: Handle,
}

impl MysqlStoreBuilder {
    /// How many connections there are at most, from 1 to 1,024. Default 16. Each carries one
    /// statement at a time, and they are opened when they are needed. All instances together
    /// must stay below the server's `max_connections`.
    #[must_use]
    pub fn pool(mut self, count: usize) -> Self {
        self.settings.pool = count.clamp(1, 1024);
        self
    }

    /// How long connecting may take, authentication included. Default 1 s.
    #[must_use]
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.settings.connect_timeout = timeout;
        self
    }

    /// How long an operation may take, its repetitions included. Default 2 s. A connection that
    /// takes longer to answer is closed.
    #[must_use]
    pub fn operation_timeout(mut self, timeout: Duration) -> Self {
        self.settings.operation_timeout = timeout;
        self
    }

    /// Dangerous: takes a server whose `innodb_flush_log_at_trx_commit` is not 1. Default
    /// `false`. Such a server answers before a commit is on its disk, so a crash loses the last
    /// second, and a user who logged out in it is logged in again.
    #[must_use]
    pub fn accept_delayed_flush(mut self, accept: bool) -> Self {
        self.settings.accept_delayed_flush = accept;
        self
    }

    /// The store. Nothing is connected yet.
    ///
    /// # Errors
    /// The certificates to trust cannot be read.
    pub fn build(self) -> Result<MysqlStore, ConfigError> {
        Ok(MysqlStore::new(self.dialer()?))
    }

    pub(super) fn dialer(self) -> Result<Dialer, ConfigError> {
        let tls = self.tls()?;
        Ok(Dialer::new(self.settings, tls, self.runtime))
    }

    fn tls(&self) -> Result<Option<SslOpts>, ConfigError> {
        if !self.settings.encrypts() {
            return Ok(None);
        }
        let file = self.settings.authorities.as_deref();
        tls::trusting(file).map(Some).map_err(|wrong| {
            let fix = "name a file with the certificate of the authority that the server's is \
                       signed by, in PEM";
            self.config.error("sslrootcert", wrong, fix)
        })
    }

    /// Reads URL and options.
    pub(super) fn read(config: &StoreConfig) -> Result<Self, ConfigError> {
        let mut settings = Settings::new(place(config)?);
        for (name, value) in options::pairs(config)? {
            settings.set(config, &name, &value)?;
        }
        settings.check(config)?;
        let runtime = Handle::try_current().map_err(|_| {
            let wrong = "a MySQL store needs a tokio runtime, and here is none";
            config.error("url", wrong, "make the store inside of `#[tokio::main]`")
        })?;
        Ok(Self {
            config: config.clone(),
            settings,
            runtime,
        })
    }
}

fn place(config: &StoreConfig) -> Result<Place, ConfigError> {
    let url = options::before_query(config);
    url.strip_prefix("mysql://")
        .or_else(|| url.strip_prefix("mariadb://"))
        .ok_or("not the URL of a MySQL database")
        .and_then(|place| Place::parse(place, PORT))
        .map_err(|wrong| {
            let fix = "write for example mysql://user:password@host:3306/database or \
                       mysql://user@/database?host=/run/mysqld/mysqld.sock";
            config.error("url", wrong, fix)
        })
}

impl Settings {
    fn new(place: Place) -> Self {
        Self {
            place,
            table: TABLE.to_owned(),
            encrypt: None,
            authorities: None,
            pool: 16,
            connect_timeout: Duration::from_secs(1),
            operation_timeout: Duration::from_secs(2),
            accept_delayed_flush: false,
        }
    }

    fn set(&mut self, config: &StoreConfig, name: &str, value: &str) -> Result<(), ConfigError> {
        let time = || options::time(config, name, value);
        match name {
            "host" | "socket" => self.set_host(value),
            "port" => {
                let fix = "write a number from 1 to 65535";
                let port =
                    place::port(value).ok_or_else(|| config.error(name, "not a port", fix))?;
                self.place.hosts.iter_mut().for_each(|host| host.1 = port);
            }
            "password_file" => {
                self.place.password = Some(access::password(config, Path::new(value))?);
            }
            "table" => {
                let bad = |wrong| config.error(name, wrong, names::FIX);
                self.table = names::checked(value).map_err(bad)?;
            }
            "pool" => self.pool = options::count(config, name, value, 1024)?,
            "connect_timeout" => self.connect_timeout = time()?,
            "operation_timeout" => self.operation_timeout = time()?,
            "sslmode" => self.encrypt = Some(access::encrypt(config, value)?),
            "sslrootcert" => self.authorities = Some(value.into()),
            "accept_delayed_flush" => {
                let not = |_| config.error(name, "neither true nor false", "write true or false");
                self.accept_delayed_flush = value.parse().map_err(not)?;
            }
            "schema" => {
                let fix = "name the database in the URL: mysql://user@host/database";
                return Err(config.error(name, "a schema is a database in MySQL", fix));
            }
            _ => {
                let fix = "a MySQL store takes host, port, password_file, sslmode, sslrootcert, \
                           table, pool, connect_timeout, operation_timeout and \
                           accept_delayed_flush";
                return Err(config.error(name, "unknown setting", fix));
            }
        }
        Ok(())
    }

    /// A host from the query, or the path of a socket.
    fn set_host(&mut self, host: &str) {
        let port = self.place.hosts.first().map_or(PORT, |(_, port)| *port);
        self.place.hosts = vec![(host.to_owned(), port)];
    }

    fn check(&mut self, config: &StoreConfig) -> Result<(), ConfigError> {
        match self.place.hosts.len() {
            0 => self.place.hosts.push(("localhost".to_owned(), PORT)),
            1 => {}
            _ => {
                let fix = "name one, or a proxy before them that knows which one takes writes";
                return Err(config.error("url", "several servers", fix));
            }
        }
        if self.place.database.is_none() {
            let fix = "write it behind the host: mysql://user@host/database";
            return Err(config.error("url", "no database", fix));
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

    pub(super) fn database(&self) -> &str {
        self.place.database.as_deref().unwrap_or_default()
    }

    /// The driver's options.
    ///
    /// Found rows are counted instead of changed ones: a touch at the absolute deadline finds a
    /// session and changes nothing, and that is not a missing session.
    pub(super) fn driver(&self, tls: Option<SslOpts>) -> Opts {
        let password = self.place.password.as_ref();
        let mut driver = OptsBuilder::default()
            .user(self.place.user.as_ref())
            .pass(password.map(|password| password.as_str()))
            .db_name(Some(self.database()))
            .ssl_opts(tls)
            .client_found_rows(true)
            .prefer_socket(false)
            .tcp_nodelay(true)
            .connect_attribute("program_name", "session-store");
        if let Some((host, port)) = self.place.hosts.first() {
            driver = match host.starts_with('/') {
                true => driver.socket(Some(host)),
                false => driver.ip_or_hostname(host).tcp_port(*port),
            };
        }
        driver.into()
    }

    /// The URL without its password, as a command takes it.
    pub(super) fn shown(&self) -> String {
        let url = format!("mysql://{}", self.place.shown());
        match self.table.as_str() {
            TABLE => url,
            table => format!("{url}?table={table}"),
        }
    }
}
