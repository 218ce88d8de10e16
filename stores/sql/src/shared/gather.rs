//! [`Gatherer`]: what queues up while a commit runs goes into the next one together.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use async_trait::async_trait;
use parking_lot::{Mutex, MutexGuard};
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
pub(crate) trait Writer: Send + Sync + Sized + 'static {
    type Row: Row;
    type Outcome: Send + 'static;

    /// Writes rows of different sessions and sends each its answer. Ends in bounded time; what
    /// would hold up others goes on by itself, with its row and its answer.
    async fn write(&self, rows: Vec<Self::Row>, answers: Vec<Answer<Self>>);
}

/// Takes rows from many callers and has them written by a few lanes.
///
/// A row that finds a lane free is written at once; nobody waits for a batch to fill. Two rows
/// of one session are never in the same statement nor in two at a time, since the second would
/// hold up its neighbours.
pub(crate) struct Gatherer<W: Writer>(Arc<Shared<W>>);

struct Shared<W: Writer> {
    writer: W,
    lanes: usize,
    runtime: Handle,
    state: Mutex<State<W>>,
}

struct State<W: Writer> {
    waiting: VecDeque<Job<W>>,
    /// The sessions that are being written.
    under_way: HashSet<StoreKey>,
    running: usize,
}

type Sender<W> = oneshot::Sender<Result<<W as Writer>::Outcome, StoreError>>;
type Receiver<W> = oneshot::Receiver<Result<<W as Writer>::Outcome, StoreError>>;

struct Job<W: Writer> {
    row: W::Row,
    sender: Sender<W>,
}

impl<W: Writer> Gatherer<W> {
    /// A gatherer with at most `lanes` statements under way.
    pub(crate) fn new(writer: W, lanes: usize, runtime: &Handle) -> Self {
        let state = State {
            waiting: VecDeque::new(),
            under_way: HashSet::new(),
            running: 0,
        };
        Self(Arc::new(Shared {
            writer,
            lanes,
            runtime: runtime.clone(),
            state: Mutex::new(state),
        }))
    }

    /// Hands in a row. It is written even if nobody waits for the answer any more; the channel
    /// closes without one only if the runtime has ended.
    pub(crate) fn write(&self, row: W::Row) -> Receiver<W> {
        let (sender, receiver) = oneshot::channel();
        let mut state = self.0.state.lock();
        state.waiting.push_back(Job { row, sender });
        self.0.start_lane(state);
        receiver
    }
}

impl<W: Writer> Shared<W> {
    /// Starts a lane if there is something to write and not all of them run.
    fn start_lane(self: &Arc<Self>, mut state: MutexGuard<'_, State<W>>) {
        if state.waiting.is_empty() || state.running == self.lanes {
            return;
        }
        state.running += 1;
        drop(state);
        let lane = Lane {
            shared: Arc::clone(self),
            running: true,
        };
        self.runtime.spawn(lane.run());
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
            let answer = |job: Job<W>| {
                let answer = Answer {
                    shared: Arc::clone(&self.shared),
                    key: job.row.key(),
                    sender: Some(job.sender),
                };
                (job.row, answer)
            };
            let (rows, answers) = batch.into_iter().map(answer).unzip();
            self.shared.writer.write(rows, answers).await;
            // Those who were just answered, and write again at once, go with the next batch.
            tokio::task::yield_now().await;
        }
    }

    /// What to write next, or nothing if all that waits is about sessions that are under way:
    /// that goes on when those are answered.
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

/// The way to whoever handed in a row. Its session is under way until this is sent or dropped.
pub(crate) struct Answer<W: Writer> {
    shared: Arc<Shared<W>>,
    key: StoreKey,
    sender: Option<Sender<W>>,
}

impl<W: Writer> Answer<W> {
    pub(crate) fn send(mut self, outcome: Result<W::Outcome, StoreError>) {
        let sender = self.sender.take();
        // First the session is free, then its writer is told, who may come with the next row.
        drop(self);
        if let Some(sender) = sender {
            // Whoever asked may be gone.
            let _ = sender.send(outcome);
        }
    }
}

impl<W: Writer> Drop for Answer<W> {
    fn drop(&mut self) {
        let mut state = self.shared.state.lock();
        state.under_way.remove(&self.key);
        self.shared.start_lane(state);
    }
}

#[cfg(test)]
mod tests;
