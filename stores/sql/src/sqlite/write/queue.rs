//! [`Queue`]: writes on their way to the thread that makes them.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};
use tokio::sync::oneshot;

use super::Write;
use crate::sqlite::fault::Fault;
use crate::sqlite::open::{Opener, Tables};

/// A write whose kind does not matter.
pub(super) trait AnyJob: Send {
    /// Makes the change and keeps the outcome.
    fn execute(&mut self, tables: &Tables<'_>) -> Result<(), Fault>;

    /// Tells whoever asked: the outcome, or why the transaction failed.
    fn answer(self: Box<Self>, committed: Result<(), Fault>);

    fn is_end(&self) -> bool;

    fn size(&self) -> usize;

    /// When it is too late to begin.
    fn deadline(&self) -> Duration;
}

pub(super) type Job = Box<dyn AnyJob>;

struct Asked<W: Write> {
    write: W,
    outcome: Option<W::Outcome>,
    deadline: Duration,
    sender: oneshot::Sender<Result<W::Outcome, Fault>>,
}

impl<W: Write> AnyJob for Asked<W> {
    fn execute(&mut self, tables: &Tables<'_>) -> Result<(), Fault> {
        self.outcome = Some(self.write.write(tables)?);
        Ok(())
    }

    fn answer(self: Box<Self>, committed: Result<(), Fault>) {
        let answer = match (committed, self.outcome) {
            (Ok(()), Some(outcome)) => Ok(outcome),
            // Without either the channel closes, which says that the store has stopped.
            (Ok(()), None) => return,
            (Err(fault), _) => Err(fault),
        };
        // Whoever asked may be gone.
        let _ = self.sender.send(answer);
    }

    fn is_end(&self) -> bool {
        W::IS_END
    }

    fn size(&self) -> usize {
        self.write.size()
    }

    fn deadline(&self) -> Duration {
        self.deadline
    }
}

/// What the writer is at, for whoever waits too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Ready,
    /// Other processes of ours write.
    Turn,
    /// A program that does not queue up has the lock.
    Lock,
    /// Changing and committing.
    Work,
}

impl Phase {
    fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "the writer is not scheduled; look at the machine's load",
            Self::Turn => {
                "another process with this store does not end its turn to write; is it stopped, \
                 or its disk slow?"
            }
            Self::Lock => {
                "another program has locked the database; a transaction that somebody left open?"
            }
            Self::Work => "the disk is slow; look at its load",
        }
    }
}

/// The writes that wait. Once the store is gone and they are done, the writer ends.
pub(in crate::sqlite) struct Queue {
    opener: Arc<Opener>,
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    waiting: VecDeque<Job>,
    is_closed: bool,
    phase: Phase,
}

impl Queue {
    pub(in crate::sqlite) fn new(opener: Arc<Opener>) -> Self {
        let state = State {
            waiting: VecDeque::new(),
            is_closed: false,
            phase: Phase::Ready,
        };
        Self {
            opener,
            state: Mutex::new(state),
            changed: Condvar::new(),
        }
    }

    /// Hands in a write and waits for its outcome. It is made even if nobody waits any more,
    /// unless it has not begun when its time is over.
    pub(in crate::sqlite) async fn write<W: Write>(&self, write: W) -> Result<W::Outcome, Fault> {
        let patience = self.opener.settings.operation_timeout;
        let receiver = self.push(write, self.opener.tick() + patience * 9 / 10)?;
        match tokio::time::timeout(patience, receiver).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(self.opener.target.stopped()),
            Err(_) => Err(self.late()),
        }
    }

    fn push<W: Write>(
        &self,
        write: W,
        deadline: Duration,
    ) -> Result<oneshot::Receiver<Result<W::Outcome, Fault>>, Fault> {
        let (sender, receiver) = oneshot::channel();
        let mut state = self.state.lock();
        if state.is_closed {
            return Err(self.opener.target.stopped());
        }
        state.waiting.push_back(Box::new(Asked {
            write,
            outcome: None,
            deadline,
            sender,
        }));
        drop(state);
        self.changed.notify_one();
        Ok(receiver)
    }

    /// Forgets what it is too late for, so that a writer that is held up does not collect it,
    /// and says why.
    fn late(&self) -> Fault {
        let phase = self.state.lock().phase;
        let fault = self.opener.target.timed_out(phase.as_str());
        self.give_up_late(&fault);
        fault
    }

    /// Answers what it is too late for. Later writes have later deadlines.
    pub(super) fn give_up_late(&self, fault: &Fault) {
        let now = self.opener.tick();
        let mut late = Vec::new();
        let mut state = self.state.lock();
        let is_late = |job: &mut Job| job.deadline() <= now;
        while let Some(job) = state.waiting.pop_front_if(is_late) {
            late.push(job);
        }
        drop(state);
        for job in late {
            job.answer(Err(fault.clone()));
        }
    }

    /// Answers everything that waits.
    pub(super) fn give_up(&self, fault: &Fault) {
        let waiting = std::mem::take(&mut self.state.lock().waiting);
        for job in waiting {
            job.answer(Err(fault.clone()));
        }
    }

    /// Waits until there is something to write, at most until `deadline`. `false` once the store
    /// is gone and nothing is left to write.
    pub(super) fn wait(&self, deadline: Option<Duration>) -> bool {
        let mut state = self.state.lock();
        state.phase = Phase::Ready;
        while state.waiting.is_empty() {
            if state.is_closed {
                return false;
            }
            let Some(deadline) = deadline else {
                self.changed.wait(&mut state);
                continue;
            };
            let left = deadline.saturating_sub(self.opener.tick());
            if left.is_zero() {
                break;
            }
            self.changed.wait_for(&mut state, left);
        }
        true
    }

    pub(super) fn enter(&self, phase: Phase) {
        self.state.lock().phase = phase;
    }

    pub(super) fn is_empty(&self) -> bool {
        self.state.lock().waiting.is_empty()
    }

    /// Whether one of the first `count` writes is an end.
    pub(super) fn has_end(&self, count: usize) -> bool {
        let state = self.state.lock();
        state.waiting.iter().take(count).any(|job| job.is_end())
    }

    /// The next write, unless it is an end and `ends` are to wait.
    pub(super) fn next(&self, ends: bool) -> Option<Job> {
        let mut state = self.state.lock();
        state.waiting.pop_front_if(|job| ends || !job.is_end())
    }

    /// Takes no more writes.
    pub(in crate::sqlite) fn close(&self) {
        self.state.lock().is_closed = true;
        self.changed.notify_one();
    }
}
