//! Our client and server beside the redis crate and redis-server: requests per second, processor
//! time per request, memory per session, and the whole way from an HTTP request to the store.

mod client;
mod http;
mod load;
mod memory;
mod process;
mod report;
mod runs;

use tempfile::TempDir;
use tokio::runtime::Runtime;

pub use self::process::{DAEMON, daemon};

use self::client::Client;
use self::load::{Load, LoadFigures, Operation};
use self::memory::Weight;
use self::process::{RedisServer, StateServer};
use self::runs::Effort;
use crate::instance::Failure;

const OURS_TCP: &str = "ours, TCP";
const REDIS_TCP: &str = "redis, TCP";
const OURS_UNIX: &str = "ours, Unix socket";
const REDIS_UNIX: &str = "redis, Unix socket";

/// Ours, and what it is compared with.
const PAIRS: [(&str, &str); 2] = [(OURS_TCP, REDIS_TCP), (OURS_UNIX, REDIS_UNIX)];

pub struct Figures {
    loads: LoadFigures,
    memory: Vec<Weight>,
}

/// Runs the part and prints its tables, each as soon as it is there. `None` where redis-server
/// is not installed.
pub fn part(quick: bool) -> Result<Option<Figures>, Failure> {
    if !RedisServer::is_installed()? {
        eprintln!("redis-server is not installed: the state server is not compared");
        return Ok(None);
    }
    let effort = if quick { Effort::QUICK } else { Effort::FULL };
    let (folder, runtime) = (TempDir::new()?, Runtime::new()?);
    let loads = loads(&runtime, &folder, &effort)?;
    report::loads(&loads);
    report::processor(&loads);
    let memory = memory::measure(&runtime, &folder, &effort)?;
    report::memory(&memory);
    report::http(&http::measure(&runtime, &folder, &effort)?);
    Ok(Some(Figures { loads, memory }))
}

impl Figures {
    /// How many times as many reads as the redis crate, over TCP.
    pub fn reads_over_redis(&self, in_flight: usize) -> f64 {
        let load = Load {
            operation: Operation::Read,
            size: 200,
            in_flight,
        };
        self.loads[&(load, OURS_TCP)].ratio(&self.loads[&(load, REDIS_TCP)])
    }

    /// Resident memory per session.
    pub fn session_bytes(&self) -> f64 {
        let ours = self
            .memory
            .iter()
            .find(|weight| weight.name == memory::OURS);
        ours.map_or(f64::NAN, |weight| weight.resident)
    }
}

fn loads(runtime: &Runtime, folder: &TempDir, effort: &Effort) -> Result<LoadFigures, Failure> {
    let ours = StateServer::start(folder.path())?;
    let redis = RedisServer::start(folder.path())?;
    let clients = runtime.block_on(async {
        Ok::<_, Failure>([
            (OURS_TCP, Client::ours(ours.tcp())?, ours.id()),
            (REDIS_TCP, Client::redis(redis.tcp()).await?, redis.id()),
            (OURS_UNIX, Client::ours(ours.unix())?, ours.id()),
            (REDIS_UNIX, Client::redis(redis.unix()).await?, redis.id()),
        ])
    })?;
    load::measure(runtime, clients, effort)
}
