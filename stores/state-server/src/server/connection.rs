//! One connection: requests in, answers out, in order.

mod frame;
mod scratch;
mod timer;

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};

use self::frame::Next;
use self::scratch::Scratch;
use self::timer::{Elapsed, Timer};
use super::http::Output;
use super::state::State;
use super::verbs::Place;
use crate::wire::Status;

/// One connection. Between requests it has no buffers: it reads into one that its thread's
/// connections share, and keeps only what is not a whole request yet.
pub(crate) struct Connection<S> {
    stream: S,
    state: Arc<State>,
    /// What was read and not worked on.
    carry: Vec<u8>,
    /// Whether there may be whole requests in `carry`.
    is_unread: bool,
    /// How many bytes of a refused body are still to come.
    skip: u64,
    out: Output,
    timer: Timer,
    is_admitted: bool,
}

/// What was read; the beginning of `scratch`.
struct Input {
    scratch: Scratch,
    length: usize,
}

/// The connection is over.
struct Over;

impl From<io::Error> for Over {
    fn from(_: io::Error) -> Self {
        Self
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    pub(crate) fn new(stream: S, state: Arc<State>) -> Self {
        Self {
            stream,
            is_admitted: state.tokens.is_empty(),
            state,
            carry: Vec::new(),
            is_unread: false,
            skip: 0,
            out: Output::default(),
            timer: Timer::default(),
        }
    }

    /// Answers requests until the connection ends.
    pub(crate) async fn serve(mut self) {
        while self.turn().await.is_ok() {}
    }

    /// Refuses to serve.
    pub(crate) async fn turn_away(mut self) {
        self.out.buffer = scratch::take_output();
        self.out.begin(Status::TooManyRequests, None).finish();
        let _ = self.close().await;
    }

    /// Reads, answers what has come, and writes the answers.
    async fn turn(&mut self) -> Result<(), Over> {
        let input = self.input().await?;
        self.out.buffer = scratch::take_output();
        let was_skipping = self.skip > 0;
        let (used, next) = self.process(&input.scratch[..input.length]);
        self.keep(&input.scratch[used..input.length]);
        drop(input);
        let is_same_frame = used == 0 || (was_skipping && self.skip > 0);
        if !is_same_frame {
            self.timer.reset();
        }
        self.is_unread = !matches!(next, Next::Read);
        self.write().await?;
        match next {
            Next::Read | Next::Write => Ok(()),
            Next::Body(length) => self.body(length).await,
            Next::Park(place) => self.park(*place).await,
            Next::Close => self.close().await,
        }
    }

    /// What has not been worked on, and what comes after it.
    async fn input(&mut self) -> Result<Input, Over> {
        if self.is_unread {
            return Ok(self.carried());
        }
        let is_in_frame = !self.carry.is_empty() || self.skip > 0;
        let read = std::future::poll_fn(|context| {
            let mut input = self.carried();
            let mut space = ReadBuf::new(&mut input.scratch[input.length..]);
            match Pin::new(&mut self.stream).poll_read(context, &mut space) {
                Poll::Ready(result) => {
                    input.length += space.filled().len();
                    Poll::Ready(Ok(result.map(|()| input)))
                }
                Poll::Pending if is_in_frame => {
                    let limit = self.state.limits.frame_timeout;
                    let elapsed = ready!(self.timer.poll(&*self.state.clock, limit, context));
                    Poll::Ready(Err(elapsed))
                }
                Poll::Pending => Poll::Pending,
            }
        });
        match read.await {
            Ok(input) => Some(input?)
                .filter(|input| input.length > self.carry.len())
                .ok_or(Over),
            Err(elapsed) => Err(self.too_slow(elapsed).await),
        }
    }

    fn carried(&self) -> Input {
        let mut scratch = Scratch::take();
        scratch[..self.carry.len()].copy_from_slice(&self.carry);
        Input {
            scratch,
            length: self.carry.len(),
        }
    }

    /// Keeps what was not worked on.
    fn keep(&mut self, rest: &[u8]) {
        const SMALL: usize = 1 << 10;
        if self.carry.capacity() > SMALL && rest.len() <= SMALL {
            self.carry = Vec::new();
        }
        self.carry.clear();
        self.carry.extend_from_slice(rest);
    }

    /// Writes what there is to write.
    async fn write(&mut self) -> Result<(), Over> {
        self.state.let_go(&mut self.out).await;
        let buffer = std::mem::take(&mut self.out.buffer);
        let large = self.out.large.take();
        let statuses = self.out.take_statuses();
        self.state.metrics.add_responses(statuses);
        let limit = self.state.limits.frame_timeout;
        let stream = &mut self.stream;
        for part in [&buffer[..], large.as_deref().unwrap_or_default()] {
            if part.is_empty() {
                continue;
            }
            let written = stream.write_all(part);
            let clock = &*self.state.clock;
            let written = Timer::default().within(clock, limit, written).await;
            written.map_err(|Elapsed| Over)??;
        }
        scratch::return_output(buffer);
        Ok(())
    }

    /// Reads a large body and carries its request out, whose head is at the beginning of what
    /// was kept. Room for it has been made.
    async fn body(&mut self, length: usize) -> Result<(), Over> {
        let reserved = Reserved(Arc::clone(&self.state), length);
        let (head, mut body) = self.split_body(length);
        let stream = &mut self.stream;
        let read = async {
            while body.len() < length {
                let missing = (length - body.len()) as u64;
                if (&mut *stream).take(missing).read_buf(&mut body).await? == 0 {
                    return Err(io::Error::from(io::ErrorKind::UnexpectedEof));
                }
            }
            Ok(())
        };
        let limit = self.state.limits.frame_timeout;
        let clock = &*self.state.clock;
        match self.timer.within(clock, limit, read).await {
            Ok(read) => read?,
            Err(elapsed) => return Err(self.too_slow(elapsed).await),
        }
        drop(reserved);
        self.timer.reset();
        self.is_unread = false;
        self.out.buffer = scratch::take_output();
        let next = self.complete(&head, Bytes::from(body));
        self.write().await?;
        match next {
            Next::Close => self.close().await,
            _ => Ok(()),
        }
    }

    /// Waits for a lock, unless the client goes away.
    async fn park(&mut self, mut place: Place) -> Result<(), Over> {
        let waited = tokio::select! {
            biased;
            waited = place.wait() => waited,
            () = hang_up(&mut self.stream, &mut self.carry) => return Err(Over),
        };
        self.out.buffer = scratch::take_output();
        place.answer(&waited, &mut self.out);
        self.write().await
    }

    async fn too_slow(&mut self, _: Elapsed) -> Over {
        self.out.buffer = scratch::take_output();
        self.out.begin(Status::RequestTimeout, None).finish();
        let _ = self.close().await;
        Over
    }

    /// Ends the connection. What the client goes on sending is read for a while, so that the
    /// answer reaches it before the reset does.
    async fn close(&mut self) -> Result<(), Over> {
        const LINGER: Duration = Duration::from_secs(1);
        self.write().await?;
        let clock = Arc::clone(&self.state.clock);
        let stream = &mut self.stream;
        let linger = async {
            stream.shutdown().await?;
            while std::future::poll_fn(|context| {
                let mut scratch = Scratch::take();
                let mut space = ReadBuf::new(&mut scratch);
                let read = Pin::new(&mut *stream).poll_read(context, &mut space);
                read.map_ok(|()| space.filled().len())
            })
            .await?
                > 0
            {}
            Ok::<_, io::Error>(())
        };
        let _ = Timer::default().within(&*clock, LINGER, linger).await;
        Err(Over)
    }
}

/// Room for a body that is on its way.
struct Reserved(Arc<State>, usize);

impl Drop for Reserved {
    fn drop(&mut self) {
        self.0.budget.give_back(self.1);
    }
}

/// Completes when the client is gone. What it sends meanwhile is kept for later.
async fn hang_up(stream: &mut (impl AsyncRead + Unpin), carry: &mut Vec<u8>) {
    loop {
        if carry.len() >= Scratch::LENGTH / 2 {
            return std::future::pending().await;
        }
        let mut some = stream.take((Scratch::LENGTH / 4) as u64);
        match some.read_buf(carry).await {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
    }
}
