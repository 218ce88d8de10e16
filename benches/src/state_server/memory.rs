//! What a session takes in the server's memory.

use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use bytes::Bytes;
use session_core::StoreKey;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use super::{
    client::Client,
    process::{RedisServer, StateServer},
    runs::Effort,
};
use crate::instance::Failure;

const SIZE: usize = 200;
const IN_FLIGHT: usize = 256;

/// Bytes per session.
pub struct Weight {
    pub name: &'static str,
    pub sessions: usize,
    /// What the process has more of resident memory than before.
    pub resident: f64,
    /// What the server says itself, where it does.
    pub accounted: Option<f64>,
}

pub const OURS: &str = "session-state-server";

/// One after the other: both together might not fit a small machine.
pub fn measure(
    runtime: &Runtime,
    folder: &TempDir,
    effort: &Effort,
) -> Result<Vec<Weight>, Failure> {
    let sessions = effort.sessions;
    let ours = {
        let server = StateServer::start(folder.path())?;
        let _on_runtime = runtime.enter();
        let client = Client::ours(server.unix())?;
        let resident = fill(runtime, &client, server.id(), sessions)?;
        let accounted = server.metric("session_state_server_memory_bytes")?;
        Weight {
            name: OURS,
            sessions,
            resident,
            accounted: Some(accounted / sessions as f64),
        }
    };
    let redis = {
        let server = RedisServer::start(folder.path())?;
        let client = runtime.block_on(Client::redis(server.unix()))?;
        Weight {
            name: "redis-server",
            sessions,
            resident: fill(runtime, &client, server.id(), sessions)?,
            accounted: None,
        }
    };
    Ok(vec![ours, redis])
}

/// Adds sessions and returns what each of them takes.
fn fill(runtime: &Runtime, client: &Client, server: u32, sessions: usize) -> Result<f64, Failure> {
    let before = resident(server)?;
    let left = Arc::new(AtomicUsize::new(sessions));
    let payload = Bytes::from(vec![b'x'; SIZE]);
    let workers: Vec<_> = (0..IN_FLIGHT)
        .map(|_| {
            let (client, left, payload) = (client.clone(), Arc::clone(&left), payload.clone());
            runtime.spawn(async move {
                let one_less = |count: usize| count.checked_sub(1);
                while left
                    .fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_less)
                    .is_ok()
                {
                    let key = StoreKey::from_bytes(rand::random());
                    client.create(key, &payload).await?;
                }
                Ok::<_, Failure>(())
            })
        })
        .collect();
    for worker in workers {
        runtime.block_on(worker)??;
    }
    let grown = resident(server)?.saturating_sub(before);
    Ok(grown as f64 / sessions as f64)
}

/// The resident memory of a process in bytes.
fn resident(process: u32) -> Result<u64, Failure> {
    let status = fs::read_to_string(format!("/proc/{process}/status"))?;
    let mut lines = status.lines();
    let line = lines.find_map(|line| line.strip_prefix("VmRSS:"));
    let kibibytes = line.and_then(|line| line.trim().strip_suffix(" kB"));
    let kibibytes: u64 = kibibytes.ok_or("no VmRSS")?.parse()?;
    Ok(kibibytes * 1024)
}
