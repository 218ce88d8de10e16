//! Servers for tests: each on a free port, in a folder of its own, gone with the test process.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use redis::Value;
use tempfile::TempDir;

/// A `redis-server` that ends when this is dropped, or with the process.
pub(crate) struct RedisServer {
    pub(crate) port: u16,
    /// The server's folder.
    pub(crate) folder: TempDir,
    arguments: Vec<String>,
    /// The shell that watches over the server: its standard input ends with this process.
    shell: Child,
}

/// Runs the rest of its arguments until its own standard input ends. The folder goes with the
/// last server in it.
const WATCH: &str = r#"
"$@" >"$0/log" 2>&1 &
echo $! >"$0/pid"
cat >/dev/null
kill -9 $! 2>/dev/null
if [ "$(cat "$0/pid" 2>/dev/null)" = $! ]; then rm -rf "$0"; fi
"#;

impl RedisServer {
    pub(crate) async fn start(options: &[&str]) -> Self {
        Self::start_at(free_port(), options).await
    }

    pub(crate) async fn start_at(port: u16, options: &[&str]) -> Self {
        let server = Self::launch(port, options);
        server.wait_until_ready().await;
        server
    }

    /// Starts a server and does not wait for it.
    pub(crate) fn launch(port: u16, options: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let text = port.to_string();
        let mut arguments: Vec<String> = ["redis-server", "--port", &text, "--save", ""]
            .map(str::to_owned)
            .to_vec();
        arguments.extend(["--dir", folder.path().to_str().unwrap()].map(str::to_owned));
        arguments.extend(options.iter().map(|option| (*option).to_owned()));
        let shell = watch(&folder, &arguments);
        Self {
            port,
            folder,
            arguments,
            shell,
        }
    }

    /// A sentinel that watches the primary at `primary` under the name `main`.
    pub(crate) fn sentinel(port: u16, primary: u16) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("sentinel.conf");
        let lines = [
            format!("port {port}"),
            format!("dir {}", folder.path().display()),
            format!("sentinel monitor main 127.0.0.1 {primary} 2"),
            "sentinel down-after-milliseconds main 1500".to_owned(),
            "sentinel failover-timeout main 6000".to_owned(),
        ];
        std::fs::write(&file, lines.join("\n")).unwrap();
        let file = file.to_str().unwrap();
        let arguments = ["redis-server", file, "--sentinel"]
            .map(str::to_owned)
            .to_vec();
        let shell = watch(&folder, &arguments);
        Self {
            port,
            folder,
            arguments,
            shell,
        }
    }

    /// A URL of the server with what follows the port.
    pub(crate) fn url(&self, rest: &str) -> String {
        format!("redis://127.0.0.1:{}{rest}", self.port)
    }

    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Sends a signal, as `kill` names it.
    pub(crate) fn signal(&self, name: &str) {
        let pid = std::fs::read_to_string(self.folder.path().join("pid")).unwrap();
        let status = Command::new("kill").arg(name).arg(pid.trim()).status();
        assert!(status.unwrap().success());
    }

    /// Starts the server again after its end.
    pub(crate) async fn begin_again(&mut self) {
        std::fs::remove_file(self.folder.path().join("pid")).unwrap();
        drop(self.shell.stdin.take());
        self.shell.wait().unwrap();
        self.shell = watch(&self.folder, &self.arguments);
        self.wait_until_ready().await;
    }

    pub(crate) async fn wait_until_ready(&self) {
        for _ in 0..500 {
            if let Ok(Value::SimpleString(pong)) = self.try_command(&["PING"]).await
                && pong == "PONG"
            {
                return;
            }
            if let Err(error) = self.try_command(&["PING"]).await
                && error.to_string().to_lowercase().contains("auth")
            {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let log = std::fs::read_to_string(self.folder.path().join("log"));
        panic!("the server did not start: {log:?}");
    }

    /// Sends a command on a connection of its own.
    pub(crate) async fn command(&self, words: &[&str]) -> Value {
        self.try_command(words).await.unwrap()
    }

    pub(crate) async fn try_command(&self, words: &[&str]) -> redis::RedisResult<Value> {
        let client = redis::Client::open(self.url(""))?;
        let mut connection = client.get_multiplexed_async_connection().await?;
        let mut command = redis::cmd(words[0]);
        for word in &words[1..] {
            command.arg(word);
        }
        command.query_async(&mut connection).await
    }

    /// How often a command was called, scripts' own calls included.
    pub(crate) async fn calls(&self, command: &str) -> u64 {
        let stats = self.command(&["INFO", "commandstats"]).await;
        let stats: String = redis::from_redis_value(stats).unwrap();
        let start = format!("cmdstat_{command}:calls=");
        let mut lines = stats.lines();
        let calls = lines.find_map(|line| line.strip_prefix(&start)?.split(',').next());
        calls.map_or(0, |calls| calls.parse().unwrap())
    }
}

fn watch(folder: &TempDir, arguments: &[String]) -> Child {
    Command::new("sh")
        .args(["-c", WATCH])
        .arg(folder.path())
        .args(arguments)
        .stdin(Stdio::piped())
        .spawn()
        .unwrap()
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        // The end of its input ends the shell, and the shell ends the server.
        drop(self.shell.stdin.take());
        let _ = self.shell.wait();
    }
}

/// A port that is free, and so is the one 10,000 above it, which a node of a cluster listens on.
pub(crate) fn free_port() -> u16 {
    for _ in 0..1_000 {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let bus = port.checked_add(10_000);
        if bus.is_some_and(|bus| TcpListener::bind(("127.0.0.1", bus)).is_ok()) {
            return port;
        }
    }
    panic!("no free port");
}
