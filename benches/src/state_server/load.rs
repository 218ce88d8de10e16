//! Reads, and writes with compare-and-swap, with one or many in flight.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use session_core::{Revision, StoreKey};
use tokio::runtime::Runtime;

use super::{
    ECHO,
    client::Client,
    runs::{Effort, Stop, Turn, Turns, turn},
};
use crate::instance::Failure;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    Read,
    Write,
}

impl Operation {
    fn word(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
        }
    }

    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Read, Self::Write]
            .into_iter()
            .find(|operation| operation.word() == word)
    }
}

/// One load.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Load {
    pub operation: Operation,
    /// Bytes of a session.
    pub size: usize,
    pub in_flight: usize,
}

const SIZES: [usize; 2] = [200, 4096];
const IN_FLIGHT: [usize; 2] = [1, 64];

/// The sessions that each visitor has to himself, so that no write meets another.
const PER_VISITOR: usize = 16;

impl Load {
    pub fn all() -> impl Iterator<Item = Self> {
        let operations = [Operation::Read, Operation::Write].into_iter();
        operations.flat_map(|operation| {
            SIZES.into_iter().flat_map(move |size| {
                IN_FLIGHT.map(|in_flight| Self {
                    operation,
                    size,
                    in_flight,
                })
            })
        })
    }

    pub fn title(self) -> String {
        let operation = self.operation.word();
        format!("{operation}, {} B, {} in flight", self.size, self.in_flight)
    }
}

/// A client by name, with the process of its server.
pub type Named = (&'static str, Client, u32);

pub type LoadFigures = HashMap<(Load, &'static str), Turns>;

/// Contestants take turns, so that whatever else the machine does falls on all of them.
pub fn measure(
    runtime: &Runtime,
    clients: [Named; 5],
    effort: &Effort,
) -> Result<LoadFigures, Failure> {
    let mut contestants = Vec::new();
    for named in clients {
        contestants.push(Contestant::start(runtime, named, SIZES)?);
    }
    let mut figures = LoadFigures::new();
    for load in Load::all() {
        // The first turn of each is not counted: connections open, memory is touched.
        for round in 0..=effort.rounds {
            for contestant in contestants.iter().filter(|own| own.takes_part(load)) {
                let turn = contestant.turn(runtime, load, effort.turn)?;
                if round > 0 {
                    let key = (load, contestant.name);
                    figures.entry(key).or_default().push(turn);
                }
            }
            contestants.rotate_left(1);
        }
    }
    Ok(figures)
}

/// One turn of one contestant, of so many seconds.
pub fn one(runtime: &Runtime, named: Named, load: Load, seconds: u64) -> Result<Turn, Failure> {
    let contestant = Contestant::start(runtime, named, [load.size])?;
    contestant.turn(runtime, load, Duration::from_secs(seconds))
}

struct Contestant {
    name: &'static str,
    client: Client,
    /// The process of its server.
    server: u32,
    sessions: HashMap<usize, Arc<Sessions>>,
}

/// Sessions of the same size.
struct Sessions {
    all: Vec<(StoreKey, AtomicU64)>,
    payload: Bytes,
}

impl Contestant {
    fn start(
        runtime: &Runtime,
        (name, client, server): Named,
        sizes: impl IntoIterator<Item = usize>,
    ) -> Result<Self, Failure> {
        let mut sessions = HashMap::new();
        for size in sizes {
            let made = runtime.block_on(Sessions::create(&client, size))?;
            sessions.insert(size, Arc::new(made));
        }
        Ok(Self {
            name,
            client,
            server,
            sessions,
        })
    }

    /// The echo has no multiplexing.
    fn takes_part(&self, load: Load) -> bool {
        self.name != ECHO || load.in_flight == 1
    }

    fn turn(&self, runtime: &Runtime, load: Load, length: Duration) -> Result<Turn, Failure> {
        let stop = Stop::default();
        let visitors = (0..load.in_flight).map(|visitor| {
            let sessions = Arc::clone(&self.sessions[&load.size]);
            visit(self.client.clone(), sessions, load, visitor, stop.clone())
        });
        turn(runtime, length, Some(self.server), visitors, &stop)
    }
}

impl Sessions {
    async fn create(client: &Client, size: usize) -> Result<Self, Failure> {
        let payload = Bytes::from(vec![b'x'; size]);
        let most = IN_FLIGHT.into_iter().max().unwrap_or_default();
        let mut all = Vec::new();
        for _ in 0..most * PER_VISITOR {
            let key = StoreKey::from_bytes(rand::random());
            client.create(key, &payload).await?;
            all.push((key, AtomicU64::new(Revision::FIRST.get())));
        }
        Ok(Self { all, payload })
    }
}

/// Asks for his own sessions, one after the other, until it is time to stop.
async fn visit(
    client: Client,
    sessions: Arc<Sessions>,
    load: Load,
    visitor: usize,
    stop: Stop,
) -> Result<u64, Failure> {
    let own = &sessions.all[visitor * PER_VISITOR..][..PER_VISITOR];
    let mut asked = 0;
    for (key, revision) in own.iter().cycle() {
        if stop.is_due() {
            break;
        }
        match load.operation {
            Operation::Read => client.read(*key, load.size).await?,
            Operation::Write => {
                let at = Revision::new(revision.fetch_add(1, Ordering::Relaxed));
                let at = at.ok_or("a session without a revision")?;
                client.write(*key, at, &sessions.payload).await?;
            }
        }
        asked += 1;
    }
    Ok(asked)
}
