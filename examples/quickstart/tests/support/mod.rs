//! The real program on a free port, in a directory of its own.

#![expect(
    clippy::expect_used,
    reason = "a test that cannot start the program has failed"
)]

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use reqwest::{Client, Response};
use tempfile::TempDir;

pub(crate) fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder")
}

pub(crate) struct Shop {
    process: Child,
    address: String,
}

impl Shop {
    pub(crate) fn start(folder: &Path) -> Self {
        let mut command = command(folder, "127.0.0.1:0");
        let mut process = command.stderr(Stdio::null()).spawn().expect("it starts");
        let mut lines = BufReader::new(process.stdout.take().expect("its output")).lines();
        let first = lines.next().expect("a line").expect("text");
        let address = first
            .split_whitespace()
            .find(|word| word.starts_with("http://"));
        let address = address.expect(&first).trim_end_matches('/').to_owned();
        Self { process, address }
    }

    /// Stops it as a service manager does, and says whether it ended in order.
    pub(crate) fn stop(mut self) -> bool {
        let id = self.process.id().to_string();
        let asked = Command::new("kill").arg(&id).status().expect("kill");
        asked.success() && self.process.wait().expect("its end").success()
    }

    pub(crate) fn visitor(&self) -> Visitor {
        let client = Client::builder().cookie_store(true).build();
        Visitor {
            client: client.expect("a client"),
            shop: self.address.clone(),
        }
    }

    pub(crate) fn port(&self) -> &str {
        self.address.rsplit(':').next().expect("a port")
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// What the program says when it cannot start.
pub(crate) fn fail_to_start(folder: &Path, listen: &str) -> Output {
    let process = command(folder, listen).spawn().expect("it starts");
    process.wait_with_output().expect("its end")
}

fn command(folder: &Path, listen: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_quickstart"));
    command
        .args(["--listen", listen])
        .current_dir(folder)
        .env_remove("RUST_LOG")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// A browser, as far as the shop can tell.
#[derive(Clone)]
pub(crate) struct Visitor {
    client: Client,
    shop: String,
}

impl Visitor {
    pub(crate) async fn get(&self, path: &str) -> Response {
        let request = self.client.get(format!("{}{path}", self.shop));
        request.send().await.expect(path)
    }

    /// The text of the start page.
    pub(crate) async fn home(&self) -> String {
        self.get("/").await.text().await.expect("a page")
    }

    /// Submits a form; the page that it leads to.
    pub(crate) async fn submit(&self, path: &str, fields: &[(&str, &str)]) -> String {
        let request = self.client.post(format!("{}{path}", self.shop));
        let response = request.form(fields).send().await.expect(path);
        response.text().await.expect("a page")
    }
}
