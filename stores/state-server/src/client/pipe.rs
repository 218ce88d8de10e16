//! [`Pipe`]: one connection that many requests share, in order.

use std::collections::VecDeque;
use std::mem;
use std::sync::Arc;
use std::task::Waker;

use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, oneshot};

use super::address::Address;
use super::dial::Dialer;
use super::driver;
use super::fault::{Fault, Lost};
use super::reply::Reply;

/// The requests that may be on their way on one connection.
const IN_FLIGHT: usize = 1024;

/// The memory that an idle connection keeps for requests, in bytes.
const KEPT: usize = 256 << 10;

/// A connection that requests are written to and answered from in order. It is opened when it
/// is needed, by a task that lives until the pipe is dropped.
#[derive(Debug)]
pub(super) struct Pipe(Arc<Shared>);

/// What callers and the driver share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) address: Address,
    queue: Mutex<Queue>,
    slots: Semaphore,
}

#[derive(Debug, Default)]
struct Queue {
    /// Requests that the driver has not taken.
    bytes: Vec<u8>,
    /// Who waits for their answers, in the same order.
    waiters: Vec<Waiter>,
    /// All bytes that were ever put into the queue.
    position: u64,
    /// The driver, when it waits for requests.
    driver: Option<Waker>,
    /// Nobody can ask any more.
    closed: bool,
    /// Nobody answers any more.
    stopped: bool,
}

/// A caller that waits for its answer.
#[derive(Debug)]
pub(super) struct Waiter {
    /// Where its request begins among all bytes of the pipe.
    pub(super) position: u64,
    pub(super) asked_head: bool,
    answer: oneshot::Sender<Result<Reply, Lost>>,
}

impl Waiter {
    /// Completes the caller; one that is gone does not mind.
    pub(super) fn answer(self, answer: Result<Reply, Lost>) {
        let _ = self.answer.send(answer);
    }
}

impl Pipe {
    pub(super) fn new(dialer: Dialer, runtime: &Handle) -> Self {
        let shared = Arc::new(Shared {
            address: dialer.address().clone(),
            queue: Mutex::default(),
            slots: Semaphore::new(IN_FLIGHT),
        });
        runtime.spawn(driver::drive(driver::Stopping(Arc::clone(&shared)), dialer));
        Self(shared)
    }

    /// Sends the request that `write` appends and waits for its answer. Once it was polled the
    /// request goes out, whether or not somebody still waits.
    pub(super) async fn ask(
        &self,
        asked_head: bool,
        write: impl FnOnce(&mut Vec<u8>),
    ) -> Result<Reply, Lost> {
        let stopped = || Lost::Final(Fault::stopped(&self.0.address));
        let slot = match self.0.slots.try_acquire() {
            Ok(slot) => slot,
            Err(_) => self.0.slots.acquire().await.map_err(|_| stopped())?,
        };
        let answered = self.0.push(asked_head, write).ok_or_else(stopped)?;
        slot.forget();
        answered.await.unwrap_or_else(|_| Err(stopped()))
    }
}

impl Drop for Pipe {
    fn drop(&mut self) {
        self.0.queue.lock().closed = true;
        self.0.wake_driver();
    }
}

/// What the driver found in the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    Requests,
    Nothing,
    /// Nothing, and there never will be.
    Closed,
}

impl Shared {
    fn push(
        &self,
        asked_head: bool,
        write: impl FnOnce(&mut Vec<u8>),
    ) -> Option<oneshot::Receiver<Result<Reply, Lost>>> {
        let (answer, answered) = oneshot::channel();
        let mut queue = self.queue.lock();
        if queue.stopped {
            return None;
        }
        let before = queue.bytes.len();
        write(&mut queue.bytes);
        let length = queue.bytes.len() - before;
        let position = queue.position;
        queue.position += length as u64;
        queue.waiters.push(Waiter {
            position,
            asked_head,
            answer,
        });
        let driver = queue.driver.take();
        drop(queue);
        if let Some(driver) = driver {
            driver.wake();
        }
        Some(answered)
    }

    fn wake_driver(&self) {
        if let Some(driver) = self.queue.lock().driver.take() {
            driver.wake();
        }
    }

    /// Moves what is queued to the driver, whose own buffer is empty. `waker` is told of the
    /// next request if there is none; without one the driver comes again by itself.
    pub(super) fn take(
        &self,
        bytes: &mut Vec<u8>,
        waiters: &mut VecDeque<Waiter>,
        waker: Option<&Waker>,
    ) -> Found {
        bytes.clear();
        bytes.shrink_to(KEPT);
        let mut queue = self.queue.lock();
        if queue.waiters.is_empty() {
            queue.driver = waker.cloned();
            return match queue.closed {
                true => Found::Closed,
                false => Found::Nothing,
            };
        }
        queue.driver = None;
        mem::swap(bytes, &mut queue.bytes);
        waiters.extend(queue.waiters.drain(..));
        Found::Requests
    }

    /// Whether there are requests; `waker` is told of the next if there are none.
    pub(super) fn look(&self, waker: &Waker) -> Found {
        let mut queue = self.queue.lock();
        if !queue.waiters.is_empty() {
            return Found::Requests;
        }
        queue.driver = Some(waker.clone());
        match queue.closed {
            true => Found::Closed,
            false => Found::Nothing,
        }
    }

    /// Fails everything that is queued.
    pub(super) fn fail_queued(&self, lost: &Lost) {
        let waiters = {
            let mut queue = self.queue.lock();
            queue.bytes.clear();
            mem::take(&mut queue.waiters)
        };
        self.slots.add_permits(waiters.len());
        for waiter in waiters {
            waiter.answer(Err(lost.clone()));
        }
    }

    /// Lets as many further requests in.
    pub(super) fn answered(&self, count: usize) {
        self.slots.add_permits(count);
    }

    /// Ends the pipe: the driver is gone.
    pub(super) fn stop(&self) {
        self.queue.lock().stopped = true;
        self.fail_queued(&Lost::Final(Fault::stopped(&self.address)));
    }
}
