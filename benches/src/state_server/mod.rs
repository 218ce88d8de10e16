//! Our client and server beside the redis crate and redis-server: requests per second, processor
//! time per request, memory per session, and the whole way from an HTTP request to the store.

mod client;
mod echo;
mod http;
mod load;
mod memory;
mod process;
mod report;
mod runs;

use std::time::Duration;

use tempfile::TempDir;
use tokio::runtime::Runtime;

pub use self::echo::{SERVER as ECHO_SERVER, server as echo_server};
pub use self::process::{DAEMON, daemon};

use self::client::Client;
use self::echo::EchoServer;
use self::load::{Load, LoadFigures, Operation};
use self::memory::Weight;
use self::process::{RedisServer, StateServer};
use self::runs::Effort;
use crate::{case::Case, instance::Failure};

const OURS_TCP: &str = "ours, TCP";
const REDIS_TCP: &str = "redis, TCP";
const OURS_UNIX: &str = "ours, Unix socket";
const REDIS_UNIX: &str = "redis, Unix socket";

const ECHO: &str = "echo, TCP";

/// Ours, and what it is compared with.
const PAIRS: [(&str, &str); 2] = [(OURS_TCP, REDIS_TCP), (OURS_UNIX, REDIS_UNIX)];

/// First argument of a run of one load by one contestant, for a profiler.
pub const LOAD: &str = "state-server-load";

const LOAD_USAGE: &str = "\
usage: session-benches state-server-load ours|redis|echo tcp|unix read|write BYTES IN-FLIGHT SECONDS";

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
    report::floor(&loads);
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

/// First argument of a run of HTTP requests by one contestant, for a profiler.
pub const HTTP: &str = "state-server-http";

const HTTP_USAGE: &str = "\
usage: session-benches state-server-http bare|memory|tcp|unix read|read-write SECONDS";

/// Sends HTTP requests.
pub fn one_http(words: &[String]) -> Result<(), Failure> {
    let [whose, case, seconds] = words else {
        return Err(HTTP_USAGE.into());
    };
    let case = Case::from_word(case).ok_or(HTTP_USAGE)?;
    let length = Duration::from_secs(seconds.parse()?);
    let (folder, runtime) = (TempDir::new()?, Runtime::new()?);
    let turn = http::one(&runtime, &folder, whose, case, length)?;
    println!("{:.2?}", turn.ok_or(HTTP_USAGE)?);
    Ok(())
}

/// Runs one load, and tells who the processes are.
pub fn one_load(words: &[String]) -> Result<(), Failure> {
    let [whose, carrier, operation, size, in_flight, seconds] = words else {
        return Err(LOAD_USAGE.into());
    };
    let is_meant = |name: &str| {
        name.starts_with(whose.as_str()) && name.to_lowercase().contains(carrier.as_str())
    };
    let load = Load {
        operation: Operation::from_word(operation).ok_or(LOAD_USAGE)?,
        size: size.parse()?,
        in_flight: in_flight.parse()?,
    };
    let (folder, runtime) = (TempDir::new()?, Runtime::new()?);
    let servers = Servers::start(&folder)?;
    let (ours, redis) = (servers.ours.id(), servers.redis.id());
    println!("state server {ours}, redis-server {redis}");
    let contestants = servers.contestants(&runtime)?;
    let contestant = contestants.into_iter().find(|own| is_meant(own.0));
    let contestant = contestant.ok_or(LOAD_USAGE)?;
    let turn = load::one(&runtime, contestant, load, seconds.parse()?)?;
    println!("{turn:.2?}");
    Ok(())
}

fn loads(runtime: &Runtime, folder: &TempDir, effort: &Effort) -> Result<LoadFigures, Failure> {
    let servers = Servers::start(folder)?;
    load::measure(runtime, servers.contestants(runtime)?, effort)
}

struct Servers {
    ours: StateServer,
    redis: RedisServer,
    echo: EchoServer,
}

impl Servers {
    fn start(folder: &TempDir) -> Result<Self, Failure> {
        Ok(Self {
            ours: StateServer::start(folder.path())?,
            redis: RedisServer::start(folder.path())?,
            echo: EchoServer::start()?,
        })
    }

    /// The clients by name, each with the process of its server.
    fn contestants(&self, runtime: &Runtime) -> Result<[load::Named; 5], Failure> {
        let (ours, redis, echo) = (&self.ours, &self.redis, &self.echo);
        runtime.block_on(async {
            Ok([
                (OURS_TCP, Client::ours(ours.tcp())?, ours.id()),
                (REDIS_TCP, Client::redis(redis.tcp()).await?, redis.id()),
                (ECHO, Client::Echo(echo.client().await?), echo.id()),
                (OURS_UNIX, Client::ours(ours.unix())?, ours.id()),
                (REDIS_UNIX, Client::redis(redis.unix()).await?, redis.id()),
            ])
        })
    }
}
