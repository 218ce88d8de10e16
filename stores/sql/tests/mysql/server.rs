//! A private MariaDB: one for each test binary that asks, gone when the binary ends.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use mysql_async::prelude::{FromRow, Queryable};
use session_core::StoreConfig;
use session_store_sql::MysqlStore;
use session_store_sql::schema::{Persistence, Schema};

/// The password of the user `app` over TCP.
pub(crate) const PASSWORD: &str = "correct-horse";

/// Starts a server, says so, and obeys until its input ends. Whatever ends the test binary ends
/// the input, so no server is left behind.
const SCRIPT: &str = include_str!("server/server.sh");

/// A running server.
#[derive(Debug)]
pub(crate) struct Server {
    /// Where its data, socket and certificates are.
    pub(crate) folder: PathBuf,
    pub(crate) port: u16,
    control: Mutex<Control>,
}

#[derive(Debug)]
struct Control {
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    _script: Child,
}

/// The server that the tests of a binary share.
pub(crate) fn shared() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(Server::start)
}

impl Server {
    pub(crate) fn start() -> Self {
        let port = free_port();
        let mut script = command()
            .arg(SCRIPT)
            .arg("server.sh")
            .arg(port.to_string())
            .arg(PASSWORD)
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut control = Control {
            input: script.stdin.take().unwrap(),
            output: BufReader::new(script.stdout.take().unwrap()),
            _script: script,
        };
        let ready = control.line();
        let folder = ready.strip_prefix("ready ").unwrap_or_else(|| {
            panic!("MariaDB did not start (Debian: apt-get install mariadb-server): {ready}")
        });
        Self {
            folder: Path::new(folder.trim()).to_owned(),
            port,
            control: Mutex::new(control),
        }
    }

    /// Tells the server's keeper to do something: `restart`, `kill`, `stop`, `cont`, `down`, `up`.
    pub(crate) fn tell(&self, what: &str) {
        let mut control = self.control.lock().unwrap();
        writeln!(control.input, "{what}").unwrap();
        assert_eq!(control.line(), "done");
    }

    /// The URL of the database over the Unix socket, with a `?`.
    pub(crate) fn url(&self) -> String {
        self.socket_url("root@", "farm")
    }

    /// The URL over the Unix socket.
    pub(crate) fn socket_url(&self, account: &str, database: &str) -> String {
        let folder = self.folder.display();
        format!("mysql://{account}/{database}?host={folder}/socket")
    }

    /// The URL over TCP, with this password and without a `?`.
    pub(crate) fn tcp(&self, user: &str, password: &str, database: &str) -> String {
        let port = self.port;
        format!("mysql://{user}:{password}@localhost:{port}/{database}")
    }

    /// The URL of fresh tables, which are not made yet.
    pub(crate) fn fresh_url(&self) -> String {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        format!("{}&table=sessions_{number}", self.url())
    }

    /// The URL of fresh tables.
    pub(crate) async fn tables(&self) -> String {
        let url = self.fresh_url();
        install(&url).await;
        url
    }

    /// A driver's connection beside the store's.
    pub(crate) async fn client(&self) -> Client {
        let options = mysql_async::OptsBuilder::default()
            .user(Some("root"))
            .db_name(Some("farm"))
            .socket(Some(format!("{}/socket", self.folder.display())));
        Client(mysql_async::Conn::new(options).await.unwrap())
    }
}

/// A connection beside the store's, as root.
pub(crate) struct Client(mysql_async::Conn);

impl Client {
    pub(crate) async fn execute(&mut self, text: &str) {
        self.0.query_drop(text).await.unwrap();
    }

    pub(crate) async fn rows<T: FromRow + Send + 'static>(&mut self, text: &str) -> Vec<T> {
        self.0.query(text).await.unwrap()
    }

    pub(crate) async fn row<T: FromRow + Send + 'static>(&mut self, text: &str) -> T {
        self.rows(text).await.pop().unwrap()
    }
}

/// Makes the tables of a store.
pub(crate) async fn install(url: &str) {
    let schema = Schema::of(&StoreConfig::new(url)).unwrap();
    schema.install(Persistence::Permanent).await.unwrap();
}

/// A store with more patience than a machine under test needs.
pub(crate) fn store(url: &str) -> Arc<MysqlStore> {
    let url = format!("{url}&connect-timeout=10s&operation-timeout=20s");
    Arc::new(MysqlStore::builder(&url).unwrap().build().unwrap())
}

/// The name of a store's table of sessions, for statements beside it.
pub(crate) fn table(url: &str) -> String {
    let name = url.rsplit_once("table=").unwrap().1;
    format!("farm.{}", name.split('&').next().unwrap())
}

impl Control {
    fn line(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        line.trim().to_owned()
    }
}

/// A shell; MariaDB refuses to run as root, so not as root.
fn command() -> Command {
    let root = Command::new("id").arg("-u").output().unwrap().stdout == b"0\n";
    let mut command = match root {
        true => {
            let mut command = Command::new("runuser");
            command.args(["-u", "mysql", "--", "sh"]);
            command
        }
        false => Command::new("sh"),
    };
    command.arg("-c");
    command
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}
