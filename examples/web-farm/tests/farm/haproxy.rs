//! The instances behind a load balancer that knows nothing of the farm.

use std::net::TcpListener;
use std::process::Stdio;

use reqwest::{Client, StatusCode};
use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};

use crate::support::{Visitor, all_ready, client, has_ended, press_at, row, rows, state_at, until};

/// The script and what it started.
struct Behind {
    script: Child,
    url: String,
    client: Client,
}

impl Behind {
    /// Starts it; `None` where haproxy is not installed and need not be.
    async fn haproxy() -> Option<Self> {
        let found = Command::new("sh")
            .args(["-c", "PATH=$PATH:/usr/sbin:/sbin; command -v haproxy"])
            .output();
        if !found.await.unwrap().status.success() {
            assert!(std::env::var_os("CI").is_none(), "CI has haproxy");
            return None;
        }
        let port = five_free_ports();
        let script = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/behind-haproxy"))
            .arg(port.to_string())
            .env("WEB_FARM_PROGRAM", env!("CARGO_BIN_EXE_web-farm"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let behind = Self {
            script: script.unwrap(),
            url: format!("http://127.0.0.1:{port}"),
            client: client(),
        };
        until("haproxy asks all instances", || behind.asks_all()).await;
        Some(behind)
    }

    /// Whether three requests are answered by three instances.
    async fn asks_all(&self) -> Option<()> {
        let mut answered = Vec::new();
        for _ in 0..3 {
            let answer = self.client.get(format!("{}/whoami", self.url)).send().await;
            let answer = answer
                .ok()
                .filter(|answer| answer.status() == StatusCode::OK)?;
            answered.push(answer.headers()["x-instance"].clone());
        }
        answered.sort_by(|one, other| one.as_bytes().cmp(other.as_bytes()));
        answered.dedup();
        (answered.len() == 3).then_some(())
    }

    async fn stop(mut self) {
        let id = i32::try_from(self.script.id().unwrap()).unwrap();
        kill_process(Pid::from_raw(id).unwrap(), Signal::TERM).unwrap();
        self.script.wait().await.unwrap();
    }
}

/// The first of five ports in a row that are free now.
fn five_free_ports() -> u16 {
    // Below those that the system gives out, and elsewhere than another run of this test.
    let start = u16::try_from(std::process::id() % 4_000 * 5).unwrap() + 10_000;
    let is_free = |port: u16| TcpListener::bind(("127.0.0.1", port)).is_ok();
    let mut candidates = (start..u16::MAX - 5).step_by(5);
    let free = candidates.find(|first| (*first..first + 5).all(is_free));
    free.unwrap()
}

#[tokio::test]
async fn behind_haproxy_everything_is_the_same() {
    let Some(behind) = Behind::haproxy().await else {
        return;
    };
    let visitor = Visitor::of(&behind.url);
    for visit in 1..=3 {
        assert_eq!(visitor.visit().await["visits"], visit);
    }
    assert!(visitor.page().await.contains("action=\"/farm/recycle\""));
    assert_eq!(visitor.get("/readyz").await.status(), StatusCode::NOT_FOUND);

    let before = state_at(&behind.client, &behind.url).await;
    let old = row(&before, 2)["process"].clone();
    let visits = visitor.visits().await;
    let going_on = visitor.keep_visiting();
    press_at(&behind.client, &behind.url, "recycle", Some(2)).await;
    until("a new process", || async {
        let state = state_at(&behind.client, &behind.url).await;
        (row(&state, 2)["process"] != old).then_some(())?;
        all_ready(&state)
    })
    .await;
    until("haproxy asks it again", || behind.asks_all()).await;
    let tally = going_on.stop().await;
    assert_eq!(tally.failed, Vec::<String>::new());
    assert_eq!(visitor.visits().await, visits + tally.answered);

    let state = state_at(&behind.client, &behind.url).await;
    let processes = rows(&state)
        .iter()
        .filter_map(|row| row["process"].as_u64());
    let processes: Vec<_> = processes.collect();
    assert_eq!(processes.len(), 3);
    behind.stop().await;
    assert!(processes.into_iter().all(has_ended));
}
