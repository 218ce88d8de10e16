//! The buffer that responses are read into and cut out of.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use tokio::io::{AsyncRead, ReadBuf};

use super::reply::{Malformed, Reply, parse_head};

/// The longest body that a server may announce, in bytes.
const MAX_BODY: usize = 256 << 20;

/// The longest head, in bytes.
const MAX_HEAD: usize = 64 << 10;

/// Bytes that were read and not yet cut into responses.
#[derive(Debug)]
pub(super) struct Input {
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    partial: Option<Partial>,
}

/// A response whose body did not come with its head.
#[derive(Debug)]
struct Partial {
    reply: Reply,
    body: Vec<u8>,
    filled: usize,
}

impl Input {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            buffer: vec![0; capacity],
            start: 0,
            end: 0,
            partial: None,
        }
    }

    /// Makes room for large batches of responses.
    pub(super) fn grow(&mut self, capacity: usize) {
        if self.buffer.len() < capacity {
            self.buffer.resize(capacity, 0);
        }
    }

    /// Whether everything that was read was cut into responses.
    pub(super) fn is_empty(&self) -> bool {
        self.start == self.end && self.partial.is_none()
    }

    /// Reads once. An end of the stream is an error.
    pub(super) fn poll_fill<S: AsyncRead + Unpin + ?Sized>(
        &mut self,
        context: &mut Context<'_>,
        stream: &mut S,
    ) -> Poll<io::Result<()>> {
        let room = self.room();
        let mut room = ReadBuf::new(room);
        ready!(Pin::new(stream).poll_read(context, &mut room))?;
        let count = room.filled().len();
        if count == 0 {
            return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
        }
        match &mut self.partial {
            Some(partial) => partial.filled += count,
            None => self.end += count,
        }
        Poll::Ready(Ok(()))
    }

    /// Where the next bytes go; not empty.
    fn room(&mut self) -> &mut [u8] {
        if let Some(partial) = &mut self.partial {
            return &mut partial.body[partial.filled..];
        }
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        }
        if self.end == self.buffer.len() {
            self.buffer.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        if self.end == self.buffer.len() {
            self.buffer.resize(2 * self.end, 0);
        }
        &mut self.buffer[self.end..]
    }

    /// The next response, if it is complete. That to a HEAD has no body, whatever length it
    /// announces.
    pub(super) fn next(&mut self, to_head: bool) -> Result<Option<Reply>, Malformed> {
        if let Some(partial) = self.partial.take_if(|partial| partial.is_complete()) {
            return Ok(Some(partial.finish()));
        }
        if self.partial.is_some() {
            return Ok(None);
        }
        let unread = &self.buffer[self.start..self.end];
        let Some(head) = parse_head(unread)? else {
            return match unread.len() {
                0..MAX_HEAD => Ok(None),
                _ => Err(Malformed("a head without an end")),
            };
        };
        let body = if to_head { 0 } else { head.body_length };
        let arrived = &unread[head.length..];
        if body <= arrived.len() {
            let mut reply = head.reply;
            reply.body = Bytes::copy_from_slice(&arrived[..body]);
            self.start += head.length + body;
            return Ok(Some(reply));
        }
        if body > MAX_BODY {
            return Err(Malformed("a body without measure"));
        }
        self.partial = Some(Partial::new(head.reply, arrived, body));
        (self.start, self.end) = (0, 0);
        Ok(None)
    }
}

impl Partial {
    fn new(reply: Reply, arrived: &[u8], length: usize) -> Self {
        let mut body = vec![0; length];
        body[..arrived.len()].copy_from_slice(arrived);
        Self {
            reply,
            body,
            filled: arrived.len(),
        }
    }

    fn is_complete(&self) -> bool {
        self.filled == self.body.len()
    }

    fn finish(self) -> Reply {
        let mut reply = self.reply;
        reply.body = self.body.into();
        reply
    }
}
