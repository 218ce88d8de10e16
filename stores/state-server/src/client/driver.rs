//! The task behind a [`Pipe`](super::pipe::Pipe): connects when there is something to ask,
//! writes what is queued in one go, reads answers and completes whoever waits for them.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use session_core::{Clock, SystemClock};
use tokio::io::AsyncWrite;
use tokio::time::{Sleep, sleep};

use super::dial::{BackOff, Connection, Dialer, draining};
use super::fault::{Fault, Lost, Phase};
use super::pipe::{Found, Shared, Waiter};
use super::reply::Reply;

/// The bytes that a connection which many requests share reads at once.
const INPUT: usize = 64 << 10;

/// How often a turn reads before it looks after other things.
const READS: usize = 8;

/// Ends the pipe when the driver ends, also if the runtime drops it.
#[derive(Debug)]
pub(super) struct Stopping(pub(super) Arc<Shared>);

impl Drop for Stopping {
    fn drop(&mut self) {
        self.0.stop();
    }
}

/// Serves the pipe until it is closed.
///
/// While the server cannot be reached, requests wait for it as long as the connect timeout from
/// the first failure on; so a restart that is quick fails none of them. After that each failed
/// attempt fails what came before it.
pub(super) async fn drive(pipe: Stopping, dialer: Dialer) {
    let shared = &pipe.0;
    let clock = SystemClock::default();
    let mut back_off = BackOff::default();
    let mut outage = None;
    while wanted(shared).await {
        let began = *outage.get_or_insert_with(|| clock.monotonic());
        match dialer.dial().await {
            Ok(connection) => {
                outage = None;
                back_off.reset();
                Link::new(shared, &dialer, &clock, connection).run().await;
            }
            Err(fault) => {
                let lasted = clock.monotonic().saturating_sub(began);
                if !fault.is_passing() || lasted >= dialer.settings.connect_timeout {
                    shared.fail_queued(&Lost::Final(fault));
                }
                sleep(back_off.next()).await;
            }
        }
    }
}

/// Completes when somebody asks; `false` if nobody ever will.
async fn wanted(shared: &Shared) -> bool {
    let found = poll_fn(|context| match shared.look(context.waker()) {
        Found::Nothing => Poll::Pending,
        found => Poll::Ready(found),
    });
    found.await == Found::Requests
}

/// An open connection with requests on it.
struct Link<'a> {
    shared: &'a Shared,
    dialer: &'a Dialer,
    clock: &'a SystemClock,
    connection: Connection,
    /// Requests that were taken from the queue, and how much of them is written.
    out: Vec<u8>,
    written: usize,
    /// Something was written that the stream may hold back.
    unflushed: bool,
    /// Where `out` begins among all bytes of the pipe.
    position: u64,
    /// Who waits for an answer, in order; some may be in `out` still.
    waiting: VecDeque<Waiter>,
    watch: Watch,
    /// The server will answer what is on its way and nothing more.
    draining: bool,
}

/// Why a link ends.
enum End {
    /// Nobody asks any more, or the server is about to stop.
    Quiet,
    Broken(Fault),
    TooSlow(Fault),
}

/// What a turn did.
struct Turn {
    /// Several requests are on their way: more may be queued if the others get the processor.
    crowded: bool,
}

impl<'a> Link<'a> {
    fn new(
        shared: &'a Shared,
        dialer: &'a Dialer,
        clock: &'a SystemClock,
        mut connection: Connection,
    ) -> Self {
        connection.input.grow(INPUT);
        Self {
            shared,
            dialer,
            clock,
            connection,
            out: Vec::new(),
            written: 0,
            unflushed: false,
            position: 0,
            waiting: VecDeque::new(),
            watch: Watch::new(dialer.settings.operation_timeout),
            draining: false,
        }
    }

    async fn run(mut self) {
        let end = loop {
            match poll_fn(|context| self.poll_turn(context)).await {
                // Whoever was just answered may ask again; together that is one write.
                Ok(turn) if turn.crowded => tokio::task::yield_now().await,
                Ok(_) => {}
                Err(end) => break end,
            }
        };
        self.fail_the_rest(end);
    }

    /// Reads, takes and writes; pending if there was nothing to do.
    fn poll_turn(&mut self, context: &mut Context<'_>) -> Poll<Result<Turn, End>> {
        let before = self.waiting.len();
        let mut progress = self.read(context)?;
        progress |= self.write(context)?;
        if self.written == self.out.len() && !self.draining {
            progress |= self.take(context, progress)?;
        }
        if self.draining && self.waiting.is_empty() {
            return Poll::Ready(Err(End::Quiet));
        }
        if progress {
            let crowded = before.max(self.waiting.len()) > 1;
            return Poll::Ready(Ok(Turn { crowded }));
        }
        match self.watch.poll(context, self.clock) {
            Poll::Ready(()) => Poll::Ready(Err(self.too_slow())),
            Poll::Pending => Poll::Pending,
        }
    }

    fn read(&mut self, context: &mut Context<'_>) -> Result<bool, End> {
        let before = self.waiting.len();
        let mut progress = false;
        let mut result = Ok(());
        for _ in 0..READS {
            let connection = &mut self.connection;
            result = match connection.input.poll_fill(context, &mut connection.stream) {
                Poll::Pending => break,
                Poll::Ready(read) => read.and_then(|()| self.answer_all()),
            };
            if result.is_err() {
                break;
            }
            progress = true;
        }
        let answered = before - self.waiting.len();
        if answered > 0 {
            self.watch.answered(answered);
            self.shared.answered(answered);
        }
        match result {
            Ok(()) => Ok(progress),
            Err(error) => Err(self.broken(Phase::Read, &error)),
        }
    }

    /// Completes everybody whose answer has arrived.
    fn answer_all(&mut self) -> io::Result<()> {
        while let Some(waiter) = self.waiting.front() {
            let Some(reply) = self.connection.input.next(waiter.asked_head)? else {
                return Ok(());
            };
            if let Some(waiter) = self.waiting.pop_front() {
                self.answer(waiter, reply);
            }
        }
        if self.connection.input.is_empty() {
            return Ok(());
        }
        let problem = "an answer that nobody asked for";
        Err(io::Error::new(io::ErrorKind::InvalidData, problem))
    }

    fn answer(&mut self, waiter: Waiter, reply: Reply) {
        if reply.status == 503 {
            self.draining = true;
            let fault = self.dialer.io(Phase::Read, &draining());
            return waiter.answer(Err(Lost::Undone(fault)));
        }
        waiter.answer(Ok(reply));
    }

    /// Takes what is queued and writes it. Only a driver that has nothing else to do has itself
    /// woken by the next request.
    fn take(&mut self, context: &mut Context<'_>, busy: bool) -> Result<bool, End> {
        let known = self.waiting.len();
        self.position += self.written as u64;
        self.written = 0;
        let waker = if busy { None } else { Some(context.waker()) };
        match self.shared.take(&mut self.out, &mut self.waiting, waker) {
            Found::Nothing => return Ok(false),
            Found::Closed if self.waiting.is_empty() => return Err(End::Quiet),
            Found::Closed => return Ok(false),
            Found::Requests => {}
        }
        if let Some(first) = self.waiting.get(known) {
            self.position = first.position;
        }
        self.watch.sent(self.waiting.len() - known, self.clock);
        self.write(context)?;
        Ok(true)
    }

    fn write(&mut self, context: &mut Context<'_>) -> Result<bool, End> {
        let mut progress = false;
        while self.written < self.out.len() {
            let stream = Pin::new(&mut self.connection.stream);
            match stream.poll_write(context, &self.out[self.written..]) {
                Poll::Pending => break,
                Poll::Ready(Ok(count @ 1..)) => self.written += count,
                Poll::Ready(failed) => {
                    let error = failed.err().unwrap_or(io::ErrorKind::WriteZero.into());
                    // What was answered before the connection broke is an answer.
                    self.read(context)?;
                    return Err(self.broken(Phase::Send, &error));
                }
            }
            progress = true;
            self.unflushed = true;
        }
        if self.unflushed && self.written == self.out.len() {
            match Pin::new(&mut self.connection.stream).poll_flush(context) {
                Poll::Pending => {}
                Poll::Ready(Ok(())) => self.unflushed = false,
                Poll::Ready(Err(error)) => return Err(self.broken(Phase::Send, &error)),
            }
        }
        Ok(progress)
    }

    fn broken(&self, phase: Phase, error: &io::Error) -> End {
        End::Broken(self.dialer.io(phase, error))
    }

    fn too_slow(&self) -> End {
        let timeout = self.dialer.settings.operation_timeout;
        let message = format!("no answer within {timeout:?}");
        let error = io::Error::new(io::ErrorKind::TimedOut, message);
        End::TooSlow(self.dialer.io(Phase::Read, &error))
    }

    /// Tells everybody who waits that there will be no answer, and whether the server can know
    /// of the request.
    fn fail_the_rest(self, end: End) {
        let written = self.position + self.written as u64;
        let (fault, slow) = match end {
            End::Quiet => return,
            End::Broken(fault) => (fault, false),
            End::TooSlow(fault) => (fault, true),
        };
        self.shared.answered(self.waiting.len());
        for waiter in self.waiting {
            let lost = match waiter.position < written {
                true if slow => Lost::Final(fault.clone()),
                true => Lost::Cut(fault.clone()),
                false => Lost::Undone(fault.clone()),
            };
            waiter.answer(Err(lost));
        }
    }
}

/// Watches that answers come in time. They come in order, so the oldest request alone counts,
/// and one timer is enough for all.
struct Watch {
    timeout: Duration,
    timer: Option<Pin<Box<Sleep>>>,
    /// How many requests were sent and answered.
    sent: u64,
    answered: u64,
    /// What `sent` was after each batch that is not wholly answered, and when.
    batches: VecDeque<(u64, Duration)>,
}

impl Watch {
    fn new(timeout: Duration) -> Self {
        Self {
            timeout,
            timer: None,
            sent: 0,
            answered: 0,
            batches: VecDeque::new(),
        }
    }

    fn sent(&mut self, count: usize, clock: &SystemClock) {
        self.sent += count as u64;
        self.batches.push_back((self.sent, clock.monotonic()));
    }

    fn answered(&mut self, count: usize) {
        self.answered += count as u64;
        while self
            .batches
            .pop_front_if(|(end, _)| *end <= self.answered)
            .is_some()
        {}
    }

    /// Ready when the oldest request has waited for too long.
    fn poll(&mut self, context: &mut Context<'_>, clock: &SystemClock) -> Poll<()> {
        while let Some((_, since)) = self.batches.front() {
            let timer = self
                .timer
                .get_or_insert_with(|| Box::pin(sleep(self.timeout)));
            if timer.as_mut().poll(context).is_pending() {
                return Poll::Pending;
            }
            let waited = clock.monotonic().saturating_sub(*since);
            let left = self.timeout.saturating_sub(waited);
            if left.is_zero() {
                return Poll::Ready(());
            }
            self.timer = Some(Box::pin(sleep(left)));
        }
        Poll::Pending
    }
}
