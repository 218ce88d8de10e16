//! One connection: requests in, answers out, in order.

mod frame;
mod scratch;
mod writing;

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};

use self::frame::Next;
use self::scratch::Scratch;
use super::http::Output;
use super::items::{Full, Purpose};
use super::refusal::Refusal;
use super::room::Room;
use super::state::State;
use super::timer::{Elapsed, Timer};
use super::verbs::Place;

/// One connection. Between requests it has no buffers: it reads into one that its thread's
/// connections share, and keeps only what is not a whole request yet.
pub(crate) struct Connection<S> {
    stream: S,
    state: Arc<State>,
    /// What was read and not worked on.
    carry: Vec<u8>,
    /// For what was read and not worked on.
    room: Room,
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
            room: Room::empty(&state, Purpose::Requests),
            state,
            carry: Vec::new(),
            is_unread: false,
            skip: 0,
            out: Output::default(),
            timer: Timer::default(),
        }
    }

    /// Answers requests until the connection ends.
    pub(crate) async fn serve(&mut self) {
        while self.turn().await.is_ok() {}
    }

    /// Refuses to serve.
    pub(crate) async fn turn_away(&mut self, refusal: Refusal) {
        self.end(refusal).await;
    }

    /// Reads, answers what has come, and writes the answers.
    async fn turn(&mut self) -> Result<(), Over> {
        let input = self.input().await?;
        self.out.buffer = scratch::take_output();
        let was_skipping = self.skip > 0;
        let (used, next) = self.process(&input.scratch[..input.length]);
        let kept = self.keep(&input.scratch[used..input.length]);
        drop(input);
        let is_same_frame = used == 0 || (was_skipping && self.skip > 0);
        if !is_same_frame {
            self.timer.reset();
        }
        self.is_unread = !matches!(next, Next::Read);
        self.write().await?;
        if let Err(Full) = kept {
            return Err(self.end(Refusal::Memory).await);
        }
        match next {
            Next::Read | Next::Write => Ok(()),
            // Boxed, so that a connection does not always take the memory that these take.
            Next::Body(room, length) => Box::pin(self.body(room, length)).await,
            Next::Park(place) => Box::pin(self.park(*place)).await,
            Next::Close => Box::pin(self.close()).await,
        }
    }

    /// What has not been worked on, and what comes after it.
    async fn input(&mut self) -> Result<Input, Over> {
        if self.is_unread {
            return Ok(self.carried());
        }
        let is_in_frame = !self.carry.is_empty() || self.skip > 0;
        // Nobody may be a stranger for long.
        let is_limited = is_in_frame || !self.is_admitted;
        let read = std::future::poll_fn(|context| {
            let mut input = self.carried();
            let mut space = ReadBuf::new(&mut input.scratch[input.length..]);
            match Pin::new(&mut self.stream).poll_read(context, &mut space) {
                Poll::Ready(result) => {
                    input.length += space.filled().len();
                    Poll::Ready(Ok(result.map(|()| input)))
                }
                Poll::Pending if !is_in_frame && self.state.is_closing() => {
                    Poll::Ready(Ok(Ok(input)))
                }
                Poll::Pending if is_limited => {
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
            Err(Elapsed) => Err(self.end(Refusal::Slow).await),
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

    /// Keeps what was not worked on, if there is room for it.
    fn keep(&mut self, rest: &[u8]) -> Result<(), Full> {
        const SMALL: usize = 1 << 10;
        if self.carry.capacity() > SMALL && rest.len() <= SMALL {
            self.carry = Vec::new();
        }
        self.carry.clear();
        if rest.len() > self.carry.capacity() {
            self.carry = Vec::new();
            let capacity = rest.len().next_power_of_two();
            self.room.resize(capacity)?;
            self.carry.reserve_exact(capacity);
        }
        self.carry.extend_from_slice(rest);
        self.room.resize(self.carry.capacity())
    }

    /// Reads a large body and carries its request out, whose head is at the beginning of what
    /// was kept. Room for it has been made.
    async fn body(&mut self, reserved: Room, length: usize) -> Result<(), Over> {
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
            Err(Elapsed) => return Err(self.end(Refusal::Slow).await),
        }
        let body = if length < Output::LARGE {
            // It counts with its item.
            drop(reserved);
            Bytes::from(body)
        } else {
            reserved.fill(body)
        };
        self.timer.reset();
        self.is_unread = !self.carry.is_empty();
        self.out.buffer = scratch::take_output();
        let next = self.complete(&head, body);
        self.write().await?;
        match next {
            Next::Close => Box::pin(self.close()).await,
            _ => Ok(()),
        }
    }

    /// Waits for a lock, unless the client goes away.
    async fn park(&mut self, mut place: Place) -> Result<(), Over> {
        let room = Room::take(&self.state, Purpose::Connections, Place::COST);
        let Ok(_room) = room else {
            drop(place);
            self.out.buffer = scratch::take_output();
            self.state
                .refuse(Refusal::Memory, true, None, &mut self.out);
            return self.write().await;
        };
        let waited = tokio::select! {
            biased;
            waited = place.wait() => waited,
            () = hang_up(&mut self.stream, &mut self.carry, &mut self.room) => return Err(Over),
        };
        self.out.buffer = scratch::take_output();
        place.answer(&waited, &mut self.out);
        self.write().await
    }

    /// Refuses, and ends the connection.
    async fn end(&mut self, refusal: Refusal) -> Over {
        self.out.buffer = scratch::take_output();
        self.out.refuse(refusal, None, None);
        let _ = Box::pin(self.close()).await;
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

/// Completes when the client is gone, or sends what there is no room for. What it sends
/// meanwhile is kept for later.
async fn hang_up(stream: &mut (impl AsyncRead + Unpin), carry: &mut Vec<u8>, room: &mut Room) {
    loop {
        if carry.len() >= Scratch::LENGTH / 2 {
            return std::future::pending().await;
        }
        let mut some = stream.take((Scratch::LENGTH / 4) as u64);
        match some.read_buf(carry).await {
            Ok(1..) if room.resize(carry.capacity()).is_ok() => {}
            _ => return,
        }
    }
}
