//! What all closed loops have in common: many in flight, for a while, in rounds.

use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use tokio::runtime::Runtime;

use crate::{instance::Failure, report::median};

pub struct Effort {
    /// How often everybody has his turn.
    pub rounds: usize,
    /// How long a turn takes.
    pub turn: Duration,
    /// Sessions in memory.
    pub sessions: usize,
}

impl Effort {
    pub const FULL: Self = Self {
        rounds: 15,
        turn: Duration::from_millis(200),
        sessions: 1_000_000,
    };
    pub const QUICK: Self = Self {
        rounds: 5,
        turn: Duration::from_millis(100),
        sessions: 100_000,
    };
}

/// Tells visitors when to stop.
#[derive(Clone, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    pub fn is_due(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// One turn of a contestant.
#[derive(Clone, Copy, Debug)]
pub struct Turn {
    pub per_second: f64,
    /// Microseconds of processor time for each request: of this process, and of the server.
    pub client: f64,
    pub server: f64,
}

impl Turn {
    /// Of both processes.
    pub fn processor(&self) -> f64 {
        self.client + self.server
    }
}

/// Lets visitors do their rounds until the turn is over; each returns how often it asked.
pub fn turn<V>(
    runtime: &Runtime,
    length: Duration,
    server: Option<u32>,
    visitors: impl Iterator<Item = V>,
    stop: &Stop,
) -> Result<Turn, Failure>
where
    V: Future<Output = Result<u64, Failure>> + Send + 'static,
{
    let used = || -> Result<_, Failure> {
        let server = server.map(processor_time).transpose()?;
        Ok((
            processor_time(std::process::id())?,
            server.unwrap_or_default(),
        ))
    };
    let before = used()?;
    let began = Instant::now();
    let visits: Vec<_> = visitors.map(|visitor| runtime.spawn(visitor)).collect();
    thread::sleep(length);
    stop.0.store(true, Ordering::Relaxed);
    let mut requests = 0;
    for visit in visits {
        requests += runtime.block_on(visit)??;
    }
    let lasted = began.elapsed();
    let after = used()?;
    let each = |time: Duration| time.as_secs_f64() * 1e6 / requests as f64;
    Ok(Turn {
        per_second: requests as f64 / lasted.as_secs_f64(),
        client: each(after.0.saturating_sub(before.0)),
        server: each(after.1.saturating_sub(before.1)),
    })
}

/// What the living threads of a process have had of the processors.
fn processor_time(process: u32) -> Result<Duration, Failure> {
    let mut total = 0;
    for thread in fs::read_dir(format!("/proc/{process}/task"))? {
        let spent = fs::read_to_string(thread?.path().join("schedstat"))?;
        let spent = spent.split(' ').next().unwrap_or_default();
        total += spent.parse::<u64>()?;
    }
    Ok(Duration::from_nanos(total))
}

/// The turns of one contestant.
#[derive(Default)]
pub struct Turns(Vec<Turn>);

impl Turns {
    pub fn push(&mut self, turn: Turn) {
        self.0.push(turn);
    }

    pub fn median(&self, figure: impl Fn(&Turn) -> f64) -> f64 {
        median(self.0.iter().map(figure).collect())
    }

    /// The median over the rounds of how many times as much it did as `other`.
    pub fn ratio(&self, other: &Self) -> f64 {
        let rounds = self.0.iter().zip(&other.0);
        let ratios = rounds.map(|(this, other)| this.per_second / other.per_second);
        median(ratios.collect())
    }
}
