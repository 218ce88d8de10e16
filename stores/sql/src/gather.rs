//! [`Gatherer`]: what queues up while a commit runs goes into the next one together.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use async_trait::async_trait;
use parking_lot::Mutex;
use session_core::{StoreError, StoreKey};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

/// The most rows of one statement. More only make those at its front wait for those at its end.
const MOST_ROWS: usize = 128;

/// The most bytes of one statement, but for a single larger row.
const MOST_BYTES: usize = 1 << 20;

/// A row that is to be written.
pub(crate) trait Row: Send + Sync + 'static {
    /// The session it is about.
    fn key(&self) -> StoreKey;

    /// About how many bytes go to the database.
    fn size(&self) -> usize;
}

/// Writes many rows at once.
#[async_trait]
pub(crate) trait Writer: Send + Sync + 'static {
    type Row: Row;
    type Answer: Send + 'static;

    /// Writes rows of different sessions, and answers each in its place. Ends in bounded time.
    async fn write(&self, rows: Vec<Self::Row>) -> Vec<Result<Self::Answer, StoreError>>;
}

/// Takes rows from many callers and has them written by a few lanes.
///
/// A row that finds a lane free is written at once; nobody waits for a batch to fill. Two rows
/// of one session are never in the same statement nor in two at a time, since the second would
/// hold up its neighbours.
pub(crate) struct Gatherer<W: Writer> {
    shared: Arc<Shared<W>>,
    runtime: Handle,
}

struct Shared<W: Writer> {
    writer: W,
    lanes: usize,
    state: Mutex<State<W>>,
}

struct State<W: Writer> {
    waiting: VecDeque<Job<W>>,
    /// The sessions that are being written.
    under_way: HashSet<StoreKey>,
    running: usize,
}

struct Job<W: Writer> {
    row: W::Row,
    answer: oneshot::Sender<Result<W::Answer, StoreError>>,
}

impl<W: Writer> Gatherer<W> {
    /// A gatherer with at most `lanes` statements under way.
    pub(crate) fn new(writer: W, lanes: usize, runtime: &Handle) -> Self {
        let state = State {
            waiting: VecDeque::new(),
            under_way: HashSet::new(),
            running: 0,
        };
        Self {
            shared: Arc::new(Shared {
                writer,
                lanes,
                state: Mutex::new(state),
            }),
            runtime: runtime.clone(),
        }
    }

    /// Hands in a row. It is written even if nobody waits for the answer any more; the channel
    /// closes without one only if the runtime has ended.
    pub(crate) fn write(&self, row: W::Row) -> oneshot::Receiver<Result<W::Answer, StoreError>> {
        let (answer, receiver) = oneshot::channel();
        let mut state = self.shared.state.lock();
        state.waiting.push_back(Job { row, answer });
        if state.running < self.shared.lanes {
            state.running += 1;
            drop(state);
            let lane = Lane {
                shared: Arc::clone(&self.shared),
                running: true,
            };
            self.runtime.spawn(lane.run());
        }
        receiver
    }
}

/// One of the places to write at, while there is something to write.
struct Lane<W: Writer> {
    shared: Arc<Shared<W>>,
    running: bool,
}

impl<W: Writer> Lane<W> {
    async fn run(mut self) {
        while let Some(batch) = self.next() {
            let (rows, answers): (Vec<_>, Vec<_>) =
                batch.into_iter().map(|job| (job.row, job.answer)).unzip();
            let keys = UnderWay {
                shared: &self.shared,
                keys: rows.iter().map(Row::key).collect(),
            };
            let written = self.shared.writer.write(rows).await;
            drop(keys);
            for (answer, written) in answers.into_iter().zip(written) {
                // Whoever asked may be gone.
                let _ = answer.send(written);
            }
        }
    }

    /// What to write next, or nothing if all that waits is about sessions that are under way:
    /// the lane that has those goes on with it.
    fn next(&mut self) -> Option<Vec<Job<W>>> {
        let mut state = self.shared.state.lock();
        let batch = state.batch();
        if batch.is_empty() {
            // Under the same lock, so that who comes now starts a lane.
            state.running -= 1;
            self.running = false;
            return None;
        }
        Some(batch)
    }
}

impl<W: Writer> Drop for Lane<W> {
    fn drop(&mut self) {
        if self.running {
            self.shared.state.lock().running -= 1;
        }
    }
}

impl<W: Writer> State<W> {
    fn batch(&mut self) -> Vec<Job<W>> {
        let mut batch = Vec::new();
        let mut passed_over = Vec::new();
        let mut bytes = 0;
        while let Some(job) = self.waiting.pop_front() {
            let fits = batch.is_empty() || bytes + job.row.size() <= MOST_BYTES;
            if !fits || batch.len() == MOST_ROWS {
                self.waiting.push_front(job);
                break;
            }
            if self.under_way.insert(job.row.key()) {
                bytes += job.row.size();
                batch.push(job);
            } else {
                passed_over.push(job);
            }
        }
        for job in passed_over.into_iter().rev() {
            self.waiting.push_front(job);
        }
        batch
    }
}

/// Keys that are under way until this goes, also if the runtime ends in between.
struct UnderWay<'a, W: Writer> {
    shared: &'a Shared<W>,
    keys: Vec<StoreKey>,
}

impl<W: Writer> Drop for UnderWay<'_, W> {
    fn drop(&mut self) {
        let mut state = self.shared.state.lock();
        for key in &self.keys {
            state.under_way.remove(key);
        }
    }
}
